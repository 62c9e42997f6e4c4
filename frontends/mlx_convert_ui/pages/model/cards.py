"""What a model is and how it was made: facts, recipe, checks, files, and its card."""

from __future__ import annotations

from collections.abc import Callable

from mlx_convert_core.plugin import ModelDetails, ModelFile, units
from mlx_convert_ui import wording
from mlx_convert_ui.widgets.components import Tag, block, card, facts, note
from mlx_convert_ui.widgets.copying import CopyButton
from mlx_convert_ui.widgets.fitting import fit_badge, fit_reason
from mlx_convert_ui.widgets.folded import folded
from mlx_convert_ui.widgets.stream import TokenStream
from mlx_convert_ui.widgets.tables import plain_table
from mlx_convert_ui.words import N_, _

_RECIPE = {
    "preset": N_("Preset"),
    "bits": N_("Bits"),
    "group_size": N_("Group size"),
    "mode": N_("Mode"),
    "strategy": N_("Strategy"),
    "method": N_("Rounding"),
    "dtype": N_("Unquantized numbers"),
}
_STATES = {"same": "", "changed": N_("another size"), "missing": N_("missing"), "added": N_("added since")}


def made_card(details: ModelDetails, recipe: str, actions: Callable[[], None]) -> None:
    """What it is, where it came from, with which numbers; ``recipe`` is copied as it is. ``actions`` go
    beside that."""
    entry, record = details.entry, details.record
    with card(_("About"), classes="about"):
        rows = [
            (_("Size"), units.size(entry.size)),
            (_("Bits per weight"), units.bits(entry.bits_per_weight) if entry.bits_per_weight else ""),
            (_("Quantization"), entry.quantization),
            (_("Architecture"), entry.model_type),
            (_("Understands"), _("text only") if entry.text_only else ""),
            (_("Made from"), entry.source),
            (_("Commit"), entry.revision or ""),
            (_("Made"), _made(details)),
            *((_(title), str(record.recipe[name])) for name, title in _RECIPE.items() if record.recipe.get(name)),
            (_("Made with"), ", ".join(f"{name} {version}" for name, version in record.versions.items())),
            (_("Folder"), str(entry.path)),
        ]
        facts([(name, value) for name, value in rows if value])
        if details.layers:
            with block("row-line fit-line"):
                fit_badge(details.fit)
                Tag("p", fit_reason(details.fit), "muted")
        with block("actions"):
            actions()
            if recipe:
                CopyButton(recipe, "recipe", label=_("Copy recipe"), icon="file-json").mark("copy-recipe")


def _made(details: ModelDetails) -> str:
    day = wording.day(details.entry.created)
    return day if details.entry.made_here else _("{day}, by another tool", day=day) if day else _("by another tool")


def checks_card(details: ModelDetails) -> None:
    """What was seen to be right before it was published, what was found, and what of the source is not in it."""
    record = details.record
    with card(_("Checks")):
        if details.verified:
            with block("checks", "ul"):
                for fact in details.verified:
                    Tag("li", fact, icon="check")
        else:
            Tag("p", _unverified(details), "muted")
        if record.left_out:
            Tag("h3", _("Left out of the source"), "sub-title")
            plain_table(
                _("Left out of the source"),
                (_("What"), _("Examples")),
                [(part.words, ", ".join(part.examples)) for part in record.left_out],
            )
        if record.kept_layers:
            Tag("h3", _("Kept as they were"), "sub-title")
            plain_table(
                _("Kept as they were"),
                (_("Layer"), _("Size"), _("Why")),
                [(kept.path, units.size(kept.nbytes), kept.reason) for kept in record.kept_layers[:_KEPT]],
                code=True,
            )
            if len(record.kept_layers) > _KEPT:
                Tag("p", _("… and {number} more", number=f"{len(record.kept_layers) - _KEPT:,}"), "muted")
        with block("notes"):
            for finding in record.findings:
                if finding.level != "info" or not details.verified:  # an info, too, takes the mark away
                    note(finding.level, finding.message, finding.hint)


_KEPT = 12  # layers that are named


def _unverified(details: ModelDetails) -> str:
    seen = details.record.verification
    if seen is None:
        return _("It wasn't tested before it was published.")
    return _("Its files aren't the ones that were tested.") if seen.passed else f"{seen.words}."


def files_card(details: ModelDetails) -> None:
    """Every file, with the sha256 that it had when it was published."""
    files = details.files
    if not files:
        return
    with folded(_("Files ({number})", number=f"{len(files):,}"), "files"):
        columns = (_("File"), _("Size"), _("State"), "sha256")
        plain_table(_("Files"), columns, [_file(file) for file in files], code=True)


def _file(file: ModelFile) -> tuple[str, str, str, str]:
    return file.name, units.size(file.size), _(_STATES[file.state]), file.sha256


def card_text(text: str) -> None:
    """The model's card: somebody's text, drawn as an answer is."""
    if text:
        with folded(_("Model card"), "model-card"), block("answer"):
            TokenStream(text=text)
