"""Creating and deleting repos, and uploads: preupload, LFS batch, PUT, verify, commit."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hubserver.access import check_write, require_login
from hubserver.blobs import is_lfs, make_blob
from hubserver.call import Call
from hubserver.models_api import REPO
from hubserver.replies import HubError, Reply, as_json, entry_not_found, repo_not_found, text
from hubserver.repos import Content, Repo

if TYPE_CHECKING:
    from hubserver.server import Hub

ATTRIBUTES = "*.safetensors filter=lfs diff=lfs merge=lfs -text\n"


def create(hub: Hub, call: Call) -> Reply:
    """POST /api/repos/create: a repo with one commit that holds .gitattributes, as on the Hub."""
    body, account = call.json(), require_login(call.account)
    namespace = body.get("organization") or account.name
    repo_id = f"{namespace}/{body['name']}"
    if not account.can_write(namespace):
        raise HubError(403, f'You don\'t have the rights to create a model under the namespace "{namespace}"')
    with hub.lock:
        if repo_id in hub.repos:
            raise HubError(409, "You already created this model repo").with_body(url=f"{hub.url}/{repo_id}")
        private = body.get("visibility") == "private" or bool(body.get("private"))
        hub.add_repo(repo_id, {".gitattributes": ATTRIBUTES}, private=private)
    return as_json({"url": f"{hub.url}/{repo_id}", "name": repo_id, "id": repo_id})


def delete(hub: Hub, call: Call) -> Reply:
    """DELETE /api/repos/delete."""
    body, account = call.json(), require_login(call.account)
    repo_id = f"{body.get('organization') or account.name}/{body['name']}"
    if repo_id not in hub.repos:
        raise repo_not_found(anonymous=False)
    check_write(hub.repo(repo_id), account)
    del hub.repos[repo_id]
    return text("OK")


def validate_yaml(hub: Hub, call: Call) -> Reply:
    """POST /api/validate-yaml: tabs and a block without an end are errors; a missing licence is a warning."""
    content = call.json().get("content", "")
    head = re.match(r"---\n(.*?)\n---", content, re.S)
    errors = [{"message": "Invalid YAML: tab"}] if head and re.search(r"^\t", head[1], re.M) else []
    warnings = [] if head else [{"message": "empty or missing yaml metadata in repo card"}]
    return as_json({"errors": errors, "warnings": warnings}, 400 if errors else 200)


def preupload(hub: Hub, call: Call, repo: str, revision: str) -> Reply:
    """POST /api/models/R/preupload/V: for each file, LFS or not, and the hash of what is there now."""
    files = check_write(hub.repo(repo), call.account).at(revision).files
    rows = []
    for file in call.json()["files"]:
        path, present = file["path"], files.get(file["path"])
        lfs = is_lfs(path, file["size"], base64.b64decode(file["sample"]))
        row = {"path": path, "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False}
        rows.append(row | ({"oid": present.etag} if present else {}))
    return as_json({"files": rows, "commitOid": hub.repos[repo].at(revision).sha})


def lfs_batch(hub: Hub, call: Call, repo: str) -> Reply:
    """POST /R.git/info/lfs/objects/batch: where to PUT each file that isn't there yet."""
    check_write(hub.repo(repo), call.account)
    objects = [_actions(hub, repo, item["oid"], item["size"]) for item in call.json()["objects"]]
    parts = any("chunk_size" in item.get("actions", {}).get("upload", {}).get("header", {}) for item in objects)
    return as_json({"transfer": "multipart" if parts else "basic", "objects": objects})


