"""A job tells its news from the beginning to whoever asks, and ends exactly once; heavy jobs take turns."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from mlx_convert_core import (
    Cancelled,
    InvalidRequest,
    Job,
    JobCancelled,
    JobFailed,
    JobFinished,
    JobState,
    Message,
    MlxConvertError,
)
from mlx_convert_core.model.events import AnyEvent
from mlx_convert_core.plugin import JobStarted
from mlx_convert_core.running.jobs import KEPT, JobQueue


@pytest.fixture
def seen() -> list[AnyEvent]:
    """What the observer of every job sees."""
    return []


@pytest.fixture
def make(seen: list[AnyEvent]) -> Callable[[str], Job[object]]:
    """Make a job with a title."""
    return lambda title: Job("convert", title, seen.append)


@pytest.fixture
def queue() -> Iterator[JobQueue]:
    """Give a queue that is closed in the end."""
    queue = JobQueue()
    yield queue
    queue.close()


def say(job: Job[object], *texts: str) -> None:
    for text in texts:
        job.emit(Message(job=job.id, level="info", text=text))


def news(job: Job[object]) -> list[str]:
    return [event.text if isinstance(event, Message) else type(event).__name__ for event in job.events()]


def test_a_job_that_ends_well(make: Callable[[str], Job[object]], seen: list[AnyEvent]) -> None:
    job = make("well")
    assert job.state == JobState.QUEUED
    job.run(lambda job: say(job, "a", "b") or 42)
    assert job.state == JobState.FINISHED
    assert job.result() == 42
    assert news(job) == ["JobStarted", "a", "b", "JobFinished"]
    assert list(job.events()) == seen
    first, *_, last = seen
    assert isinstance(first, JobStarted)
    assert (first.job, first.kind, first.title) == (job.id, "convert", "well")
    assert isinstance(last, JobFinished)
    assert last.result == 42


@pytest.mark.parametrize(
    ("error", "event", "state", "code"),
    [
        (InvalidRequest("no.", hint="Try."), JobFailed, JobState.FAILED, "invalid_request"),
        (KeyError("lost"), JobFailed, JobState.FAILED, "unexpected"),
        (SystemExit(3), JobFailed, JobState.FAILED, "unexpected"),
        (Cancelled("cancelled."), JobCancelled, JobState.CANCELLED, "cancelled"),
    ],
)
def test_a_job_that_does_not(
    make: Callable[[str], Job[object]], error: BaseException, event: type, state: JobState, code: str
) -> None:
    def body(job: Job[object]) -> None:
        say(job, "so far")
        raise error

    job = make("badly")
    job.run(body)
    assert news(job) == ["JobStarted", "so far", event.__name__]
    assert job.state == state
    for _ in range(2):
        with pytest.raises(MlxConvertError) as caught:
            job.result()
        assert caught.value.code == code


@pytest.mark.parametrize("left", [KeyboardInterrupt(), SystemExit(3)])
def test_leaving_reaches_the_caller_of_a_job_in_its_own_thread(
    make: Callable[[str], Job[object]], queue: JobQueue, left: BaseException
) -> None:
    def body(job: Job[object]) -> None:
        raise left

    job = make("left")
    with pytest.raises(type(left)):
        queue.run(job, body)
    assert job.state == JobState.CANCELLED
    assert news(job) == ["JobStarted", "JobCancelled"]
    with pytest.raises(Cancelled):
        job.result()


def test_a_result_that_no_event_can_carry_fails_the_job(make: Callable[[str], Job[object]], queue: JobQueue) -> None:
    job = queue.start(make("odd"), lambda job: object(), heavy=False)
    with pytest.raises(MlxConvertError, match="can't be written as JSON"):
        job.result(timeout=60)
    assert news(job) == ["JobStarted", "JobFailed"]


def test_late_and_early_listeners_get_all_events(make: Callable[[str], Job[object]], queue: JobQueue) -> None:
    job = make("heard")
    half, go_on = threading.Event(), threading.Event()
    heard: dict[str, list[str]] = {}

    def body(job: Job[object]) -> None:
        say(job, "a", "b")
        half.set()
        go_on.wait(60)
        say(job, "c")

    def listen(name: str) -> threading.Thread:
        thread = threading.Thread(target=lambda: heard.update({name: news(job)}))
        thread.start()
        return thread

    early = listen("early")
    queue.start(job, body, heavy=True)
    half.wait(60)
    middle = listen("middle")
    go_on.set()
    job.result(timeout=60)
    late = listen("late")
    for thread in (early, middle, late):
        thread.join(60)
    everything = ["JobStarted", "a", "b", "c", "JobFinished"]
    assert heard == {"early": everything, "middle": everything, "late": everything}


def test_a_result_that_takes_too_long(make: Callable[[str], Job[object]], queue: JobQueue) -> None:
    go_on = threading.Event()
    job = queue.start(make("slow"), lambda job: go_on.wait(60), heavy=False)
    with pytest.raises(TimeoutError, match=job.id):
        job.result(timeout=0.01)
    go_on.set()
    assert job.result(timeout=60) is True


def test_heavy_jobs_run_one_at_a_time_in_the_order_they_came(
    make: Callable[[str], Job[object]], queue: JobQueue
) -> None:
    running, order = [], []

    def body(job: Job[object]) -> int:
        running.append(job.title)
        order.append(job.title)
        together = len(running)
        threading.Event().wait(0.01)
        running.remove(job.title)
        return together

    jobs = [queue.start(make(str(number)), body, heavy=True) for number in range(6)]
    assert [job.result(timeout=60) for job in jobs] == [1] * 6
    assert order == [str(number) for number in range(6)]
    assert queue.jobs == tuple(jobs)


def test_a_light_job_does_not_wait_for_a_heavy_one(make: Callable[[str], Job[object]], queue: JobQueue) -> None:
    go_on = threading.Event()
    heavy = queue.start(make("heavy"), lambda job: go_on.wait(60), heavy=True)
    assert queue.start(make("light"), lambda job: "done", heavy=False).result(timeout=60) == "done"
    assert not heavy.state.final
    go_on.set()
    heavy.result(timeout=60)


def test_a_cancelled_one_that_waits_leaves_the_queue(make: Callable[[str], Job[object]], queue: JobQueue) -> None:
    go_on = threading.Event()
    first = queue.start(make("first"), lambda job: go_on.wait(60), heavy=True)
    second = queue.start(make("second"), lambda job: "never", heavy=True)
    third = queue.start(make("third"), lambda job: "third", heavy=True)
    second.cancel()
    assert news(second) == ["JobCancelled"]
    assert third.state == JobState.QUEUED
    go_on.set()
    assert third.result(timeout=60) == "third"
    assert first.state == JobState.FINISHED


def test_a_cancel_before_during_and_after(make: Callable[[str], Job[object]]) -> None:
    calls: list[str] = []
    job = make("early")
    job.cancel()
    job.on_cancel(lambda: calls.append("late comer"))
    job.run(lambda job: calls.append("body"))
    assert news(job) == ["JobCancelled"]
    assert calls == ["late comer"]
    ended = make("ended")
    ended.on_cancel(lambda: calls.append("too late"))
    ended.run(lambda job: "whole")
    ended.cancel()
    assert ended.result() == "whole"
    assert calls == ["late comer"]


def test_closing_a_queue_cancels_what_waits_and_what_runs(make: Callable[[str], Job[object]]) -> None:
    queue = JobQueue()
    go_on = threading.Event()

    def body(job: Job[object]) -> None:
        job.on_cancel(go_on.set)
        go_on.wait(60)
        raise Cancelled("cancelled.")

    jobs = [queue.start(make(str(number)), body, heavy=True) for number in range(3)]
    queue.close()
    assert [job.state for job in jobs] == [JobState.CANCELLED] * 3


def test_jobs_that_ended_long_ago_are_forgotten(make: Callable[[str], Job[object]], queue: JobQueue) -> None:
    running = make("running")
    release = threading.Event()
    queue.start(running, lambda job: release.wait(60), heavy=False)
    ended = [queue.run(make(str(number)), lambda job: None) for number in range(KEPT + 20)]
    assert queue.jobs == (running, *ended[-KEPT - 1 :])
    release.set()
    running.result(timeout=60)


@pytest.mark.parametrize("waiting", [lambda job: list(job.events()), lambda job: job.result()])
def test_a_signal_that_does_not_wake_the_main_thread_is_heard(
    make: Callable[[str], Job[object]], queue: JobQueue, waiting: Callable[[Job[object]], object]
) -> None:
    """One that another thread takes is as one that comes just before the main thread waits."""
    heard, long = threading.Event(), threading.Event()
    before = signal.signal(signal.SIGUSR1, lambda number, frame: heard.set() or long.set())
    try:
        job = queue.start(make("silent"), lambda job: long.wait(20), heavy=False)
        taker = threading.Timer(0.2, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGUSR1))
        taker.start()
        waiting(job)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert heard.is_set()
    assert job.result() is True  # and not after the 20 seconds
