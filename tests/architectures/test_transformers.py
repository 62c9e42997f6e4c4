"""Converted checkpoints compute what transformers computes; the whole sweep is slow, and needs torch."""

from __future__ import annotations

import json
import random

import pytest

from architectures.transformers_models import COMPARED, NOT_COMPARED
from architectures.transformers_page import PAGE, ROWS, with_transformers

ROWS_OF_LAST_TIME = json.loads(ROWS.read_text(encoding="utf-8"))["rows"]
SAMPLE = sorted(random.Random(5).sample(sorted(COMPARED), 6))


def test_at_least_40_architectures_are_compared_and_equal() -> None:
    assert ROWS_OF_LAST_TIME.keys() == COMPARED.keys()
    assert sum(row["equal"] for row in ROWS_OF_LAST_TIME.values()) >= 40


@pytest.mark.parametrize("model_type", sorted(COMPARED))
def test_every_difference_is_explained(model_type: str) -> None:
    assert bool(COMPARED[model_type].why) == (not ROWS_OF_LAST_TIME[model_type]["equal"])


def test_the_page_shows_the_rows_of_the_last_comparison() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_transformers(page) == page, "run `make transformers-sweep`"


@pytest.mark.parametrize("model_type", [name for name, compared in COMPARED.items() if compared.window])
def test_what_differs_beyond_a_window_is_equal_within_it(model_type: str) -> None:
    row = ROWS_OF_LAST_TIME[model_type]
    assert row["within"] < 1e-4 < row["difference"]


def test_every_architecture_that_both_libraries_run_is_compared_or_it_says_why_not() -> None:
    from mlx_convert_lm.architectures import model_types
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    both = set(model_types()).intersection(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
    assert both == both & (COMPARED.keys() | NOT_COMPARED.keys())


@pytest.mark.slow
def test_a_sample_computes_what_transformers_computes() -> None:
    pytest.importorskip("torch")
    from architectures.transformers_sweep import sweep

    found = {name: row["equal"] for name, row in sweep(SAMPLE)}
    assert found == {name: ROWS_OF_LAST_TIME[name]["equal"] for name in SAMPLE}


@pytest.mark.slow
def test_what_a_config_leaves_out_is_what_the_installed_transformers_takes() -> None:
    from mlx_convert_lm.config.normal import DEFAULTS

    from architectures.left_out import aliases, table

    assert json.loads(DEFAULTS.read_text(encoding="utf-8")) == {"defaults": table(), "aliases": aliases()}
