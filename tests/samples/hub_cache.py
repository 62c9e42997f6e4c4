"""A Hugging Face cache, laid out as its own client does it."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def cached(source: Path, cache: Path, repo_id: str = "acme/Tiny-Llama-1B", commit: str = COMMIT) -> Path:
    """Put the files of ``source`` into ``cache`` as main: blobs, and links to them in the snapshot that is returned."""
    repo = cache / f"models--{repo_id.replace('/', '--')}"
    snapshot = repo / "snapshots" / commit
    for place in (repo / "blobs", repo / "refs", snapshot):
        place.mkdir(parents=True, exist_ok=True)
    (repo / "refs" / "main").write_text(commit)
    for path in source.iterdir():
        blob = repo / "blobs" / sha256(path.read_bytes()).hexdigest()
        blob.write_bytes(path.read_bytes())
        (snapshot / path.name).symlink_to(Path("../../blobs") / blob.name)
    return snapshot
