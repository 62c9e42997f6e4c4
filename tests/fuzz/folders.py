"""Folders of models spoiled at random: what their files say, which are missing, and what else lies there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from fuzz.mutations import TEXTS, spoiled_bytes, spoiled_json

OUTSIDE = "../../outside/secret.json"  # from a case's folder of a model, see `Fuzz`
_Change = Callable[[Random, Path, Path], None]


def spoiled_copy(random: Random, model: Path, copy: Path, *, often: Sequence[str] = ()) -> Path:
    """A copy of the folder ``model`` with one or two odd things; JSON files named in ``often`` are spoiled most."""
    shutil.copytree(model, copy)
    for _ in range(random.choice((1, 1, 2))):
        files = sorted(path for path in copy.iterdir() if path.is_file() and not path.is_symlink())
        if often and random.random() < 0.6:
            _spoil(random, copy / random.choice(often), copy)
        elif files:
            random.choice(_CHANGES)(random, random.choice(files), copy)
    return copy


def _spoil(random: Random, path: Path, folder: Path) -> None:
    if path.is_symlink() or path.is_dir() or path.is_fifo():  # odd already
        return
    data = path.read_bytes() if path.exists() else b"{}"
    if path.suffix != ".json":
        path.write_bytes(spoiled_bytes(random, data, where=4_000))
        return
    try:
        path.write_bytes(spoiled_json(random, json.loads(data)))
    except (ValueError, RecursionError):  # spoiled before
        path.write_bytes(spoiled_bytes(random, data))


def _remove(random: Random, path: Path, folder: Path) -> None:
    path.unlink()


def _empty(random: Random, path: Path, folder: Path) -> None:
    path.write_bytes(b"")


def _exchange(random: Random, path: Path, folder: Path) -> None:
    """Put one file's content under another's name."""
    other = random.choice(sorted(one for one in folder.iterdir() if one.is_file()))
    shutil.copyfile(path, folder / f".{path.name}")
    (folder / f".{path.name}").replace(other)


def _rename(random: Random, path: Path, folder: Path) -> None:
    name = random.choice([text for text in TEXTS if text.strip("./") and not set(text) & {"/", "\0"}])
    stem = "".join(mark for mark in name if not "\ud800" <= mark < "\udc00")[:80] or "odd"
    path.rename(folder / random.choice((stem, f"model{stem}.safetensors", f"{stem}.json", f".{stem}")))


def _link_out(random: Random, path: Path, folder: Path) -> None:
    path.unlink()
    path.symlink_to(random.choice((OUTSIDE, "/dev/zero", "nowhere", path.name, "..", "/proc/self/environ")))


def _pipe(random: Random, path: Path, folder: Path) -> None:
    path.unlink()
    random.choice((os.mkfifo, os.mkdir))(path)


_CHANGES: tuple[_Change, ...] = (*(_spoil,) * 6, _remove, _remove, _empty, _exchange, _rename, _link_out, _pipe)
