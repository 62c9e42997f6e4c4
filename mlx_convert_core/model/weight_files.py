"""Which files of a source hold its weights: told from names, an index and headers, wherever the source lies.

mlx-lm takes whatever is called ``model*.safetensors``; transformers takes ``model.safetensors`` or what an index names.
Where there is none, files of torch (``pytorch_model*.bin``) are the weights.
Where these agree there is nothing to decide. Where a name is another one, or tensors are there twice, it is decided
here, for folders and repos alike, and what can't be told is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from mlx_convert_core.base.file_names import (
    CONFIG,
    INDEX,
    PICKLES,
    SAFETENSORS,
    TORCH_FILE,
    TORCH_INDEX,
    TORCH_WEIGHTS,
    WEIGHT_FILE,
    WEIGHTS,
)
from mlx_convert_core.base.regular_files import regular_files
from mlx_convert_core.errors import CorruptCheckpoint
from mlx_convert_core.model.findings import Finding
from mlx_convert_core.model.safetensors import TensorInfo, all_tensors, read_header
from mlx_convert_core.model.shard_index import weight_map
from mlx_convert_core.model.torch_files import read_torch
from mlx_convert_core.remedies import Remedies, UseInstead

ADAPTERS = ("adapter_model*", "adapters.safetensors")
_ANY_INDEX = "*.safetensors.index.json"
_MAKERS = "tok_embeddings.weight"  # so Meta's and Mistral's own files begin, whose rows are in another order, too
_MAKERS_SETTINGS = "params.json"  # beside them
_EMBEDDING = re.compile(r"(?:^|[._])(?:embed\w*|wte|tok_embeddings|word_embeddings)\.[a-z_]+$")
_NUMBER = re.compile(r"(?<!-of-)(?<!\d)\d+")  # a shard's own, not how many there are
_PLAIN = re.compile(r"(?:model(?:-\d+-of-\d+)?\.safetensors|pytorch_model(?:-\d+-of-\d+)?\.bin)")
_SHOWN = 4  # files that are named

Headers = Callable[[Sequence[str]], tuple[TensorInfo, ...]]
"""Gives the tensors of some weight files, each with its file's name as ``shard``."""
IndexMap = Callable[[str], Mapping[str, str]]
"""Gives the weight file of each tensor, as the index of this name has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The ``tensors`` of a model's weight files; none of them, and a finding, where it can't be told which they are."""

    tensors: tuple[TensorInfo, ...] = ()
    findings: tuple[Finding, ...] = ()


def choose_weights(names: Iterable[str], headers: Headers, index: IndexMap) -> Weights:
    """The weights of the source whose files are called ``names``; those in folders don't count.

    Raises CorruptCheckpoint (code ``mixed_shards``) for a tensor that is in two files which nothing tells apart.
    """
    there = {name for name in names if "/" not in name}
    shards = sorted(name for name in there if name.endswith(SAFETENSORS) and not is_adapter(name))
    usual = [name for name in shards if fnmatchcase(name, WEIGHTS)]
    if usual:
        return Weights(tensors=_of_usual(usual, headers(usual), lambda: index(INDEX) if INDEX in there else {}))
    if not shards:
        usual = _of_torch(there)
        found = headers(usual)
        if of_its_maker(found):
            return Weights(tensors=found)
        return Weights(tensors=_of_usual(usual, found, lambda: index(TORCH_INDEX) if TORCH_INDEX in there else {}))
    return _of_others(shards, headers(shards), [one for one in there if fnmatchcase(one, _ANY_INDEX)], index)


def _of_torch(there: set[str]) -> list[str]:
    """The files of torch among ``there`` that are weights, by the first usual name; its maker's own are not read."""
    for pattern in TORCH_WEIGHTS:
        found = sorted(name for name in there if fnmatchcase(name, pattern))
        if found and not (_MAKERS_SETTINGS in there and found[0].startswith("consolidated")):
            return found
    return []


def weight_files(folder: Path) -> tuple[str, ...]:
    """The names of the weight files in ``folder``, in order. Raises CorruptCheckpoint (also code ``which_weights``)."""
    weights = weights_in(folder, [path.name for path in regular_files(folder)])
    for finding in weights.findings:
        raise CorruptCheckpoint(finding.message, hint=finding.hint, code=finding.code)
    return tuple(sorted({tensor.shard for tensor in weights.tensors}))


def weights_in(folder: Path, names: Iterable[str]) -> Weights:
    """`choose_weights` for a folder of this machine. Raises CorruptCheckpoint and OSError."""

    def headers(files: Sequence[str]) -> tuple[TensorInfo, ...]:
        return all_tensors((read_tensors(folder / name) for name in files), folder.name)

    return choose_weights(names, headers, lambda name: weight_map(folder / name))


def read_tensors(path: Path) -> tuple[TensorInfo, ...]:
    """The tensors of a weight file, by what its name says that it is. Raises CorruptCheckpoint and OSError."""
    return read_torch(path) if path.suffix in PICKLES else read_header(path)


def is_adapter(name: str) -> bool:
    """Whether a file is an addition to a model (LoRA), by its name."""
    return any(fnmatchcase(name, pattern) for pattern in ADAPTERS)


def of_its_maker(tensors: Iterable[TensorInfo]) -> bool:
    """Whether tensors have the names of Meta's and Mistral's own files."""
    return any(tensor.name == _MAKERS for tensor in tensors)


