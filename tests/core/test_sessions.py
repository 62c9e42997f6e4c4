"""A session loads once and answers many times; one answer can be stopped; closing it frees its process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from mlx_convert_core import (
    Cancelled,
    ChatMessage,
    GenerateRequest,
    GenerationFailed,
    Job,
    JobState,
    ModelSession,
    PluginError,
    Token,
    Workspace,
)
from mlx_convert_core.answering.model_session import ModelSession as Session
from mlx_convert_core.converting.memory_guard import weight_bytes
from mlx_convert_core.model.fit import BESIDE_WEIGHTS
from mlx_convert_core.plugin import WorkerDied
from mlx_convert_core.running.process import WorkerProcess

WriteToy = Callable[..., Path]


@pytest.fixture(params=["worker", "inline"])
def session(request: pytest.FixtureRequest, workspace: Workspace, write_toy: WriteToy) -> Iterator[ModelSession]:
    """Open the toy model, in a worker and inline."""
    with workspace.open(write_toy(), inline=request.param == "inline") as session:
        session.loading.result(timeout=120)
        yield session


def told(job: Job[object]) -> str:
    return "".join(event.text for event in job.events() if isinstance(event, Token))


def pid_of(session: ModelSession) -> int:
    return session._runner.pid  # type: ignore[attr-defined]


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_one_model_answers_many_times_in_the_order_asked(session: ModelSession) -> None:
    answers = [session.generate(GenerateRequest(prompt=f"this is number {number}")) for number in range(3)]
    assert [answer.result(timeout=120).text for answer in answers] == [f"this is number {n}" for n in range(3)]
    assert len({answer.result().generation_tokens for answer in answers}) == 1  # the toy's word for its process
    assert told(answers[0]) == "this is number 0 "


def test_a_conversation_goes_on(session: ModelSession) -> None:
    turns = [
        ChatMessage(role="user", content="one"),
        ChatMessage(role="assistant", content="two"),
        ChatMessage(role="user", content="three"),
    ]
    assert session.chat(turns).result(timeout=120).text == "three"


def test_stopping_one_answer_keeps_the_session(session: ModelSession) -> None:
    stopped = session.generate(GenerateRequest(prompt="one wait two"))
    next(event for event in stopped.events() if isinstance(event, Token))
    stopped.cancel()
    with pytest.raises(Cancelled):
        stopped.result(timeout=120)
    assert told(stopped).startswith("one")
    assert session.generate(GenerateRequest(prompt="and on it goes")).result(timeout=120).text == "and on it goes"
    assert not session.closed


def test_an_answer_that_waits_is_stopped_without_starting(session: ModelSession) -> None:
    running = session.generate(GenerateRequest(prompt="one wait"))
    waiting = session.generate(GenerateRequest(prompt="two"))
    next(event for event in running.events() if isinstance(event, Token))
    waiting.cancel()
    with pytest.raises(Cancelled):
        waiting.result(timeout=120)
    assert told(waiting) == ""
    assert running.state == JobState.RUNNING
    running.cancel()
    assert session.generate(GenerateRequest(prompt="three")).result(timeout=120).text == "three"


def test_closing_ends_the_process_and_what_it_says(workspace: Workspace, write_toy: WriteToy) -> None:
    session = workspace.open(write_toy())
    session.loading.result(timeout=120)
    running = session.generate(GenerateRequest(prompt="one wait"))
    next(event for event in running.events() if isinstance(event, Token))
    pid = pid_of(session)
    session.close()
    session.close()
    assert gone(pid)
    assert running.state == JobState.CANCELLED
    with pytest.raises(GenerationFailed, match="closed"):
        session.generate(GenerateRequest(prompt="more"))


def test_closing_the_workspace_closes_its_sessions(toys: None, write_toy: WriteToy) -> None:
    with Workspace() as workspace:
        session = workspace.open(write_toy())
        session.loading.result(timeout=120)
        pid = pid_of(session)
    assert session.closed
    assert gone(pid)


def test_a_session_that_nobody_asks_ends_by_itself(workspace: Workspace, write_toy: WriteToy) -> None:
    runner = WorkerProcess(workspace._plugins, workspace.home)
    session = Session(write_toy(), runner, lambda event: None, idle_seconds=0.2)
    session.loading.result(timeout=120)
    wait_until(lambda: session.closed and gone(runner.pid))


def test_a_session_is_not_idle_while_it_answers(workspace: Workspace, write_toy: WriteToy) -> None:
    runner = WorkerProcess(workspace._plugins, workspace.home)
    session = Session(write_toy(), runner, lambda event: None, idle_seconds=1.0)
    session.loading.result(timeout=120)
    first = session.generate(GenerateRequest(prompt="one"))
    second = session.generate(GenerateRequest(prompt="two wait"))  # asked before the first is done
    first.result(timeout=120)
    time.sleep(1.5)  # longer than the session may idle
    assert second.state == JobState.RUNNING
    assert not session.closed
    second.cancel()
    wait_until(lambda: session.closed)


def test_a_session_whose_worker_died_is_closed(workspace: Workspace, write_toy: WriteToy) -> None:
    session = workspace.open(write_toy())
    with pytest.raises(WorkerDied):
        session.generate(GenerateRequest(prompt="oh kill")).result(timeout=120)
    wait_until(lambda: session.closed)
    with pytest.raises(GenerationFailed, match="closed") as caught:
        session.generate(GenerateRequest(prompt="hello"))
    assert "Open the model again" in caught.value.hint


def test_a_stuck_answer_takes_the_session_with_it(workspace: Workspace, write_toy: WriteToy) -> None:
    session = workspace.open(write_toy())
    answer = session.generate(GenerateRequest(prompt="one stuck"))
    next(event for event in answer.events() if isinstance(event, Token))
    answer.cancel()
    with pytest.raises(Cancelled):
        answer.result(timeout=120)
    wait_until(lambda: session.closed)


def test_a_model_that_fails_to_load_closes_its_session(workspace: Workspace, write_toy: WriteToy) -> None:
    session = workspace.open(write_toy(load="raise"))
    with pytest.raises(Exception, match="lost"):
        session.loading.result(timeout=120)
    wait_until(lambda: session.closed)
    with pytest.raises(GenerationFailed):
        session.generate(GenerateRequest(prompt="hello"))


@pytest.mark.parametrize("target", ["model-2.safetensors", "nowhere"])
def test_a_weight_file_that_is_a_broken_link_counts_nothing(write_toy: WriteToy, target: str) -> None:
    folder = write_toy()
    whole = weight_bytes(folder)
    assert whole == (folder / "model.safetensors").stat().st_size
    (folder / "model-2.safetensors").symlink_to(target)
    assert weight_bytes(folder) == whole


def test_idle_sessions_make_room_for_the_next(
    workspace: Workspace, write_toy: WriteToy, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = workspace.open(write_toy("first"))
    first.loading.result(timeout=120)
    monkeypatch.setattr(workspace._sessions, "_free_memory", lambda: 0)
    second = workspace.open(write_toy("second"))
    assert first.closed
    assert not second.closed


def test_a_model_that_is_being_loaded_counts_before_it_takes_its_memory(
    workspace: Workspace, write_toy: WriteToy, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = workspace.open(write_toy("idle"))
    idle.loading.result(timeout=120)
    first, second = write_toy("first"), write_toy("second")
    room = weight_bytes(first) + BESIDE_WEIGHTS
    monkeypatch.setattr(workspace._sessions, "_free_memory", lambda: room + room // 2)  # for one, not for two
    assert workspace._sessions.fit((first,))
    workspace.open(first)  # it loads now: no byte of it is taken yet
    assert not idle.closed
    assert not workspace._sessions.fit((second,))
    assert idle.closed


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("    raise RuntimeError('no coffee')", "RuntimeError: no coffee"),
        ("    return 'a text'", "gave a str, not a GenerationExtras"),
    ],
)
def test_a_plugin_that_fails_in_on_generate_fails_the_answer_by_name(
    toys: None, add_plugin: Callable[[str, str], Path], write_toy: WriteToy, code: str, words: str
) -> None:
    add_plugin("broken", f"@hookimpl\ndef on_generate(request):\n{code}\n")
    with Workspace() as workspace:
        answer = workspace.generate(write_toy(), GenerateRequest(prompt="hello"))
        with pytest.raises(PluginError, match=r"the plugin broken .*failed in on_generate") as caught:
            answer.result(timeout=120)
    assert words in caught.value.message


def test_stop_texts_of_all_plugins_reach_the_runner(
    toys: None, add_plugin: Callable[[str, str], Path], write_toy: WriteToy
) -> None:
    for word in ("three", "five"):
        add_plugin(f"stop_{word}", f"@hookimpl\ndef on_generate():\n    return GenerationExtras(stop=({word!r},))\n")
    add_plugin("nothing", "@hookimpl\ndef on_generate(): ...\n")
    with Workspace() as workspace, workspace.open(write_toy()) as session:
        assert session.generate(GenerateRequest(prompt="one two three four")).result(timeout=120).text == "one two"
        assert session.generate(GenerateRequest(prompt="four five six")).result(timeout=120).text == "four"


def test_an_inline_session_lets_go_of_its_model_when_it_closes(workspace: Workspace, write_toy: WriteToy) -> None:
    folder = write_toy()
    for _ in range(2):
        with workspace.open(folder, inline=True) as session:
            session.loading.result(timeout=120)
            assert not (folder / "closed").exists()
        assert (folder / "closed").exists()
        (folder / "closed").unlink()
