"""Unfinished folders, out of sight, and the atomic step that makes one visible.

A staging folder is ``.<name>.partial-<job id>`` beside the output::

    owner.json   pid and start time of the process that works here
    output/      becomes the output folder, by one rename
    scratch/     a source that had to be made first (GGUF)
    statistics/  what was learned of the inputs of layers, for --resume
    written      the converter's journal, for --resume
    replaced/    the old output, once a forced publish has put the new one in its place
    doomed/      the old output, when it is sure that it goes

A forced publish lets the two change places in one step. Where that can't be done it takes two renames; killed between
them, the old output is put back by whatever clears the staging folder.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from mlx_convert_core.base.codec import read_json, to_json
from mlx_convert_core.base.exchange import exchange
from mlx_convert_core.base.file_names import SAFETENSORS
from mlx_convert_core.base.flushing import flush
from mlx_convert_core.base.paths import spelled
from mlx_convert_core.base.process_identity import alive, identity
from mlx_convert_core.base.regular_files import read_regular
from mlx_convert_core.base.removing import remove_tree
from mlx_convert_core.base.system_files import is_system_file
from mlx_convert_core.errors import CorruptCheckpoint, OutputExists
from mlx_convert_core.remedies import Replace
from mlx_convert_core.writing.replaceable import another_output
from mlx_convert_core.writing.write_errors import cannot_write

OWNER = "owner.json"
OWNER_BYTES = 10_000  # a process id and a time
JOURNAL = "written"
SCRATCH = "scratch"
STATISTICS = "statistics"
CONTENT = {OWNER, JOURNAL, SCRATCH, STATISTICS, "output", "replaced", "doomed"}
ROOM = len("..partial-") + 8  # bytes that a staging folder's name is longer than its output's; see `staging_root`
OWNERLESS_SECONDS = 10.0  # a staging folder younger than this may be about to get its owner


class Staging:
    """The staging folder of one output; as a context manager it is removed at the end, whatever happens.

    Raises SourceError (code ``not_writable``) when the folder above ``output`` can't be written, and what `spelled`
    raises.
    """

    def __init__(self, output: Path, job: str, *, resume: bool = False) -> None:
        self.target = spelled(output, room=ROOM)
        self._resume = resume
        self._made: list[Path] = []
        self.root = staging_root(output, job)
        self.output = self.root / "output"
        self.scratch = self.root / SCRATCH
        self.statistics = self.root / STATISTICS
        self.replaced = self.root / "replaced"

    def __enter__(self) -> Staging:
        try:
            self._made = missing_parents(self.target)
            if self._resume:
                self._take_up()
            else:
                clear_dead(self.target)  # first: it may be what fills the disk
            self.output.mkdir(parents=True, exist_ok=True)
            (self.root / OWNER).write_bytes(to_json(identity()))
            self.scratch.mkdir()
        except OSError as error:
            self._remove()
            raise cannot_write(self.target, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def _remove(self) -> None:
        discard(self.root, self.target)
        remove_empty(self._made)

    def _take_up(self) -> None:
        """Make the newest dead staging folder of this output ours, and remove the others."""
        dead = [root for root in _stagings(self.target) if not is_alive(root)]
        if not dead:
            return
        newest = max(dead, key=lambda root: root.stat().st_mtime)
        put_back(newest, self.target)
        newest.rename(self.root)
        for root in dead:
            if root != newest:
                discard(root, self.target)
        shutil.rmtree(self.scratch, ignore_errors=True)
        for path in list(self.output.iterdir()) if self.output.is_dir() else ():
            if path.suffix != SAFETENSORS:
                remove_tree(path)

    def begin_again(self) -> None:
        """Remove what was written of the output: other numbers come in its place."""
        (self.root / JOURNAL).unlink(missing_ok=True)
        for path in list(self.output.iterdir()):
            remove_tree(path)

    def settle(self) -> None:
        """Wait until the disk has all of the output."""
        sync_tree(self.output)

    def publish(self, *, force: bool) -> None:
        """Make the output, once it is settled, visible in one step; with ``force`` the old folder goes after it.

        Raises OutputExists when the folder is there and ``force`` is not set.
        """
        if os.path.lexists(self.target):
            if not force:
                raise output_exists(self.target)
            if exchange(self.output, self.target):
                with suppress(FileNotFoundError):  # an empty folder on a disk that renames over it instead
                    self.output.rename(self.replaced)
                flush(self.target.parent)
                return
            self.target.rename(self.replaced)
        try:
            self.output.rename(self.target)
        except OSError as error:
            put_back(self.root, self.target)
            raise (output_exists(self.target) if os.path.lexists(self.target) else error) from error
        flush(self.target.parent)

    def withdraw(self) -> None:
        """Take back what `publish` did: the output is out of sight again, an old folder in its place."""
        if os.path.lexists(self.replaced) and exchange(self.replaced, self.target):
            self.replaced.rename(self.output)
            return
        self.target.rename(self.output)
        put_back(self.root, self.target)


def staging_root(output: Path, job: str) -> Path:
    """The staging folder of ``job`` for ``output``."""
    return output.parent / f".{output.name}.partial-{job}"


def missing_parents(output: Path) -> list[Path]:
    """The folders above ``output`` that are not there yet, the deepest first."""
    return [parent for parent in output.absolute().parents if not parent.exists()]


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove those of ``folders`` that are empty: made for an output that never came."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def clear_dead(output: Path) -> list[Path]:
    """Remove the staging folders of ``output`` whose owner is gone; returns what was removed."""
    removed = []
    for root in _stagings(output):
        if not is_alive(root):
            discard(root, output)
            removed.append(root)
    return removed


def dead_bytes(output: Path) -> int:
    """Bytes on the disk that `clear_dead` would free."""
    total = 0
    for root in _stagings(output):
        with suppress(FileNotFoundError):  # another process clears it
            total += 0 if is_alive(root) else bytes_below(root)
    return total


def bytes_below(folder: Path) -> int:
    """What everything below ``folder`` takes on the disk. Raises FileNotFoundError when another process clears it."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


