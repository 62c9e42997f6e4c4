"""The converter over `mlx_lm.quant`: planned, written and checked like any other, with the whole model in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlx_convert_engine.budgets import Strategies
from mlx_convert_engine.calibrating import Text
from mlx_convert_engine.choosing import Found, Wanted
from mlx_convert_engine.forward.blocks import Load
from mlx_convert_engine.model_classes import LazyModel, widened_on_cpu
from mlx_convert_engine.output_files import write_config, write_index

from mlx_convert_core.plugin import (
    Calibration,
    Checkpoint,
    ConversionFailed,
    Finding,
    InvalidRequest,
    LayerInfo,
    LeaveOut,
    ModelInfo,
    OutputPlan,
    Planned,
    Quantization,
    QuantizeStrategy,
    Reporter,
    SetOption,
    ShardWriter,
    Written,
)
from mlx_convert_lm.converter import LmConverter
from mlx_convert_lm.tools import running
from mlx_convert_lm.tools.names import DYNAMIC, Tool, tool_of

TOKENS = 16_384  # in 32 sequences; mlx-lm takes all of a text of that order
MORE_TOKENS = 60_000  # nearly all of the bundled text, for dwq, which would take 2,048 samples of a data set
LEAST = 2  # sequences: one that dwq learns by, and one to see whether it became worse
_WHOLE = frozenset(("mlx-lm:awq", "mlx-lm:gptq"))  # that quantize whatever can be
_COPIES = {"awq": 2, "dwq": 4, "gptq": 3}  # of the weights in float32, about: as they were, as they become, gradients


class ToolConverter(LmConverter):
    """Has mlx-lm's own tools quantize. Implements MeasuringConverter."""

    name = "mlx_convert_lm.tools"

    def plan(self, model: ModelInfo, outputs: tuple[OutputPlan, ...], strategies: Strategies) -> Planned:
        """See MeasuringConverter. Raises InvalidRequest (code ``tool_unfit``) for what a tool can't make."""
        laid: dict[str, Any] = dict(strategies)
        for output in outputs:
            tool = tool_of(output.method)
            if tool is not None:
                _check(tool, model, output)
                laid.update(_layout(tool, output))
        planned = super().plan(model, outputs, laid)
        if planned.calibration is None:  # bits that a tool chose are planned again
            return planned
        for output in planned.outputs:
            if output.kept and output.method in _WHOLE:
                path = output.kept[0].path
                raise _unfit(f"{output.method} can't leave a layer out, and {path} is to stay unquantized.")
        weights = 4 * max(output.parameters for output in planned.outputs)
        tokens = MORE_TOKENS if any(tool_of(output.method) == "dwq" for output in outputs) else TOKENS
        copies = max((_COPIES[tool] for output in outputs if (tool := tool_of(output.method))), default=4)
        return replace(
            planned,
            calibration=replace(planned.calibration, tokens=max(tokens, planned.calibration.tokens)),
            peak_memory=max(planned.peak_memory, copies * weights),
            findings=(*planned.findings, *_slow(planned.outputs)),
        )

    @property
    def _runs_as_stored(self) -> bool:
        return not self._methods or any(tool_of(method.name) for method in self._methods.values())

    def calibrate(
        self, model: ModelInfo, checkpoint: Checkpoint, planned: Calibration, keep: Path, report: Reporter
    ) -> Calibration:
        """See RoundingConverter: a tool runs the text through the model itself."""
        if self._methods and not any(tool_of(method.name) for method in self._methods.values()):
            return super().calibrate(model, checkpoint, planned, keep, report)
        folder = checkpoint.folder(report.check_cancelled)
        text = Text(self._text, planned)
        self._sequences, self._calibration = text.sequences(
            self._classes, folder, lambda: self._classes.load(folder, model), report
        )
        if len(self._sequences) < LEAST:
            raise InvalidRequest(
                f"{self._calibration.origin} makes {len(self._sequences)} sequence, and mlx-lm's tools want {LEAST}.",
                hint="Give a longer text, or leave it to the bundled one.",
                remedies=(LeaveOut("calibration"),),
                code="calibration",
            )
        return self._calibration

    def _measuring_by(self) -> list[list[int]]:
        return self._sequences

    def _measured(
        self,
        load: Load,
        by: list[list[int]],
        wanted: Sequence[Wanted],
        scratch: Path,
        report: Reporter,
    ) -> list[Found]:
        """What mlx-lm's dynamic_quant finds, as errors that more bits take away."""
        found = []
        for one in wanted:
            options = next(iter(one.layers.values())).options
            model = _whole(load).model
            values = running.sensitivities(model, options[0], options[-1], by, report)
            least = min(values.values())  # only their order counts, and errors are not below 0
            errors = {
                path: tuple(values[path] - least if place == 0 else 0.0 for place in range(len(priced.options)))
                for path, priced in one.layers.items()
            }
            found.append(Found(errors, "by the gradients of mlx-lm's dynamic_quant, for the size of each layer"))
        return found

    def convert(
        self,
        model: ModelInfo,
        checkpoint: Checkpoint,
        outputs: tuple[OutputPlan, ...],
        strategies: Mapping[str, QuantizeStrategy],
        folders: tuple[Path, ...],
        report: Reporter,
    ) -> tuple[Written, ...]:
        """See ModelConverter. Nothing of a tool's work is kept for a next run: it begins again."""
        if not any(tool_of(output.method) for output in outputs):
            return super().convert(model, checkpoint, outputs, strategies, folders, report)
        source = checkpoint.folder(report.check_cancelled)
        return tuple(
            self._made(model, source, output, into, report) for output, into in zip(outputs, folders, strict=True)
        )

    def _made(self, model: ModelInfo, source: Path, output: OutputPlan, into: Path, report: Reporter) -> Written:
        from mlx.utils import tree_flatten

        tool = tool_of(output.method)
        assert tool is not None
        assert output.quantization is not None
        lazy = _whole(lambda: self._classes.load(source, model))
        layers = {layer.path: layer.quantization for layer in output.quantized}
        made = running.quantized_by(tool, lazy.model, lazy.config, output.quantization, layers, self._sequences, report)
        arrays: dict[str, Any] = dict(tree_flatten(made.parameters()))
        with ShardWriter(into, output.tensors) as writer:
            for tensor in output.tensors:
                report.check_cancelled()
                writer.write(tensor.name, _bytes(arrays, tensor.name, tensor.dtype, tensor.shape, tool))
                report.progress("write", *writer.progress[:2])
        write_index(into, output)
        write_config(into, {name: value for name, value in lazy.config.items() if name not in lazy.drops}, output)
        return Written(digests=writer.digests, findings=self._unread)


