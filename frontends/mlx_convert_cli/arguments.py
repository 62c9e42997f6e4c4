"""What was typed after the program's name."""

from __future__ import annotations

from collections.abc import Sequence

ARGUMENTS = "mlx_convert_cli.arguments"  # where a context's meta has it


def asked(arguments: Sequence[str], flag: str) -> bool:
    """Whether ``flag`` is among the options, also when the rest can't be parsed."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return flag in options
