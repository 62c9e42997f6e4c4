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
from mlx_convert_ui.words import _, plural


class LineList:
    """Draws itself on creation; `draw` shows the lines as they are now. ``instead`` writes another ref for one."""

    def __init__(self, lines: Lines, instead: Callable[[str, str], None]) -> None:
        self._lines = lines
        self._instead = instead
        self._drawn: dict[str, tuple[Line, ui.element]] = {}
        self._list = attributes(block("lines", "ul").mark("lines"), {"aria-label": _("What is known of each model")})
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
        waits = plural(
            "{count:,} more is checked when its turn comes.", "{count:,} more are checked when their turn comes.", more
        )
        self._more.show(waits if more else "")
        self._more.set_visibility(bool(more))
        self._said.show(_in_words(list(lines.values())))

    def _row(self, line: Line) -> None:
        with block("line-head"):
            Tag("span", line.plan.model.name if line.plan else line.ref, "line-name").attribute("title", line.ref)
            if not line.known:
                Tag("span", "", "spin", label=_("Looking at it")).props("role=img")
            elif line.refusal is not None:
                Badge(_("Can't be converted"), "bad", icon="x")
            else:
                Badge(_("Supported"), "ok", icon="check")
        if line.refusal is not None:
            tell(line.error or line.refusal, offer=self._offer(line.ref))
        elif line.plan is not None:
            self._outputs(line)

    def _outputs(self, line: Line) -> None:
        plan = line.plan
        assert plan is not None
        size = sum(output.weight_bytes for output in plan.outputs)
        with block("result-about"):
            Tag("span", _in_all(size, len(plan.outputs)), "muted")
            largest = max(output.weight_bytes for output in plan.outputs)
            show_fit(Tag("span", "", "option-size"), fit_into(memory_now(), largest, plan.model.config))
        for output in line.there:
            self._there(output)

    def _there(self, output: OutputPlan) -> None:
        stays = output.replaces is not None and output.replaces.stays
        options = {key: words for key, words in _choices().items() if key != "replace" or not stays}
        with block("line-there"):
            Tag("span", _("{name} is there already", name=output.path.name), "muted")
            select = ui.select(
                options,
                value=self._lines.chosen(output),
                on_change=lambda event: self._lines.choices.update({output.path: event.value}),
            )
            select.props(f"outlined dense hide-bottom-space options-dense dropdown-icon='{CHEVRON}'").mark("there")
            attributes(select, {"aria-label": _("What to do with {name}", name=output.path.name)})

    def _offer(self, ref: str) -> Offer:
        def offered(remedy: object) -> tuple[str, Callable[[], object]] | None:
            if isinstance(remedy, UseInstead) and not remedy.adapter:  # a line has no place for one: the form has
                return _("Use {name}", name=remedy.ref), lambda: self._instead(ref, remedy.ref)
            return None

        return offered


def _choices() -> dict[Choice, str]:
    """What can become of an output that is there already."""
    return {"skip": _("Leave it as it is"), "replace": _("Replace it"), "rename": _("Make it under another name")}


def _in_all(size: int, results: int) -> str:
    """What all results of a model take together."""
    if results == 1:
        return f"≈ {units.size(size)}"
    return plural("≈ {size} in {count:,} model", "≈ {size} in {count:,} models", results, size=units.size(size))


def _in_words(lines: list[Line]) -> str:
    """For who does not see the list: how many are known, once all are."""
    if not lines or not all(line.known for line in lines):
        return ""
    bad = sum(line.refusal is not None for line in lines)
    return plural(
        "{good} of {count:,} model can be converted.",
        "{good} of {count:,} models can be converted.",
        len(lines),
        good=len(lines) - bad,
    )
