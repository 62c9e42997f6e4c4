"""Files: resolve on the site, which sends LFS files to the signed address of the second origin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

from hubserver.access import check_download
from hubserver.blobs import Blob
from hubserver.call import Call
from hubserver.models_api import REPO
from hubserver.replies import HubError, Reply, entry_not_found, redirect
from hubserver.xet import xet_headers

if TYPE_CHECKING:
    from hubserver.server import Hub


def resolve(hub: Hub, call: Call, repo: str, revision: str, path: str) -> Reply:
    """GET and HEAD /R/resolve/V/PATH: small files at once, LFS files by a redirect to the CDN."""
    found = check_download(hub.repo(repo), call.account)
    commit = found.at(revision)
    blob = commit.files.get(path)
    if blob is None:
        raise entry_not_found(commit.sha)
    headers = {"X-Repo-Commit": commit.sha, "ETag": f'"{blob.etag}"'}
    if blob.lfs:
        location = f"{hub.cdn_url}/{found.id}/{blob.sha256}/{quote(path)}?Expires=4102444800&Signature={hub.signature}"
        linked = {"X-Linked-Size": str(blob.size), "X-Linked-ETag": f'"{blob.sha256}"', "Accept-Ranges": "bytes"}
        linked |= xet_headers(hub, found.id, commit.sha, blob)
        return redirect(location, headers={"X-Repo-Commit": commit.sha, **linked})
    if hub.redirect_small_files and "/resolve-cache/" not in call.raw_path:
        return redirect(
            f"/api/resolve-cache/models/{found.id}/{commit.sha}/{quote(path)}", 307, {"X-Repo-Commit": commit.sha}
        )
    return _whole(blob, path, headers)


def fetch(hub: Hub, call: Call, repo: str, oid: str, path: str) -> Reply:
    """GET and HEAD on the CDN: wants the signature, and no other credentials."""
    if call.authorization is not None:
        raise HubError(400, "Only one auth mechanism allowed; only the Signature query parameter should be specified.")
    if call.params.get("Signature") != [hub.signature]:
        raise HubError(403, "Request has expired or is not signed.")
    blob = hub.stored_file(repo, oid)
    if blob is None:
        raise HubError(404, "NoSuchKey")
    return _whole(blob, path, {"ETag": f'"{blob.sha256[:32]}"'})


def _whole(blob: Blob, path: str, headers: dict[str, str]) -> Reply:
    disposition = f"inline; filename*=UTF-8''{quote(PurePosixPath(path).name)};"
    common = {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream", "Content-Disposition": disposition}
    return Reply(headers={**common, **headers}, blob=blob, length=blob.length)


SITE: list[tuple[str, str, Callable[..., Reply]]] = [
    ("GET|HEAD", rf"/{REPO}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", resolve),
    ("GET|HEAD", rf"/api/resolve-cache/models/{REPO}/(?P<revision>[^/]+)/(?P<path>.+)", resolve),
]
CDN: list[tuple[str, str, Callable[..., Reply]]] = [
    ("GET|HEAD", rf"/{REPO}/(?P<oid>[0-9a-f]{{64}})/(?P<path>.+)", fetch),
]
