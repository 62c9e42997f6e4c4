"""The hub that tests talk to: a site and a storage origin on loopback, with everything a test may order."""

from __future__ import annotations

import base64
import re
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from hubserver import files_api, models_api, uploads_api, xet
from hubserver.access import Account
from hubserver.blobs import Blob
from hubserver.call import Call
from hubserver.faults import Fault, Faults
from hubserver.log import RequestLog
from hubserver.replies import HubError, Reply, as_json, redirect
from hubserver.repos import Content, Repo, contents
from hubserver.wire import Origin

Routes = list[tuple[str, str, Callable[..., Reply]]]


def agent_harnesses(hub: Hub, call: Call) -> Reply:
    """GET /api/agent-harnesses: the client insists on a JSON object."""
    return as_json({})


class Hub:
    """A Hub-protocol server. Everything is in memory except what is uploaded, which lies under `root`.

    hub.add_repo("org/model", folder=checkpoint, gated="manual", accepted=("ann",))
    hub.token("ann")                                     # 'hf_…', accepted by this hub only
    hub.fault("drop", path=r"model-00001", after=1 << 20)
    hub.requests.sent(r"\\.safetensors")                  # body bytes, over all requests
    """

    ROUTES: Mapping[str, Routes] = {
        "hub": [
            ("GET", r"/api/agent-harnesses", agent_harnesses),
            *uploads_api.SITE,
            *models_api.ROUTES,
            *xet.ROUTES,
            *files_api.SITE,
        ],
        "cdn": [*uploads_api.CDN, *files_api.CDN],
    }

    def __init__(self, root: Path) -> None:
        self.root = root
        self.repos: dict[str, Repo] = {}
        self.moved: dict[str, str] = {}
        self.accounts: dict[str, Account] = {}
        self.stored: dict[str, Blob] = {}
        self.requests, self.faults = RequestLog(), Faults()
        self.errors: list[str] = []
        self.signature = secrets.token_hex(16)
        self.page_size, self.multipart_size = 1000, 0
        self.redirect_small_files = False
        self.xet: xet.Xet | None = None
        self.lock, self.stopping = threading.RLock(), threading.Event()
        self._site, self._cdn = Origin(self, "hub"), Origin(self, "cdn")
        self.url, self.cdn_url = self._site.url, self._cdn.url

    @property
    def env(self) -> dict[str, str]:
        """What a process needs in its environment for the real client to talk to this hub, anonymously."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(self.root / "home"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "0" if self.xet else "1",
        }

    # What a test orders

    def add_repo(
        self,
        repo_id: str,
        files: Mapping[str, Content] | None = None,
        *,
        folder: Path | None = None,
        **settings: Any,
    ) -> Repo:
        """Add a repo with one commit: the files of a folder, and `files`. Settings are the fields of Repo."""
        repo = Repo(repo_id, **settings)
        repo.commit({**(contents(folder) if folder else {}), **(files or {})}, "initial commit")
        self.repos[repo_id] = repo
        return repo

    def move(self, old: str, new: str) -> None:
        """Rename a repo; the old name redirects."""
        self.repos[new] = self.repos.pop(old)
        self.repos[new].id = new
        self.moved[old] = new

    def token(self, name: str, role: str = "write", **rights: Any) -> str:
        """Return a new token of the user `name`. Rights are the fields of Account: orgs, writable."""
        token = f"hf_{secrets.token_hex(17)}"
        self.accounts[token] = Account(name=name, role=role, **rights)
        return token

    def fault(self, kind: str, **order: Any) -> Fault:
        """Order a fault (kinds: see faults.py; order: the fields of Fault). `hits` of the result counts."""
        return self.faults.add(Fault(kind=kind, **order))

    def use_xet(self, cas: str | None = None) -> xet.Xet:
        """Keep all LFS files in Xet storage too: in a folder, or only seemingly at the address `cas`."""
        self.xet = xet.Xet(self.root, cas)
        commits = [commit for repo in self.repos.values() for commit in repo.commits.values()]
        self.xet.store(blob for commit in commits for blob in commit.files.values() if blob.lfs)
        return self.xet

    @contextmanager
    def down(self) -> Iterator[None]:
        """Refuse all connections for a while, at the same addresses."""
        ports = self._site.server_port, self._cdn.server_port
        self._site.stop()
        self._cdn.stop()
        yield
        self._site, self._cdn = Origin(self, "hub", ports[0]), Origin(self, "cdn", ports[1])

    def stop(self) -> None:
        """Hang up and stop listening."""
        self.stopping.set()
        self._site.stop()
        self._cdn.stop()

    # What the origins ask

    def repo(self, repo_id: str) -> Repo | None:
        """Find a repo by the id in a request."""
        return self.repos.get(repo_id)

    def stored_file(self, repo_id: str, sha256: str) -> Blob | None:
        """Find an LFS file that was uploaded for a repo, or that one of its commits holds."""
        with self.lock:
            repo = self.repos.get(repo_id)
            held = [blob for commit in repo.commits.values() for blob in commit.files.values()] if repo else []
            known = {blob.sha256: blob for blob in held if blob.lfs} | (self.xet.expected if self.xet else {})
            return self.stored.get(f"{repo_id}/{sha256}") or known.get(sha256)

    def answer(self, call: Call) -> Reply:
        """Find the route of a request and follow it. Raises HubError."""
        origin = call.request.origin
        if origin == "hub":
            call.account = self._account(call.authorization)
        for methods, pattern, route in self.ROUTES[origin]:
            match = re.fullmatch(pattern, call.raw_path)
            if match and call.request.method in methods.split("|"):
                groups = {name: unquote(value) for name, value in match.groupdict().items() if value is not None}
                if new := self.moved.get(groups.get("repo", "")):
                    target = call.raw_path.replace(groups["repo"], new, 1) + f"?{call.request.query}"
                    return redirect(target.rstrip("?"), 307)
                return route(self, call, **groups)
        raise HubError(404, f"No route for {call.request.method} {call.request.path}")

    def _account(self, authorization: str | None) -> Account | None:
        if authorization is None:
            return None
        account = self.accounts.get(_token(authorization))
        if account is None:
            raise HubError(401, "Invalid credentials in Authorization header")
        return account


def _token(authorization: str) -> str:
    """The token in an Authorization header; a name and a password in the address come as Basic."""
    scheme, _, value = authorization.partition(" ")
    return base64.b64decode(value).decode().partition(":")[2] if scheme == "Basic" else value


@contextmanager
def refusing_address() -> Iterator[str]:
    """Give a URL where nobody listens, and nobody will meanwhile."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"


@contextmanager
def silent_address() -> Iterator[str]:
    """Give a URL where connections are taken and nothing is ever answered, such as a dead proxy's."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
