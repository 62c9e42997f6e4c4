"""The cards of a model that may be converted: facts, sizes, files, and what its author says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlx_convert_core import ModelInfo, Preset
from mlx_convert_core.plugin import SourceDetails, units
from mlx_convert_ui import wording
from mlx_convert_ui.widgets.components import Badge, Tag, block, card, facts
from mlx_convert_ui.widgets.fitting import fit_badge, fit_reason
from mlx_convert_ui.widgets.folded import folded
from mlx_convert_ui.widgets.stream import TokenStream
from mlx_convert_ui.widgets.tables import plain_table, table_head
from mlx_convert_ui.words import N_, _, given, plural

LONGEST = 200_000  # characters of a card that are drawn; what is longer is a table of scores

_NAMES = {
    "architecture": N_("Architecture"),
    "parameters": N_("Parameters"),
    "weights": N_("Weights"),
    "context": N_("Context"),
    "licence": N_("Licence"),
    "made from": N_("Made from"),
    "downloads": N_("Downloads"),
    "likes": N_("Likes"),
    "updated": N_("Updated"),
    "commit": N_("Commit"),
    "to download": N_("To download"),
}


def about_card(details: SourceDetails) -> None:
    """The verdict, and what there is to know before deciding."""
    with card(_("About"), classes="about"):
        with block("chips").props("role=status"):
            if details.ready:
                Badge(_("Already MLX: ready to use"), "ok", icon="check").mark("verdict")
                fit_badge(details.fit())
            elif details.refused is not None:
                Badge(_("Can't be converted"), "bad", icon="x").mark("verdict")
            else:
                Badge(_("Supported"), "ok", icon="check").mark("verdict")
            if details.about.found is not None and details.about.found.gated:
                Badge(_("Asks for access"), "", icon="lock")
        facts([(name, value) for name, value in _facts(details) if value])
        if details.ready:
            Tag("p", fit_reason(details.fit()), "muted")


def _facts(details: SourceDetails) -> Iterator[tuple[str, str]]:
    for name, value in details.facts():
        if name == "context":
            value = plural("{count:,} token", "{count:,} tokens", details.context)
        elif name == "updated":
            value = wording.date(value)
        elif name == "commit":
            value = value[:12]
        yield _(_NAMES[name]), value


def sizes_card(details: SourceDetails, presets: Mapping[str, Preset]) -> None:
    """What each of the usual precisions would take, and whether this machine has it."""
    if not any(output.weight_bytes for output in details.outputs):
        return
    with card(_("On this machine"), _("What each precision would take, as estimated")):
        with Tag("table", "", "list-table plain-table", label=_("Sizes")):
            table_head((_("Precision"), _("Size"), _("To answer"), _("Memory")))
            with block("", "tbody"):
                for output in details.outputs:
                    fit = details.fit(output)
                    with block("", "tr"):
                        Tag("th", given(presets[output.preset].title), "list-name").props("scope=row")
                        size = Tag("td", f"≈ {units.size(output.weight_bytes)}")
                        size.attribute("data-name", _("Size"))
                        with Tag("td").attribute("data-name", _("To answer")):
                            fit_badge(fit)
                        Tag("td", _("about {size}", size=units.size(fit.needed))).attribute("data-name", _("Memory"))
        Tag("p", _beside(details), "field-hint sizes-hint")


def _beside(details: SourceDetails) -> str:
    fit = details.fit(details.outputs[0])
    lent = units.size(fit.lent)
    return plural(
        "Memory is for the weights and {count:,} token of conversation; this machine lends {size}.",
        "Memory is for the weights and {count:,} tokens of conversation; this machine lends {size}.",
        fit.context,
        size=lent,
    )


def files_card(model: ModelInfo) -> None:
    """Every file that the source has at its root, with its size."""
    if model.files:
        with folded(_("Files ({number})", number=f"{len(model.files):,}"), "files"):
            rows = [(file.name, units.size(file.size)) for file in model.files]
            plain_table(_("Files"), (_("File"), _("Size")), rows, code=True)


def author_card(text: str) -> None:
    """The model's card: a stranger's text, drawn as an answer is. It loads nothing: a picture is a link to it."""
    if not text:
        return
    with card(_("Model card"), _("By the model's author. Nothing in it is loaded or run; links open in another tab.")):
        with block("answer strangers-text"):
            TokenStream(text=text[:LONGEST])
        if len(text) > LONGEST:
            more = plural(
                "… and {count:,} more character, on the model's page.",
                "… and {count:,} more characters, on the model's page.",
                len(text) - LONGEST,
            )
            Tag("p", more, "muted")
