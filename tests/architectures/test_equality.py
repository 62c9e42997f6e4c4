"""Whatever mlx_lm.convert makes of an architecture, mlx-convert makes too, equal in every byte, and it runs."""

from __future__ import annotations

import random

import pytest
from mlx_convert_lm.architectures import model_types

from architectures.checkpoints import TINY, mlx_specs, source_specs
from architectures.sweep import Row, line, sweep

BASICS = ("llama", "qwen2", "qwen3", "qwen3_moe", "lfm2", "gemma3_text", "phi3", "mixtral", "mamba")
# What can't be converted to both presets, and a word of the reason that is given.
REFUSED = {
    "afm7": "can't quantize FusedLinear",  # its class takes no mode
    "olmo": "no checkpoint",  # its class needs the package ai2-olmo
    "prism_hadamard_qwen35": "quantized already",  # published for MLX
}
# Custom Metal kernels; a native crash now and then.
NOT_EVERYWHERE = ("bitnet", "muse_spark", "phi3small")
OTHERS = sorted(TINY.keys() - {*BASICS, *REFUSED})
SAMPLE = (*BASICS, *random.Random(20).sample(OTHERS, 12))
REST = sorted(TINY.keys() - set(SAMPLE))


@pytest.fixture(scope="module")
def sampled() -> dict[str, Row]:
    """What came of the sample."""
    return {row.model_type: row for row in sweep(SAMPLE)}


@pytest.fixture(scope="module")
def others() -> dict[str, Row]:
    """What came of all others."""
    return {row.model_type: row for row in sweep(REST)}


@pytest.mark.parametrize("model_type", SAMPLE)
def test_a_sample_of_architectures_converts_equal_and_generates(model_type: str, sampled: dict[str, Row]) -> None:
    check(sampled[model_type])


@pytest.mark.slow
@pytest.mark.parametrize("model_type", REST)
def test_every_other_architecture_converts_equal_and_generates(model_type: str, others: dict[str, Row]) -> None:
    check(others[model_type])


@pytest.mark.slow
def test_at_least_120_architectures_convert_equal(
    sampled: dict[str, Row], others: dict[str, Row], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = sampled | others
    with capsys.disabled():
        print("\n", *(line(rows[model_type]) for model_type in sorted(rows)), sep="\n")
    assert sum(row.equal for row in rows.values()) >= 120
    assert sum(row.generates for row in rows.values()) >= 120


def test_every_architecture_of_the_installed_mlx_lm_is_tried() -> None:
    assert set(model_types()) - {*TINY} == set()


@pytest.mark.parametrize("model_type", sorted(name for name, model in TINY.items() if model.rules and name != "olmo"))
def test_a_tiny_checkpoint_is_not_named_as_the_mlx_model_is(model_type: str) -> None:
    source, model = source_specs(model_type), mlx_specs(model_type)
    assert {name: spec.shape for name, spec in source.items()} != {name: spec.shape for name, spec in model.items()}


def check(row: Row) -> None:
    """Hold a row against what is known of its architecture."""
    if row.model_type in REFUSED:
        assert not row.equal
        assert REFUSED[row.model_type] in f"{row.reason} {row.ours}"
        return
    assert row.equal, row.reason
    assert row.generates or row.model_type in NOT_EVERYWHERE, row.reason
