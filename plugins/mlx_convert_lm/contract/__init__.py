"""What we rely on in mlx-lm and MLX beyond their documented calls, each with a check that tells what broke.

`python -m mlx_convert_lm.contract` runs them against whatever is installed: the first thing to do with a new release,
before the upper bounds in pyproject.toml are raised. Each names the code that relies on it.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlx_convert_lm.contract.answering import ANSWERING
from mlx_convert_lm.contract.loading import LOADING
from mlx_convert_lm.contract.touchpoint import Touchpoint

TOUCHPOINTS = (*LOADING, *ANSWERING)


def all_broken() -> Iterator[tuple[Touchpoint, str]]:
    """The touchpoints that do not hold with what is installed, and why; an error of a check is a reason too."""
    for touchpoint in TOUCHPOINTS:
        try:
            reason = touchpoint.broken()
        except Exception as error:
            reason = f"its check fails with {type(error).__name__}: {error}"
        if reason:
            yield touchpoint, reason
