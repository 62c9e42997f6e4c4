"""Checks of what was written: anybody's, for any runner; none can lose a conversion but by an error finding."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mlx_convert_core import ConversionFailed, ConvertRequest, StepStarted, Workspace
from mlx_convert_core.converting import smoke_check, verifying
from mlx_convert_core.model.results import ConvertedModel
from mlx_convert_core.plugin import (
    Finding,
    GenerateRequest,
    ModelCheck,
    SetOption,
    TriedModel,
    Verdict,
    hookimpl,
)
from mlx_convert_core.running import process

WriteToy = Callable[..., Path]


@pytest.fixture(autouse=True)
def _only_toys(verifying: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the built-in checks out: what is here is the core's."""
    monkeypatch.setenv("MLX_CONVERT_PLUGINS", "toy,mlx_convert_library")


class Checks:
    """A plugin with one check."""

    def __init__(self, check: Callable[[TriedModel], Any], name: str = "mine") -> None:
        self._check = ModelCheck(name=name, summary="Mine", check=check)

    @hookimpl
    def register_checks(self) -> list[ModelCheck]:
        return [self._check]


@pytest.fixture
def convert(toys: None, write_toy: WriteToy, tmp_path: Path) -> Callable[..., ConvertedModel]:
    """Convert a toy inline, with the checks that are given."""

    def run(*checks: Checks, verify: bool = True, **config: Any) -> ConvertedModel:
        request = ConvertRequest(ref=str(write_toy(**config)), output=tmp_path / "out", preset="same", verify=verify)
        with Workspace(plugins=[*checks, Presets()]) as workspace:
            return workspace.convert(request, inline=True).result().models[0]

    return run


class Presets:
    """A preset that keeps a model as it is."""

    @hookimpl
    def register_presets(self) -> Any:
        from mlx_convert_core import Preset

        return [Preset(name="same", title="Same", summary="As it is.")]


def says_it_again(model: TriedModel) -> Verdict:
    answer = model.answer(GenerateRequest(prompt="to be or not"))
    assert answer is not None
    assert (model.folder / "config.json").exists()
    assert model.source.name == "toy-model"
    return Verdict(facts=(f"says '{answer.text}'",))


def test_a_check_of_a_plugin_asks_the_model_by_its_runner(convert: Callable[..., ConvertedModel]) -> None:
    model = convert(Checks(says_it_again))
    assert model.verification is not None
    assert model.verification.words == "Verified: 4 of 4 tensors as planned, loads, says 'to be or not'"
    assert not (model.path / "closed").exists()  # the toy's runner leaves a file when it is closed


def test_without_a_check_or_by_request_nothing_is_loaded_and_nothing_is_claimed(
    convert: Callable[..., ConvertedModel], tmp_path: Path
) -> None:
    assert convert(load="raise").verification is None
    (tmp_path / "out").rename(tmp_path / "first")
    (tmp_path / "toy-model").rename(tmp_path / "toy-first")
    assert convert(Checks(says_it_again), verify=False, load="raise").verification is None


def test_what_breaks_while_it_is_tried_is_told_and_the_model_is_there(convert: Callable[..., ConvertedModel]) -> None:
    model = convert(Checks(says_it_again), load="raise")
    (finding,) = model.findings
    assert (finding.code, finding.level) == ("verify_failed", "warning")
    assert "it can't be loaded: KeyError: 'lost'" in finding.message
    assert model.verification is not None
    assert model.verification.words == "Not verified. What is right: 4 of 4 tensors as planned"


def test_a_check_at_fault_is_named_and_the_next_one_is_asked(convert: Callable[..., ConvertedModel]) -> None:
    def fails(model: TriedModel) -> Verdict:
        raise ZeroDivisionError("oh")

    model = convert(Checks(fails), Checks(says_it_again, "again"), Checks(lambda model: "fine", "odd"))  # type: ignore[arg-type, return-value]
    told = {finding.message.partition(": the written model was tried, and ")[2] for finding in model.findings}
    assert len(told) == 2
    assert any(text.startswith("the check 'mine' of Checks") and "ZeroDivisionError: oh" in text for text in told)
    assert any("gave a str, not a Verdict" in text for text in told)
    assert model.verification is not None
    assert "says 'to be or not'" in model.verification.facts