def _actions(hub: Hub, repo: str, oid: str, size: int) -> dict[str, Any]:
    row: dict[str, Any] = {"oid": oid, "size": size, "authenticated": True}
    if hub.stored_file(repo, oid):
        return row
    put, site = f"{hub.cdn_url}/lfs/{quote(repo)}/{oid}", f"{hub.url}/{quote(repo)}.git/info/lfs"
    upload: dict[str, Any] = {"href": f"{put}?Signature={hub.signature}"}
    if hub.multipart_size and size > hub.multipart_size:
        count = -(-size // hub.multipart_size)
        urls = {str(part): f"{put}?Signature={hub.signature}&partNumber={part}" for part in range(1, count + 1)}
        upload = {"href": f"{site}/complete/{oid}", "header": {"chunk_size": str(hub.multipart_size), **urls}}
    row["actions"] = {"upload": upload, "verify": {"href": f"{site}/objects/verify"}}
    return row


def put(hub: Hub, call: Call, repo: str, oid: str) -> Reply:
    """PUT on the CDN: a whole file, or one part of it. Bytes with another hash are refused, as S3 does."""
    if call.authorization is not None or call.params.get("Signature") != [hub.signature]:
        raise HubError(403, "SignatureDoesNotMatch")
    part = call.params.get("partNumber", [""])[0]
    target = hub.root / "lfs" / repo.replace("/", "--") / f"{oid}{'.' * bool(part)}{part}"
    target.parent.mkdir(parents=True, exist_ok=True)
    receiving = target.with_name(f"{target.name}.receiving-{id(call)}")
    sha256 = hashlib.sha256()
    with receiving.open("wb") as file:
        for block in call.blocks():
            sha256.update(block)
            file.write(block)
    receiving.replace(target)
    if not part:
        if sha256.hexdigest() != oid:
            raise HubError(400, "BadDigest: The SHA256 you specified did not match the calculated checksum.")
        hub.stored[f"{repo}/{oid}"] = make_blob(oid, target, lfs=True)
    return text("", headers={"ETag": f'"{sha256.hexdigest()[:32]}"'})


def complete(hub: Hub, call: Call, repo: str, oid: str) -> Reply:
    """POST /R.git/info/lfs/complete/OID: join the parts."""
    folder, body = hub.root / "lfs" / repo.replace("/", "--"), call.json()
    parts = [folder / f"{oid}.{part['partNumber']}" for part in body["parts"]]
    target = _joined(folder / oid, parts)
    blob = make_blob(oid, target, lfs=True)
    if blob.sha256 != oid:
        raise HubError(400, "The parts don't have the hash that was announced.")
    hub.stored[f"{repo}/{oid}"] = blob
    return as_json({"success": True})


def verify(hub: Hub, call: Call, repo: str) -> Reply:
    """POST /R.git/info/lfs/objects/verify: is the file there, with that size?"""
    check_write(hub.repo(repo), call.account)
    body = call.json()
    blob = hub.stored_file(repo, body["oid"])
    if blob is None or blob.size != body["size"]:
        raise HubError(404, "Object not found")
    return text("OK")


def commit(hub: Hub, call: Call, repo: str, revision: str) -> Reply:
    """POST /api/models/R/commit/V: newline-separated JSON; 412 when the branch has moved on."""
    found = check_write(hub.repo(repo), call.account)
    lines = [json.loads(line) for line in call.body().splitlines() if line.strip()]
    header = next(line["value"] for line in lines if line["key"] == "header")
    with hub.lock:
        base = found.at(revision)
        parent = header.get("parentCommit")
        if parent not in (None, base.sha):
            raise HubError(412, "A commit has happened since. Please refresh and try again.")
        changes: dict[str, Content | None] = {}
        for line in lines:
            changes |= _change(hub, found, base.sha, line["key"], line["value"])
        branch, request = revision, ""
        if call.flag("create_pr"):
            number = 1 + sum(ref.startswith("refs/pr/") for ref in found.refs)
            branch, request = f"refs/pr/{number}", f"{hub.url}/{repo}/discussions/{number}"
            found.refs[branch] = base.sha
        author = require_login(call.account).name
        sha = found.commit(
            changes, header["summary"], message=header.get("description", ""), author=author, branch=branch
        )
    row = {"success": True, "commitOid": sha, "commitUrl": f"{hub.url}/{repo}/commit/{sha}", "hookOutput": ""}
    return as_json(row | ({"pullRequestUrl": request} if request else {}))


def _change(hub: Hub, repo: Repo, base: str, key: str, value: dict[str, Any]) -> dict[str, Content | None]:
    """Return what one line of a commit does to the files."""
    path, files = value.get("path", ""), repo.commits[base].files
    if key == "file":
        try:
            return {path: base64.b64decode(value["content"], validate=True)}
        except binascii.Error as error:
            raise HubError(400, f"{path}: {error}") from error
    if key == "lfsFile":
        blob = hub.stored_file(repo.id, value["oid"])
        if blob is None:
            raise HubError(400, f"LFS pointer pointed to a file that does not exist: {path}")
        return {path: blob}
    if key == "deletedFolder":
        return {name: None for name in files if name.startswith(path.rstrip("/") + "/")}
    if key == "deletedFile":
        if path not in files:
            raise entry_not_found(base)
        return {path: None}
    return {}


def _joined(target: Path, parts: list[Path]) -> Path:
    with target.open("wb") as file:
        for part in parts:
            file.write(part.read_bytes())
            part.unlink()
    return target


GIT = rf"/{REPO}\.git/info/lfs"
SITE: list[tuple[str, str, Callable[..., Reply]]] = [
    ("POST", r"/api/repos/create", create),
    ("DELETE", r"/api/repos/delete", delete),
    ("POST", r"/api/validate-yaml", validate_yaml),
    ("POST", rf"/api/models/{REPO}/preupload/(?P<revision>[^/]+)", preupload),
    ("POST", rf"/api/models/{REPO}/commit/(?P<revision>[^/]+)", commit),
    ("POST", rf"{GIT}/objects/batch", lfs_batch),
    ("POST", rf"{GIT}/objects/verify", verify),
    ("POST", rf"{GIT}/complete/(?P<oid>[0-9a-f]{{64}})", complete),
]
CDN: list[tuple[str, str, Callable[..., Reply]]] = [
    ("PUT", rf"/lfs/{REPO}/(?P<oid>[0-9a-f]{{64}})", put),
]
