"""Questions to models: which sessions are open, and who asked."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

from mlx_convert_core import GenerateRequest, ModelSession, Workspace
from mlx_convert_core.plugin import model_name
from mlx_convert_ui.state.job_views import JobView, JobViews

Identity = tuple[int, int] | None


class Answers:
    """Opens models as they are asked for. Safe to use from any thread; call it on one that may wait.

    One idle model stays open, the last one that was asked; those that still answer are left in peace.
    """

    def __init__(self, workspace: Workspace, views: JobViews) -> None:
        self._workspace = workspace
        self._views = views
        self._trusted: set[tuple[Path, Identity]] = set()
        self._insisted: set[tuple[Path, Identity]] = set()
        self._open_models: dict[Path, tuple[ModelSession, Identity]] = {}
        self._lock = threading.Lock()

    def folder(self, model: str) -> Path:
        """The folder of a converted model: a path, or a name in the library. Raises MlxConvertError."""
        return self._workspace.model_path(model)

    def ask(self, model: str, request: GenerateRequest, place: str) -> JobView:
        """Have ``model`` answer, loading it unless it is open; ``place`` names the page. Raises MlxConvertError."""
        with self._lock:
            session = self._open(self.folder(model), request.context)
            loading = self._views.follow(session.loading, model=model_name(session.path))
            answer = session.generate(request)
            view = self._views.follow(
                answer,
                model=model_name(session.path),
                request=request,
                loading=loading,
                place=place,
                begun=request.begun,
            )
            self.offer(view, session.path)
            return view

    def offer(self, view: JobView, path: Path) -> None:
        """Let a person say on ``view`` what the model at ``path`` may, next time."""
        view.allow, view.insist = partial(self.trust, path), partial(self.insist, path)

    def trust(self, path: Path) -> None:
        """Let the Python code that comes with the model at ``path`` run from now on, until this program ends."""
        self._trusted.add((path, _identity(path)))

    def trusts(self, path: Path) -> bool:
        """Whether the code of the model at ``path`` may run; no more once another folder has taken its place."""
        return (path, _identity(path)) in self._trusted

    def insist(self, path: Path) -> None:
        """Load the model at ``path`` from now on though it does not fit into memory, until this program ends."""
        self._insisted.add((path, _identity(path)))

    def insists(self, path: Path) -> bool:
        """Whether the model at ``path`` is loaded though it does not fit into memory."""
        return (path, _identity(path)) in self._insisted

    def forget(self, path: Path) -> None:
        """Close the model at ``path``, before its files go."""
        with self._lock:
            opened = self._open_models.pop(path, None)
        if opened is not None:
            opened[0].close()

    def close(self) -> None:
        """Close every model."""
        for path in list(self._open_models):
            self.forget(path)

    def _open(self, path: Path, context: int) -> ModelSession:
        folder = _identity(path)
        for other, (session, opened) in list(self._open_models.items()):
            stale = other != path or opened != folder
            if session.closed or _failed(session) or (stale and not session.busy):
                del self._open_models[other]
                session.close()
        if path not in self._open_models:
            session = self._workspace.open(
                path, trust_remote_code=self.trusts(path), context=context, anyway=self.insists(path)
            )
            self._open_models[path] = (session, folder)
        return self._open_models[path][0]


def _failed(session: ModelSession) -> bool:
    return session.loading.state in ("failed", "cancelled")


def _identity(path: Path) -> Identity:
    """What tells a folder from one that took its place; None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
