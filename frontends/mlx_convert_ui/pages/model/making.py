"""What a model is and how it was made: facts, recipe, checks, files, and its card."""

from __future__ import annotations

from collections.abc import Callable

from mlx_convert_core.plugin import ModelDetails, ModelFile, units
from mlx_convert_ui import wording
from mlx_convert_ui.widgets.components import Tag, block, card, facts, note
from mlx_convert_ui.widgets.copying import CopyButton
from mlx_convert_ui.widgets.fitting import fit_badge
from mlx_convert_ui.widgets.folded import folded
from mlx_convert_ui.widgets.stream import TokenStream
from mlx_convert_ui.widgets.tables import plain_table

_RECIPE = {
    "preset": "Preset", "bits": "Bits", "group_size": "Group size", "mode": "Mode", "strategy": "Strategy",
    "method": "Rounding", "dtype": "Kept as",
}  # fmt: skip
_STATES = {"same": "", "changed": "another size", "missing": "missing", "added": "added since"}


def made_card(details: ModelDetails, recipe: str, actions: Callable[[], None]) -> None:
    """What it is, where it came from, with which numbers; ``recipe`` is copied as it is. ``actions`` go
    beside that."""
    entry, record = details.entry, details.record
    with card("About", classes="about"):
        rows = [
            ("Size", units.size(entry.size)),
            ("Bits per weight", units.bits(entry.bits_per_weight) if entry.bits_per_weight else ""),
            ("Quantization", entry.quantization),
            ("Architecture", entry.model_type),
            ("Takes", "text only" if entry.text_only else ""),
            ("Made from", entry.source),
            ("Commit", entry.revision or ""),
            ("Made", wording.day(entry.created) + ("" if entry.made_here else ", by another tool")),
            *((title, str(record.recipe[name])) for name, title in _RECIPE.items() if record.recipe.get(name)),
            ("With", ", ".join(f"{name} {version}" for name, version in record.versions.items())),
            ("Folder", str(entry.path)),
        ]
        facts([(name, value) for name, value in rows if value])
        if details.layers:
            with block("row-line fit-line"):
                fit_badge(details.fit)
                Tag("p", details.fit.reason, "muted")
        with block("actions"):
            actions()
            if recipe:
                CopyButton(recipe, "recipe", label="Copy recipe", icon="file-json").mark("copy-recipe")


def checks_card(details: ModelDetails) -> None:
    """What was seen to be right before it was published, what was found, and what of the source is not in it."""
    record = details.record
    with card("Checks"):
        if details.verified:
            with block("checks", "ul"):
                for fact in details.verified:
                    Tag("li", fact, icon="check")
        else:
            Tag("p", _unverified(details), "muted")
        if record.left_out:
            Tag("h3", "Left out of the source", "sub-title")
            plain_table(
                "Left out of the source",
                ("What", "Examples"),
                [(part.words, ", ".join(part.examples)) for part in record.left_out],
            )
        if record.kept_layers:
            Tag("h3", "Kept as they were", "sub-title")
            plain_table(
                "Kept as they were",
                ("Layer", "Size", "Why"),
                [(kept.path, units.size(kept.nbytes), kept.reason) for kept in record.kept_layers[:_KEPT]],
            )
            if len(record.kept_layers) > _KEPT:
                Tag("p", f"… and {len(record.kept_layers) - _KEPT:,} more", "muted")
        with block("notes"):
            for finding in record.findings:
                if finding.level != "info":
                    note(finding.level, finding.message, finding.hint)


_KEPT = 12  # layers that are named


def _unverified(details: ModelDetails) -> str:
    seen = details.record.verification
    if seen is None:
        return "It was not tried before it was published."
    return "Its files are others than those that were tried." if seen.passed else f"{seen.words}."


def files_card(details: ModelDetails) -> None:
    """Every file, with the sha256 that it had when it was published."""
    files = details.files
    if not files:
        return
    with folded(f"Files ({len(files):,})", "files"):
        plain_table("Files", ("File", "Size", "State", "sha256"), [_file(file) for file in files])


def _file(file: ModelFile) -> tuple[str, str, str, str]:
    return file.name, units.size(file.size), _STATES[file.state], file.sha256


def card_text(text: str) -> None:
    """The model's card: somebody's text, drawn as an answer is."""
    if text:
        with folded("Model card", "model-card"), block("answer"):
            TokenStream(text=text)
