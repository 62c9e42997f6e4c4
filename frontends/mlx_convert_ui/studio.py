"""What the pages share: the workspace, the views of its jobs, the open model, the theme."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from mlx_convert_core import (
    ConvertRequest,
    GenerateRequest,
    JsonDocument,
    LibraryEntry,
    MlxConvertError,
    ModelSession,
    Workspace,
)
from mlx_convert_ui.bridge import JobView, JobViews


class Theme(StrEnum):
    """Light, dark, or as the system has it."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"

    @property
    def dark(self) -> bool | None:
        """As NiceGUI says it: None follows the system."""
        return {Theme.LIGHT: False, Theme.DARK: True}.get(self)

    @property
    def next(self) -> Theme:
        """The one after this, round and round."""
        order = list(Theme)
        return order[(order.index(self) + 1) % len(order)]


@dataclass
class Draft:
    """What was typed last into the forms, so that a reload or a walk to another page loses nothing."""

    convert: dict[str, Any] = field(default_factory=dict)
    test: dict[str, Any] = field(default_factory=dict)


class Studio:
    """One for each server. Safe to use from any thread."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.views = JobViews()
        self.draft = Draft()
        self._preferences = JsonDocument(workspace.home / "ui.json")
        self._session: ModelSession | None = None
        self._lock = threading.Lock()
        self.theme = self._stored_theme()

    def convert(self, request: ConvertRequest) -> JobView:
        """Start a conversion and watch it. Raises InvalidRequest."""
        name = Path(request.outputs[0]).name if request.outputs else request.ref
        return self.views.follow(self.workspace.convert(request), model=name, request=request)

    def generate(self, model: str, request: GenerateRequest) -> JobView:
        """Answer with ``model``, loading it unless it is the one that is open.

        Blocks while another model is let go of; call it on a thread. Raises MlxConvertError.
        """
        with self._lock:
            session = self._open(model)
            loading = self.views.follow(session.loading, model=session.path.name)
            answer = session.generate(request)
            return self.views.follow(answer, model=session.path.name, request=request, loading=loading)

    def entries(self) -> tuple[LibraryEntry, ...]:
        """The library, newest first; () when no plugin keeps one. Reads a file: call it on a thread."""
        try:
            return self.workspace.library.entries()
        except MlxConvertError:
            return ()

    def forget_model(self, path: Path) -> None:
        """Close the open model if it is the one at ``path``, before its files go."""
        with self._lock:
            if self._session is not None and self._session.path == path:
                self._session.close()

    def set_theme(self, theme: Theme) -> None:
        """Keep the choice, for all tabs and for next time."""
        self.theme = theme
        self._preferences.update(lambda stored: stored.__setitem__("theme", theme.value))

    def close(self) -> None:
        """Let go of the open model; the workspace itself is closed by whoever made it."""
        with self._lock:
            if self._session is not None:
                self._session.close()

    def _open(self, model: str) -> ModelSession:
        path = self.workspace.model_path(model)
        current = self._session
        if current is not None and current.path == path and not current.closed and not _failed(current):
            return current
        if current is not None:
            current.close()
        self._session = self.workspace.open(path)
        return self._session

    def _stored_theme(self) -> Theme:
        stored = self._preferences.read().get("theme")
        return Theme(stored) if stored in list(Theme) else Theme.SYSTEM


def _failed(session: ModelSession) -> bool:
    return session.loading.state in ("failed", "cancelled")
