"""The tokenizer files of a converted model: written so that every reader takes them; tokenizer.json where it lacks."""

from __future__ import annotations

import json
from pathlib import Path

from mlx_convert_core.plugin import CorruptCheckpoint
from mlx_convert_lm.tokenizers.for_readers import PLAIN_CLASS, mended, needs_code
from mlx_convert_lm.tokenizers.small_files import SETTINGS, TOKENIZER, SmallFiles, is_vocabulary
from mlx_convert_lm.tokenizers.tokenizer_json import make


def finish_tokenizer(staging: Path, *, own_code: bool) -> None:
    """Mend the files in ``staging``, and write tokenizer.json if it can be made; `try_tokenizer` has said so before.

    With ``own_code`` the model's own code may run.
    """
    try:
        change = mended(SmallFiles(staging), own_code=own_code)
    except CorruptCheckpoint:  # another plugin left what is no file, or no JSON: the check refuses what must not be
        return
    for name, data in change.files.items():
        (staging / name).write_bytes(data)
    files = SmallFiles(staging)
    settings = files.settings(SETTINGS)
    if TOKENIZER in files or not any(map(is_vocabulary, files.names)) or needs_code(settings, files, own_code=own_code):
        return
    made = make(staging, own_code=own_code)
    if not made.tokenizer:
        return
    (staging / TOKENIZER).write_bytes(made.tokenizer)
    if made.plain:
        plain = settings | {"tokenizer_class": PLAIN_CLASS}
        (staging / SETTINGS).write_bytes(json.dumps(plain, indent=2, ensure_ascii=False).encode() + b"\n")
