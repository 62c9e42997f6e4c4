"""A folder appears whole, by a rename, or not at all; what a dead process left is cleared, and the old comes back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlx_convert_core import OutputExists, SourceError
from mlx_convert_core.plugin import ChooseOutput, Replace, Staging
from mlx_convert_core.writing.staging import OWNERLESS_SECONDS, clear_dead, dead_bytes, discard, staging_root

# Names each file just before it is removed.
DISCARD = """
import os, sys
from pathlib import Path
from mlx_convert_core.writing.staging import discard

def told(event, arguments):
    if event == "os.remove":
        name = os.path.basename(arguments[0])
        print(name)

sys.addaudithook(told)
discard(Path(sys.argv[1]), Path(sys.argv[2]))
"""

# Publishes over an old output and is killed before the rename with that number.
PUBLISH = """
import os, sys
from pathlib import Path
from mlx_convert_core.plugin import Staging
from mlx_convert_core.writing import staging

steps = int(sys.argv[2])
if sys.argv[3] == "no exchange":
    staging.exchange = lambda one, other: False

def told(event, arguments):
    global steps
    if event == "os.rename":
        steps -= 1
        if steps < 0:
            os._exit(9)

with Staging(Path(sys.argv[1]), "job") as opened:
    (opened.output / "config.json").write_text("new")
    sys.addaudithook(told)
    opened.publish(force=True)
    steps = 99
