"""What the Hub says about a repo, distrusted: its files, which of them a conversion needs, and its card."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from mlx_convert_core.plugin import (
    CorruptCheckpoint,
    FileInfo,
    Finding,
    Remedies,
    RunElsewhere,
    UseInstead,
    command,
    elsewhere,
    file_names,
    is_adapter,
)
from mlx_convert_hub.fetch.cache import is_oid

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo as HubInfo

NEEDED = (*file_names.BESIDE_WEIGHTS, file_names.CARD)
TEXT = ("*.json", "*.jinja", "*.tiktoken", "*.model", "vocab.txt", file_names.MERGES)
NO_TEXT = ("*.index.json",)
# Never beside the weights: pickle, code, and weights in other formats, whatever else their names match.
NEVER = (
    *(f"*{suffix}" for suffix in file_names.WEIGHT_SUFFIXES if suffix != file_names.SAFETENSORS),
    "*.pkl", "*.pickle", "*.py", "*.zip", "consolidated*",
)  # fmt: skip
CARD_FIELDS = (
    "license", "license_name", "license_link", "language", "base_model", "base_model_relation", "pipeline_tag",
    "tags", "library_name",
)  # fmt: skip
MORE_TEMPLATES = f"{file_names.MORE_TEMPLATES}/"  # the one folder whose files come along, .jinja ones
MAX_SIZE = 1 << 44
_NAME = re.compile(r"\w[\w.+@ ()-]{0,254}", re.ASCII)
_NUMBERED = re.compile(r"(.+-)(\d{5})-of-(\d{5})(\.safetensors|\.bin)")


def root_files(info: HubInfo) -> tuple[FileInfo, ...]:
    """The files at the root of the repo, and its further chat templates; all others don't exist for us."""
    return tuple(
        FileInfo(name=sibling.rfilename, size=sibling.size, oid=_oid(sibling))
        for sibling in info.siblings or ()
        if is_safe_name(sibling.rfilename) and isinstance(sibling.size, int) and 0 <= sibling.size <= MAX_SIZE
    )


def is_safe_name(name: Any) -> bool:
    """Whether ``name`` is a plain file at the root, or a further chat template: no way up, no hidden file."""
    if isinstance(name, str) and name.startswith(MORE_TEMPLATES) and name.endswith(".jinja"):
        name = name.removeprefix(MORE_TEMPLATES)
    return isinstance(name, str) and bool(_NAME.fullmatch(name)) and not name.endswith((".", " ", ".incomplete"))


def needed(files: Iterable[FileInfo], shards: Collection[str]) -> tuple[FileInfo, ...]:
    """The files that a conversion needs: small ones first, then the weight files, ``shards``, in order."""
    small = [file for file in files if _matches(file.name, NEEDED) and not _matches(file.name, NEVER)]
    return (*_ordered(small), *_ordered(file for file in files if file.name in shards))


def only_of_torch(files: Iterable[FileInfo]) -> bool:
    """Whether weights are there as files of torch alone, by their names."""
    names = [file.name for file in files if "/" not in file.name]
    return any(_matches(name, file_names.TORCH_WEIGHTS) for name in names) and not any(
        name.endswith(file_names.SAFETENSORS) and not is_adapter(name) for name in names
    )


def from_branch(repo_id: str, branch: str) -> Finding:
    """What to say of a model that is taken from the branch on which the Hub has made safetensors of it."""
    return Finding(
        code="safetensors_branch",
        level="info",
        message=f"{repo_id} has files of torch only; its branch {branch} has the same as safetensors, which are taken.",
    )


def _ordered(files: Iterable[FileInfo]) -> list[FileInfo]:
    return sorted(files, key=lambda file: file.name)


def about_text(files: Iterable[FileInfo]) -> tuple[FileInfo, ...]:
    """The files that say how a model reads and writes text: settings, tokenizer, templates; the smallest first."""
    found = [file for file in needed(files, ()) if _matches(file.name, TEXT) and not _matches(file.name, NO_TEXT)]
    return tuple(sorted(found, key=lambda file: file.size))


def check_numbering(repo_id: str, shards: Iterable[str]) -> None:
    """Weight files are numbered ``00001-of-00004``: raise CorruptCheckpoint (``missing_shard``) for a gap."""
    series: dict[tuple[str, str, str], set[int]] = {}
    for name in shards:
        if match := _NUMBERED.fullmatch(name):
            series.setdefault((match[1], match[3], match[4]), set()).add(int(match[2]))
    for (start, total, end), present in series.items():
        missing = [number for number in range(1, min(int(total), 99_999) + 1) if number not in present]
        if missing:
            names = ", ".join(f"{start}{number:05d}-of-{total}{end}" for number in missing[:3])
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            raise CorruptCheckpoint(
                f"{len(missing)} of {int(total)} weight files are missing from {repo_id}: {names}{more}.",
                hint="Its owner may still be uploading. Try again later, or name another revision.",
                code="missing_shard",
            )


def two_in_one(repo_id: str, error: CorruptCheckpoint) -> CorruptCheckpoint:
    """``error`` of `choose_weights` about two checkpoints in one place, with what to do about those of a repo."""
    return CorruptCheckpoint(
        error.message.replace(" is in both ", f" of {repo_id} is in both "),
        hint="The repo holds two checkpoints. Fetch it, keep the files of one of them, and convert that folder.",
        remedies=fetched_first(repo_id),
        code=error.code,
    )


def fetched_first(repo_id: str, inner: str = "") -> Remedies:
    """The next step where somebody has to look at the files of a repo first, or name the folder ``inner`` of it."""
    folder = repo_id.rpartition("/")[2]
    fetch = command("hf download", repo_id, "--local-dir", folder)
    return (RunElsewhere(fetch), UseInstead(f"./{folder}/{inner}".rstrip("/")))


def weights_elsewhere(repo_id: str, info: HubInfo) -> Finding | None:
    """What to say of a repo without weights at its root, where there are some in a folder of it."""
    paths = (sibling.rfilename for sibling in info.siblings or () if isinstance(sibling.rfilename, str))
    usual = [path for path in paths if all(_NAME.fullmatch(part) for part in path.split("/"))]
    return elsewhere(usual, repo_id, lambda inner: fetched_first(repo_id, inner))


def card_of(data: Any) -> dict[str, Any]:
    """The fields of a source's card that we use, from what the Hub or a README says; text and lists of text only."""
    fields = data.to_dict() if hasattr(data, "to_dict") else data
    if not isinstance(fields, Mapping):
        return {}
    return {name: value for name in CARD_FIELDS if (value := _plain(fields.get(name)))}


def _plain(value: Any) -> str | list[str] | None:
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str)]
    return value if isinstance(value, str) else None


def _oid(sibling: Any) -> str | None:
    lfs = sibling.lfs
    oid = lfs.sha256 if lfs is not None else sibling.blob_id
    return oid if is_oid(oid) else None


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
