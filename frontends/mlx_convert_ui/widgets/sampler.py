"""The numbers that shape an answer, each with a slider and a sentence on what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any

from nicegui import ui

from mlx_convert_core import GenerateRequest
from mlx_convert_core.plugin import SAMPLER_LIMITS, ChatSettings, SamplerAdvice
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Tag, attributes, block, field, help_mark, named
from mlx_convert_ui.widgets.kept_settings import KeptSettings
from mlx_convert_ui.words import N_, _


class Sampler(SimpleNamespace):
    """What is set for the next answer: the fields of ChatSettings, as a person changes them; no system text is ""."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**asdict(ChatSettings()), "system": "", **settings})

    @classmethod
    def of(cls, settings: ChatSettings) -> Sampler:
        """The numbers of a conversation."""
        return cls(**{**asdict(settings), "system": settings.system or ""})

    def values(self) -> dict[str, Any]:
        """Everything by name, whole numbers as such: the page's boxes hold floats."""
        seed = None if self.seed is None else int(self.seed)
        return {**vars(self), "max_tokens": int(self.max_tokens), "top_k": int(self.top_k), "seed": seed}

    def request(self, prompt: str) -> GenerateRequest:
        """The request for ``prompt``. Raises InvalidRequest."""
        return GenerateRequest(prompt=prompt, **{**self.values(), "system": self.system.strip() or None})

    def recommended(self, advice: SamplerAdvice) -> Sampler:
        """As the model's authors recommend, the same without advice; the rest of what is set stays."""
        if not advice.values:
            return self
        kept = {name: getattr(self, name) for name in ("system", "max_tokens", "seed")}
        return Sampler(**{**kept, **advice.values})


@dataclass(frozen=True)
class _Dial:
    """A slider over what is common, from ``low`` to ``high``; its box takes all that a model does."""

    attribute: str
    label: str
    low: float
    high: float
    step: float
    tip: str

    def within(self, number: float) -> float:
        """Where the slider stands for ``number``."""
        return min(max(number, self.low), self.high)


_DIALS = (
    _Dial(
        "max_tokens",
        N_("Max tokens"),
        50,
        2000,
        10,
        N_("How long an answer can get. A token is about three quarters of a word."),
    ),
    _Dial(
        "temperature",
        N_("Temperature"),
        0,
        1,
        0.05,
        N_("0 always takes the likeliest word; higher is livelier and less exact."),
    ),
    _Dial(
        "top_p",
        N_("Top-p"),
        0.05,
        1,
        0.05,
        N_("Leaves unlikely words out: 0.9 keeps those that make up 90 %. 1 leaves none out."),
    ),
    _Dial(
        "top_k",
        N_("Top-k"),
        0,
        100,
        1,
        N_("Picks among this many of the likeliest words only. 0 among all."),
    ),
    _Dial(
        "min_p",
        N_("Min-p"),
        0,
        0.5,
        0.01,
        N_(
            "Leaves out words that are much less likely than the best: 0.1 those below a tenth of it. "
            "0 leaves none out."
        ),
    ),
    _Dial(
        "repetition_penalty",
        N_("Repetition penalty"),
        1,
        1.5,
        0.01,
        N_("Raise it a little, to 1.1, when a model repeats itself."),
    ),
)


class SamplerFields:
    """Sliders and boxes over a Sampler, and its system prompt."""

    def __init__(self, studio: Studio, sampler: Sampler, changed: Callable[[], None]) -> None:
        self._sampler = sampler
        self._changed = changed
        self._boxes: dict[str, Any] = {}
        KeptSettings(studio, self._settings, lambda settings: self.show(Sampler.of(settings)))
        with block("stack"):
            for dial in _DIALS:
                self._dial(dial)
            with field(
                _("Seed"), _("The same seed gives the same answer again. Empty draws another one each time.")
            ) as name:
                low, high = SAMPLER_LIMITS["seed"]
                box = ui.number(value=sampler.seed, min=low, max=high, step=1, precision=0, placeholder=_("random"))
                self._boxes["seed"] = named(box, name).mark("seed")
                box.on_value_change(lambda event: self._set("seed", event.value))
            with field(_("System prompt"), _("Who the model should be and how it should answer, said first.")) as name:
                system = ui.textarea(value=sampler.system).mark("system")
                named(attributes(system, {"placeholder": _("You are a helpful assistant.")}), name).props("rows=3")
                system.on_value_change(lambda event: self._set("system", event.value or ""))
                self._boxes["system"] = system

    def _settings(self) -> ChatSettings:
        """What is set now. Raises InvalidRequest for numbers that no model takes."""
        return ChatSettings(**{**self._sampler.values(), "system": self._sampler.system.strip() or None})

    def show(self, sampler: Sampler) -> None:
        """Set everything to what ``sampler`` says."""
        for attribute, box in self._boxes.items():
            box.value = getattr(sampler, attribute)

    def _dial(self, dial: _Dial) -> None:
        value = getattr(self._sampler, dial.attribute)
        with block("dial"):
            with block("field-label"):
                Tag("span", _(dial.label))
                help_mark(_(dial.tip))
                least, most = SAMPLER_LIMITS[dial.attribute]
                box = ui.number(value=value, min=least, max=most, step=dial.step).classes("dial-box")
                attributes(box.props("outlined dense hide-bottom-space"), {"aria-label": _(dial.label)})
                box.mark(dial.attribute)
            slider = ui.slider(min=dial.low, max=dial.high, step=dial.step, value=dial.within(value))
            attributes(slider, {"aria-label": _("{name}, slider", name=_(dial.label))})
        self._boxes[dial.attribute] = box

        def typed(number: float | None) -> None:
            if number is not None:  # an emptied box means: another number comes
                slider.value = dial.within(number)
                self._set(dial.attribute, number)

        def moved(number: float) -> None:
            if box.value is None or number != dial.within(box.value):
                box.value = number

        def left() -> None:
            if box.value is None:
                box.value = getattr(self._sampler, dial.attribute)

        box.on_value_change(lambda event: typed(event.value))
        box.on("blur", left, [])
        slider.on_value_change(lambda event: moved(event.value))

    def _set(self, attribute: str, value: Any) -> None:
        setattr(self._sampler, attribute, value)
        self._changed()
