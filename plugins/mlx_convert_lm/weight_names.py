"""Weight files under the names that mlx-lm looks for: whatever is called ``model*.safetensors``, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mlx_convert_core.plugin import file_names, weight_files


@contextmanager
def under_usual_names(folder: Path, files: Collection[str] | None = None) -> Iterator[Path]:
    """``folder`` as mlx-lm finds the weight files ``files`` in it, and no others; None: those that are the model's.

    Where they are called otherwise, or others are called so, it is another folder with links to the same files, there
    during the body. Raises CorruptCheckpoint (also code ``which_weights``).
    """
    wanted = sorted(weight_files(folder) if files is None else files)
    if set(wanted) == {path.name for path in folder.glob(file_names.WEIGHTS)}:
        yield folder
        return
    with TemporaryDirectory(prefix="mlx-convert-") as place:
        linked = Path(place) / "model"
        linked.mkdir()
        for path in folder.iterdir():
            if path.suffix != file_names.SAFETENSORS:
                (linked / path.name).symlink_to(path.absolute())
        for number, name in enumerate(wanted, 1):
            usual = linked / f"model-{number:05d}-of-{len(wanted):05d}.safetensors"
            usual.symlink_to((folder / name).absolute())
        yield linked
