"""Compare what was written with what was planned, from the files themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import xxhash

from mlx_convert_core.base.file_names import CONFIG, INDEX
from mlx_convert_core.base.regular_files import regular_files
from mlx_convert_core.base.system_files import is_system_file
from mlx_convert_core.errors import ConversionFailed, CorruptCheckpoint
from mlx_convert_core.model.config_file import read_config
from mlx_convert_core.model.findings import Finding
from mlx_convert_core.model.plan import OutputPlan
from mlx_convert_core.model.safetensors import TensorInfo, read_header
from mlx_convert_core.writing.read_back import PartRead, Stamp, exact_stamp, exact_stamp_of

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDigest:
    """A published file: bytes and sha256 in hex; ``stamp`` is what it was just before it was read."""

    size: int
    sha256: str
    stamp: Stamp


def check_output(
    output: OutputPlan,
    folder: Path,
    digests: Mapping[str, str],
    advance: Callable[[int], None],
    read: Mapping[str, PartRead] | None = None,
    culprits: Mapping[str, str] | None = None,
) -> dict[str, FileDigest]:
    """Read ``folder`` back and compare it with ``output``; the digest of every file in it.

    Every tensor's name, shape, dtype and bytes (``digests``: xxh3-128 as written), the index and
    config.json's quantization must be as planned; raises ConversionFailed (code ``check_failed``).
    ``advance`` is told the bytes of weights read, a chunk at a time. ``read``: the beginnings of weight files that
    were read back and compared when they were written; they are not read again while the file is unchanged.
    ``culprits`` says of files that somebody else has changed who that was: neither the disk nor we are then at fault.
    """
    try:
        _refuse(_problems(output, folder, digests))
        return _digest_all(output, folder, digests, advance, read or {})
    except _Differs as error:
        culprit = (culprits or {}).get(error.file)
        raise (_failed(str(error)) if culprit is None else _changed(str(error), culprit)) from error.__cause__
    except CorruptCheckpoint as error:  # a link or another thing that is no file of the output
        raise _failed(error.message) from error


def check_unchanged(folder: Path, files: Mapping[str, FileDigest]) -> None:
    """Just before ``folder`` is published: what `check_output` has read is what lies there.

    A file that was touched since is read once more; raises ConversionFailed (code ``check_failed``) for other bytes.
    """
    for name, digest in files.items():
        if exact_stamp_of(folder / name) != digest.stamp and _sha256(folder / name) != digest.sha256:
            raise _failed(f"{name} was changed on the disk after it had been checked")


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def refuse_errors(findings: Iterable[Finding]) -> None:
    """Raise ConversionFailed for the first error finding of a hook or a check, with its code and its next step."""
    for finding in findings:
        if finding.level == "error":
            raise ConversionFailed(finding.message, hint=finding.hint, remedies=finding.remedies, code=finding.code)


class _Differs(Exception):
    """The ``file`` of an output is not as planned; says why."""

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(problem)
        self.file = file


@contextmanager
def _reading(file: str) -> Iterator[None]:
    try:
        yield
    except CorruptCheckpoint as error:
        raise _Differs(file, error.message) from error


def _problems(output: OutputPlan, folder: Path, digests: Mapping[str, str]) -> Iterator[_Differs]:
    planned = {tensor.name: tensor for tensor in output.tensors}
    shards = sorted({tensor.shard for tensor in output.tensors})
    present = [shard for shard in shards if (folder / shard).exists()]
    for shard in sorted(set(shards) - set(present)):
        yield _Differs(shard, f"the weight file {shard} is missing")
    written: dict[str, TensorInfo] = {}
    for shard in present:
        with _reading(shard):
            written |= {tensor.name: tensor for tensor in read_header(folder / shard)}
    for name in sorted(planned.keys() - written.keys()):
        yield _Differs(planned[name].shard, f"the tensor {name} was planned and is not in the files")
    for name in sorted(written.keys() - planned.keys()):
        yield _Differs(written[name].shard, f"the tensor {name} is in the files and was not planned")
    for name in sorted(planned.keys() & written.keys()):
        yield from (_Differs(planned[name].shard, told) for told in _differences(planned[name], written[name]))
    extra = {path.name for path in folder.glob("*.safetensors")} - set(shards)
    for name in sorted(extra):
        if not is_system_file(name):
            yield _Differs(name, f"the weight file {name} was not planned")
    with _reading(INDEX):
        yield from (_Differs(INDEX, told) for told in _index_problems(folder, planned))
    with _reading(CONFIG):
        yield from (_Differs(CONFIG, told) for told in _config_problems(output, read_config(folder / CONFIG)))
    for name in sorted(planned.keys() - digests.keys()):
        yield _Differs(planned[name].shard, f"the tensor {name} was never written")


def _differences(planned: TensorInfo, written: TensorInfo) -> Iterator[str]:
    for what in ("shape", "dtype", "shard"):
        expected, found = getattr(planned, what), getattr(written, what)
        if expected != found:
            yield f"the tensor {planned.name} has {what} {found}, planned was {expected}"


def _index_problems(folder: Path, planned: Mapping[str, TensorInfo]) -> Iterator[str]:
    if not (folder / INDEX).exists():
        yield f"{INDEX} is missing"
        return
    weight_map = read_config(folder / INDEX).get("weight_map")
    if weight_map != {name: tensor.shard for name, tensor in planned.items()}:
        yield f"{INDEX} does not name the tensors that were written"


def _config_problems(output: OutputPlan, config: Mapping[str, Any]) -> Iterator[str]:
    stored = config.get("quantization")
    if not output.quantized:
        if stored is not None:
            yield "config.json says that the model is quantized, and no layer is"
        return
    if not isinstance(stored, dict):
        yield "config.json does not say how the model is quantized"
        return
    for layer in output.quantized:
        found = stored.get(layer.path, stored)
        if not isinstance(found, dict) or _numbers(found) != _numbers(layer.quantization.as_config()):
            yield f"config.json has {found} for the layer {layer.path}, planned was {layer.quantization}"
    for kept in output.kept:
        if isinstance(stored.get(kept.path), dict):
            yield f"config.json says that the layer {kept.path} is quantized, and it is not"
    yield from _nulls(stored)


def _numbers(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return entry.get("bits"), entry.get("group_size"), entry.get("mode", "affine")


def _nulls(stored: Mapping[str, Any]) -> Iterator[str]:
    for key, value in stored.items():
        if value is None or (isinstance(value, dict) and None in value.values()):
            yield f"config.json's quantization holds a null at {key}"


def _digest_all(
    output: OutputPlan,
    folder: Path,
    digests: Mapping[str, str],
    advance: Callable[[int], None],
    read: Mapping[str, PartRead],
) -> dict[str, FileDigest]:
    shards = {tensor.shard for tensor in output.tensors}
    found = {}
    for path in regular_files(folder, below=True, hidden=True):
        name, stamp = path.relative_to(folder).as_posix(), exact_stamp(path.stat())
        known = read[name] if name in read and read[name].holds(path) else PartRead()
        with _reading(name):
            header = read_header(path) if name in shards else ()
        tensors = [tensor for tensor in header if tensor.start >= known.position]
        sha = known.sha256
        advance(known.position)
        for chunk in _chunks(path, tensors, digests, known.position):
            sha.update(chunk)
            advance(len(chunk) if name in shards else 0)
        found[name] = FileDigest(size=path.stat().st_size, sha256=sha.hexdigest(), stamp=stamp)
    return found


def _chunks(path: Path, tensors: Iterable[TensorInfo], digests: Mapping[str, str], start: int) -> Iterator[memoryview]:
    """The file's bytes from ``start`` on, in order; each tensor's are compared with its digest on the way."""
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        for tensor in tensors:
            yield from _span(file, tensor.start - file.tell())
            digest = xxhash.xxh3_128()
            for chunk in _span(file, tensor.nbytes):
                digest.update(chunk)
                yield chunk
            if digest.hexdigest() != digests[tensor.name]:
                problem = f"the bytes of the tensor {tensor.name} in {path.name} are not those that were written"
                raise _Differs(path.name, problem)
        yield from _span(file, path.stat().st_size - file.tell())


def _span(file: FileIO, length: int) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(min(CHUNK, max(length, 0))))
    while length > 0:
        got = file.readinto(buffer[: min(CHUNK, length)])
        if not got:
            return
        length -= got
        yield buffer[:got]


def _refuse(problems: Iterable[_Differs]) -> None:
    found = list(problems)
    if found:
        more = f" (and {len(found) - 1} more differences)" if len(found) > 1 else ""
        raise _Differs(found[0].file, f"{found[0]}{more}")


def _failed(problem: str) -> ConversionFailed:
    return ConversionFailed(
        f"the written model is not what was planned: {problem.rstrip('.')}.",
        hint="Nothing was published. Run it again; if it happens twice, check the disk and report it.",
        code="check_failed",
    )


def _changed(problem: str, culprit: str) -> ConversionFailed:
    return ConversionFailed(
        f"{_failed(problem).message} {culprit} changed it in post_convert.",
        hint="Nothing was published. Report it to the plugin's author, or leave the plugin out with"
        " MLX_CONVERT_PLUGINS.",
        code="check_failed",
    )
