"""The small files of a model in a form that every reader knows: mlx-lm, mlx-swift, LM Studio, older transformers.

A file comes along byte for byte unless readers that people use would fail on it; what is changed then is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from glob import has_magic
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

from mlx_convert_core.plugin import CONFIG_BYTES
from mlx_convert_lm.tokenizers.small_files import (
    SETTINGS,
    TEMPLATE,
    TEMPLATE_IN_JSON,
    TOKENIZER,
    SmallFiles,
    is_marked,
    without_mark,
)

# transformers 5 names its classes by how they are made; before it there was none of these names.
NEWER_CLASSES = ("TokenizersBackend", "SentencePieceBackend", "PythonBackend")
PLAIN_CLASS = "PreTrainedTokenizerFast"  # takes tokenizer.json as it is, in every version
# What transformers 5 notes about where it was loaded from; older versions hand it on as settings of the tokenizer.
PLACES = ("is_local", "local_files_only", "backend")


@dataclass(frozen=True, slots=True)
class Mended:
    """Files with another content than they had, by name, and what was changed in them, in words."""

    files: dict[str, bytes] = field(default_factory=dict)
    changes: tuple[str, ...] = ()


def mended(files: SmallFiles, *, own_code: bool) -> Mended:
    """What has to be written otherwise; with ``own_code`` the model's own Python files stay beside it.

    Raises CorruptCheckpoint (``bad_json``) for settings that can't be read.
    """
    changed = {name: without_mark(files.data(name)) for name in marked(files)}
    changes = [f"{name} without its byte order mark" for name in changed]
    settings, more = _for_older(files.settings(SETTINGS), files, own_code=own_code)
    if more:
        changed[SETTINGS] = json.dumps(settings, indent=2, ensure_ascii=False).encode() + b"\n"
        changes.append(f"{SETTINGS} with {', '.join(more)}")
    template = _only_in_json(files, settings)
    if template:
        changed[TEMPLATE] = template.encode()
        changes.append(f"{TEMPLATE} from {TEMPLATE_IN_JSON}, where few readers look")
    return Mended(changed, tuple(changes))


def marked(files: SmallFiles) -> list[str]:
    """The JSON files and templates that begin with a byte order mark."""
    return [name for name in files.names if name.endswith((".json", ".jinja")) and is_marked(files.start(name))]


@contextmanager
def readable(folder: Path, *, own_code: bool | None = None) -> Iterator[Path]:
    """``folder`` as mlx-lm can read it: by a path that is no pattern, for it globs, and with its files mended.

    ``own_code`` is as in `mended`; left out, only byte order marks are taken off. Where there is something to mend, it
    is another folder with links to the same files, there during the body.
    """
    change = mended(SmallFiles(folder), own_code=own_code).files if own_code is not None else _unmarked(folder)
    if not change and not has_magic(str(folder)):
        yield folder
        return
    with TemporaryDirectory(prefix="mlx-convert-", dir=None if not has_magic(gettempdir()) else "/tmp") as place:
        linked = Path(place) / "model"
        if change:
            _link_files(folder, linked, change)
        else:
            linked.symlink_to(folder.resolve(), target_is_directory=True)
        yield linked


def _unmarked(folder: Path) -> dict[str, bytes]:
    """The settings that begin with a byte order mark, without it; ``folder`` may be one of ours, made of links."""
    found = {}
    for path in folder.glob("*.json"):
        if path.is_file() and path.stat().st_size <= CONFIG_BYTES:
            data = path.read_bytes()
            if is_marked(data):
                found[path.name] = without_mark(data)
    return found


def _link_files(folder: Path, linked: Path, change: Mapping[str, bytes]) -> None:
    linked.mkdir()
    for path in folder.iterdir():
        if path.name not in change:
            (linked / path.name).symlink_to(path.absolute())
    for name, data in change.items():
        target = linked / name
        if target.parent != linked and target.parent.is_symlink():  # its siblings stay as they are
            original = target.parent.resolve()
            target.parent.unlink()
            target.parent.mkdir()
            for path in original.iterdir():
                if f"{original.name}/{path.name}" not in change:
                    (target.parent / path.name).symlink_to(path)
        target.write_bytes(data)


def _for_older(settings: dict[str, Any], files: SmallFiles, *, own_code: bool) -> tuple[dict[str, Any], list[str]]:
    """``settings`` as transformers 4 takes them too, and what was changed."""
    result, changes = dict(settings), []
    wanted = str(settings.get("tokenizer_class") or "")
    if TOKENIZER in files:
        own = _missing_class(settings, files, own_code=own_code)
        if own:
            del result["auto_map"]
            changes.append("no code of its own (auto_map), which does not come along")
        if wanted in NEWER_CLASSES or (own and wanted.removesuffix("Fast") == own.removesuffix("Fast")):
            result["tokenizer_class"] = PLAIN_CLASS
            changes.append(f"the class {PLAIN_CLASS} in place of {wanted}")
    if isinstance(settings.get("extra_special_tokens"), list):
        extra = result.pop("extra_special_tokens")
        if not result.get("additional_special_tokens"):
            result["additional_special_tokens"] = extra
        changes.append("additional_special_tokens in place of a list of extra_special_tokens")
    placed = [name for name in PLACES if result.pop(name, None) is not None]
    if placed:
        changes.append(f"no {', '.join(placed)}")
    return result, changes


def _missing_class(settings: Mapping[str, Any], files: SmallFiles, *, own_code: bool) -> str:
    """The class that ``auto_map`` names for the tokenizer, if it is in a file that does not come along; else ""."""
    module, _, name = own_class(settings).rpartition(".")
    return "" if own_code and f"{module}.py" in files else name


def needs_code(settings: Mapping[str, Any], files: SmallFiles, *, own_code: bool) -> bool:
    """Whether only the model's own code makes the tokenizer, and it may not run or is not there."""
    return TOKENIZER not in files and bool(_missing_class(settings, files, own_code=own_code))


def own_class(settings: Mapping[str, Any]) -> str:
    """The model's own tokenizer by module and class, ``tokenization_kimi.TikTokenTokenizer``; "" when it has none."""
    named = settings.get("auto_map")
    found = named.get("AutoTokenizer") if isinstance(named, dict) else named
    pair = found if isinstance(found, list | tuple) else [found]
    return next((one for one in pair if isinstance(one, str)), "")


def _only_in_json(files: SmallFiles, settings: Mapping[str, Any]) -> str:
    """The template that is nowhere but in chat_template.json, "" when there is none."""
    if TEMPLATE in files or settings.get("chat_template") or TEMPLATE_IN_JSON not in files:
        return ""
    found = files.settings(TEMPLATE_IN_JSON).get("chat_template")
    return found if isinstance(found, str) else ""
