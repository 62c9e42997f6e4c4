"""A forward pass with all of a model's weights in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mlx_convert_engine.model_classes import LazyModel

from mlx_convert_core.plugin import MeasuringFailed, Reporter

# What classes of mlx-lm call the part below their head.
_BODIES = ("model", "transformer", "backbone", "language_model")


class WholePass:
    """Runs the model that ``load`` gives over whole sequences, in float32.

    A class's own ``__call__`` is made of a body and a head. The body's outputs are the states; for the head, the same
    ``__call__`` runs with a body that gives states which are there already: so its soft-capping and scales count.
    """

    def __init__(self, load: Callable[[], LazyModel]) -> None:
        self._load = load
        self._model: Any = None
        self._vocabulary = 0

    @property
    def config(self) -> dict[str, Any]:
        """The model's settings."""
        return dict(self._loaded_lazily.config)

    @property
    def vocabulary(self) -> int:
        """How many words the head tells apart."""
        if not self._vocabulary:
            import mlx.core as mx

            width = self._body_of(mx.array([[0, 0]])).shape[-1]
            self._vocabulary = int(self.logits(mx.zeros((1, width))).shape[-1])
        return self._vocabulary

    def peak_memory(self, lengths: Sequence[int]) -> int:
        """Bytes that a pass takes: all weights in float32, and eight states of the longest sequence."""
        from mlx.utils import tree_flatten

        weights = [array for _, array in tree_flatten(self._loaded_lazily.model.parameters())]
        return int(sum(array.nbytes for array in weights))

    def hidden(self, sequences: Sequence[Sequence[int]], report: Reporter, *, step: Any = "score") -> Iterator[Any]:
        """The states of each sequence, shape (tokens, width), float32."""
        import mlx.core as mx

        done, total = 0, sum(map(len, sequences))
        for ids in sequences:
            report.check_cancelled()
            states = self._body_of(mx.array([list(ids)]))[0].astype(mx.float32)
            mx.eval(states)
            yield states
            done += len(ids)
            report.progress(step, done, total, "tokens")

    def logits(self, hidden: Any) -> Any:
        """The head's numbers for states of the shape (n, width)."""
        import mlx.core as mx

        model, body = self._loaded_lazily.model, self._body
        stand_in = _StandIn(model[body], hidden[None])
        model[body], real = stand_in, model[body]
        try:
            return model(mx.zeros((1, hidden.shape[0]), dtype=mx.int32))[0]
        finally:
            model[body] = real

    def _body_of(self, ids: Any) -> Any:
        model, body = self._loaded_lazily.model, self._body
        recorder = _Recorder(model[body])
        model[body], real = recorder, model[body]
        try:
            model(ids)
        finally:
            model[body] = real
        return recorder.seen

    @property
    def _body(self) -> str:
        found = next((name for name in _BODIES if callable(self._loaded_lazily.model.get(name))), None)
        if found is None:
            raise MeasuringFailed(
                "the class of this model can't be taken apart into layers and output head.",
                hint="Its speed can be measured.",
                code="no_scores",
            )
        return found

    @property
    def _loaded_lazily(self) -> LazyModel:
        if self._model is None:
            from mlx_convert_lm.adapter import as_float32

            self._model = self._load()
            self._model.arrays.clear()
            as_float32(self._model.model)
        return self._model


class _InPlace:
    """Stands in the place of a model's body; whatever else is asked of the body is the real one's."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)


class _Recorder(_InPlace):
    """Keeps what the body gives."""

    seen: Any = None

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.seen = self._body(*arguments, **options)
        return self.seen


class _StandIn(_InPlace):
    """Gives states that are there already."""

    def __init__(self, body: Any, states: Any) -> None:
        super().__init__(body)
        self._states = states

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._states