def _whole(load: Callable[[], LazyModel]) -> LazyModel:
    """The model as a tool takes it: of mlx-lm's public classes, and on a CPU in float32."""

    running.modules()
    lazy = load()
    lazy.arrays.clear()
    widened_on_cpu(lazy.model)
    return lazy


def _check(tool: Tool, model: ModelInfo, output: OutputPlan) -> None:
    numbers = output.quantization
    assert numbers is not None
    if output.strategy is not None:
        raise _unfit(f"mlx-lm's {tool} chooses by itself which layers get how many bits.")
    if tool == "gptq" and numbers.bits not in running.GPTQ_BITS:
        raise InvalidRequest(
            f"mlx-lm's gptq packs 2, 4 or 8 bits, not {numbers.bits}.",
            hint="Choose one of these.",
            remedies=(SetOption("bits", 4),),
            code="tool_unfit",
        )
    if tool == "awq" and model.model_type not in running.awq_types():
        known = ", ".join(sorted(running.awq_types()))
        raise _unfit(f"mlx-lm's awq knows how to scale {known}, not {model.model_type}.")


def _layout(tool: Tool, output: OutputPlan) -> dict[str, QuantizeStrategy]:
    """The numbers that a tool gives to what it does not work on."""
    numbers = output.quantization

    def gptq(layer: LayerInfo) -> Quantization | None:
        return numbers if layer.kind in ("Linear", "SwitchLinear") else running.EMBEDDING

    def awq(layer: LayerInfo) -> Quantization | None:
        return running.ENDS if layer.kind == "Embedding" or layer.path.rpartition(".")[2] == "lm_head" else numbers

    found: dict[Tool, QuantizeStrategy] = {"gptq": gptq, "awq": awq}
    return {output.preset: found[tool]} if tool in found else {}


def _slow(outputs: tuple[OutputPlan, ...]) -> tuple[Finding, ...]:
    named = (name or "" for output in outputs for name in (output.method, output.strategy))
    told = next((name for name in named if tool_of(name) or name.startswith(DYNAMIC)), "")
    if not told:
        return ()
    finding = Finding(
        code="tool_slow",
        level="info",
        message=f"{told} is mlx-lm's own tool: it takes the whole model into memory, several times over, and long; a"
        " conversion that dies begins again.",
    )
    return (finding,)


def _bytes(arrays: Mapping[str, Any], name: str, dtype: str, shape: tuple[int, ...], tool: Tool) -> bytes:
    """The bytes of a tensor as it was planned."""
    import mlx.core as mx
    import numpy as np

    array = arrays.get(name)
    if array is None or tuple(array.shape) != tuple(shape):
        found = "is not there" if array is None else f"has the shape {tuple(array.shape)}, not {tuple(shape)}"
        raise ConversionFailed(
            f"what mlx-lm's {tool} made is not what was planned: {name} {found}.",
            hint="Choose the method tuned.",
            remedies=(SetOption("method", "tuned"),),
            code="tool_unfit",
        )
    types = {"BF16": mx.bfloat16, "F16": mx.float16, "F32": mx.float32}
    array = array.astype(types[dtype]) if dtype in types else array
    return np.array(array.reshape(-1).view(mx.uint8)).tobytes()


def _unfit(message: str) -> InvalidRequest:
    return InvalidRequest(
        message,
        hint="Choose the method tuned, or compensated.",
        remedies=(SetOption("method", "tuned"), SetOption("method", "compensated")),
        code="tool_unfit",
    )
