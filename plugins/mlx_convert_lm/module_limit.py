"""A model class builds what its config says; here it is stopped when the weights could never fill it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import CorruptCheckpoint, file_names

MODULES = 20_000  # whatever the weights; 5 kB each. A class that builds every expert of a stack has some thousands
MODULES_PER_TENSOR = 4  # a module with weights has a tensor at least; mlx-lm's classes build 1.5 for each


@contextmanager
def filled_by(folder: Path, name: str, tensors: int = 0) -> Iterator[None]:
    """Let the body build no more modules than the weights of ``name``, in ``folder``, could fill.

    They are so many ``tensors``, 0: as many as the files there have. Raises CorruptCheckpoint (code ``layers``) beyond;
    every module of mlx counts, from any thread.
    """
    import mlx.core as mx
    import mlx.nn as nn

    tensors = tensors or sum(len(mx.load(str(path))) for path in folder.glob(file_names.WEIGHTS))
    most = MODULES + MODULES_PER_TENSOR * tensors
    numbers = count(1)
    initialize = nn.Module.__init__

    def counted(self: nn.Module, *arguments: Any, **named: Any) -> None:
        if next(numbers) > most:
            raise CorruptCheckpoint(
                f"config.json of {name} describes more than {most:,} modules, and its weights are {tensors:,}"
                " tensors, too few for that.",
                hint="config.json is damaged or belongs to another model. Compare it with the one on the model's page.",
                code="layers",
            )
        initialize(self, *arguments, **named)

    nn.Module.__init__ = counted
    try:
        yield
    finally:
        nn.Module.__init__ = initialize
