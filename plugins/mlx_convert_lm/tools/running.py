"""Calls of `mlx_lm.quant`, by keyword, with our text in place of the one that it would fetch.

The modules report by ``tqdm`` and print; while one runs, ours take the place of these names in it, so that progress and
cancelling work, and nothing is printed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from types import ModuleType
from typing import Any

from mlx_convert_core.plugin import Quantization, Reporter
from mlx_convert_lm.tools.names import Tool

EMBEDDING = Quantization(bits=6, group_size=64)  # what gptq leaves out: mlx-lm's own default
ENDS = Quantization(bits=4, group_size=32)  # embedding and head of awq: mlx-lm's own default
GPTQ_BITS = (2, 4, 8)  # that its packing knows
BATCH = 4  # sequences at once, as dwq and dynamic_quant take by default
LEARNING_RATE = 1e-6  # of dwq, its default
SAMPLES = 2048  # that dwq learns from, its default; the text is gone through as often as that takes. Fewer steps of
# that size are lost when scales are stored in 16 bits again


def modules() -> dict[str, ModuleType]:
    """The modules of `mlx_lm.quant`, and all of mlx-lm with them: a private copy of it has classes of its own."""
    from mlx_convert_lm.importing import public

    public()
    from mlx_lm.quant import awq, dwq, dynamic_quant, gptq

    return {"awq": awq, "dwq": dwq, "gptq": gptq, "dynamic_quant": dynamic_quant}


def awq_types() -> frozenset[str]:
    """The model types that awq knows how to scale."""
    return frozenset(modules()["awq"].AWQ_MODEL_CONFIGS)


def quantized_by(
    tool: Tool,
    model: Any,
    config: Mapping[str, Any],
    numbers: Quantization,
    layers: Mapping[str, Quantization],
    sequences: Sequence[Sequence[int]],
    report: Reporter,
) -> Any:
    """``model`` with its layers quantized by ``tool``, those of ``layers`` as planned, most of them by ``numbers``."""
    module = modules()[tool]
    with _heard(module, report):
        if tool == "gptq":
            made, _ = module.gptq_quantize(
                model=model,
                data=_data(sequences),
                bits=numbers.bits,
                group_size=numbers.group_size,
                fallback_bits=EMBEDDING.bits,
                fallback_group_size=EMBEDDING.group_size,
                batch_size=BATCH,
            )
            return made
        if tool == "awq":
            module.awq_quantize(
                model=model,
                inputs=_data(sequences),
                awq_config=module.AWQ_MODEL_CONFIGS[config["model_type"]],
                bits=numbers.bits,
                group_size=numbers.group_size,
                embed_bits=ENDS.bits,
                embed_group_size=ENDS.group_size,
            )
            return model
        return _distilled(module, model, layers, sequences)


def sensitivities(
    model: Any,
    low: Quantization,
    high: Quantization,
    sequences: Sequence[Sequence[int]],
    report: Reporter,
) -> dict[str, float]:
    """What dynamic_quant finds for each layer, by path: how much more bits would lower its loss, for its size."""
    import mlx.core as mx

    module = modules()["dynamic_quant"]
    with _heard(module, report):
        found = module.estimate_sensitivities(
            model=model,
            data=_data(sequences),
            low_bits=low.bits,
            low_group_size=low.group_size,
            high_bits=high.bits,
            high_group_size=high.group_size,
            batch_size=BATCH,
            gradient_accum_dtype=mx.float32,
            gradient_checkpoint=False,
        )
    return {path: float(value) for path, value in found}


def _distilled(
    module: ModuleType, model: Any, layers: Mapping[str, Quantization], sequences: Sequence[Sequence[int]]
) -> Any:
    """A student with the planned numbers, whose scales and biases have learned from ``model``."""
    import copy

    import mlx.nn as nn
    import mlx.optimizers as optimizers

    def planned(path: str, layer: Any) -> bool | dict[str, Any]:
        numbers = layers.get(path)
        return {"bits": numbers.bits, "group_size": numbers.group_size} if numbers is not None else False

    student = copy.deepcopy(model)
    nn.quantize(student, class_predicate=planned)
    data = [(list(sequence), 0) for sequence in sequences]  # offset 0: all of it is to be learned
    held_out = min(BATCH, len(data) // 2)
    module.dwq_quantize(
        model=student,
        target_fn=lambda batch, number, split: model(batch),
        opt=optimizers.Adam(learning_rate=LEARNING_RATE, bias_correction=True),
        train_data=list(islice(cycle(data[held_out:]), max(held_out, SAMPLES))),
        valid_data=data[:held_out],
        batch_size=held_out,
        max_seq_length=max(map(len, sequences)),
        seed=0,
        dtype=next(array.dtype for array in _floats(model)),
        gradient_checkpoint=False,
    )
    student.eval()
    return student


def _floats(model: Any) -> Iterator[Any]:
    import mlx.core as mx
    from mlx.utils import tree_flatten

    for _, array in tree_flatten(model.parameters()):
        if mx.issubdtype(array.dtype, mx.floating):
            yield array


def _data(sequences: Sequence[Sequence[int]]) -> Any:
    """Sequences of one length, as an array: a shorter one is left out."""
    import mlx.core as mx

    longest = max(map(len, sequences))
    return mx.array([list(sequence) for sequence in sequences if len(sequence) == longest])


@contextmanager
def _heard(module: ModuleType, report: Reporter) -> Iterator[None]:
    """Have ``module`` tell its progress to ``report``, ask it whether to go on, and print nothing."""
    before = {name: getattr(module, name) for name in ("tqdm", "print_trainable_parameters") if hasattr(module, name)}
    module.tqdm = _heard_by(report)  # type: ignore[attr-defined]
    if "print_trainable_parameters" in before:
        module.print_trainable_parameters = lambda model: None  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


def _heard_by(report: Reporter) -> Callable[..., Any]:
    class Told:
        """What the modules use of tqdm."""

        def __init__(self, items: Iterable[Any], total: int | None = None, **options: Any) -> None:
            self._items = items
            self._total = total if total is not None else len(items) if isinstance(items, Sequence) else 0
            self._counts = options.get("leave", True)  # an inner loop has a bar of its own

        def __iter__(self) -> Iterator[Any]:
            for done, item in enumerate(self._items):
                report.check_cancelled()
                yield item
                if self._counts and self._total:
                    report.progress("quantize", min(done + 1, self._total), self._total, unit="steps")

        def set_description(self, *words: object, **options: object) -> None:
            """Say nothing."""

        @staticmethod
        def write(*words: object, **options: object) -> None:
            """Say nothing."""

    return Told
