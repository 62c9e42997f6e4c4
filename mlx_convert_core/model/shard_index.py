"""The index of a checkpoint in several weight files, and whether the files agree with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import msgspec

from mlx_convert_core.base.codec import decoder
from mlx_convert_core.base.file_names import INDEX, PICKLES, SAFETENSORS, TORCH_INDEX
from mlx_convert_core.base.limits import INDEX_BYTES
from mlx_convert_core.base.regular_files import read_regular
from mlx_convert_core.errors import CorruptCheckpoint
from mlx_convert_core.model.config_file import read_config
from mlx_convert_core.model.findings import Finding
from mlx_convert_core.model.safetensors import TensorInfo

_SHOWN = 300  # characters of a name; a disk takes 255


def check_index(folder: Path, present: Iterable[str], tensors: Iterable[TensorInfo]) -> tuple[Finding, ...]:
    """What there is to say of the index in ``folder``, where it names files that are not ``present``, or tensors.

    Raises CorruptCheckpoint (code ``missing_shard``) when a tensor that it names is in no other file either.
    """
    files, tensors = set(present), tuple(tensors)
    read = {tensor.shard.endswith(SAFETENSORS) for tensor in tensors}
    index = INDEX if INDEX in files or True in read else TORCH_INDEX  # that of the files that are read
    named = weight_map(folder / index) if index in files else {}
    wanted = set(named.values())
    missing = sorted(name[:_SHOWN] for name in wanted - files)
    if not missing:
        return _lost(index, named, {tensor.name for tensor in tensors})
    are_files = all(name.endswith((SAFETENSORS, *PICKLES)) for name in wanted)  # not numbers, lists or nothing
    if are_files and named.keys() <= {tensor.name for tensor in tensors}:
        return (
            Finding(
                code="stale_index",
                level="warning",
                message=f"{index} names {len(missing)} weight files that are not there ({missing[0]} for one), but"
                " every tensor of theirs is in the files that are: these are used.",
                hint="The index is left over from another splitting. Compare the list of files with the model's page.",
            ),
        )
    shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
    raise CorruptCheckpoint(
        f"{len(missing)} of {len(wanted)} weight files are missing from {folder}: {shown}.",
        hint=f"Download {missing[0]} into that folder, or give the repo id to fetch what is missing.",
        code="missing_shard",
    )


def _lost(index: str, named: Mapping[str, str], there: Collection[str]) -> tuple[Finding, ...]:
    """A warning for tensors that the index has in files which are there, and don't hold them."""
    lost = sorted(name[:_SHOWN] for name in named.keys() - there)
    if not lost or not there:
        return ()
    return (
        Finding(
            code="stale_index",
            level="warning",
            message=f"{index} names {len(lost)} {'tensor' if len(lost) == 1 else 'tensors'} that no file holds"
            f" ({lost[0]} for one).",
            hint="They were lost when the files were written anew, or the index is of another model: compare the list"
            " of files with the model's page.",
        ),
    )


class _Index(msgspec.Struct):
    weight_map: dict[str, str] = msgspec.field(default_factory=dict)


def weight_map(index: Path) -> Mapping[str, str]:
    """The weight file of each tensor, as an index has it; it may be large, so that nothing else in it is looked at.

    Raises CorruptCheckpoint as `read_config`.
    """
    try:
        found: _Index = decoder(_Index).decode(read_regular(index, INDEX_BYTES, within=index.parent))
        return found.weight_map
    except (OSError, ValueError, RecursionError):  # something is wrong with it: say what
        files = read_config(index, INDEX_BYTES).get("weight_map")
        return {str(name): str(file) for name, file in files.items()} if isinstance(files, dict) else {}
