"""What may be replaced or deleted, decided in one place: an MLX model, or an empty folder.

`--force`, `library remove`, uploads into a folder and the pages all ask `what_goes`, and show its answer before
anything goes. What a person keeps beside a model is named and stays: nobody can make it again. Leftovers of our own
are told by `is_staging`.
"""

from __future__ import annotations

import filecmp
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from itertools import count, islice
from pathlib import Path

from mlx_convert_core.base import file_names
from mlx_convert_core.base.file_names import CONFIG, RECORD
from mlx_convert_core.base.identity import identities, is_inside, same_place
from mlx_convert_core.base.paths import in_text
from mlx_convert_core.base.system_files import is_system_file
from mlx_convert_core.errors import ConversionFailed
from mlx_convert_core.model.contents import FolderContents, listed
from mlx_convert_core.model.library_folder import entry_of
from mlx_convert_core.model.record import RecordedFile, read_record
from mlx_convert_core.remedies import ChooseOutput

# What mlx-lm, mlx-vlm, transformers and huggingface_hub write into a model's folder. Broad patterns (*.json, *.py,
# *.txt) would take in what a person writes there; a file of such a name belongs where our record lists it.
MODEL_FILES = (
    CONFIG, RECORD, file_names.WEIGHTS, f"{file_names.WEIGHTS}.index.json",
    file_names.TOKENIZER, file_names.TOKENIZER_CONFIG, file_names.SPECIAL_TOKENS, file_names.ADDED_TOKENS,
    "tokenizer.model*", "spiece.model", "sentencepiece*.model", "vocab.json", "vocab.txt", file_names.MERGES,
    "*.tiktoken", file_names.CHAT_TEMPLATE_IN_JSON, file_names.CHAT_TEMPLATE, f"{file_names.MORE_TEMPLATES}/*.jinja",
    file_names.GENERATION_CONFIG, "configuration.json", "preprocessor_config.json", "processor_config.json",
    "image_processor_config.json", "video_preprocessor_config.json", "feature_extractor_config.json",
    "configuration_*.py", "modeling_*.py", "tokenization_*.py", "processing_*.py", "image_processing_*.py",
    file_names.CARD, *file_names.LICENCES, ".gitattributes",
    ".cache/huggingface/.gitignore", ".cache/huggingface/CACHEDIR.TAG",
    ".cache/huggingface/download/*.metadata", ".cache/huggingface/download/*.lock",
)  # fmt: skip
_HISTORIES = {".git": "git", ".hg": "Mercurial", ".svn": "Subversion", ".jj": "Jujutsu"}
MANY = 5_000  # files: a model has far fewer, and to say no it takes only the first foreign ones


def what_goes(folder: Path, *, source: Path | None = None, models: Iterable[Path] = ()) -> FolderContents:
    """What would go with ``folder`` if it were deleted, or replaced by what is made of ``source``, and whether it may.

    ``models`` are other folders that must not lie in it.
    """
    if not os.path.lexists(folder):
        return FolderContents(path=folder)
    try:
        stays = _barred(folder, source, models)
        inside = [] if stays else list(islice(_inside(folder, folder), MANY))
        stays = stays or _history(inside) or _nested(inside) or _source_in(folder, inside, source)
        if stays or not inside:
            return FolderContents(path=folder, stays=stays)
        return _contents(folder, inside, source)
    except OSError as error:
        return FolderContents(path=folder, stays=f"it can't be looked through ({error.strerror or error})")


def refuse_changed(folder: Path, announced: FolderContents | None, source: Path | None) -> None:
    """Raise ConversionFailed when what is at ``folder`` by now may not be replaced, or is not what was announced.

    When nothing was there to announce, a model that came since goes, as anything goes that may: that was agreed to.
    """
    if not os.path.lexists(folder):
        return
    now = what_goes(folder, source=source)
    stays = now.stays
    if not stays and announced is not None and not announced.is_still(now):
        stays = f"another model has come there since the plan was made ({now.words})"
    if stays:
        raise ConversionFailed(
            f"{folder} is not replaced: {stays}.",
            hint=now.instead(),
            remedies=(another_output(folder),),
            code="not_replaceable",
        )


def another_output(output: Path) -> ChooseOutput:
    """Another folder for a conversion, beside ``output``."""
    return ChooseOutput(str(next_free(output)))


def next_free(output: Path) -> Path:
    """``output`` with the first number from 2 behind its name of which nothing is there."""
    return next(path for number in count(2) if not os.path.lexists(path := Path(f"{output}-{number}")))


