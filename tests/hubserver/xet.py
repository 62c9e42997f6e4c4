"""Xet: tells hashes and hands out tokens for a storage that is a folder, or an address that isn't there.

hf_xet takes `local://FOLDER` as storage, so its own code runs in both directions without a server. The folder is filled
by hf_xet in a process of its own; this package itself knows only the hashes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from hubserver.access import check_download, check_write
from hubserver.blobs import Blob, make_blob
from hubserver.call import Call
from hubserver.models_api import REPO
from hubserver.replies import HubError, Reply, as_json

if TYPE_CHECKING:
    from hubserver.server import Hub

EXPIRES = 4102444800
STORE = """
import hf_xet, json, sys
with hf_xet.XetSession().new_upload_commit(endpoint=sys.argv[1]) as commit:
    handles = [commit.start_upload_file(path, sha256=hf_xet.COMPUTE_SHA256) for path in sys.argv[2:]]
print(json.dumps([handle.result().xet_info.hash for handle in handles]))
"""
HASH = """
import hf_xet, json, sys
print(json.dumps([info.hash for info in hf_xet.hash_files(sys.argv[2:])]))
"""


class Xet:
    """Which files are in Xet storage, and where that storage is."""

    def __init__(self, root: Path, cas: str | None) -> None:
        self._root, self.cas, self._fills = root, cas or f"local://{root / 'cas'}", cas is None
        self.hashes: dict[str, str] = {}
        self.expected: dict[str, Blob] = {}

    def store(self, blobs: Iterable[Blob]) -> None:
        """Put files into the storage; where it isn't ours, only pretend."""
        new = [blob for blob in blobs if blob.sha256 not in self.hashes]
        found = self._run(STORE, [self._path(blob) for blob in new]) if self._fills and new else None
        self.hashes |= {blob.sha256: hash_ for blob, hash_ in zip(new, found or [b.sha256 for b in new], strict=True)}

    def expect(self, folder: Path) -> None:
        """Learn the hashes of files that are about to be uploaded: a commit names them by sha256 alone."""
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        for path, hash_ in zip(paths, self._run(HASH, paths), strict=True):
            blob = make_blob(path.name, path, lfs=True)
            self.hashes[blob.sha256], self.expected[blob.sha256] = hash_, blob

    def _path(self, blob: Blob) -> Path:
        if isinstance(blob.source, Path):
            return blob.source
        path = self._root / "xet" / blob.sha256
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blob.source)
        return path

    def _run(self, script: str, paths: list[Path]) -> list[str]:
        (self._root / "cas").mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-c", script, self.cas, *map(str, paths)]
        home = {"HF_HOME": str(self._root / "home")}
        done = subprocess.run(command, check=True, capture_output=True, env={**os.environ, **home})
        found: list[str] = json.loads(done.stdout)
        return found


def token(hub: Hub, call: Call, repo: str, kind: str, revision: str) -> Reply:
    """GET /api/models/R/xet-read-token/V and xet-write-token/V."""
    (check_write if kind == "write" else check_download)(hub.repo(repo), call.account)
    if hub.xet is None:
        raise HubError(404, "Xet is not enabled")
    headers = {"X-Xet-Cas-Url": hub.xet.cas, "X-Xet-Access-Token": "xet", "X-Xet-Token-Expiration": str(EXPIRES)}
    return as_json({"casUrl": hub.xet.cas, "exp": EXPIRES, "accessToken": "xet"}, headers=headers)


def xet_headers(hub: Hub, repo: str, commit: str, blob: Blob) -> dict[str, str]:
    """Return what a resolved file's headers say about Xet."""
    if hub.xet is None or blob.sha256 not in hub.xet.hashes:
        return {}
    link = f'<{hub.url}/api/models/{repo}/xet-read-token/{commit}>; rel="xet-auth"'
    return {"X-Xet-Hash": hub.xet.hashes[blob.sha256], "Link": link}


ROUTES: list[tuple[str, str, Callable[..., Reply]]] = [
    ("GET", rf"/api/models/{REPO}/xet-(?P<kind>read|write)-token/(?P<revision>[^/]+)", token),
]
