"""mlx-lm for loading models only: imported without the libraries behind its tokenizers.

`import mlx_lm` imports transformers and huggingface_hub, which takes longer than converting a small model and
more memory than converting a big one, and a conversion touches neither. So the loader is imported with
stand-ins for them, as a private copy that nobody else sees: whoever imports mlx_lm gets the whole of it.
"""

from __future__ import annotations

import builtins
import importlib
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

PACKAGE = "mlx_lm"
UNUSED = ("transformers", "huggingface_hub")
_private: dict[str, ModuleType] = {}


def public() -> ModuleType:
    """``mlx_lm.utils`` with all that it needs."""
    with own_limits():
        return importlib.import_module(f"{PACKAGE}.utils")


@contextmanager
def own_limits() -> Iterator[None]:
    """Keep what mlx-lm does to the limit of open files, when it is imported, to what the system allows.

    It sets the limit to 2,048, and the most that can be asked for to 4,096: an account that has less may not raise
    that, and could not be used at all; one that has more would lose it.
    """
    import resource

    setrlimit = resource.setrlimit

    def fitting(which: int, limits: tuple[int, int]) -> None:
        soft, hard = resource.getrlimit(which)
        wanted = limits[0] if hard == resource.RLIM_INFINITY else min(limits[0], hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            setrlimit(which, (wanted, hard))

    resource.setrlimit = fitting  # type: ignore[assignment]
    try:
        yield
    finally:
        resource.setrlimit = setrlimit


@contextmanager
def loader_of_models() -> Iterator[ModuleType]:
    """Give ``mlx_lm.utils``, whose `load_model` works while the body runs; its tokenizers need not.

    Where mlx_lm is imported already, or on another thread than the main one, it is the usual module.
    """
    if PACKAGE in sys.modules or threading.current_thread() is not threading.main_thread():
        yield public()
        return
    sys.modules.update(_private)
    try:
        with own_limits():
            loader = _imported()
        yield loader
    finally:
        _private.update(_taken_out())


def _imported() -> ModuleType:
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        return importlib.import_module(f"{PACKAGE}.utils")
    except Exception:  # a release that uses more of them while it is imported
        _taken_out()
    finally:
        sys.meta_path.remove(finder)
    return importlib.import_module(f"{PACKAGE}.utils")


def _taken_out() -> dict[str, ModuleType]:
    """Remove mlx-lm from the imported modules."""
    names = [name for name in list(sys.modules) if name.partition(".")[0] == PACKAGE]
    return {name: sys.modules.pop(name) for name in names}


class _Finder:
    """Finds the modules of mlx-lm, and has them imported by `_Loader`."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] != PACKAGE:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    """Runs a module with an ``import`` of its own."""

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = vars(builtins) | {"__import__": _import}
        super().exec_module(module)


def _import(
    name: str,
    scope: Mapping[str, Any] | None = None,
    local: Mapping[str, Any] | None = None,
    wanted: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    root = name.partition(".")[0]
    if level == 0 and root in UNUSED and root not in sys.modules:
        return _StandIn(name)
    return builtins.__import__(name, scope, local, wanted or (), level)


class _StandIn(ModuleType):
    """A module that has every name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything(name, (), {})


class _Anything(type):
    """A class to inherit from, with every method; none does anything."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *arguments, **options: None
