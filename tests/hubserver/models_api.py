"""What the Hub tells about models: info, search, tree, refs, commits, access."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from hubserver.access import check_download, check_read, check_write, require_login
from hubserver.blobs import Blob, parameter_counts, pointer, safetensors_header
from hubserver.call import Call
from hubserver.card import card_tags, front_matter
from hubserver.replies import Reply, as_json, entry_not_found, text
from hubserver.repos import EPOCH, Commit, Repo

if TYPE_CHECKING:
    from hubserver.server import Hub

REPO = r"(?P<repo>[^/]+(?:/[^/]+)?)"
EXTENDED = {"baseModels", "createdAt", "downloadsAllTime", "gguf", "usedStorage"}


def info(hub: Hub, call: Call, repo: str, revision: str = "main") -> Reply:
    """GET /api/models/R[/revision/V]: metadata, files with `blobs`, chosen fields with `expand`."""
    found = check_read(hub.repo(repo), call.account)
    details = describe(found, found.at(revision), blobs=call.flag("blobs"))
    wanted = call.params.get("expand") or call.params.get("expand[]")
    if wanted:
        details = {key: value for key, value in details.items() if key in {"_id", "id", *wanted}}
    else:
        details = {key: value for key, value in details.items() if key not in EXTENDED - {"createdAt", "usedStorage"}}
    return as_json(details)


def search(hub: Hub, call: Call) -> Reply:
    """GET /api/models: visible repos by author, words of the name, and tags, the most downloaded first.

    With the fields that `expand` names.
    """
    author, words = call.params.get("author", [""])[0], call.params.get("search", [""])[0].lower().split()
    tags = {tag for value in call.params.get("filter", []) for tag in value.split(",")}
    found = []
    for repo in sorted(hub.repos.values(), key=lambda repo: (-repo.downloads, repo.id)):
        visible = not repo.private or (call.account and call.account.belongs_to(repo.namespace))
        named = all(word in repo.id.lower() for word in words) and author in ("", repo.namespace)
        if visible and named and not repo.disabled:
            details = describe(repo, repo.head, blobs=False)
            if tags <= set(details["tags"]):
                found.append({key: details[key] for key in details if _listed(key, call.params.get("expand"))})
    return as_json(found[: int(call.params.get("limit", ["1000"])[0])])


def _listed(key: str, expand: list[str] | None) -> bool:
    """Whether a row of the list has ``key``: what `expand` names and no more, or else what the Hub thinks fit."""
    return key in {"_id", "id", *expand} if expand else key not in EXTENDED | {"siblings", "config", "safetensors"}


def tree(hub: Hub, call: Call, repo: str, revision: str, folder: str = "") -> Reply:
    """GET /api/models/R/tree/V[/folder]: files and folders, page by page."""
    commit = check_read(hub.repo(repo), call.account).at(revision)
    rows = list(_rows(hub, commit, folder.strip("/"), call.flag("recursive")))
    if folder and not rows:
        raise entry_not_found(commit.sha)
    start = int(call.params.get("cursor", ["0"])[0])
    end = start + int(call.params.get("limit", [str(hub.page_size)])[0])
    headers = {}
    if end < len(rows):
        query = {key: value[0] for key, value in parse_qs(call.request.query).items()} | {"cursor": str(end)}
        headers["Link"] = f'<{hub.url}{call.raw_path}?{urlencode(query)}>; rel="next"'
    return as_json(rows[start:end], headers=headers)


def paths_info(hub: Hub, call: Call, repo: str, revision: str) -> Reply:
    """POST /api/models/R/paths-info/V: the named files and folders; names that don't exist are left out."""
    commit = check_read(hub.repo(repo), call.account).at(revision)
    body = call.body().decode()
    names = json.loads(body)["paths"] if body.startswith("{") else parse_qs(body).get("paths", [])
    rows = {row["path"]: row for row in _rows(hub, commit, "", recursive=True)}
    return as_json([rows[name] for name in names if name in rows])


