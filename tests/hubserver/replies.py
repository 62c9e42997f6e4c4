"""What a route answers, and the errors of the Hub with the headers that its client reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from hubserver.blobs import Blob

NONE: Mapping[str, str] = MappingProxyType({})


def memory_blob(data: bytes) -> Blob:
    """Wrap bytes that are answered once and never hashed."""
    return Blob(source=data, size=len(data), sha256="", git_oid="", lfs=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, headers and a body: `length` bytes of `blob` from `start`. A HEAD request gets no body."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    blob: Blob = field(default_factory=lambda: memory_blob(b""))
    start: int = 0
    length: int = 0


def text(body: str | bytes, status: int = 200, headers: Mapping[str, str] = NONE) -> Reply:
    """Answer with a text."""
    data = body.encode() if isinstance(body, str) else body
    headers = {"Content-Type": "text/plain", **headers}
    return Reply(status=status, headers=headers, blob=memory_blob(data), length=len(data))


def as_json(value: object, status: int = 200, headers: Mapping[str, str] = NONE) -> Reply:
    """Answer with JSON."""
    return text(json.dumps(value), status, {"Content-Type": "application/json; charset=utf-8", **headers})


def redirect(location: str, status: int = 302, headers: Mapping[str, str] = NONE) -> Reply:
    """Send the client elsewhere."""
    return text(f"Found. Redirecting to {location}", status, {"Location": location, **headers})


class HubError(Exception):
    """An error answer. Over plain http the client tells them apart by X-Error-Code and X-Error-Message."""

    body: Mapping[str, object] = {}

    def __init__(self, status: int, message: str, code: str | None = None, headers: Mapping[str, str] = NONE) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.headers = status, message, code, headers

    def with_body(self, **fields: object) -> HubError:
        """Add fields to the JSON body."""
        self.body = fields
        return self

    def reply(self) -> Reply:
        """Return the answer with the message in the body and in the headers."""
        code = {} if self.code is None else {"X-Error-Code": self.code}
        headers = {"X-Error-Message": self.message, **code, **self.headers}
        return as_json({"error": self.message, **self.body}, self.status, headers)


def repo_not_found(anonymous: bool) -> HubError:
    """Missing and private are the same to who may not see: 401 without a token, 404 with one."""
    return HubError(401 if anonymous else 404, "Repository not found", "RepoNotFound")


def revision_not_found(revision: str) -> HubError:
    """No such branch, tag or commit."""
    return HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def entry_not_found(commit: str) -> HubError:
    """No such file in a commit that exists."""
    return HubError(404, "Entry not found", "EntryNotFound", {"X-Repo-Commit": commit})
