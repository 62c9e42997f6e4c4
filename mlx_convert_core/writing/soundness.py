"""Whether a model on the disk is still whole: asked before it is handed to others.

What is claimed is compared with what is there: headers with sizes, the index with the weight files, our record with
both, and at last every byte of the weights with their sha256. A NaN makes every answer one, so it is looked for, too.
Infinity may be meant, as in a mask: it is told. A person's own words in README.md and mended settings are no damage.
"""

from __future__ import annotations

import hashlib
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import msgspec

from mlx_convert_core.base import file_names
from mlx_convert_core.base.file_names import CONFIG, INDEX, SAFETENSORS
from mlx_convert_core.base.limits import INDEX_BYTES
from mlx_convert_core.base.regular_files import open_regular, read_regular
from mlx_convert_core.base.system_files import is_system_file
from mlx_convert_core.errors import CorruptCheckpoint, UploadError
from mlx_convert_core.model.config_file import read_config
from mlx_convert_core.model.dtypes import INFINITY
from mlx_convert_core.model.record import RecordedFile, read_record
from mlx_convert_core.model.safetensors import DTYPE_BYTES, TensorInfo, all_tensors, read_header
from mlx_convert_core.model.weight_files import repeated
from mlx_convert_core.remedies import Remedies, UseInstead

CHUNK = 1 << 20
_READ_BY_ALL = (
    file_names.TOKENIZER, file_names.TOKENIZER_CONFIG, file_names.SPECIAL_TOKENS, file_names.GENERATION_CONFIG,
)  # fmt: skip
# By dtype: the bits of infinity without its sign, above which a value is NaN, the code of struct to read values with,
# and the highest bytes that such values can have. No weight of a sane model has these bytes: a look at them is enough.
_NAN = {
    "BF16": (INFINITY["BF16"], "H", b"\x7f\xff"),
    "F16": (INFINITY["F16"], "H", b"\x7c\x7d\x7e\x7f\xfc\xfd\xfe\xff"),
    "F32": (INFINITY["F32"], "I", b"\x7f\xff"),
    "F64": (INFINITY["F64"], "Q", b"\x7f\xff"),
    "F8_E4M3": (0x7E, "B", b"\x7f\xff"),  # 448, for it has no infinity
    "F8_E5M2": (INFINITY["F8_E5M2"], "B", b"\x7c\x7d\x7e\x7f\xfc\xfd\xfe\xff"),
}
_WITHOUT_INFINITY = ("F8_E4M3",)


def refuse_damaged(folder: Path) -> None:
    """Raise UploadError (code ``up_damaged``) when headers, index, settings or record show that ``folder`` isn't whole.

    No weight is read.
    """
    try:
        problem = next(_problems(folder), "")
    except CorruptCheckpoint as error:
        problem = error.message.rstrip(".")
    except OSError as error:
        problem = f"{error.filename or folder} can't be read: {error.strerror or error}"
    if problem:
        raise _damaged(folder, problem)


def refuse_spoiled(folder: Path, advance: Callable[[int, int], None]) -> dict[str, int]:
    """Read all weights of ``folder``: how many values are infinite, by the name of their tensor.

    Raises UploadError when they are not those of its record, or have a NaN: codes ``up_damaged`` and ``up_nan``.
    ``advance`` is told the bytes done and those of all weight files.
    """
    infinite: Counter[str] = Counter()
    paths = _weights(folder)
    total, done = sum(path.stat().st_size for path in paths), 0
    for path in paths:
        recorded, digest = _recorded(folder).get(path.name), hashlib.sha256()
        for tensor, chunk in _chunks(path):
            digest.update(chunk)
            if tensor is not None:
                nans, infinities = _odd_values(chunk, tensor.dtype)
                if nans:
                    raise _no_numbers(folder, tensor, nans)
                infinite[tensor.name] += infinities
            done += len(chunk)
            advance(done, total)
        if recorded is not None and recorded.sha256 and digest.hexdigest() != recorded.sha256:
            raise _damaged(folder, f"the bytes of {path.name} are not those that were written (its sha256 differs)")
    return {name: count for name, count in infinite.items() if count}


