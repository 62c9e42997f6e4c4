"""A model that is being measured, or was: above the library, with how far it is and what came out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from nicegui import ui

from mlx_convert_core import (
    BenchRequest,
    BenchResult,
    JobState,
    MeasuredFigure,
    MeasureRequest,
    MeasureResult,
)
from mlx_convert_core.plugin import units
from mlx_convert_ui import wording
from mlx_convert_ui.state.job_views import JobView
from mlx_convert_ui.state.library_rows import page_of
from mlx_convert_ui.widgets.components import (
    Button,
    Tag,
    address_of,
    block,
    note,
    set_progress,
)
from mlx_convert_ui.widgets.live import LiveJobs
from mlx_convert_ui.widgets.small_card import SmallCard, states
from mlx_convert_ui.widgets.tables import plain_table
from mlx_convert_ui.words import N_, _, given, joined, plural

REFRESH_SECONDS = 0.2
Request = MeasureRequest | BenchRequest
Again = Callable[[JobView, Request], object]
# Each step that reports how far it is, in words; the last one that did is shown.
_STEPS = {
    "fetch": N_("Fetching the source"),
    "reference": N_("Reading the source"),
    "score": N_("Reading the text"),
    "measure": N_("Measuring"),
}


class Measuring(SmallCard):
    """One measurement; ``again`` starts another one of the same model."""

    KIND = "measuring"
    STATES = states(running=N_("Measuring"), finished=N_("Measured"))
    KEPT = N_("The model's earlier figures are kept.")

    def __init__(self, view: JobView, again: Again) -> None:
        self._again = again
        super().__init__(view, block("card", "section", label=view.job.title).mark("measuring"))

    def _leading_on(self) -> None:
        link = Tag("a", _("Details"), "btn btn-ghost btn-small").mark("details")
        link.attribute("href", address_of(page_of(Path(self.view.place))))

    def _done(self) -> None:
        _figures(self.view.job.result(), self.view.log)

    def _move(self) -> None:
        view = self.view
        moved = [(words, view.progress[step]) for step, words in _STEPS.items() if step in view.progress]
        if not moved or not moved[-1][1].total:
            self._numbers.show(_("Loading …") if view.state is JobState.RUNNING else _("Waiting its turn"))
            return
        words, progress = moved[-1]
        set_progress(self._bar, progress.done / progress.total)
        parts = (_(words), f"{progress.done / progress.total:.0%}", wording.left(progress))
        self._numbers.show(joined(*parts))

    def _offer(self) -> None:
        request, error = self.view.request, self.view.error
        Button(_("Try again"), lambda: self._start(request), icon="rotate-ccw", classes="btn-small").mark(
            "measure-again"
        )
        if error is not None and error.code in ("measure_memory", "answer_memory"):
            Button(_("Measure anyway"), lambda: self._start(replace(request, anyway=True)), classes="btn-small").mark(
                "measure-anyway"
            )

    def _start(self, request: Request) -> None:
        self._begin(lambda: self._again(self.view, request))


def measuring_list(views: Callable[[], tuple[JobView, ...]], again: Again) -> None:
    """Draw every measurement that nobody dismissed, newest first; it keeps up by itself."""
    jobs = LiveJobs(block("column jobs measurements"), views, lambda view: Measuring(view, again))
    jobs.refresh()
    ui.timer(REFRESH_SECONDS, jobs.refresh)


def _figures(result: MeasureResult | BenchResult, told: tuple[str, ...]) -> None:
    if isinstance(result, BenchResult):
        _speed(result)
        return
    if result.verdict:
        Tag("p", f"{given(result.verdict)} {given(result.reason)}".strip())
    else:
        for line in told[:1]:
            note("warning", line)
    rows = [
        (
            figure.title,
            f"{figure.value:.4g} {figure.unit}".strip(),
            _("{low} to {high}", low=f"{figure.low:.3g}", high=f"{figure.high:.3g}"),
            _of_source(figure),
        )
        for figure in result.figures
    ]
    plain_table(
        _("Tasks") if result.questions else _("Quality"),
        (_("Figure"), _("Value"), _("95 % interval"), _("Source")),
        rows,
    )
    if result.questions:
        amount = plural("{count:,} question", "{count:,} questions", result.questions)
    else:
        amount = plural("{count:,} token", "{count:,} tokens", result.tokens)
    about = _("{amount} of “{text}”", amount=amount, text=result.text)
    if result.against:
        about = _("{amount} of “{text}” against {source}", amount=amount, text=result.text, source=result.against)
    Tag("p", f"{about} · {units.duration(result.seconds)}", "muted")


def _of_source(figure: MeasuredFigure) -> str:
    if figure.source is None:
        return ""
    if figure.difference is None:
        return f"{figure.source:.4g}"
    more, low, high = figure.difference
    return _(
        "{source}; difference {difference} ({low} to {high})",
        source=f"{figure.source:.4g}",
        difference=f"{more:+.3g}",
        low=f"{low:+.3g}",
        high=f"{high:+.3g}",
    )


def _speed(result: BenchResult) -> None:
    rows = [
        (
            plural("{count:,} token", "{count:,} tokens", row.prompt_tokens),
            units.speed(row.prompt_tokens_per_second.median),
            units.speed(row.generation_tokens_per_second.median),
            units.duration(row.time_to_first_token.median),
        )
        for row in result.rows
    ]
    plain_table(_("Speed"), (_("Prompt"), _("Reading it"), _("Answering"), _("First token")), rows)
    loaded = _("loaded in {time}", time=units.duration(result.load_seconds))
    memory = _("peak memory {size}", size=units.size(result.peak_memory))
    Tag("p", f"{loaded} · {memory} · {result.device}", "muted")
