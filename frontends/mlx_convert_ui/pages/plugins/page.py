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

# What each hook gives, in plain words; a registrar shows what it offers instead.
HOOKS = {
    "model_source": "finds models",
    "model_converter": "converts",
    "model_runner": "runs models",
    "model_senses": "tells what models see and hear",
    "quantize_strategy": "shares out bits",
    "quantize_method": "rounds numbers",
    "tensor_decoder": "reads stored formats",
    "library_store": "keeps the library",
    "pre_convert": "looks at plans",
    "examine_files": "looks at tokenizers and templates",
    "post_convert": "adds to results",
    "on_generate": "adds to answers",
    "on_event": "watches jobs",
}
_SUMMARIES = {
    "mlx_convert_lm": "Converts and runs models with mlx-lm.",
    "mlx_convert_hub": "Hugging Face as a source; uploads; model cards.",
    "mlx_convert_gguf": "GGUF files of many models as sources.",
    "mlx_convert_library": "Keeps the list of converted models.",
    "mlx_convert_ui": "This app.",
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
        with frame(studio, "/plugins", "Plugins", "Everything here is a plugin: what comes with the app, and yours."):
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
            with card("Not used", "The rest works without them."), block("notes"):
                for failure in seen.failures:
                    note("error", f"Plugin {failure.plugin}: {failure.reason}", _origin_of(failure))
        own = [pair for pair in seen.plugins if not pair[0].spec.built_in]
        built_in = [pair for pair in seen.plugins if pair[0].spec.built_in]
        if own:
            _group("Added", own)
        _yours(seen.folder)
        _group("Built in", built_in)


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
            Tag("span", _SUMMARIES.get(spec.name, spec.distribution or spec.target), "muted item-note")
        with block("chips"):
            for kind, names in adds.items():
                _chip(kind.capitalize(), ", ".join(names))
            for hook in plugin.hooks:
                if hook in HOOKS:
                    Badge(HOOKS[hook]).attribute("title", hook)


def _chip(name: str, value: str) -> None:
    with Tag("span", "", "chip"):
        Tag("span", name)
        Tag("b", value)


def _yours(folder: Path) -> None:
    with card("Your own"):
        Tag(
            "p",
            "A plugin is one Python file with a few marked functions. Put it here and start the app again:",
            "muted",
        )
        with block("row-line").style("margin: 8px 0"):
            Tag("code", str(folder / "NAME.py"), "path grow").mark("plugins-folder")
            Button(SHOW_LABEL, lambda: _show(folder), icon="folder-open", classes="btn-small")
        Tag(
            "p",
            "Or publish a package with an entry point in the group mlx_convert. To begin with one that works:",
            "muted",
        )
        Tag("p", "mlx-convert plugins new NAME", "path")


async def _show(folder: Path) -> None:
    await run.io_bound(private_folder, folder)
    await reveal(folder)


def _origin_of(failure: PluginFailure) -> str:
    where = f"in the hook {failure.hook}" if failure.hook else ""
    return " ".join(filter(None, (f"From {failure.distribution}" if failure.distribution else "", where)))