def refs(hub: Hub, call: Call, repo: str) -> Reply:
    """GET /api/models/R/refs: branches, tags and, if asked for, pull requests."""
    found = check_read(hub.repo(repo), call.account)

    def under(prefix: str) -> list[dict[str, str]]:
        names = [ref for ref in found.refs if ref.startswith(prefix)]
        return [{"name": ref[len(prefix) :], "ref": ref, "targetCommit": found.refs[ref]} for ref in names]

    kinds = {"branches": "refs/heads/", "tags": "refs/tags/", "converts": "refs/convert/"}
    if call.flag("include_prs"):
        kinds["pullRequests"] = "refs/pr/"
    return as_json({kind: under(prefix) for kind, prefix in kinds.items()})


def commits(hub: Hub, call: Call, repo: str, revision: str) -> Reply:
    """GET /api/models/R/commits/V: the history, newest first."""
    found = check_read(hub.repo(repo), call.account)
    commit: Commit | None = found.at(revision)
    history = []
    while commit is not None:
        row = {"id": commit.sha, "title": commit.title, "message": commit.message, "date": stamp(commit)}
        history.append(row | {"authors": [{"user": commit.author}]})
        commit = found.commits[commit.parent] if commit.parent else None
    return as_json(history)


def auth_check(hub: Hub, call: Call, repo: str, write: str | None = None) -> Reply:
    """GET /api/models/R/auth-check[/write]: may this token download, may it upload?"""
    (check_write if write else check_download)(hub.repo(repo), call.account)
    return text("OK")


def whoami(hub: Hub, call: Call) -> Reply:
    """GET /api/whoami-v2: whose token it is and what it may do."""
    account = require_login(call.account)
    token: dict[str, Any] = {"displayName": "test", "role": account.role, "createdAt": EPOCH.isoformat()}
    if account.role == "fineGrained":
        rights = [
            {"entity": {"type": "user", "name": name}, "permissions": ["repo.write"]} for name in account.writable
        ]
        token["fineGrained"] = {"canReadGatedRepos": True, "global": [], "scoped": rights}
    orgs = [{"type": "org", "name": name, "fullname": name, "roleInOrg": "write"} for name in account.orgs]
    return as_json(
        {
            "type": "user",
            "id": account.name,
            "name": account.name,
            "fullname": account.name.title(),
            "isPro": False,
            "orgs": orgs,
            "auth": {"type": "access_token", "accessToken": token},
        }
    )


def safetensors_metadata(hub: Hub, call: Call, repo: str, index: str) -> Reply:
    """GET /api/models/R/safetensors-metadata/INDEX: the headers of all shards of main at once."""
    found = check_download(hub.repo(repo), call.account)
    if index not in found.files:
        raise entry_not_found(found.head.sha)
    content = json.loads(found.read(index))
    shards = sorted(set(content.pop("weight_map").values()))
    return as_json({"index": content, "headers": {name: safetensors_header(found.files[name]) for name in shards}})


def describe(repo: Repo, commit: Commit, blobs: bool) -> dict[str, Any]:
    """Return all that the Hub tells about a repo at a commit."""
    files = commit.files
    config = _json(files.get("config.json"))
    readme = files.get("README.md")
    card = front_matter(readme.read().decode(errors="replace")) if readme else {}
    parameters = parameter_counts(blob for name, blob in files.items() if re.fullmatch(r"[^/]+\.safetensors", name))
    tags = [*card_tags(card, "quantization_config" in config), *_file_tags(files, config), *repo.tags]
    details: dict[str, Any] = {
        "_id": commit.sha[:24],
        "id": repo.id,
        "modelId": repo.id,
        "author": repo.namespace,
        "sha": commit.sha,
        "lastModified": stamp(commit),
        "createdAt": EPOCH.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "private": repo.private,
        "gated": repo.gated,
        "disabled": repo.disabled,
        "downloads": repo.downloads,
        "downloadsAllTime": repo.downloads,
        "likes": repo.likes,
        "tags": list(dict.fromkeys(tags)),
        "cardData": card or None,
        "siblings": [_sibling(name, blob, blobs) for name, blob in sorted(files.items())],
        "spaces": [],
        "usedStorage": sum(blob.size for blob in files.values()),
    }
    details |= {key: card[key] for key in ("library_name", "pipeline_tag") if key in card}
    if config:
        kept = ("architectures", "model_type", "quantization_config")
        details["config"] = {key: config[key] for key in kept if key in config}
    if parameters:
        details["safetensors"] = {"parameters": parameters, "total": sum(parameters.values())}
    return details


