"""What comes back of what a caller asked for: models, where they were sent, answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlx_convert_core.model.choosing import Chosen
from mlx_convert_core.model.findings import Finding
from mlx_convert_core.model.left_out import LeftOut
from mlx_convert_core.model.quantization import QuantizedLayer
from mlx_convert_core.model.verification import Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedModel:
    """One published folder: its path, sizes in bytes, measured bits per weight and what was kept as it was.

    ``label`` says what it is in a word: the preset, or what the request made of it, as in `OutputPlan`.
    ``left_out`` and ``text_only`` say what of the source is not in it, as in `OutputPlan`; ``verification`` what was
    seen when it was tried, None when that was not asked for. ``chosen`` says how the numbers of its layers were
    chosen by measuring, and ``layers`` what was chosen; None and () otherwise.
    """

    path: Path
    preset: str
    weight_bytes: int
    total_bytes: int
    parameters: int
    bits_per_weight: float
    findings: tuple[Finding, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    text_only: bool = False
    verification: Verification | None = None
    chosen: Chosen | None = None
    layers: tuple[QuantizedLayer, ...] = ()
    label: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", self.label or self.preset)


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedOutput:
    """One of several outputs that was not made, since what is at ``path`` stays: ``reason`` says why.

    ``preset`` and ``label`` are as in `ConvertedModel`.
    """

    path: Path
    preset: str
    label: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertResult:
    """What a conversion made: a model for each preset, and the seconds that it took.

    ``peak_memory`` (bytes) is that of converting; models are tried in a process of its own. ``skipped`` are outputs
    that were there already, or that something else is in the place of: the others were made beside them.
    """

    ref: str
    models: tuple[ConvertedModel, ...]
    seconds: float = 0.0
    peak_memory: int = 0
    skipped: tuple[SkippedOutput, ...] = ()

    @property
    def path(self) -> Path:
        """The first (often the only) published folder."""
        return self.models[0].path


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadResult:
    """Where a model is now: an address or a folder; how many files it has, how many of them and bytes were sent."""

    location: str
    files: int
    sent_files: int
    sent_bytes: int
    public: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateResult:
    """An answer with its figures: rates in tokens a second, times in seconds, ``peak_memory`` in bytes.

    ``token_ids`` are those of all tokens that the model gave, () from a runner that does not tell.
    """

    text: str
    finish_reason: str
    prompt_tokens: int = 0
    prompt_tokens_per_second: float = 0.0
    generation_tokens: int = 0
    generation_tokens_per_second: float = 0.0
    time_to_first_token: float = 0.0
    peak_memory: int = 0
    chat_template: bool = True
    token_ids: tuple[int, ...] = ()
