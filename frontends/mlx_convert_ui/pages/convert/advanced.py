"""What is under Advanced: every number of a conversion, each with a sentence on when to change it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nicegui import ui

from mlx_convert_core import Preset
from mlx_convert_core.plugin import AFFINE_BITS, AFFINE_GROUP_SIZES, MODES, NEAREST, dtypes
from mlx_convert_ui.state.convert_form import Form
from mlx_convert_ui.widgets.components import CHEVRON, attributes, block, field, named, tooltip
from mlx_convert_ui.words import _, given, plural


class AdvancedFields:
    """Draws itself on creation; ``put`` is called with the name of a field and what it is to be."""

    def __init__(self, presets: Mapping[str, Preset], form: Form, put: Callable[[str, Any], None]) -> None:
        self._presets = presets
        self._form = form
        self._set = put
        self._selects: dict[str, ui.select] = {}
        self._switches: dict[str, ui.switch] = {}
        self._build()

    def show(self) -> None:
        """Show what is set elsewhere: consent for one model is none for the next, a recipe brings its text."""
        for attribute, switch in self._switches.items():
            switch.value = getattr(self._form, attribute)
        self._calibration.value = self._form.calibration
        self._adapter.value = self._form.adapter

    def take(self, preset: str) -> None:
        """Show ``preset``, with nothing set beside it."""
        for attribute in self._form.changes:
            self._selects[attribute].value = None
        self._selects["preset"].value = preset

    def _build(self) -> None:
        with block("fields fields-3"):
            self._numbers()
            self._per_layer()
            self._rounding()
            self._named()
            self._agreements()

    def _numbers(self) -> None:
        every = {name: given(preset.title) for name, preset in self._presets.items()}
        self._select(
            _("Preset"),
            _("Every preset, also those of plugins. Change it when none of the cards above fits."),
            every,
            "preset",
        )
        usual = _or_as_preset(())
        bits = {**usual, **{bits: plural("{count:,} bit", "{count:,} bits", bits) for bits in AFFINE_BITS}}
        tip = _("Bits for each number. Fewer make the model smaller and less exact.")
        self._select(_("Bits"), tip, bits, "bits")
        groups = {**usual, **{size: str(size) for size in AFFINE_GROUP_SIZES}}
        self._select(
            _("Group size"),
            _("How many numbers share one scale. Smaller groups keep more quality and take a bit more space."),
            groups,
            "group_size",
        )
        modes = {**usual, **{mode: mode if mode == "affine" else mode.upper() for mode in MODES}}
        tip = _("The number format. Leave it unless you need one of the float formats.")
        self._select(_("Mode"), tip, modes, "mode")

    def _per_layer(self) -> None:
        """The strategies, and those of a budget beside them: whoever types a number there chooses one."""
        strategies = sorted({preset.strategy for preset in self._presets.values() if preset.strategy})
        self._select(
            _("Strategy"),
            _("Chooses bits layer by layer, so that the layers that matter most keep more."),
            _or_as_preset(strategies),
            "strategy",
        )
        told = _("At most this many on average: layers that lose more get more bits.")
        self._budget(_("Bits per weight"), told, "bpw:")
        told = _(
            "How far the result may be from its source, in nats of KL divergence: 0.05 is close. A few models are made"
            " and measured to find the smallest one within it."
        )
        self._budget(_("Largest divergence"), told, "kl:")
        told = _(
            "The largest model that runs on this Mac with a conversation of so many tokens, such as 16k. Layers that"
            " lose more get more bits."
        )
        self._budget(_("Fit with a context of"), told, "fit:this-mac-", empty=_("tokens, such as 16k"))

    def _rounding(self) -> None:
        methods = sorted({NEAREST, *(preset.method for preset in self._presets.values() if preset.method)})
        self._select(
            _("Rounding"),
            _(
                "How numbers are rounded. “tuned” fits them to a text that runs through the model first. With"
                " “compensated” they also make up for each other. Same size, longer conversion."
            ),
            _or_as_preset(methods),
            "method",
        )
        self._select(
            _("Unquantized numbers"),
            _("The number type of everything that isn't quantized. float16 is faster on M1 and M2 Macs."),
            _or_as_preset(dtypes.DTYPES),
            "dtype",
        )

    def _named(self) -> None:
        """What is typed: which revision, an adapter, a text to round by."""
        tip = _("A branch, tag or commit of a repo. Empty means the newest.")
        self._typed(_("Revision"), tip, "main", "revision")
        self._adapter = self._typed(
            _("Adapter"),
            _(
                "A LoRA, as peft or mlx-lm has saved it, that is fused into the model: a repo or a folder. Several take"
                " a line each, and are fused in this order."
            ),
            _("owner/lora, or a folder"),
            "adapter",
            lines=True,
        )
        self._calibration = self._typed(
            _("Calibration text"),
            _(
                "A text file of yours, like what the model will be used for. “tuned” and “compensated” rounding"
                " follow it. Empty means the text that comes with the app; random means random tokens, samples what the"
                " model says by itself."
            ),
            _("the app's own text"),
            "calibration",
        )

    def _agreements(self) -> None:
        self._switch(
            _("Try the result"),
            _("Loads what was written and asks it a question before it counts as done. Takes seconds."),
            "verify",
        )
        self._switch(
            _("Allow infinite values"),
            _("float16 can't hold very large numbers: they become infinite. When off, such models are refused."),
            "allow_overflow",
        )
        self._switch(
            _("Run the model's own code"),
            _("Some models bring Python code. Allow it only if you trust their author."),
            "trust",
        )

    def _typed(self, label: str, tip: str, empty: str, attribute: str, *, lines: bool = False) -> ui.input:
        """A line to type, or ``lines``; ``empty`` is what stands there while nothing does."""
        with field(label, tip) as name:
            value = getattr(self._form, attribute)
            kind = ui.textarea if lines else ui.input
            box = kind(value=value, on_change=lambda event: self._set(attribute, event.value or ""))
            if lines:
                box.props("autogrow rows=1")
            attributes(box, {"placeholder": empty})
            return named(box.mark(f"advanced-{attribute}"), name).props("spellcheck=false")

    def _switch(self, label: str, tip: str, attribute: str) -> None:
        with block("wide"):
            box = ui.switch(
                label,
                value=getattr(self._form, attribute),
                on_change=lambda event: self._set(attribute, event.value),
            ).mark(f"advanced-{attribute}")
            tooltip(box, tip)
        self._switches[attribute] = box

    def _budget(self, label: str, tip: str, begins: str, *, empty: str = "") -> None:
        """A field for what comes after the beginning of a strategy's name."""

        def take(typed: str | None) -> None:
            self._set("strategy", f"{begins}{typed.strip()}" if typed else None)

        with field(label, tip) as name:
            strategy = self._form.strategy or ""
            value = strategy.removeprefix(begins) if strategy.startswith(begins) else ""
            box = named(ui.input(value=value, on_change=lambda event: take(event.value)), name)
            attributes(box.props("spellcheck=false"), {"placeholder": empty or _("As in the preset")})
            box.mark(f"advanced-{begins.rstrip(':-').rpartition(':')[2]}")

    def _select(self, label: str, tip: str, options: dict[Any, str], attribute: str) -> None:
        with field(label, tip) as name:
            value = getattr(self._form, attribute)
            value = value if value in options else None
            select = ui.select(options, value=value, on_change=lambda event: self._set(attribute, event.value))
            named(select, name).props(f"dropdown-icon='{CHEVRON}' options-dense")
            self._selects[attribute] = select.mark(f"advanced-{attribute}")


def _or_as_preset(choices: Iterable[str]) -> dict[Any, str]:
    return {None: _("As in the preset"), **{name: name for name in choices}}
