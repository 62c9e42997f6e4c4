"""A model in several GGUF files: the first has the metadata, each a part of the tensors.

`llama-gguf-split` names them NAME-00001-of-00003.gguf, and every part says how many there are.
"""

from __future__ import annotations

import re
from pathlib import Path

from mlx_convert_core.plugin import CorruptCheckpoint, InvalidRequest
from mlx_convert_gguf.container import GgufHeader, read_gguf
from mlx_convert_gguf.fields import Fields

_PART = re.compile(r"(?P<name>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<end>\.gguf)", re.I)
MAX_PARTS = 10_000  # beyond any model, and more than a damaged file may have looked for


def first_part(path: Path) -> Path:
    """The first part of the model that ``path`` is one of, ``path`` itself when it is whole.

    Raises CorruptCheckpoint (``gguf_split``) when that part is not there.
    """
    found = _PART.fullmatch(path.name)
    first = path.with_name(_named(found, 1)) if found else path
    if not first.exists():
        raise _missing([first])
    return first


def parts_beside(path: Path) -> list[Path]:
    """All parts of the model that ``path`` is one of that are there, ``path`` itself when it is whole."""
    found = _PART.fullmatch(path.name)
    if found is None:
        return [path]
    named = (path.with_name(_named(found, number)) for number in range(1, min(int(found["count"]), MAX_PARTS) + 1))
    return [part for part in named if part.exists()]


def read_model(path: Path) -> GgufHeader:
    """The header of the model in the file ``path`` and the parts beside it.

    Raises what `read_gguf` raises, and CorruptCheckpoint or InvalidRequest (``gguf_split``) when parts are missing or
    are not of one model.
    """
    header = read_gguf(path)
    count = Fields(path.name, header.metadata).integer("split.count", 1)
    if count <= 1:
        return header
    tensors = list(header.tensors)
    for number, part in enumerate(_parts(path, count)[1:], start=1):
        other = read_gguf(part)
        fields = Fields(part.name, other.metadata)
        if (fields.integer("split.count", 0), fields.integer("split.no", -1)) != (count, number):
            raise _apart(path, f"{part.name} is no part {number + 1} of {count}")
        tensors += other.tensors
    names = {tensor.name for tensor in tensors}
    expected = Fields(path.name, header.metadata).integer("split.tensors.count", len(tensors))
    if len(names) != len(tensors) or expected != len(tensors):
        raise _apart(path, f"its parts hold {len(names):,} tensors, and {expected:,} are said to be there")
    return GgufHeader(metadata=header.metadata, tensors=tuple(tensors))


def _parts(path: Path, count: int) -> list[Path]:
    """All parts of the model whose first one is ``path``."""
    found = _PART.fullmatch(path.name)
    if found is None or int(found["number"]) != 1 or int(found["count"]) != count or count > MAX_PARTS:
        raise InvalidRequest(
            f"{path.name} is one of {count} parts of a model, and its name does not say which.",
            hint=f"Call the parts NAME-00001-of-{count:05d}.gguf and so on, as they were published.",
            code="gguf_split",
        )
    parts = [path.with_name(_named(found, number)) for number in range(1, count + 1)]
    missing = [part for part in parts if not part.exists()]
    if missing:
        raise _missing(missing)
    return parts


def _missing(parts: list[Path]) -> CorruptCheckpoint:
    more = f" and {len(parts) - 1} more" if len(parts) > 1 else ""
    return CorruptCheckpoint(
        f"a part of the model is not there: {parts[0].name}{more}.",
        hint=f"Download all parts into one folder, {parts[0].parent}.",
        code="gguf_split",
    )


def _named(found: re.Match[str], number: int) -> str:
    return f"{found['name']}-{number:05d}-of-{found['count']}{found['end']}"


def _apart(path: Path, problem: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(
        f"{path.name} and the files beside it are not one model: {problem}.",
        hint="Download all parts of the model again, into a folder of their own.",
        code="gguf_split",
    )
