"""Why mlx-lm did not load a checkpoint, as one of our errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import (
    CorruptCheckpoint,
    ErrorInfo,
    InvalidRequest,
    MlxConvertError,
    Remedies,
    RunCommand,
    RunElsewhere,
    SetOption,
    UnsupportedModel,
    file_names,
    read_config,
)
from mlx_convert_lm.odd_types import not_loaded
from mlx_convert_lm.spare_tensors import another_kind

# A phrase in mlx-lm's message -> the class, code, message, hint and remedies that say it to a person.
_REASONS: tuple[tuple[str, type[MlxConvertError], str, str, str, Remedies], ...] = (
    (
        r"Model type (\S+) not supported",
        UnsupportedModel,
        "arch",
        "{name} uses model type '{0}', which the installed mlx-lm can't run.",
        "A newer mlx-lm may know it.",
        (RunCommand("architectures"),),
    ),
    (
        r"requires importing and running a custom module \((.+?)\)",
        InvalidRequest,
        "custom_code",
        "{name} wants to run its own Python code ({0}).",
        "Read that file first. Allow it only if you trust its author.",
        (SetOption("trust_remote_code", True),),
    ),
    (
        r"Missing 1 parameters: \s*(lm_head\.weight)",
        CorruptCheckpoint,
        "tied",
        "{name} has no {0}, and its config.json does not say that it shares its embeddings instead.",
        'If the original does, set "tie_word_embeddings": true in config.json; if not, download the model again.',
        (),
    ),
    (
        r"Missing (\d+) parameters: \s*([^\n,]+?)\.?(?:[\n,]|$)",
        CorruptCheckpoint,
        "missing_tensors",
        "{name} lacks {0} tensors that its architecture needs, {1} for one.",
        "A weight file may be missing, or config.json belongs to another model. Download the model again.",
        (),
    ),
    (
        r"Received (\d+) parameters not in model: \s*([^\n,]+?)\.?(?:[\n,]|$)",
        UnsupportedModel,
        "extra_tensors",
        "{name} holds {0} tensors that the model class of mlx-lm has no place for, {1} for one.",
        "It is a newer variant of its architecture, or was quantized by another tool. Try a newer mlx-lm.",
        (),
    ),
    (
        r"Expected shape (\(.*?\)) but received shape (\(.*?\)) for parameter (\S+)",
        CorruptCheckpoint,
        "shape",
        "{name}: {2} has shape {1}, config.json asks for {0}.",
        "config.json and the weights don't belong together. Download the model again.",
        (),
    ),
    (
        r"unsupported compressed-tensors format ('\S+')",
        UnsupportedModel,
        "compressed_tensors",
        "{name} was compressed as {0}, which mlx-lm can't read.",
        "Convert the original bf16 model.",
        (),
    ),
    (
        r"Unsupported modelopt quant_algo: (\S+)",
        UnsupportedModel,
        "source_modelopt",
        "{name} is quantized by modelopt as {0}, and mlx-lm takes NVFP4 only.",
        "Convert the original bf16 model.",
        (),
    ),
    (
        r"(\[load_safetensors\]|\[read\]) ?(.*?)[.?]?(?:\n|$)",
        CorruptCheckpoint,
        "corrupt_header",
        "a weight file of {name} can't be read: {1}.",
        "Download it again.",
        (),
    ),
)


def explain_load(error: BaseException, folder: Path, name: str = "", tensors: Iterable[str] = ()) -> MlxConvertError:
    """mlx-lm's reason for not loading the checkpoint in ``folder``, of the model ``name`` (by default the folder's).

    ``tensors`` are the names of what it holds.
    """
    name = name or folder.name
    if isinstance(error, SystemExit):
        return UnsupportedModel(
            f"mlx-lm's model class for {name} needs a package that is not installed.",
            hint="To see which, import the class in Python.",
            remedies=(RunElsewhere('python -c "import mlx_lm.models.MODEL_TYPE"'),),
            code="model_class",
        )
    text = str(error)
    unread = re.search(r"unsupported dtype (\w+)", text)
    if unread:
        return not_loaded(folder, name, unread[1])
    other = another_kind(name, tensors, text)
    if other is not None:
        return other
    for pattern, kind, code, message, hint, remedies in _REASONS:
        found = re.search(pattern, text)
        if found:
            return kind(message.format(*found.groups(), name=name), hint=hint, remedies=remedies, code=code)
    told = ErrorInfo.of(error)
    if told.code != "unexpected":  # what the system refused: memory, files
        return told.exception()
    return _odd_file(folder) or UnsupportedModel(
        f"mlx-lm can't build the model of {name}: {first_line(error)}.",
        hint="Compare config.json with the original; a newer mlx-lm may know this variant.",
        code="model_class",
    )


def first_line(error: BaseException) -> str:
    """The kind of an error and the first line of what it says."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    said = lines[0].strip().rstrip(".:") if lines else ""
    return f"{type(error).__name__}: {said}"[:200] if said else type(error).__name__


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _all(kind: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """``kind``, or a list of it for each layer, or nothing."""
    return lambda value: value is None or kind(value) or (isinstance(value, list) and all(map(kind, value)))


def _object(value: Any) -> bool:
    return value is None or isinstance(value, dict)


_SETTINGS = (file_names.CONFIG, file_names.GENERATION_CONFIG, file_names.MODELOPT)
_WHOLE, _NUMBER, _OBJECT = "a whole number above 0", "a number", "an object"
# What settings that most model classes read have to be. It is asked only when a model can't be built: a class of
# its own may take more.
_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "hidden_size": (_whole, _WHOLE),
    "num_hidden_layers": (_whole, _WHOLE),
    "vocab_size": (_whole, _WHOLE),
    "num_attention_heads": (_all(_whole), _WHOLE),
    "num_key_value_heads": (_all(_whole), _WHOLE),
    "intermediate_size": (_all(_whole), _WHOLE),
    "head_dim": (_all(_whole), _WHOLE),
    "rms_norm_eps": (_number, _NUMBER),
    "layer_norm_eps": (_number, _NUMBER),
    "rope_theta": (_all(_number), _NUMBER),
    "architectures": (lambda value: value is None or isinstance(value, list), "a list of names"),
    "layer_types": (lambda value: value is None or isinstance(value, list), "a list of names"),
    "rope_scaling": (_object, _OBJECT),
    "text_config": (_object, _OBJECT),
    "quantization": (_object, _OBJECT),
    "quantization_config": (_object, _OBJECT),
    "model_file": (lambda value: value is None or isinstance(value, str), "the name of a file"),
}


def _odd_file(folder: Path) -> CorruptCheckpoint | None:
    """The error for what is wrong with the settings that mlx-lm reads; None when nothing is known to be."""
    try:
        settings = [read_config(_itself(folder / name)) for name in _SETTINGS if (folder / name).exists()]
    except CorruptCheckpoint as error:
        return error
    for field, value, wanted in _odd(settings[0]) if settings else ():
        return CorruptCheckpoint(
            f"config.json of {folder.name} has {field} {value!r:.60}, where {wanted} is expected.",
            hint="Compare config.json with the one on the model's page, or download it again.",
            code="bad_config",
        )
    return None


def _itself(path: Path) -> Path:
    """The file of the source that a stand-in for its folder links to."""
    link = path.readlink() if path.is_symlink() else path
    return link if link.is_absolute() else path


def _odd(config: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any, str]]:
    for field, (fits, wanted) in _KINDS.items():
        if field in config and not fits(config[field]):
            yield f"{before}{field}", config[field], wanted
    text = config.get("text_config")
    if isinstance(text, dict) and not before:
        yield from _odd(text, "text_config.")