def _barred(folder: Path, source: Path | None, models: Iterable[Path]) -> str:
    """Why a folder stays, whatever is in it."""
    if folder.is_symlink():
        return "it is a link" + ("" if folder.exists() else " that leads nowhere")
    if source is not None and is_inside(source, folder):
        return "the model to convert is in it"
    if not folder.is_dir():
        return "it is a file"
    if os.path.ismount(folder):
        return "it is a disk of its own"
    for place, name in _of_a_person():
        if is_inside(place, folder):
            return f"your {name} is in it"
    other = _first_inside(folder, models)
    return f"it holds another model of the library, {in_text(str(other))}" if other is not None else ""


def _first_inside(folder: Path, models: Iterable[Path]) -> Path | None:
    """The first of ``models`` that lies in ``folder``, which is there, but is not that itself.

    Of ten thousand most lie beside each other: the folder that they lie in is looked at once.
    """
    own = identities(folder)
    above: dict[str, bool] = {}
    for path in models:
        seen = identities(path)
        if own & seen:
            continue
        parent = os.path.dirname(os.path.realpath(path) if os.path.islink(path) else path)
        if parent not in above:
            above[parent] = is_inside(Path(parent), folder)
        if above[parent] or (seen and same_place(path, folder)):
            return path
    return None


def _of_a_person() -> Iterator[tuple[Path, str]]:
    yield Path.home(), "home folder"
    with suppress(OSError):  # the folder that the program was started in may have gone
        yield Path(os.getcwd()), "current folder"


def _inside(place: Path, folder: Path) -> Iterator[Path]:
    """Files below ``folder``, and folders that are not looked into, as paths below it; what is near comes first.

    What systems leave there is nobody's, and left out.
    """
    below = []
    for path in sorted(place.iterdir()):
        if is_system_file(path.name):
            continue
        if path.is_symlink() or not path.is_dir() or path.name in _HISTORIES or os.path.ismount(path):
            yield path.relative_to(folder)
        else:
            below.append(path)
    for path in below:
        yield from _inside(path, folder)


def _history(inside: list[Path]) -> str:
    found = next((path for path in inside if path.name in _HISTORIES), None)
    return f"it is kept in {_HISTORIES[found.name]}, and {found} would go, too" if found is not None else ""


def _nested(inside: list[Path]) -> str:
    """Why a folder with another model, or checkpoint, in it stays."""
    configured = {path.parent for path in inside if path.name == CONFIG}
    weighty = {path.parent for path in inside if path.suffix in file_names.WEIGHT_SUFFIXES}
    found = sorted((configured & weighty) - {Path()})
    return f"it holds another model, {in_text(str(found[0]))}" if found else ""


def _source_in(folder: Path, inside: list[Path], source: Path | None) -> str:
    """Why a folder stays that shares files with the model to convert: by links, hard links or mounts."""
    if source is None:
        return ""
    files = list(source.iterdir()) if source.is_dir() else [source]
    shared = identities(*files) & identities(*(folder / path for path in inside))
    return "files of the model to convert are in it" if shared else ""


def _contents(folder: Path, inside: list[Path], source: Path | None) -> FolderContents:
    model = entry_of(folder)
    record = read_record(folder) if model is not None else None
    recorded = record.files if record is not None else {}
    files = [str(path) for path in inside]
    foreign = [
        str(path) for path in inside if not _belongs(folder, path, recorded) and not _copied(folder, path, source)
    ]
    if model is None:
        stays = f"it holds something else than an MLX model ({listed(files, 3)})"
        return FolderContents(path=folder, stays=stays)
    if foreign or len(inside) == MANY:
        stays = f"it holds files that are not the model's ({listed(foreign or files, 5)})"
        return FolderContents(path=folder, model=model, stays=stays, foreign=tuple(foreign))
    size = sum((folder / path).lstat().st_size for path in inside)
    return FolderContents(path=folder, model=model, files=tuple(files), size=size)


def _belongs(folder: Path, path: Path, recorded: Mapping[str, RecordedFile]) -> bool:
    """Whether a file is one of the model's; our record vouches for those that are as it says."""
    status = (folder / path).lstat()
    if stat.S_ISDIR(status.st_mode):  # something is mounted there
        return False
    if any(_matches(path, pattern) for pattern in MODEL_FILES):
        return True
    return str(path) in recorded and recorded[str(path)].size == status.st_size


def _copied(folder: Path, path: Path, source: Path | None) -> bool:
    """Whether the source has the same file, byte by byte: it came from there, and none is lost."""
    ours, theirs = folder / path, source / path if source is not None else None
    if theirs is None or ours.is_symlink() or not ours.is_file() or not theirs.is_file():
        return False
    return ours.stat().st_size == theirs.stat().st_size and filecmp.cmp(ours, theirs, shallow=False)


def _matches(path: Path, pattern: str) -> bool:
    """Whether ``path`` matches part by part: a "*" leads into no other folder."""
    wanted = Path(pattern).parts
    return len(path.parts) == len(wanted) and all(map(fnmatchcase, path.parts, wanted))