def stamp(commit: Commit) -> str:
    """Return a commit's date as the Hub writes dates."""
    return commit.date.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _sibling(name: str, blob: Blob, blobs: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"rfilename": name}
    if blobs:
        row |= {"size": blob.size, "blobId": blob.git_oid}
        if blob.lfs:
            size = len(pointer(blob.sha256, blob.size))
            row["lfs"] = {"sha256": blob.sha256, "size": blob.size, "pointerSize": size}
    return row


def _rows(hub: Hub, commit: Commit, folder: str, recursive: bool) -> Iterable[dict[str, Any]]:
    folders: set[str] = set()
    for name, blob in sorted(commit.files.items()):
        if folder and not name.startswith(f"{folder}/"):
            continue
        below = name[len(folder) + 1 if folder else 0 :].split("/")
        parents = ["/".join([*([folder] if folder else []), *below[:depth]]) for depth in range(1, len(below))]
        for parent in parents if recursive else parents[:1]:
            if parent not in folders:
                folders.add(parent)
                yield {"type": "directory", "oid": commit.sha, "size": 0, "path": parent}
        if recursive or len(below) == 1:
            yield _row(hub, name, blob)


def _row(hub: Hub, name: str, blob: Blob) -> dict[str, Any]:
    row: dict[str, Any] = {"type": "file", "oid": blob.git_oid, "size": blob.size, "path": name}
    if blob.lfs:
        size = len(pointer(blob.sha256, blob.size))
        row["lfs"] = {"oid": blob.sha256, "size": blob.size, "pointerSize": size}
        if hub.xet and blob.sha256 in hub.xet.hashes:
            row["xetHash"] = hub.xet.hashes[blob.sha256]
    return row


def _file_tags(files: Mapping[str, Blob], config: Mapping[str, Any]) -> list[str]:
    kinds = [kind for kind in ("safetensors", "gguf") if any(name.endswith(f".{kind}") for name in files)]
    return kinds + ([str(config["model_type"])] if "model_type" in config else [])


def _json(blob: Blob | None) -> dict[str, Any]:
    try:
        value = json.loads(blob.read()) if blob else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


ROUTES: list[tuple[str, str, Callable[..., Reply]]] = [
    ("GET", r"/api/whoami-v2", whoami),
    ("GET", r"/api/models", search),
    ("GET", rf"/api/models/{REPO}/revision/(?P<revision>[^/]+)", info),
    ("GET", rf"/api/models/{REPO}/tree/(?P<revision>[^/]+)(?P<folder>/.*)?", tree),
    ("POST", rf"/api/models/{REPO}/paths-info/(?P<revision>[^/]+)", paths_info),
    ("GET", rf"/api/models/{REPO}/refs", refs),
    ("GET", rf"/api/models/{REPO}/commits/(?P<revision>[^/]+)", commits),
    ("GET", rf"/api/models/{REPO}/auth-check(?P<write>/write)?", auth_check),
    ("GET", rf"/api/models/{REPO}/safetensors-metadata/(?P<index>.+)", safetensors_metadata),
    ("GET", rf"/api/models/{REPO}", info),
]
