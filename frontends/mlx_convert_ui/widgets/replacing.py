"""What becomes of models that are there already, when others take their place."""

from __future__ import annotations

from mlx_convert_ui.words import plural


def gone_for_good(count: int) -> str:
    """In a sentence, for ``count`` of them."""
    return plural(
        "It stays as it is until the new one is complete and checked. Then it is deleted for good.",
        "Each stays as it is until the new one is complete and checked. Then it is deleted for good.",
        count,
    )
