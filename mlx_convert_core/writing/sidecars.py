"""The files beside the weights that a converted folder keeps, byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from mlx_convert_core.base.file_names import ADAPTER, BESIDE_WEIGHTS, CONFIG, MODELOPT, MORE_TEMPLATES, RECORD
from mlx_convert_core.base.regular_files import copy_regular
from mlx_convert_core.base.system_files import is_system_file
from mlx_convert_core.errors import CorruptCheckpoint
from mlx_convert_core.model.inspection import FileInfo
from mlx_convert_core.writing.read_back import stamp_of

# Written anew, about the source's weights, or misleading beside converted ones.
LEFT = (
    CONFIG, "*.index.json", RECORD, "quantize_config.json", "quant_config.json",
    MODELOPT, ADAPTER, "model_index.json", "params.json", "trainer_state.json",
)  # fmt: skip
# How pictures, films and sound become what a model takes: whoever finds these takes the model for one that does.
SENSES = (
    "preprocessor_config.json", "processor_config.json", "*image_processor_config.json", "*video_processor_config.json",
    "*audio_processor_config.json", "video_preprocessor_config.json", "*feature_extractor_config.json",
    "image_token*.json", "vision_config.json", "audio_config.json", "mm_config.json",
)  # fmt: skip


def copy_sidecars(
    checkpoint: Path, folder: Path, *, code: bool, text_only: bool = False, expected: Iterable[FileInfo] = ()
) -> tuple[str, ...]:
    """Copy tokenizer, chat template, generation and licence files; the names copied.

    The source's own Python files come along only with ``code`` (remote code was allowed), and what is about pictures
    and sound not with ``text_only``. A file that the converter already wrote is not touched. Raises CorruptCheckpoint
    for what is no file of ``checkpoint``, for what is not as ``expected`` (as it was inspected) or changes meanwhile
    (code ``source_changed``), and OSError.
    """
    copied = {}
    for path in _candidates(checkpoint):
        name = path.relative_to(checkpoint).as_posix()
        if not is_sidecar(name, code=code, text_only=text_only) or (folder / name).exists():
            continue
        if not path.is_dir() or path.is_symlink():
            before = stamp_of(path)
            (folder / name).parent.mkdir(exist_ok=True)
            copy_regular(path, folder / name, within=checkpoint)
            if stamp_of(path) != before:
                raise _changed(name)
            copied[name] = (folder / name).stat().st_size
    for file in expected:
        if not is_sidecar(file.name, code=code, text_only=text_only):
            continue
        if copied.get(file.name, file.size) != file.size:
            raise _changed(file.name)
        if _beside(file.name) and not (folder / file.name).exists():
            raise _changed(file.name)
    return tuple(copied)


def _candidates(checkpoint: Path) -> Iterator[Path]:
    """What lies at the root of a source, and its further chat templates."""
    yield from sorted(checkpoint.iterdir())
    more = checkpoint / MORE_TEMPLATES
    if more.is_dir() and not more.is_symlink():
        yield from sorted(path for path in more.glob("*.jinja") if not is_system_file(path.name))


def _beside(name: str) -> bool:
    """Whether a file of a source stands beside the weights, where people see it, or is a further chat template."""
    return ("/" not in name and not name.startswith(".")) or name.startswith(f"{MORE_TEMPLATES}/")


def _changed(name: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(
        f"{name} was changed or removed while the model was being converted.",
        hint="Wait until whatever writes to the source is done, and run it again.",
        code="source_changed",
    )


def is_sidecar(name: str, *, code: bool = False, text_only: bool = False) -> bool:
    """Whether a converted folder keeps the source's file ``name``."""
    if text_only and any(fnmatchcase(name, pattern) for pattern in SENSES):
        return False
    if is_system_file(name) or any(fnmatchcase(name, pattern) for pattern in LEFT):
        return False
    return any(fnmatchcase(name, pattern) for pattern in BESIDE_WEIGHTS) or (code and name.endswith(".py"))