def _problems(folder: Path) -> Iterator[str]:
    headers = {path.name: read_header(path) for path in _weights(folder)}
    read_config(folder / CONFIG)
    for name in _READ_BY_ALL:
        if (folder / name).exists() and not _is_json(folder / name):
            yield f"{name} is no valid JSON"
    twice = repeated(all_tensors(headers.values(), folder.name))
    if twice is not None:
        yield f"the tensor {twice[0].name} is in both {twice[0].shard} and {twice[1].shard}"
    yield from _index_problems(folder, headers)
    for name, recorded in _recorded(folder).items():
        size = (folder / name).stat().st_size if (folder / name).exists() else None
        if recorded.size and size != recorded.size:  # 0: the record does not say
            found = "is missing" if size is None else f"has {size:,} bytes"
            yield f"{name} {found}, and its record says {recorded.size:,} bytes"
    record = read_record(folder)
    written = record.files if record is not None else {}
    gone = next((name for name in _READ_BY_ALL if name in written and not (folder / name).exists()), None)
    if gone is not None:
        yield f"{gone}, which was written with it, is missing"


def _index_problems(folder: Path, headers: Mapping[str, tuple[TensorInfo, ...]]) -> Iterator[str]:
    if not (folder / INDEX).exists():
        return
    named = read_config(folder / INDEX, INDEX_BYTES).get("weight_map")
    if not isinstance(named, dict):
        yield f"{INDEX} names no tensors"
        return
    missing = sorted({str(shard) for shard in named.values()} - headers.keys())
    if missing:
        yield f"the weight file {missing[0]} is missing"
    there = {(tensor.name, shard) for shard, tensors in headers.items() for tensor in tensors}
    lost = next((name for name, shard in named.items() if (name, shard) not in there), None)
    if lost is not None:
        yield f"the tensor {lost} is not in {named[lost]}, where {INDEX} says it is"


def _weights(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"*{SAFETENSORS}") if not is_system_file(path.name))


def _recorded(folder: Path) -> dict[str, RecordedFile]:
    """What our record says of the weight files."""
    record = read_record(folder)
    files = record.files if record is not None else {}
    return {name: file for name, file in files.items() if name.endswith(SAFETENSORS) and "/" not in name}


def _is_json(path: Path) -> bool:
    try:
        msgspec.json.decode(read_regular(path, INDEX_BYTES, within=path.parent))
    except (ValueError, RecursionError):
        return False
    return True


def _chunks(path: Path) -> Iterator[tuple[TensorInfo | None, bytes]]:
    """The file's bytes in order, those of a tensor with it: whole values, for a tensor begins with one."""
    with open_regular(path, within=path.parent) as file:
        for tensor in read_header(path):
            yield from ((None, chunk) for chunk in _span(file, tensor.start - file.tell()))
            yield from ((tensor, chunk) for chunk in _span(file, tensor.nbytes))
        while chunk := file.read(CHUNK):
            yield None, chunk


def _span(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0 and (chunk := file.read(min(CHUNK, length))):
        length -= len(chunk)
        yield chunk


def _odd_values(data: bytes, dtype: str) -> tuple[int, int]:
    """How many of little-endian values are NaN, and how many infinite."""
    if dtype not in _NAN:
        return 0, 0
    limit, code, highest = _NAN[dtype]
    width = DTYPE_BYTES[dtype]
    high = data[width - 1 :: width]
    if not any(byte in high for byte in highest):
        return 0, 0
    without_sign = (1 << (8 * width - 1)) - 1
    sizes = [value & without_sign for value in struct.unpack(f"<{len(data) // width}{code}", data)]
    infinite = 0 if dtype in _WITHOUT_INFINITY else sizes.count(limit)
    return sum(size > limit for size in sizes), infinite


def _damaged(folder: Path, problem: str) -> UploadError:
    return UploadError(
        f"{folder.name} is damaged and was not sent: {problem}.",
        hint="Convert it again, or put back the file that was changed.",
        remedies=_again(folder),
        code="up_damaged",
    )


def _no_numbers(folder: Path, tensor: TensorInfo, count: int) -> UploadError:
    return UploadError(
        f"{folder.name} was not sent: the tensor {tensor.name} in {tensor.shard} has values that are no numbers"
        f" (NaN), at least {count:,}; it would answer nonsense.",
        hint="Convert a source without them, or get the original weights again.",
        remedies=_again(folder),
        code="up_nan",
    )


def _again(folder: Path) -> Remedies:
    """To convert the recorded source once more, if it is a repo: of a folder the record has the last name only."""
    record = read_record(folder)
    ref = record.source.ref if record is not None and record.source.revision else ""
    return (UseInstead(ref),) if ref else ()
