"""What a conversion will do, how big the result is, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlx_convert_core.model.choosing import Chosen
from mlx_convert_core.model.contents import FolderContents
from mlx_convert_core.model.dtypes import Dtype
from mlx_convert_core.model.findings import Finding
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.model.left_out import LeftOut
from mlx_convert_core.model.quantization import KeptLayer, Quantization, QuantizedLayer, bits_per_weight
from mlx_convert_core.model.requests import ConvertRequest
from mlx_convert_core.model.rounding import NEAREST, Calibration
from mlx_convert_core.model.safetensors import TensorInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPlan:
    """One output folder: the numbers asked for and what they come to.

    ``weight_bytes`` counts whole weight files, headers included. An estimate (``exact`` False) has no
    ``tensors``; the planning worker fills them in, in file order, ``shard`` naming each one's file. ``replaces`` is
    what is at ``path`` and would go. ``left_out`` is what of the source's tensors does not reach this output, known
    once it is exact; with ``text_only`` nothing but text is left of a model for pictures or sound. ``method`` names how
    the numbers of its layers are rounded. ``label`` says what is made in a word: the preset, or what the request made
    of it (``3bit``, over the preset ``4bit``). With ``at_most`` its strategy has yet to measure, and the sizes are the
    most that it may come to; ``chosen`` says how it chose.
    """

    preset: str
    path: Path
    quantization: Quantization | None = None
    strategy: str | None = None
    method: str = NEAREST
    dtype: Dtype | None = None
    exact: bool = False
    weight_bytes: int = 0
    tensor_bytes: int = 0
    parameters: int = 0
    tensors: tuple[TensorInfo, ...] = ()
    quantized: tuple[QuantizedLayer, ...] = ()
    kept: tuple[KeptLayer, ...] = ()
    replaces: FolderContents | None = None
    left_out: tuple[LeftOut, ...] = ()
    text_only: bool = False
    at_most: bool = False
    chosen: Chosen | None = None
    label: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", self.label or self.preset)

    @property
    def bits_per_weight(self) -> float:
        """Average bits per parameter over the whole model."""
        return bits_per_weight(self.tensor_bytes, self.parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertPlan:
    """A request with everything found out about it; nothing has been read but headers.

    ``peak_memory`` and ``free_*`` are bytes; a plan with an error finding can't be run. ``fetch_disk`` is what
    of ``fetch_bytes`` is on the disk at once: less, when weight files are discarded as they are used.
    ``calibration`` is None when no output's method needs any; what is learned by it takes ``learned_disk`` beside the
    first output until that is done.
    """

    request: ConvertRequest
    model: ModelInfo
    converter: str
    outputs: tuple[OutputPlan, ...]
    findings: tuple[Finding, ...] = ()
    fetch_bytes: int = 0
    fetch_disk: int = 0
    learned_disk: int = 0
    peak_memory: int = 0
    free_memory: int = 0
    free_disk: int = 0
    calibration: Calibration | None = None

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that refuse this plan."""
        return tuple(finding for finding in self.findings if finding.level == "error")

    @property
    def taken(self) -> tuple[OutputPlan, ...]:
        """The outputs that can't be made, since what is in their folder stays: it was not to go, or may not."""
        return tuple(
            output
            for output in self.outputs
            if output.replaces is not None and (output.replaces.stays or not self.request.force)
        )

    @property
    def to_make(self) -> tuple[OutputPlan, ...]:
        """The outputs that will be made: all but those that are `taken`."""
        taken = {output.path for output in self.taken}
        return tuple(output for output in self.outputs if output.path not in taken)

    @property
    def exact(self) -> bool:
        """Whether the sizes are equal, to the byte, to what will be written."""
        return all(output.exact for output in self.outputs)
