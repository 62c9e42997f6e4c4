"""Whether a model's weights are still those that were measured, told without reading them all."""

from __future__ import annotations

from pathlib import Path

import xxhash

from mlx_convert_core.base.file_names import CONFIG, WEIGHTS
from mlx_convert_core.base.regular_files import open_regular
from mlx_convert_core.errors import CorruptCheckpoint

SAMPLES = 64  # of each weight file, evenly spaced; the first holds the header, with every tensor's name and shape
SAMPLE_BYTES = 4096


def fingerprint(folder: Path) -> str:
    """A hash (32 hex digits) of config.json, and of each weight file's name, size and samples of it; "" if unreadable.

    It is the same for a copy, and another one after any new quantization. A few bytes changed by hand may go unseen.
    """
    found = xxhash.xxh3_128()
    try:
        for path in [folder / CONFIG, *sorted(folder.glob(WEIGHTS))]:
            with open_regular(path, within=folder) as file:
                size = file.seek(0, 2)
                found.update(f"{path.name} {size}\n".encode())
                for number in range(SAMPLES):
                    file.seek(number * max(SAMPLE_BYTES, size // SAMPLES))
                    found.update(file.read(SAMPLE_BYTES))
    except (OSError, CorruptCheckpoint):
        return ""
    return found.hexdigest()
