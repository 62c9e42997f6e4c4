"""Views of jobs: what is still shown is kept, and nothing else."""

from __future__ import annotations

import time
from typing import Any

from mlx_convert_ui.state.job_views import KEPT, JobView, JobViews

from mlx_convert_core import Job, JobState
from mlx_convert_core.running.jobs import JobQueue


def run(views: JobViews, kind: str, place: str) -> JobView:
    """Follow a job that ends at once, to its end."""
    job: Job[Any] = Job(kind, kind, lambda event: None)
    view = views.follow(JobQueue().run(job, lambda job: None), place=place)
    while view.active:
        time.sleep(0.001)
    return view


def test_views_do_not_grow_for_ever_and_the_newest_stay() -> None:
    views = JobViews()
    shown = [run(views, "convert", "convert") for _ in range(KEPT + 4)]
    shown[0].dismiss()
    answers = [run(views, "generate", "test") for _ in range(KEPT * 3)]
    queued = [run(views, "convert", "queue") for _ in range(KEPT * 3)]
    run(views, "generate", "chat")
    assert views.of("generate", "test") == tuple(reversed(answers))[:KEPT]
    assert views.of("convert", "convert") == tuple(reversed(shown[1:]))
    assert len(views.of("convert", "queue")) == KEPT
    assert views.finished == len(shown) + len(queued)
    assert all(view.state is JobState.FINISHED for view in shown)
