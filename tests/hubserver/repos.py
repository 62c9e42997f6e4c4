"""Repos in memory: commits that hold whole trees, branches and tags that name commits."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from hubserver.blobs import Blob, make_blob
from hubserver.replies import revision_not_found

Content = bytes | str | Path | Blob
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Commit:
    """One state of a repo."""

    sha: str
    parent: str | None
    files: Mapping[str, Blob]
    title: str
    message: str
    author: str
    date: datetime


@dataclass(slots=True)
class Repo:
    """A model repo: who may read it, and its commits. Names in `accepted`, `pending` and `denied` are accounts."""

    id: str
    private: bool = False
    gated: Literal[False, "auto", "manual"] = False
    disabled: bool = False
    accepted: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    downloads: int = 0
    likes: int = 0
    commits: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        """The user or organisation that owns the repo."""
        return self.id.rpartition("/")[0]

    @property
    def head(self) -> Commit:
        """The newest commit of main."""
        return self.at("main")

    @property
    def files(self) -> Mapping[str, Blob]:
        """The files at main."""
        return self.head.files

    def read(self, path: str, revision: str = "main") -> bytes:
        """Return the bytes of a file."""
        return self.at(revision).files[path].read()

    def at(self, revision: str) -> Commit:
        """Resolve a branch, tag, pull-request ref, or a commit hash of at least seven digits."""
        for ref in (revision, f"refs/heads/{revision}", f"refs/tags/{revision}"):
            if ref in self.refs:
                return self.commits[self.refs[ref]]
        if re.fullmatch("[0-9a-f]{7,40}", revision):
            for sha, commit in self.commits.items():
                if sha.startswith(revision):
                    return commit
        raise revision_not_found(revision)

    def commit(
        self,
        changes: Mapping[str, Content | None],
        title: str = "Update",
        *,
        message: str = "",
        author: str = "system",
        branch: str = "main",
    ) -> str:
        """Add a commit; None removes a file. Returns its hash, which is the same in every run."""
        ref = branch if branch.startswith("refs/") else f"refs/heads/{branch}"
        parent = self.refs.get(ref)
        files = dict(self.commits[parent].files) if parent else {}
        for path, content in changes.items():
            if content is None:
                del files[path]
            else:
                files[path] = _blob(path, content)
        sha = _commit_hash(self.id, parent, files, title, len(self.commits))
        date = EPOCH + timedelta(minutes=len(self.commits))
        self.commits[sha] = Commit(sha, parent, files, title, message, author, date)
        self.refs[ref] = sha
        return sha

    def branch(self, name: str, revision: str = "main") -> str:
        """Let a branch begin at a revision."""
        self.refs[f"refs/heads/{name}"] = self.at(revision).sha
        return self.refs[f"refs/heads/{name}"]

    def tag(self, name: str, revision: str = "main") -> str:
        """Put a tag on a revision."""
        self.refs[f"refs/tags/{name}"] = self.at(revision).sha
        return self.refs[f"refs/tags/{name}"]

    def claim(self, path: str, *, size: int | None = None, sha256: str | None = None) -> None:
        """Let the server tell a false size or hash for a file of main, everywhere; its bytes stay."""
        blob = self.files[path]
        lie = replace(blob, size=blob.size if size is None else size, sha256=sha256 or blob.sha256)
        self.commits[self.head.sha] = replace(self.head, files={**self.files, path: lie})


def contents(folder: Path) -> dict[str, Content]:
    """Return the files of a folder by their path in it."""
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


def _blob(path: str, content: Content) -> Blob:
    if isinstance(content, Blob):
        return content
    return make_blob(path, content.encode() if isinstance(content, str) else content)


def _commit_hash(repo_id: str, parent: str | None, files: Mapping[str, Blob], title: str, number: int) -> str:
    tree = "".join(f"{path} {blob.etag}\n" for path, blob in sorted(files.items()))
    return hashlib.sha1(f"{repo_id}\n{parent}\n{title}\n{number}\n{tree}".encode()).hexdigest()