def put_back(root: Path, output: Path) -> None:
    """Put an old output that was caught between two renames in its place again, unless that is taken."""
    replaced = root / "replaced"
    if os.path.lexists(replaced) and not os.path.lexists(output):
        replaced.rename(output)


def discard(root: Path, output: Path) -> None:
    """Remove a staging folder; an old output caught between the two renames is put back first.

    Being killed on the way does no harm: what is half removed is never put back, and the owner is known to the end.
    """
    with suppress(FileNotFoundError, NotADirectoryError):  # never made, or another process clears it too
        put_back(root, output)
        if os.path.lexists(root / "replaced"):
            (root / "replaced").rename(root / "doomed")
        for path in list(root.iterdir()):
            if path.name != OWNER:
                _remove(path)
    shutil.rmtree(root, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink()


def output_exists(output: Path) -> OutputExists:
    """The error for an output folder that is taken."""
    return OutputExists(
        f"{output} already exists.",
        hint="Replace it, or choose another folder.",
        remedies=(Replace(), another_output(output)),
    )


def _stagings(output: Path) -> Iterator[Path]:
    prefix = f".{output.name}.partial-"
    if output.parent.is_dir():
        yield from [path for path in output.parent.iterdir() if path.name.startswith(prefix) and is_staging(path)]


def is_staging(root: Path) -> bool:
    """Whether ``root``, named like a staging folder, is one: a real folder with the parts of one and nothing else."""
    try:
        return not root.is_symlink() and CONTENT.issuperset(
            name for name in os.listdir(root) if not is_system_file(name)
        )
    except OSError:
        return False


def is_alive(root: Path) -> bool:
    """Whether the owner of a staging folder still works on it, or may be about to sign it."""
    try:
        return alive(read_json(read_regular(root / OWNER, OWNER_BYTES, within=root)))
    except (OSError, ValueError, KeyError, TypeError, CorruptCheckpoint):
        try:
            return time.time() - root.stat().st_mtime < OWNERLESS_SECONDS
        except FileNotFoundError:
            return False


def sync_tree(folder: Path) -> None:
    """Wait until every file of ``folder`` is on the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            flush(path)
    flush(folder)
