"""What several threads change and pages read: nothing breaks in the reader's hands, and no change is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mlx_convert_ui.state.chats import Chats
from mlx_convert_ui.state.job_views import LOG_LINES, JobView

from mlx_convert_core import Job, Message, Progress, StepFinished, StepStarted
from mlx_convert_core.plugin import ChatSettings, ConversationStore


class SlowNumber(int):
    """Takes its time to grow, so that who adds without a lock loses what others add meanwhile."""

    def __add__(self, more: int) -> SlowNumber:
        time.sleep(0.005)
        return SlowNumber(int(self) + more)


def view_of_a_job() -> JobView:
    job: Job[Any] = Job("convert", "A model", lambda event: None)
    return JobView(job=job)


def all_at_once(calls: Iterable[Callable[[], object]]) -> None:
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(call) for call in calls]:
            done.result()


def test_news_come_in_while_a_page_walks_through_the_last() -> None:
    view = view_of_a_job()
    view.apply(StepStarted(job="1", step="fetch"))
    view.apply(Progress(job="1", step="fetch", done=1, total=2))
    view.apply(Message(job="1", level="info", text="first"))
    steps, progress, log = iter(view.steps.values()), iter(view.progress.items()), iter(view.log)
    view.apply(StepStarted(job="1", step="load"))
    view.apply(Progress(job="1", step="write", done=1, total=2))
    view.apply(Message(job="1", level="info", text="second"))
    assert "load" not in [step.name for step in steps]
    assert [name for name, _ in progress] == ["fetch"]
    assert list(log) == ["first"]
    assert (view.steps["load"].state, view.fraction, view.log) == ("running", 0.5 * 0.9, ("first", "second"))


def test_the_bar_moves_while_a_text_runs_through_the_model_and_never_back() -> None:
    view, seen = view_of_a_job(), []
    for step in ("fetch", "calibrate", "write", "check"):
        view.apply(StepStarted(job="1", step=step))
        for done in (1, 2):
            seen.append(view.fraction)
            view.apply(
                Progress(job="1", step=step, done=done, total=2, unit="tokens" if step == "calibrate" else "bytes")
            )
            seen.append(view.fraction)
        view.apply(StepFinished(job="1", step=step, seconds=1.0))
    assert seen == sorted(seen)
    assert len(set(seen)) == 9  # each news moved it
    assert seen[-1] == 1


def test_a_step_that_a_page_holds_stays_as_it_was() -> None:
    view = view_of_a_job()
    view.apply(StepStarted(job="1", step="write"))
    held = view.current
    assert held is not None
    view.apply(StepFinished(job="1", step="write", seconds=2.0))
    assert (held.state, held.seconds) == ("running", 0.0)
    assert (view.steps["write"].state, view.steps["write"].seconds) == ("done", 2.0)


def test_the_log_keeps_the_newest_lines() -> None:
    view = view_of_a_job()
    for number in range(LOG_LINES + 3):
        view.apply(Message(job="1", level="info", text=str(number)))
    assert (view.log[0], view.log[-1], len(view.log)) == ("3", str(LOG_LINES + 2), LOG_LINES)


def test_no_change_of_a_job_is_lost() -> None:
    view = view_of_a_job()
    view.version = SlowNumber(0)
    news = Message(job="1", level="info", text="x")
    all_at_once([view.dismiss, *[lambda: view.apply(news)] * 15])
    assert view.version == 16


def test_no_change_of_a_conversation_is_lost(home: Path) -> None:
    store = ConversationStore(home)
    chats = Chats(store, answers=None)  # type: ignore[arg-type]
    gone, *ids = [store.create("model", ChatSettings(), "old").id for _ in range(9)]
    chats.version = SlowNumber(0)
    all_at_once([*(lambda id=id: chats.rename(id, "new") for id in ids), lambda: chats.delete(gone)])  # type: ignore[misc]
    assert chats.version == 9