def elsewhere(paths: Iterable[str], name: str, step: Callable[[str], Remedies] | None = None) -> Finding | None:
    """What to say of the model ``name`` without weights, of whose files in folders ``paths`` some are weights.

    ``step`` gives the next step for one of these folders that holds a whole checkpoint.
    """
    there = set(paths)
    files = [path for path in there if path.endswith(SAFETENSORS) and not is_adapter(path.rpartition("/")[2])]
    folders = sorted({path.rpartition("/")[0] for path in files} - {"", "original"})  # there are the maker's own
    if not folders:
        return None
    whole = [folder for folder in folders if f"{folder}/{CONFIG}" in there]
    told = f"{name} has no weight files beside its other files; there are some in {_listed(whole or folders)}."
    hint = (
        "That is a checkpoint of its own: name it." if whole else "Move them beside config.json, if they belong to it."
    )
    remedies = step(whole[-1]) if whole and step is not None else ()  # the last of several steps of a training
    return Finding(code="weights_elsewhere", level="error", message=told, hint=hint, remedies=remedies)


def elsewhere_in(folder: Path, name: str) -> Finding | None:
    """`elsewhere` for a folder of this machine; only folders right below it are looked into."""
    found = [*folder.glob(f"*/*{SAFETENSORS}"), *folder.glob(f"*/{CONFIG}")]
    paths = [path.relative_to(folder).as_posix() for path in found if not path.parent.is_symlink()]
    return elsewhere(paths, name, lambda inner: (UseInstead(str(folder / inner)),))


def repeated(tensors: Iterable[TensorInfo]) -> tuple[TensorInfo, TensorInfo] | None:
    """The first tensor that is in two weight files, as each has it; None when there is none."""
    seen: dict[str, TensorInfo] = {}
    for tensor in tensors:
        if tensor.name in seen:
            return seen[tensor.name], tensor
        seen[tensor.name] = tensor
    return None


def _of_usual(
    usual: Sequence[str], tensors: tuple[TensorInfo, ...], index: Callable[[], Mapping[str, str]]
) -> tuple[TensorInfo, ...]:
    """The tensors of the model among those of files with the usual names: all, unless some are there twice.

    Then the files that transformers would load count, and of the others those that add something; a whole copy, such as
    ``model.fp16.safetensors``, is left.
    """
    twice = repeated(tensors)
    if twice is None:
        return tensors
    sure = _as_transformers(usual, set(index().values()))
    if not sure:
        raise _mixed(*twice)
    known = {tensor.name for tensor in tensors if tensor.shard in sure}
    adding = {tensor.shard for tensor in tensors if tensor.name not in known}
    chosen = tuple(tensor for tensor in tensors if tensor.shard in sure or tensor.shard in adding)
    again = repeated(chosen)
    if again is not None:
        raise _mixed(*again)
    return chosen


def _as_transformers(usual: Sequence[str], indexed: set[str]) -> set[str]:
    """The files that transformers would load; none where two sets of them have a claim."""
    if indexed and indexed <= set(usual):
        alone = {WEIGHT_FILE, TORCH_FILE}.intersection(usual)
        return indexed if alone <= indexed else set()
    plain = _series(name for name in usual if _PLAIN.fullmatch(name))
    return plain[0] if len(plain) == 1 else set()


def _of_others(shards: Sequence[str], tensors: tuple[TensorInfo, ...], indexes: list[str], index: IndexMap) -> Weights:
    """The weights among files of other names: the one series there is, or that an index claims, or that can speak."""
    held: dict[str, list[TensorInfo]] = {}
    for tensor in tensors:
        held.setdefault(tensor.shard, []).append(tensor)

    def any_of(files: set[str], kind: Callable[[list[TensorInfo]], bool]) -> bool:
        return any(kind(held[name]) for name in files)

    series = _series(held)
    series = [files for files in series if not any_of(files, of_its_maker)] or series
    if len(series) > 1:
        left = set().union(*series)
        claims = [claim for name in sorted(indexes) if (claim := set(index(name).values())) and claim <= left]
        series = claims or [files for files in series if any_of(files, _speaks)]
    if not held or len(series) != 1:
        return Weights(findings=(_which(shards),) if held else ())
    chosen = tuple(tensor for tensor in tensors if tensor.shard in series[0])
    twice = repeated(chosen)
    if twice is not None:
        raise _mixed(*twice)
    return Weights(tensors=chosen)


def _series(names: Iterable[str]) -> list[set[str]]:
    """Files that differ in a number alone, together."""
    found: dict[str, set[str]] = {}
    for name in names:
        found.setdefault(_NUMBER.sub("#", name), set()).add(name)
    return list(found.values())


def _speaks(tensors: list[TensorInfo]) -> bool:
    """Whether tensors belong to a whole language model: there are embeddings of words among them."""
    return any(len(tensor.shape) == 2 and _EMBEDDING.search(tensor.name) for tensor in tensors)


def _which(shards: Sequence[str]) -> Finding:
    return Finding(
        code="which_weights",
        level="error",
        message=f"there are several weight files ({_listed(shards)}), and neither names nor an index tell which of them"
        " are the model.",
        hint="Keep those that its page names beside config.json, as model.safetensors, and put the others elsewhere.",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _mixed(one: TensorInfo, other: TensorInfo) -> CorruptCheckpoint:
    return CorruptCheckpoint(
        f"the tensor {one.name} is in both {one.shard} and {other.shard}.",
        hint="Two checkpoints were mixed in one folder. Keep the files of one of them.",
        code="mixed_shards",
    )
