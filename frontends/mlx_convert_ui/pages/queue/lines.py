"""The list below the field for models: what is known of each, and what becomes of outputs that are there already."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from mlx_convert_core import OutputPlan
from mlx_convert_core.plugin import UseInstead, fit_into, memory_now, units
from mlx_convert_ui.state.queue_lines import Choice, Line, Lines
from mlx_convert_ui.widgets.components import CHEVRON, Badge, Tag, attributes, block
from mlx_convert_ui.widgets.fitting import show_fit
from mlx_convert_ui.widgets.remedies import Offer, tell

_CHOICES: dict[Choice, str] = {
    "skip": "Leave it as it is",
    "replace": "Replace it",
    "rename": "Make it under another name",
}


class LineList:
    """Draws itself on creation; `draw` shows the lines as they are now. ``instead`` writes another ref for one."""

    def __init__(self, lines: Lines, instead: Callable[[str, str], None]) -> None:
        self._lines = lines
        self._instead = instead
        self._drawn: dict[str, tuple[Line, ui.element]] = {}
        self._list = attributes(block("lines", "ul").mark("lines"), {"aria-label": "What is known of each model"})
        self._more = Tag("p", "", "field-hint")
        self._said = Tag("p", "", "unseen").props("role=status")

    def draw(self, more: int = 0) -> None:
        """Draw what changed; ``more`` lines are not looked at."""
        lines = self._lines.lines
        for ref in [ref for ref in self._drawn if lines.get(ref) != self._drawn[ref][0]]:
            self._drawn.pop(ref)[1].delete()
        for index, line in enumerate(lines.values()):
            if line.ref not in self._drawn:
                with self._list:
                    self._drawn[line.ref] = line, block("line", "li").mark("line")
                with self._drawn[line.ref][1]:
                    self._row(line)
            element = self._drawn[line.ref][1]
            if self._list.default_slot.children.index(element) != index:
                element.move(self._list, target_index=index)
        self._more.show(f"{more:,} more are looked at when their turn comes." if more else "")
        self._more.set_visibility(bool(more))
        self._said.show(_in_words(list(lines.values())))

    def _row(self, line: Line) -> None:
        with block("line-head"):
            Tag("span", line.plan.model.name if line.plan else line.ref, "line-name").attribute("title", line.ref)
            if not line.known:
                Tag("span", "", "spin", label="Looking at it").props("role=img")
            elif line.refusal is not None:
                Badge("Can't be converted", "bad", icon="x")
            else:
                Badge("Supported", "ok", icon="check")
        if line.refusal is not None:
            tell(line.error or line.refusal, offer=self._offer(line.ref))
        elif line.plan is not None:
            self._outputs(line)

    def _outputs(self, line: Line) -> None:
        plan = line.plan
        assert plan is not None
        size = sum(output.weight_bytes for output in plan.outputs)
        with block("result-about"):
            Tag(
                "span", f"≈ {units.size(size)}" + (f" in {len(plan.outputs)}" if len(plan.outputs) > 1 else ""), "muted"
            )
            largest = max(output.weight_bytes for output in plan.outputs)
            show_fit(Tag("span", "", "option-size"), fit_into(memory_now(), largest, plan.model.config))
        for output in line.there:
            self._there(output)

    def _there(self, output: OutputPlan) -> None:
        stays = output.replaces is not None and output.replaces.stays
        options = {key: words for key, words in _CHOICES.items() if key != "replace" or not stays}
        with block("line-there"):
            Tag("span", f"{output.path.name} is there already", "muted")
            select = ui.select(
                options,
                value=self._lines.chosen(output),
                on_change=lambda event: self._lines.choices.update({output.path: event.value}),
            )
            select.props(f"outlined dense hide-bottom-space options-dense dropdown-icon='{CHEVRON}'").mark("there")
            attributes(select, {"aria-label": f"What becomes of {output.path.name}"})

    def _offer(self, ref: str) -> Offer:
        def offered(remedy: object) -> tuple[str, Callable[[], object]] | None:
            if isinstance(remedy, UseInstead):
                return f"Use {remedy.ref}", lambda: self._instead(ref, remedy.ref)
            return None

        return offered


def _in_words(lines: list[Line]) -> str:
    """For who does not see the list: how many are known, once all are."""
    if not lines or not all(line.known for line in lines):
        return ""
    bad = sum(line.refusal is not None for line in lines)
    return f"{len(lines) - bad} of {len(lines)} models can be converted."