"""


def fill(staging: Staging, text: str = "new") -> None:
    (staging.output / "config.json").write_text(text)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def left_behind(output: Path, job: str, *, pid: int | None = None) -> Path:
    """The staging folder of a process that is gone."""
    root = staging_root(output, job)
    (root / "output").mkdir(parents=True)
    (root / "owner.json").write_text(json.dumps({"pid": pid or dead_pid(), "started": 1.0}))
    return root


def test_nothing_is_visible_until_it_is_published(tmp_path: Path) -> None:
    with Staging(tmp_path / "out" / "model", "job") as staging:
        fill(staging)
        assert names(tmp_path / "out") == [".model.partial-job"]
        staging.publish(force=False)
        assert (tmp_path / "out" / "model" / "config.json").read_text() == "new"
    assert names(tmp_path / "out") == ["model"]


def test_what_is_not_published_is_removed_with_the_folders_made_for_it(tmp_path: Path) -> None:
    with Staging(tmp_path / "a" / "b" / "model", "job") as staging:
        fill(staging)
    assert names(tmp_path) == []


def test_a_folder_above_that_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with Staging(tmp_path / "mine" / "model", "job"):
        pass
    assert names(tmp_path) == ["mine"]


@pytest.mark.parametrize("kind", ["folder", "file", "broken link"])
def test_an_output_that_is_taken_is_never_touched_without_force(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "model"
    {"folder": target.mkdir, "file": target.touch, "broken link": lambda: target.symlink_to("nowhere")}[kind]()
    with Staging(target, "job") as staging:
        fill(staging)
        with pytest.raises(OutputExists) as caught:
            staging.publish(force=False)
    assert str(target) in caught.value.message
    assert Replace() in caught.value.remedies
    assert not (target / "config.json").exists()
    assert names(tmp_path) == ["model"]


@pytest.mark.parametrize("kind", ["folder", "file", "broken link"])
def test_force_replaces_whatever_is_there(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "model"
    {"folder": target.mkdir, "file": target.touch, "broken link": lambda: target.symlink_to("nowhere")}[kind]()
    with Staging(target, "job") as staging:
        fill(staging)
        staging.publish(force=True)
    assert (target / "config.json").read_text() == "new"
    assert names(tmp_path) == ["model"]


def published_until(step: int, target: Path, how: str = "") -> int:
    """Publish over an old output in a process that is killed at ``step``; its exit code, 9 when it was."""
    target.mkdir()
    (target / "config.json").write_text("old")
    return subprocess.run([sys.executable, "-c", PUBLISH, target, str(step), how]).returncode


@pytest.mark.parametrize("step", [0, 1])
def test_a_forced_publish_that_is_killed_shows_a_whole_model(tmp_path: Path, step: int) -> None:
    target = tmp_path / "model"
    assert published_until(step, target) == (9 if step == 0 else 0)
    assert (target / "config.json").read_text() == "new"
    clear_dead(target)
    assert (target / "config.json").read_text() == "new"
    assert names(tmp_path) == ["model"]


def test_where_nothing_can_be_exchanged_the_old_comes_back(tmp_path: Path) -> None:
    assert published_until(1, tmp_path / "model", "no exchange") == 9
    assert not (tmp_path / "model").exists()
    clear_dead(tmp_path / "model")
    assert (tmp_path / "model" / "config.json").read_text() == "old"
    assert names(tmp_path) == ["model"]


@pytest.mark.parametrize("exchanging", [True, False])
def test_what_is_taken_back_is_replaced_by_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchanging: bool
) -> None:
    if not exchanging:
        monkeypatch.setattr("mlx_convert_core.writing.staging.exchange", lambda one, other: False)
    target = tmp_path / "model"
    target.mkdir()
    (target / "mine.txt").touch()
    with Staging(target, "job") as staging:
        fill(staging)
        staging.publish(force=True)
        staging.withdraw()
    assert names(target) == ["mine.txt"]
    assert names(tmp_path) == ["model"]


def test_what_is_taken_back_is_gone_when_there_was_nothing(tmp_path: Path) -> None:
    with Staging(tmp_path / "model", "job") as staging:
        fill(staging)
        staging.publish(force=False)
        staging.withdraw()
    assert names(tmp_path) == []


def test_the_next_one_clears_what_a_dead_process_left(tmp_path: Path) -> None:
    target = tmp_path / "model"
    left_behind(target, "dead")
    other = left_behind(tmp_path / "other", "dead")
    with Staging(target, "job") as staging:
        assert names(tmp_path) == [".model.partial-job", other.name]
        fill(staging)


def test_what_a_living_process_works_on_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with Staging(target, "first") as first, Staging(target, "second") as second:
        assert first.root.exists()
        fill(second)
        second.publish(force=False)
        fill(first)
        with pytest.raises(OutputExists):
            first.publish(force=False)


def test_a_process_id_that_was_used_again_does_not_count(tmp_path: Path) -> None:
    root = left_behind(tmp_path / "model", "dead", pid=os.getpid())  # started at another time
    assert clear_dead(tmp_path / "model") == [root]


def test_a_folder_that_may_be_about_to_get_its_owner_is_left_alone_for_a_while(tmp_path: Path) -> None:
    root = staging_root(tmp_path / "model", "young")
    root.mkdir()
    assert clear_dead(tmp_path / "model") == []
    old = time.time() - OWNERLESS_SECONDS - 1
    os.utime(root, (old, old))
    assert clear_dead(tmp_path / "model") == [root]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pid": "x", "started": 1}'])
def test_an_owner_that_cannot_be_read_counts_as_none(tmp_path: Path, text: str) -> None:
    root = left_behind(tmp_path / "model", "odd")
    (root / "owner.json").write_text(text)
    old = time.time() - OWNERLESS_SECONDS - 1
    os.utime(root, (old, old))
    assert clear_dead(tmp_path / "model") == [root]


def test_an_old_output_caught_between_the_two_renames_comes_back(tmp_path: Path) -> None:
    target = tmp_path / "model"
    root = left_behind(target, "dead")
    (root / "replaced").mkdir()
    (root / "replaced" / "mine.txt").write_text("precious")
    with Staging(target, "job"):
        assert (target / "mine.txt").read_text() == "precious"
    assert names(tmp_path) == ["model"]


def test_a_staging_folder_that_cannot_be_set_up_leaves_nothing(tmp_path: Path) -> None:
    staging = Staging(tmp_path / "out" / "model", "job")
    (staging.root / "owner.json").mkdir(parents=True)  # so that it can't be written
    with pytest.raises(SourceError) as caught, staging:
        pass
    assert caught.value.code == "not_writable"
    assert not staging.root.exists()


def test_a_file_in_the_way_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(SourceError) as caught, Staging(tmp_path / "out" / "model", "job"):
        pass
    assert caught.value.code == "not_writable"
    assert caught.value.remedies == (ChooseOutput(),)


def test_resuming_takes_the_newest_of_what_the_dead_left(tmp_path: Path) -> None:
    target = tmp_path / "model"
    for number, job in enumerate(["older", "newer"]):
        root = left_behind(target, job)
        (root / "output" / "model.safetensors").write_text(job)
        (root / "output" / "config.json").write_text("made again")
        (root / "scratch" / "source").mkdir(parents=True)
        os.utime(root, (number, number))
    with Staging(target, "job", resume=True) as staging:
        assert names(tmp_path) == [".model.partial-job"]
        assert names(staging.output) == ["model.safetensors"]
        assert (staging.output / "model.safetensors").read_text() == "newer"
        assert names(staging.scratch) == []


def test_what_the_dead_left_is_counted_as_room(tmp_path: Path) -> None:
    target = tmp_path / "model"
    assert dead_bytes(target) == 0
    with Staging(target, "job") as staging:
        (staging.output / "model.safetensors").write_bytes(bytes(1 << 20))
        assert dead_bytes(target) == 0
    (left_behind(target, "dead") / "output" / "model.safetensors").write_bytes(bytes(1 << 20))
    assert 1 << 20 <= dead_bytes(target) < 2 << 20


def test_the_owner_is_known_until_all_else_is_gone(tmp_path: Path) -> None:
    root = staging_root(tmp_path / "model", "4711")
    for number in range(20):
        (root / "output" / f"part-{number}").mkdir(parents=True)
        (root / f"file-{number}").touch()
        (root / "output" / f"part-{number}" / "weights").touch()
    (root / "owner.json").write_text("{}")
    ended = subprocess.run([sys.executable, "-c", DISCARD, root, tmp_path / "model"], capture_output=True, text=True)
    assert not root.exists(), ended.stderr
    assert len(ended.stdout.split()) == 41
    assert ended.stdout.split()[-1] == "owner.json"


def test_an_old_output_that_is_half_removed_is_never_put_back(tmp_path: Path) -> None:
    root = staging_root(tmp_path / "model", "4711")
    (root / "replaced").mkdir(parents=True)
    (root / "replaced" / "weights").touch()
    (tmp_path / "model").mkdir()
    killed = DISCARD.replace("print(", "os._exit(9) if name == 'weights' else print(")
    subprocess.run([sys.executable, "-c", killed, root, tmp_path / "model"])
    assert root.exists()
    (tmp_path / "model").rmdir()
    discard(root, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
