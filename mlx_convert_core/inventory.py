"""What a workspace has: plugins and what they add, settings, the library, conversations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from mlx_convert_core.base.paths import spelled
from mlx_convert_core.errors import PluginError
from mlx_convert_core.home.known_models import Models
from mlx_convert_core.home.location import default_home
from mlx_convert_core.home.settings import SettingsFile
from mlx_convert_core.plugins.calling import Hooks
from mlx_convert_core.plugins.loading import LoadedPlugin, PluginFailure, PluginSet, discover

if TYPE_CHECKING:  # every command has an inventory, and few need these
    from mlx_convert_core.converting.model_senses import ModelSenses
    from mlx_convert_core.converting.searching import Search, SearchHit, SearchResult
    from mlx_convert_core.converting.sources import Sources
    from mlx_convert_core.home.answer_presets import AnswerPresets
    from mlx_convert_core.home.conversation_store import ConversationStore
    from mlx_convert_core.model.advice import SamplerAdvice
    from mlx_convert_core.model.contents import FolderContents
    from mlx_convert_core.model.details import ModelDetails
    from mlx_convert_core.model.inspection import ModelInfo
    from mlx_convert_core.model.library import LibraryEntry
    from mlx_convert_core.model.quantization import Preset
    from mlx_convert_core.plugins.checks import ModelCheck
    from mlx_convert_core.plugins.interfaces import LibraryStore, UploadTarget
    from mlx_convert_core.plugins.offers import Account, Command, Page
    from mlx_convert_core.plugins.scoring import MeasuringText, Metric, TaskSet


class Inventory:
    """What is there to work with, found in ``home`` and in ``plugins``; the half of a `Workspace` that runs nothing."""

    def __init__(self, home: Path | None, plugins: Iterable[ModuleType | object]) -> None:
        self.home = spelled(home or default_home())
        self._plugins = PluginSet(discover(self.home), plugins)
        self._hooks = Hooks(self._plugins)
        self._models = Models(self._hooks, self.home)
        self.settings = SettingsFile(self.home)
        self.presets: dict[str, Preset] = self._hooks.register("register_presets")

    @cached_property
    def sources(self) -> Sources:
        """Where models come from: whose a ref is."""
        from mlx_convert_core.converting.sources import Sources

        return Sources(self._hooks)

    @cached_property
    def conversations(self) -> ConversationStore:
        """What was chatted."""
        from mlx_convert_core.home.conversation_store import ConversationStore

        return ConversationStore(self.home)

    @cached_property
    def answer_presets(self) -> AnswerPresets:
        """How models are to answer, by names that a person gave."""
        from mlx_convert_core.home.answer_presets import AnswerPresets

        return AnswerPresets(self.home)

    def search(self, words: str = "", *, preset: str = "", limit: int = 20) -> SearchResult:
        """Models that the sources know of by ``words`` of their names; for none those that they suggest.

        Sizes are those of ``preset``, by default the one of the settings. Raises InvalidRequest for a preset that
        nobody offers, and SourceError when no source could be asked.
        """
        return self._search(preset).find(words.strip(), limit)

    def published(self, model: ModelInfo) -> tuple[SearchHit, ...]:
        """What others have published of exactly ``model``, which was inspected, as MLX. Raises SourceError."""
        return self._search("").conversions(model)

    def _search(self, preset: str) -> Search:
        from mlx_convert_core.converting.planning import preset_named
        from mlx_convert_core.converting.searching import Search

        usual = self.presets.get(self.settings.load().preset)
        return Search(self._hooks, preset_named(preset, self.presets) if preset else usual)

    # Plugins, and what they add

    @property
    def plugins(self) -> tuple[LoadedPlugin, ...]:
        """The plugins in use, in the order in which their hooks are called."""
        return tuple(self._plugins.loaded)

    @property
    def plugin_failures(self) -> tuple[PluginFailure, ...]:
        """Plugins and items that are not used, and why."""
        return tuple(self._plugins.failures)

    def contributions(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """What each plugin adds: its name -> kind (``presets``, ``upload targets``, ``commands``) -> names."""
        return self._hooks.offered()

    def fault(self, hook: str, name: str, error: BaseException) -> PluginError:
        """The error for what went wrong with the item ``name`` of a registrar ``hook``; it names the plugin."""
        return self._hooks.fault(self._hooks.owner(hook, name), hook, error)

    def commands(self) -> dict[str, Command]:
        """The commands that plugins add to the CLI."""
        return self._hooks.register("register_commands")

    def metrics(self) -> dict[str, Metric]:
        """The figures that are measured of a model's quality."""
        return self._hooks.register("register_metrics")

    def texts(self) -> dict[str, MeasuringText]:
        """The texts that can be measured with."""
        return self._hooks.register("register_texts")

    def tasks(self) -> dict[str, TaskSet]:
        """The questions that can be measured with."""
        return self._hooks.register("register_tasks")

    def checks(self) -> dict[str, ModelCheck]:
        """The looks that every converted model is given before it is published."""
        return self._hooks.register("register_checks")

    def upload_targets(self) -> dict[str, UploadTarget]:
        """The places that a model can be sent to."""
        from mlx_convert_core.converting.uploads import upload_targets

        return upload_targets(self._hooks)

    def accounts(self) -> dict[str, Account]:
        """The accounts that a person can sign in to."""
        from mlx_convert_core.converting.uploads import accounts

        return accounts(self._hooks)

    def pages(self) -> dict[str, Page]:
        """The pages that plugins add to the browser UI."""
        return self._hooks.register("register_pages")

    # The library

    @property
    def library(self) -> LibraryStore:
        """The list of converted models; raises PluginNotLoaded when no plugin keeps one."""
        return self._models.store

    @property
    def library_problem(self) -> str:
        """What the library had to mend or leave out, "" when all is well; ask after reading `library`."""
        return str(getattr(self.library, "problem", ""))

    def find(self, name: str | Path) -> LibraryEntry:
        """The one library entry with this name or path. Raises EntryNotFound, InvalidRequest (code ``ambiguous``)."""
        return self._models.find(name)

    def details(self, model: str | Path) -> ModelDetails:
        """Everything known about a model, a name or a folder in the library: its folder is looked into.

        Reads headers, never weights. Raises as `find`.
        """
        from mlx_convert_core.model.details import details_of

        return details_of(self.find(model), self.library.entries())

    def advice(self, model: str | Path) -> SamplerAdvice:
        """What the authors of a converted model (a folder, or a name in the library) recommend for its answers.

        Raises as `find`; reads small files.
        """
        from mlx_convert_core.model.advice import sampler_advice
        from mlx_convert_core.model.library_folder import entry_of

        folder = self.model_path(model)
        entry = entry_of(folder)
        name, source = (entry.name, entry.source) if entry is not None else (folder.name, "")
        return sampler_advice(folder, name, source, self.presets.values())

    def scan(self, folder: Path, left_out: Callable[[str], None] = lambda why: None) -> tuple[LibraryEntry, ...]:
        """Add every MLX folder at or below ``folder``, also in a Hub cache, to the library; the entries found.

        It is looked `SCAN_LEVELS` deep, and in no hidden folder. ``left_out`` is told, in a sentence each, of what
        can't be kept, is damaged or was not looked at.
        """
        return self._models.scan(folder, left_out)

    def what_removal_takes(self, entry: LibraryEntry) -> FolderContents | None:
        """What `remove` has go with the folder of ``entry``, None when that has vanished.

        Raises LibraryError when it must stay.
        """
        return self._models.what_removal_takes(entry)

    def remove(self, entry: LibraryEntry, *, keep_files: bool = False, permanently: bool = False) -> None:
        """Forget ``entry`` and, unless ``keep_files`` or it has vanished, move its folder to the Trash.

        Where there is no Trash (`has_trash`), or ``permanently``, it is deleted for good. Raises LibraryError.
        """
        self._models.remove(entry, keep_files=keep_files, permanently=permanently)

    def senses(self, model: str | Path) -> ModelSenses:
        """What a converted model takes besides text, or why nothing. Reads its config.json; raises as `find`."""
        from mlx_convert_core.converting.model_senses import senses_of_model

        return senses_of_model(self.model_path(model), self._hooks)

    def model_path(self, model: str | Path) -> Path:
        """The folder of a converted model: a path, or else a name in the library. Raises as `find`."""
        return self._models.path_of(model)
