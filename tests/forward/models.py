"""Tiny models to run block by block, and the same models run as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from architectures.checkpoints import write_tiny
from mlx_convert_engine.model_classes import LazyModel
from mlx_convert_lm.adapter import load_lazily

SEQUENCES = ([17, 3, 250, 99, 301, 12, 77, 17, 5, 64, 211], [8, 120, 33, 17, 9])


class Quiet:
    """A reporter that keeps what it is told. Once ``calls`` run out, it says that the job was cancelled."""

    def __init__(self, calls: int = 1_000_000) -> None:
        self.calls = calls
        self.steps: list[tuple[str, int, int, str]] = []

    def progress(self, step: Any, done: int, total: int, unit: Any = "bytes", *, found: int = 0) -> None:
        self.steps.append((step, done, total, unit))

    def message(self, text: str, level: Any = "info") -> None:
        raise AssertionError(text)

    def token(self, text: str) -> None:
        raise AssertionError(text)

    def check_cancelled(self) -> None:
        self.calls -= 1
        if self.calls < 0:
            raise InterruptedError("cancelled")


def tiny(folder: Path, model_type: str) -> Callable[[], LazyModel]:
    """Write a tiny checkpoint; the answer loads it anew at each call, its weights unread."""
    written = write_tiny(folder / model_type, model_type)
    return lambda: load_lazily(written, trust_remote_code=False)


def plain_model(load: Callable[[], LazyModel]) -> Any:
    """The model with all of its weights in memory, in float32."""
    import mlx.core as mx
    from mlx.utils import tree_map

    model = load().model
    model.update(
        tree_map(
            lambda array: array.astype(mx.float32) if mx.issubdtype(array.dtype, mx.floating) else array,
            model.parameters(),
        )
    )
    mx.eval(model.parameters())
    return model


def plain_logits(load: Callable[[], LazyModel], sequences: Sequence[Sequence[int]] = SEQUENCES) -> list[Any]:
    """Logits (tokens, vocabulary) of each sequence by the class's own forward, all weights in memory."""
    import mlx.core as mx

    model = plain_model(load)
    logits = [model(mx.array([list(sequence)]))[0].astype(mx.float32) for sequence in sequences]
    mx.eval(logits)
    return logits
