"""Whether a model fits into this machine's memory, as a word with its numbers behind it."""

from __future__ import annotations

from mlx_convert_core.plugin import Fit, units
from mlx_convert_ui.widgets.components import Badge, Tag, tooltip
from mlx_convert_ui.words import N_, _, plural

_WORDS = {"runs": N_("Runs here"), "tight": N_("Tight"), "too_large": N_("Too large")}
TONES = {"runs": "ok", "tight": "warn", "too_large": "bad"}


def fit_words(fit: Fit) -> str:
    """The verdict: ``Runs here``, ``Tight``, ``Too large``."""
    return _(_WORDS[fit.verdict])


def fit_reason(fit: Fit) -> str:
    """The numbers behind the verdict, in a sentence or two."""
    needs = plural(
        "It takes about {needed} of memory: {weights} of weights and {cache} for {count:,} token; "
        "this machine lends {lent}.",
        "It takes about {needed} of memory: {weights} of weights and {cache} for {count:,} tokens; "
        "this machine lends {lent}.",
        fit.context,
        needed=units.size(fit.needed),
        weights=units.size(fit.weights),
        cache=units.size(fit.cache),
        lent=units.size(fit.lent),
    )
    if fit.verdict != "tight":
        return needs
    free = units.size(min(fit.free, fit.lent))
    return f"{needs} {_('{size} are free now. Close other apps if it becomes slow.', size=free)}"


def fit_badge(fit: Fit) -> None:
    """Draw the word; what it is drawn beside says the numbers."""
    Badge(fit_words(fit), TONES[fit.verdict]).mark("fit")


def show_fit(label: Tag, fit: Fit | None) -> None:
    """Put the word into ``label``, in small print; on hover it says the numbers. Nothing where it is not known."""
    label.show(fit_words(fit) if fit is not None else "")
    label.attribute("data-fit", fit.verdict if fit is not None else None)
    if fit is not None and label.props.get("data-tip") != (reason := fit_reason(fit)):
        tooltip(label, reason)
        label.update()