def test_a_finding_of_any_level_takes_the_mark_and_an_error_refuses(
    convert: Callable[..., ConvertedModel], tmp_path: Path
) -> None:
    def finds(level: Any) -> Checks:
        finding = Finding(code="odd", level=level, message="odd.", hint="Look.", remedies=(SetOption("bits", 8),))
        return Checks(lambda model: Verdict(facts=("looks well",), findings=(finding,)))

    with pytest.raises(ConversionFailed, match="odd") as no:
        convert(finds("error"))
    assert (no.value.code, no.value.remedies) == ("odd", (SetOption("bits", 8),))
    assert not (tmp_path / "out").exists()
    (tmp_path / "toy-model").rename(tmp_path / "toy-first")
    model = convert(finds("info"))
    assert model.verification is not None
    assert not model.verification.passed


def test_an_answer_ends_when_the_time_of_a_check_is_up(
    convert: Callable[..., ConvertedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smoke_check, "SECONDS", 0.05)

    def waits(model: TriedModel) -> Verdict:
        return Verdict(facts=(f"ends with {model.answer(GenerateRequest(prompt='wait'))}",))

    model = convert(Checks(waits))
    assert model.verification is not None
    assert "ends with None" in model.verification.facts


FILE = """
@hookimpl
def register_checks():
    yield ModelCheck(name="hi", summary="Says hi", check=lambda model: Verdict(facts=("says hi",)))


@hookimpl
def register_presets():
    yield Preset(name="same", title="Same", summary="As it is.")
"""


@pytest.fixture
def in_file(toys: None, add_plugin: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that a worker can load, too."""
    monkeypatch.setenv("MLX_CONVERT_PLUGINS", "toy,mlx_convert_library,checks")
    add_plugin("checks", FILE)


def test_what_ends_the_process_that_tries_it_loses_no_conversion(
    in_file: None, write_toy: WriteToy, tmp_path: Path
) -> None:
    request = ConvertRequest(ref=str(write_toy(load="kill")), output=tmp_path / "out", preset="same")
    with Workspace() as workspace:
        model = workspace.convert(request).result().models[0]
    (finding,) = model.findings
    assert (finding.code, finding.level) == ("verify_failed", "warning")
    assert "was tried, and that broke off: the worker was killed by the system (signal 9)" in finding.message
    assert model.verification is not None
    assert model.verification.words == "Not verified. What is right: 4 of 4 tensors as planned"
    assert (model.path / "config.json").exists()


def test_what_takes_too_long_is_ended_and_published_without_a_mark(
    in_file: None, write_toy: WriteToy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "LIMIT_SECONDS", 1.0)
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.2)
    monkeypatch.setattr(process, "JobContext", partial(process.JobContext, in_worker=True))
    request = ConvertRequest(ref=str(write_toy(load="sleep")), output=tmp_path / "out", preset="same")
    with Workspace() as workspace:
        model = workspace.convert(request, inline=True).result().models[0]
    assert model.verification is not None
    assert model.verification.words == "Not verified: it took longer than 1 seconds"
    assert model.findings == ()


def test_a_cancel_while_it_is_tried_leaves_nothing(in_file: None, write_toy: WriteToy, tmp_path: Path) -> None:
    request = ConvertRequest(ref=str(write_toy(load="wait")), output=tmp_path / "place" / "out", preset="same")
    with Workspace() as workspace:
        job = workspace.convert(request)
        for event in job.events():
            if isinstance(event, StepStarted) and event.step == "verify":
                job.cancel()
        assert job.state == "cancelled"
    assert not (tmp_path / "place").exists()
