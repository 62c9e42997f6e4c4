"""Every preset gives what mlx_lm.convert gives when it is asked for the same."""

from __future__ import annotations

import pytest

from architectures.sweep import Row, sweep
from architectures.worker import PRESETS

# Dense; experts whose gate has bits of its own; layers with bits of their own; short convolutions and norms computed.
MODELS = ("llama", "qwen3_moe", "granite", "qwen3_next")


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    """What came of each model."""
    return {row.model_type: row for row in sweep(MODELS, sorted(PRESETS))}


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("model_type", MODELS)
def test_a_preset_gives_the_same_bytes(model_type: str, preset: str, rows: dict[str, Row]) -> None:
    row = rows[model_type]
    assert not row.failure
    assert preset not in row.refused, row.refused
    assert preset not in row.differences, row.differences
