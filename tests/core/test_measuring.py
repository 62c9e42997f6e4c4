"""Measuring without the built-in plugins' help: what is missing is named, and intervals are what they say."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mlx_convert_core import MeasureRequest, MeasuringFailed, UnsupportedModel, Workspace
from mlx_convert_core.measuring.intervals import interval, paired_ratio, samples
from mlx_convert_core.measuring.texts import Text, hash_of, sequences_of
from mlx_convert_core.measuring.verdict import verdict
from mlx_convert_core.model.measurements import MeasuredFigure
from mlx_convert_core.plugin import Passage

WriteToy = Callable[..., Path]


def test_a_runner_that_only_answers_can_not_be_measured(workspace: Workspace, write_toy: WriteToy) -> None:
    with pytest.raises(UnsupportedModel, match="the plugin toy runs toy-model, but can't say how likely") as caught:
        workspace.measure(write_toy(), MeasureRequest(), inline=True).result()
    assert caught.value.code == "no_scores"


def test_without_the_plugin_of_the_figures_there_is_nothing_to_measure(
    toys: None, write_toy: WriteToy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLX_CONVERT_PLUGINS", "toy")
    with Workspace() as workspace, pytest.raises(MeasuringFailed) as caught:
        workspace.measure(write_toy(), MeasureRequest(), inline=True).result()
    assert caught.value.code == "no_metrics"


def test_an_interval_holds_the_mean_of_all_texts_nineteen_times_in_twenty() -> None:
    numbers = random.Random(3)
    held = 0
    for _ in range(100):
        drawn = samples([numbers.gauss(1.0, 0.5) for _ in range(40)], lambda some: sum(some) / len(some))
        low, high = interval(drawn)
        held += low <= 1.0 <= high
    assert 88 <= held <= 99


def test_a_ratio_of_the_same_sequences_is_known_better_than_either() -> None:
    numbers = random.Random(5)
    theirs = [numbers.lognormvariate(0, 1) for _ in range(20)]
    ours = [value * numbers.uniform(0.45, 0.55) for value in theirs]
    drawn = [samples(values, lambda some: sum(some) / len(some)) for values in (ours, theirs)]
    low, high = paired_ratio(*drawn) or (0, 0)
    assert 0.45 < low < 0.5 < high < 0.55
    spread = interval(drawn[0])
    assert high / low < spread[1] / spread[0]
    assert paired_ratio([1.0], [0.0]) is None


def _enough(lengths: list[int]) -> bool:
    return sum(length for length in lengths if length >= 32) >= 512


@given(
    lengths=some.lists(some.integers(0, 3000), min_size=1, max_size=12).filter(_enough),
    tokens=some.integers(512, 9000),
    lead=some.sampled_from([[], [1]]),
)
def test_sequences_are_of_the_text_and_about_as_many_as_asked_for(
    lengths: list[int], tokens: int, lead: list[int]
) -> None:
    ids = [
        [*lead, *range(100 * 10_000 * number + 10, 100 * 10_000 * number + 10 + length)]
        for number, length in enumerate(lengths)
    ]

    def tokenize(passages: object) -> list[list[int]]:
        return [lead] if passages == [Passage()] else ids

    found = sequences_of(Text("text", (Passage(text="x"),) * len(ids)), tokenize, tokens)
    assert all(one[: len(lead)] == lead and len(one) <= 512 for one in found)
    used = [token for one in found for token in one[len(lead) :]]
    assert len(used) == len(set(used))
    assert set(used) <= {token for one in ids for token in one}
    assert min(tokens, 512) // 2 <= sum(map(len, found)) < tokens + 512
    assert len(found) >= 8
    assert len({hash_of(found), hash_of(found[1:]), hash_of([found[0][1:], *found[1:]])}) == 3


# Mean KL divergence of Llama 3 8B from FP16, in llama.cpp's tools/perplexity/README.md (revision f364eb6f).
PUBLISHED = {
    "q8_0": 0.001355,
    "q6_K": 0.005452,
    "q5_K_M": 0.010762,
    "q4_K_M": 0.031273,
    "q4_K_S": 0.043136,
    "q4_0": 0.071940,
    "q3_K_M": 0.101913,
    "q3_K_S": 0.228217,
    "q2_K": 0.445132,
    "iq1_M": 1.393084,
}


@pytest.mark.parametrize(
    ("names", "words", "like"),
    [
        (("q8_0", "q6_K"), "Hardly to be told", "at 6 to 8 bits"),
        (("q5_K_M", "q4_K_M", "q4_K_S"), "Close to", "at 4 to 5 bits"),
        (("q4_0", "q3_K_M", "q3_K_S"), "here and there", "at 3 bits, or 4"),
        (("q2_K",), "Clearly different", "at 2 bits"),
        (("iq1_M",), "Far from", "at less than 2 bits"),
    ],
)
def test_the_verdict_names_the_bits_at_which_others_have_measured_as_much(
    names: tuple[str, ...], words: str, like: str
) -> None:
    for name in names:
        told, reason = verdict([_divergence(PUBLISHED[name])])
        assert words in told
        assert like in reason


@pytest.mark.parametrize(
    ("high", "words"),
    [(0.0, "the same as"), (0.01, "Hardly"), (0.0101, "Close"), (0.25, "here and there"), (3.0, "Far from")],
)
def test_the_verdict_is_that_of_the_upper_end(high: float, words: str) -> None:
    told, reason = verdict([_divergence(high)])
    assert words in told
    assert ("100%" in reason) == (high > 2)
    assert verdict([]) == ("", "")


def _divergence(high: float) -> MeasuredFigure:
    return MeasuredFigure(name="kl_mean", title="", better="lower", value=0.0, low=0.0, high=high)
