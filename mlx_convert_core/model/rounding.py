"""How a layer's numbers are rounded: what a method is handed, and the text that its statistics come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from mlx_convert_core.model.quantization import Quantization

NEAREST = "nearest"  # the method that needs nothing, and makes what mlx_lm.convert makes
Needs = Literal["nothing", "moments", "matrix"]
"""What a method has to know of a layer's inputs: nothing, the mean square of each, or the mean product of each two."""


CalibrationKind = Literal["text", "random", "samples"]
WITHOUT_TEXT = ("random", "samples")  # what takes the place of a text's name: random tokens, what the model says


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The text by which the statistics of a conversion were made, or what took its place.

    ``origin`` names it (a version of the bundled text, or a file's name), ``sha256`` is that of its bytes in hex, ""
    for what is no text; ``tokens`` of it are taken, chosen by ``seed``.
    """

    origin: str
    sha256: str
    tokens: int
    seed: int = 0
    kind: CalibrationKind = "text"

    @property
    def words(self) -> str:
        """``2,048 tokens of bundled text 1``, ``2,048 random tokens``."""
        if self.kind == "random":
            return f"{self.tokens:,} random tokens"
        return f"{self.tokens:,} tokens of {self.origin}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRows:
    """Some rows of a layer's weight, to be rounded. Arrays are those of mlx.core.

    ``values`` (rows, width) are floats in the type of the output, from the row ``first`` of the layer ``path`` on; its
    quantization is affine. ``moments`` (width, or rows x width; float32) are mean squares of the inputs that each
    column is multiplied with, finite and not all 0; None where the method needs nothing. ``matrices`` (columns,
    columns; float32) are the means of the products of each two inputs, where the method needs them: one for all, or,
    of very wide layers, one for the first so many, one for the next and so on. Each begins with a column divisible
    by 128. The tuple is the same object for all rows of a layer.
    """

    path: str
    first: int
    values: Any
    quantization: Quantization
    moments: Any = None
    matrices: tuple[Any, ...] = ()
