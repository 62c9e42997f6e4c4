"""tokenizer.json for a model that lacks it, as transformers makes it; in a process of its own.

To import transformers takes a second and as much memory as a small conversion, which the worker of a conversion would
hold until its end; so it is asked in a process of its own, and only where nothing else can tell.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlx_convert_lm.tokenizers.apart import told_apart
from mlx_convert_lm.tokenizers.small_files import SETTINGS, TOKENIZER

SHOWN = 200  # characters of what a library says


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What transformers makes of the tokenizer files of a folder.

    ``error`` says why it can't load them, "" when it can. ``tokenizer`` is tokenizer.json, b"" when there is no fast
    tokenizer; ``proved`` whether it was compared with the source; ``differs`` a text that the two read differently.
    ``plain`` when readers have to take it as it is, by the class ``PreTrainedTokenizerFast``.
    """

    error: str = ""
    tokenizer: bytes = b""
    proved: bool = False
    differs: str = ""
    plain: bool = False


def make(folder: Path, *, own_code: bool) -> Made:
    """Ask transformers for the tokenizer of ``folder``; the model's own code runs only with ``own_code``."""
    with TemporaryDirectory(prefix="mlx-convert-tokenizer-") as place:
        target = Path(place) / TOKENIZER
        told = told_apart(__name__, str(folder), str(target), *(["--own-code"] if own_code else []))
        if isinstance(told, str):
            return Made(error=f"transformers can't load it: {told}")
        return Made(tokenizer=target.read_bytes() if target.exists() else b"", **told)


def main(source: str, made: str, *own_code: str) -> dict[str, Any]:
    """In that process: load the tokenizer of the folder ``source``, write it to ``made``; what `Made` tells besides."""
    from transformers import AutoTokenizer

    folder, target = Path(source), Path(made)

    try:
        loaded = AutoTokenizer.from_pretrained(folder, trust_remote_code=bool(own_code), local_files_only=True)
    except BaseException as error:  # a panic of native code is no Exception
        return {"error": _said(error)}
    if (folder / TOKENIZER).exists() or getattr(loaded, "backend_tokenizer", None) is None:
        return {}
    tokenizer, told = _proved(_copy(loaded.backend_tokenizer), _sentencepiece(loaded, folder), _settings(folder))
    tokenizer.save(str(target))
    return told


def _proved(tokenizer: Any, model: Path | None, settings: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """``tokenizer``, or one that is nearer to the SentencePiece file ``model``, and what `Made` tells of it."""
    from mlx_convert_lm.tokenizers.proof import as_sentencepiece, differences

    if model is None:
        return tokenizer, {}
    differs = next(differences(tokenizer, model), "")
    if differs and settings.get("legacy") is not False:
        nearer = as_sentencepiece(_copy(tokenizer), model)
        if next(differences(nearer, model), None) is None:
            return nearer, {"proved": True, "plain": True}
    return tokenizer, {"proved": not differs, "differs": differs}


def _sentencepiece(loaded: Any, folder: Path) -> Path | None:
    """The SentencePiece file that ``loaded`` was made from, None when it was made from something else."""
    named = getattr(loaded, "vocab_file", None)
    candidates = [Path(str(named))] if named else sorted(folder.glob("*.model"))
    return next((path for path in candidates if path.suffix == ".model" and _is_sentencepiece(path)), None)


def _settings(folder: Path) -> dict[str, Any]:
    """The tokenizer's settings as the model's author wrote them; transformers fills in what it thinks."""
    path = folder / SETTINGS
    found = json.loads(path.read_bytes()) if path.exists() else {}
    return found if isinstance(found, dict) else {}


def _is_sentencepiece(path: Path) -> bool:
    import sentencepiece

    try:
        return sentencepiece.SentencePieceProcessor(model_file=str(path)).get_piece_size() > 0
    except Exception:  # another format of the same ending
        return False


def _copy(tokenizer: Any) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_str(tokenizer.to_str())


def _said(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return said[:SHOWN].rstrip(".")
