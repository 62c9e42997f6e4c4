"""The Plugins page: what is loaded, what each adds, what failed and why, and where to put one's own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nicegui import run, ui

from mlx_convert_core.plugin import LoadedPlugin, PluginFailure, private_folder
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Badge, Button, Tag, block, card, note
from mlx_convert_ui.widgets.desktop import SHOW_LABEL, reveal
from mlx_convert_ui.widgets.frame import READ_SECONDS, frame
from mlx_convert_ui.words import N_, _

# What each hook gives, in plain words; a registrar shows what it offers instead.
HOOKS = {
    "model_source": N_("finds models"),
    "model_converter": N_("converts"),
    "model_runner": N_("runs models"),
    "model_senses": N_("tells what models see and hear"),
    "quantize_strategy": N_("chooses bits"),
    "quantize_method": N_("rounds numbers"),
    "tensor_decoder": N_("reads stored formats"),
    "library_store": N_("keeps the library"),
    "pre_convert": N_("looks at plans"),
    "examine_files": N_("looks at tokenizers and templates"),
    "post_convert": N_("adds to results"),
    "on_generate": N_("adds to answers"),
    "on_event": N_("watches jobs"),
}
# What each registrar offers.
KINDS = {
    "accounts": N_("Accounts"),
    "checks": N_("Checks"),
    "commands": N_("Commands"),
    "metrics": N_("Metrics"),
    "pages": N_("Pages"),
    "presets": N_("Presets"),
    "source kinds": N_("Source kinds"),
    "tasks": N_("Tasks"),
    "texts": N_("Texts"),
    "upload targets": N_("Upload targets"),
}
_SUMMARIES = {
    "mlx_convert_lm": N_("Converts and runs models with mlx-lm."),
    "mlx_convert_hub": N_("Hugging Face as a source; uploads; model cards."),
    "mlx_convert_gguf": N_("GGUF files of many models as sources."),
    "mlx_convert_quality": N_("Measures models, with texts and questions."),
    "mlx_convert_library": N_("Keeps the list of converted models."),
    "mlx_convert_ui": N_("This app."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Every plugin with what it adds (kind -> names), and what is not used."""

    plugins: tuple[tuple[LoadedPlugin, dict[str, tuple[str, ...]]], ...] = ()
    failures: tuple[PluginFailure, ...] = ()
    folder: Path = Path()


def register(studio: Studio) -> None:
    """Serve it at /plugins."""

    @ui.page("/plugins", response_timeout=READ_SECONDS)
    async def page() -> None:
        seen = await run.io_bound(overview, studio) or Overview()
        with frame(
            studio, "/plugins", _("Plugins"), _("Everything here is a plugin: what comes with the app, and yours.")
        ):
            _draw(seen)


def overview(studio: Studio) -> Overview:
    """Ask the workspace; plugins run code of their own, so call it on a thread."""
    workspace = studio.workspace
    contributions = workspace.contributions()  # asks every registrar, so that failures are complete
    plugins = tuple((plugin, contributions.get(plugin.spec.name, {})) for plugin in workspace.plugins)
    return Overview(plugins=plugins, failures=workspace.plugin_failures, folder=workspace.home / "plugins")


def _draw(seen: Overview) -> None:
    with block("column"):
        if seen.failures:
            with card(_("Not used"), _("The rest works without them.")), block("notes"):
                for failure in seen.failures:
                    note(
                        "error",
                        _("Plugin {name}: {reason}", name=failure.plugin, reason=failure.reason),
                        _origin_of(failure),
                    )
        own = [pair for pair in seen.plugins if not pair[0].spec.built_in]
        built_in = [pair for pair in seen.plugins if pair[0].spec.built_in]
        if own:
            _group(_("Added"), own)
        _yours(seen.folder)
        _group(_("Built in"), built_in)


def _group(title: str, plugins: Iterable[tuple[LoadedPlugin, dict[str, tuple[str, ...]]]]) -> None:
    with card(title, classes="card-list"):
        for plugin, adds in plugins:
            _plugin(plugin, adds)


def _plugin(plugin: LoadedPlugin, adds: dict[str, tuple[str, ...]]) -> None:
    spec = plugin.spec
    with block("item").mark("plugin"):
        with block("item-head"):
            Tag("h3", spec.name, "item-title", icon="puzzle")
            if spec.version:
                Tag("span", spec.version, "muted")
            about = _(_SUMMARIES[spec.name]) if spec.name in _SUMMARIES else spec.distribution or spec.target
            Tag("span", about, "muted item-note")
        with block("chips"):
            for kind, names in adds.items():
                _chip(_(KINDS[kind]) if kind in KINDS else kind.capitalize(), ", ".join(names))
            for hook in plugin.hooks:
                if hook in HOOKS:
                    Badge(_(HOOKS[hook])).attribute("title", hook)


def _chip(name: str, value: str) -> None:
    with Tag("span", "", "chip"):
        Tag("span", name)
        Tag("b", value)


def _yours(folder: Path) -> None:
    with card(_("Your own")):
        Tag(
            "p",
            _("A plugin is one Python file with a few marked functions. Put it here and start the app again:"),
            "muted",
        )
        with block("row-line").style("margin: 8px 0"):
            Tag("code", str(folder / "NAME.py"), "path grow").mark("plugins-folder")
            Button(_(SHOW_LABEL), lambda: _show(folder), icon="folder-open", classes="btn-small")
        Tag(
            "p",
            _("Or publish a package with an entry point in the group mlx_convert. To begin with one that works:"),
            "muted",
        )
        Tag("p", "mlx-convert plugins new NAME", "path")


async def _show(folder: Path) -> None:
    await run.io_bound(private_folder, folder)
    await reveal(folder)


def _origin_of(failure: PluginFailure) -> str:
    package, hook = failure.distribution, failure.hook
    if package and hook:
        return _("From {package}, in the hook {hook}", package=package, hook=hook)
    return _("From {package}", package=package) if package else _("In the hook {hook}", hook=hook) if hook else ""
