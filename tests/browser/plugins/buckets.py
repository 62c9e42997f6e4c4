"""A source from before sources could describe themselves: ``s3://bucket/Model``, out of a folder."""

from __future__ import annotations

import os
from pathlib import Path

from mlx_convert_core.plugin import ModelInfo, Reporter, hookimpl, inspect_folder


class Bucket:
    """A checkpoint in a bucket. Implements ModelSource, and nothing beside it."""

    def __init__(self, ref: str) -> None:
        self.ref = ref
        self.folder = Path(os.environ["BUCKETS"]) / ref.removeprefix("s3://").partition("/")[2]

    def inspect(self) -> ModelInfo:
        """Describe it."""
        return inspect_folder(self.folder, ref=self.ref)

    def fetch(self, model: ModelInfo, scratch: Path, report: Reporter) -> Path:
        """It is there."""
        return self.folder


@hookimpl
def model_source(ref: str) -> Bucket | None:
    """Take what is in a bucket."""
    return Bucket(ref) if ref.startswith("s3://") else None
