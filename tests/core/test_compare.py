"""One question to several models: together or in turn, and a fault of one is its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from mlx_convert_core import (
    Cancelled,
    GenerateRequest,
    InvalidRequest,
    JobCancelled,
    JobState,
    Message,
    StepFinished,
    StepStarted,
    Token,
    Workspace,
)
from mlx_convert_core.plugin import RepoNotFound, first_divergence

WriteModel = Callable[..., Path]
ASKED = GenerateRequest(prompt="one two three")


@pytest.fixture
def write_model(write_toy: Callable[..., Path]) -> WriteModel:
    """Write a model that says the prompt again; what goes wrong while it loads can be given."""
    return lambda name, **config: write_toy(name, **config)


@pytest.fixture
def crowded(toys: None) -> Iterator[Workspace]:
    """Open a workspace on a machine without free memory."""
    with Workspace(free_memory=lambda: 0) as workspace:
        yield workspace


def test_every_model_answers_the_same_question_with_the_same_seed(
    workspace: Workspace, write_model: WriteModel
) -> None:
    models = [write_model(name) for name in "abc"]
    comparison = workspace.compare(models, ASKED)
    result = comparison.job.result()
    assert [column.name for column in result.answers] == ["a", "b", "c"]
    assert {column.answer.text for column in result.answers if column.answer} == {"one two three"}
    assert result.divergence == (None, None, None)
    assert result.seed == comparison.request.seed
    assert comparison.request.prompt == ASKED.prompt
    assert comparison.models == tuple(models)
    assert all(column.size > 0 for column in result.answers)
    assert workspace.compare(models[:2], GenerateRequest(prompt="x", seed=7)).request.seed == 7


def test_each_answer_streams_its_own_events(workspace: Workspace, write_model: WriteModel) -> None:
    comparison = workspace.compare([write_model("a"), write_model("b")], ASKED)
    for answer in comparison.answers:
        events = list(answer.events())
        assert "".join(event.text for event in events if isinstance(event, Token)) == "one two three "
        assert [event.step for event in events if isinstance(event, StepFinished)] == ["load", "generate"]
        assert {event.job for event in events} == {answer.id}


def test_with_room_for_all_an_answer_comes_while_another_loads(workspace: Workspace, write_model: WriteModel) -> None:
    comparison = workspace.compare([write_model("slow", load="wait"), write_model("quick")], ASKED)
    slow, quick = comparison.answers
    assert quick.result(90).text == "one two three"
    assert slow.state is JobState.RUNNING
    slow.cancel()
    failed, good = comparison.job.result(90).answers
    assert (failed.answer, failed.error and failed.error.code) == (None, "cancelled")
    assert good.error is None


def test_without_room_they_answer_one_after_the_other(crowded: Workspace, write_model: WriteModel) -> None:
    comparison = crowded.compare([write_model("a"), write_model("b"), write_model("c")], ASKED)
    comparison.job.result(90)
    times = [[event.time for event in answer.events()] for answer in comparison.answers]
    assert all(earlier[-1] <= later[0] for earlier, later in pairwise(times))
    told = [event.text for event in comparison.job.events() if isinstance(event, Message)]
    assert len(told) == 1
    assert "one after the other" in told[0]


def test_an_idle_session_makes_room(toys: None, write_model: WriteModel) -> None:
    sizes = [10**12]
    with Workspace(free_memory=lambda: sizes[-1]) as workspace:
        idle = workspace.open(write_model("idle"))
        idle.loading.result(90)
        sizes.append(0)
        workspace.compare([write_model("a"), write_model("b")], ASKED).job.result(90)
        assert idle.closed


@pytest.mark.parametrize("room", ["plenty", "none"])
def test_a_model_that_fails_does_not_stop_the_others(toys: None, write_model: WriteModel, room: str) -> None:
    free = {"plenty": 10**12, "none": 0}[room]
    with Workspace(free_memory=lambda: free) as workspace:
        models = [write_model("dies", load="kill"), write_model("good"), write_model("foreign")]
        (models[2] / "config.json").write_text(json.dumps({"model_type": "nobody's"}))
        dead, good, foreign = workspace.compare(models, ASKED).job.result(90).answers
    assert dead.error is not None
    assert dead.error.code == "killed"
    assert dead.error.traceback == ""
    assert good.answer is not None
    assert foreign.error is not None
    assert foreign.answer is None


@pytest.mark.parametrize("room", ["plenty", "none"])
def test_cancelling_stops_all(toys: None, write_model: WriteModel, room: str) -> None:
    free = {"plenty": 10**12, "none": 0}[room]
    with Workspace(free_memory=lambda: free) as workspace:
        comparison = workspace.compare([write_model("a", load="wait"), write_model("b", load="wait")], ASKED)
        next(event for event in comparison.answers[0].events() if isinstance(event, StepStarted))
        comparison.job.cancel()
        for job in (*comparison.answers, comparison.job):
            with pytest.raises(Cancelled):
                job.result(90)


def test_one_that_waits_for_its_turn_can_be_cancelled_at_once(crowded: Workspace, write_model: WriteModel) -> None:
    comparison = crowded.compare([write_model("a", load="wait"), write_model("b")], ASKED)
    first, second = comparison.answers
    second.cancel()
    with pytest.raises(Cancelled):
        second.result(90)
    assert not first.state.final
    first.cancel()
    assert [column.error and column.error.code for column in comparison.job.result(90).answers] == ["cancelled"] * 2


def test_a_comparison_that_waits_behind_another_job_can_be_cancelled(
    workspace: Workspace, write_model: WriteModel
) -> None:
    models = [write_model("a", load="wait"), write_model("b")]
    before, behind = workspace.compare(models, ASKED), workspace.compare(models, ASKED)
    behind.job.cancel()
    for answer in behind.answers:
        with pytest.raises(Cancelled):
            answer.result(90)
        assert isinstance(list(answer.events())[-1], JobCancelled)
    with pytest.raises(Cancelled):
        behind.job.result(90)
    before.job.cancel()


def test_answers_that_differ_say_where(workspace: Workspace, write_model: WriteModel, home: Path) -> None:
    plugin = home / "plugins" / "toy.py"
    plugin.write_text(plugin.read_text().replace('" ".join(said)', '" ".join(said) + self._path.name[1:]'))
    models = [*(write_model(name) for name in ("a", "b+", "c+")), write_model("dies", load="kill")]
    result = workspace.compare(models, ASKED).job.result(90)
    assert result.divergence == (None, len("one two three"), len("one two three"), None)


def test_two_to_four_models_can_be_compared(workspace: Workspace, write_model: WriteModel, tmp_path: Path) -> None:
    model = write_model("a")
    for number in (0, 1, 5):
        with pytest.raises(InvalidRequest, match=f"{number} models"):
            workspace.compare([model] * number, ASKED)
    with pytest.raises(RepoNotFound):
        workspace.compare([model, tmp_path / "lost"], ASKED)
    assert workspace.jobs == ()


def test_the_first_difference() -> None:
    assert first_divergence("abc", "abd") == 2
    assert first_divergence("", "") is None
    assert first_divergence("ab", "abc") is None  # so far the same
    assert first_divergence("é", "e\u0301") == 0
