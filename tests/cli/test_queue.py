"""`queue`: lined up, done one by one, stopped and gone on with."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from mlx_convert_cli import files
from samples.mlx_folder import write_mlx_folder

from mlx_convert_core.plugin import ShardWriter, TensorInfo

Run = Callable[..., Result]
Start = Callable[..., "subprocess.Popen[str]"]
WriteToy = Callable[..., Path]


@pytest.fixture
def write_toy(toys: None, tmp_path: Path) -> WriteToy:
    """Write a small checkpoint into the folder that commands run in; ``config`` says what goes wrong."""

    def write(name: str, **config: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        tensor = TensorInfo(name="layer.weight", dtype="BF16", shape=(8, 64), shard="model.safetensors")
        with ShardWriter(folder, (tensor,)) as writer:
            writer.write(tensor.name, bytes(tensor.nbytes))
        (folder / "config.json").write_text(json.dumps({"model_type": "toy", **config}))
        (folder / "tokenizer.json").write_text("{}")
        return folder

    return write


def test_what_is_added_is_done_in_order(run: Run, write_toy: WriteToy, tmp_path: Path) -> None:
    write_toy("one"), write_toy("two")
    added = run("queue", "add", "one", "two", "--preset", "bf16")
    assert added.exit_code == 0, added.stderr
    assert "2 added" in added.stderr
    listed = run("queue").stdout
    assert listed.count("waiting") == 2
    assert listed.index(str(tmp_path / "one")) < listed.index(str(tmp_path / "two"))
    ended = run("queue", "run")
    assert ended.exit_code == 0, ended.stderr
    assert ended.stdout.count("finished") == 2
    for name in ("one", "two"):
        assert (tmp_path / "models" / f"{name}-MLX-bf16" / "config.json").is_file()
        assert f"models/{name}-MLX-bf16" in ended.stdout
    nothing = run("queue", "run")
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert "Nothing waits" in nothing.stderr


def test_what_no_source_takes_is_refused_before_anything_is_added(run: Run) -> None:
    refused = run("queue", "add", "org/name", "rubbish:x")
    assert refused.exit_code == 2
    assert "'rubbish:x' names no model" in refused.stderr
    assert "The queue is empty" in run("queue").stderr


def test_a_failure_is_told_and_the_rest_is_done(run: Run, write_toy: WriteToy, tmp_path: Path) -> None:
    write_toy("bad", convert="raise"), write_toy("good")
    run("queue", "add", "./lost/folder", "bad", "good", "-p", "bf16")
    ended = run("queue", "run")
    assert ended.exit_code == 1
    assert ended.stderr.count("error [") == 2
    assert ended.stdout.count("failed") == 2
    assert (tmp_path / "models" / "good-MLX-bf16").is_dir()
    write_toy("bad")
    failed = [item for item in json.loads(run("queue", "--json").stdout) if item["state"] == "failed"]
    assert [bool(item["error"]["hint"]) for item in failed] == [True, True]
    assert [item["error"]["traceback"] for item in failed] == ["", ""]
    assert run("queue", "remove", failed[0]["id"]).exit_code == 0
    assert "waiting" in run("queue", "retry").stdout
    assert run("queue", "run").exit_code == 0


def test_json_has_every_event_and_the_items_at_the_end(run: Run, write_toy: WriteToy) -> None:
    write_toy("good")
    (added,) = json.loads(run("queue", "add", "good", "--preset", "bf16", "--json").stdout)
    events = [json.loads(line) for line in run("queue", "run", "--json").stdout.splitlines()]
    assert events[0] == {"event": "QueueItem", "item": {**events[0]["item"], "id": added["id"], "state": "running"}}
    assert {event["job"] for event in events[1:-1]} == {events[0]["item"]["job"]}
    assert events[-2]["event"] == "JobFinished"
    assert events[-1]["event"] == "QueueFinished"
    assert [item["state"] for item in events[-1]["items"]] == ["finished"]


@pytest.mark.parametrize("command", [("queue", "add", "--file", "-"), ("generate", "no-such-model")])
def test_what_is_piped_in_without_end_is_left(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr(files, "TYPED_BYTES", 100)
    ended = run(*command, input="org/one\n" * 100)
    assert (ended.exit_code, ended.stderr.startswith("error [too_big]: ")) == (2, True)


def test_a_list_and_a_recipe_can_be_added(run: Run, tmp_path: Path, toys: None) -> None:
    (tmp_path / "models.txt").write_text("# small ones\norg/one\n\n  org/two  # twice\n")
    (tmp_path / "recipe.json").write_text('{"ref": "org/three", "outputs": [{"preset": "4bit", "dtype": "float16"}]}')
    for arguments, given in (
        (("--file", "models.txt", "--bits", "6"), None),
        (("--recipe", "recipe.json"), None),
        (("org/four", "--file", "-", "--recipe", "recipe.json"), "org/five\n"),
    ):
        added = run("queue", "add", *arguments, input=given)
        assert added.exit_code == 0, added.stderr
    requests = [item["request"] for item in json.loads(run("queue", "--json").stdout)]
    assert [request["ref"] for request in requests] == [f"org/{n}" for n in ("one", "two", "three", "four", "five")]
    assert [request["bits"] for request in requests] == [6, 6, None, None, None]
    assert [request["dtype"] for request in requests] == [None, None, "float16", "float16", "float16"]


def test_what_cannot_be_added_is_refused_and_nothing_is_added(run: Run, tmp_path: Path, toys: None) -> None:
    (tmp_path / "empty.txt").write_text("# nothing\n")
    for arguments, code, said in (
        ((), 2, "no model was named"),
        (("--file", "empty.txt"), 2, "names no model"),
        (("--file", "lost.txt"), 1, "error [no_file]"),
        (("org/a", "org/b", "--output", "x"), 2, "can't all go to x"),
        (("org/a", "--bits", "7"), 2, "7 bits"),
        (("org/a", "--preset", "nobody's"), 2, "error [preset]"),
    ):
        ended = run("queue", "add", *arguments)
        assert (ended.exit_code, said in ended.stderr) == (code, True), ended.stderr
    empty = run("queue")
    assert (empty.stdout, "The queue is empty" in empty.stderr) == ("", True)


def test_the_order_is_changed_and_ended_items_are_cleared(run: Run, toys: None) -> None:
    added = json.loads(run("queue", "add", "org/a", "org/b", "org/c", "--json").stdout)
    a, b, c = (item["id"] for item in added)
    moved = json.loads(run("queue", "move", c, "1", "--json").stdout)
    assert [item["id"] for item in moved] == [c, a, b]
    assert "cancelled" in run("queue", "cancel", a).stdout
    assert run("queue", "move", a, "0").exit_code == 2
    assert "no item 'zzz'" in run("queue", "cancel", "zzz").stderr
    assert "1 taken out" in run("queue", "clear").stderr
    assert [item["id"] for item in json.loads(run("queue", "list", "--json").stdout)] == [c, b]
    assert len(json.loads(run("queue", "clear", "--all", "--json").stdout)["removed"]) == 2


def test_ctrl_c_leaves_what_ran_waiting(run: Run, start: Start, write_toy: WriteToy, tmp_path: Path) -> None:
    source = write_toy("slow", convert="wait")
    write_toy("next")
    run("queue", "add", "slow", "next", "-p", "bf16")
    program = start("queue", "run", "--json")
    _until(program, '"Progress"')
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=90)
    assert (program.returncode, err) == (130, "")
    assert json.loads(out.splitlines()[-1])["event"] == "JobCancelled"
    assert [item["state"] for item in json.loads(run("queue", "--json").stdout)] == ["queued", "queued"]
    assert not (tmp_path / "models").exists()
    write_toy(source.name)
    assert run("queue", "run").stdout.count("finished") == 2


def test_another_program_shows_the_items_and_can_cancel_one(run: Run, start: Start, write_toy: WriteToy) -> None:
    write_toy("slow", convert="wait"), write_toy("next")
    slow, after = json.loads(run("queue", "add", "slow", "next", "-p", "bf16", "--json").stdout)
    program = start("queue", "run")
    _until_running(run)
    busy = run("queue", "run")
    assert busy.exit_code == 1
    assert "running" in busy.stdout
    assert busy.stderr.startswith("error [queue_busy]")
    refused = run("queue", "remove", slow["id"])
    assert f"mlx-convert queue cancel {slow['id']}" in refused.stderr
    assert run("queue", "cancel", slow["id"]).exit_code == 0
    out, err = program.communicate(timeout=90)
    assert program.returncode == 0, err
    assert [item["state"] for item in json.loads(run("queue", "--json").stdout)] == ["cancelled", "finished"]
    assert after["id"] in out


def test_at_a_terminal_each_item_shows_its_steps(terminal: Callable[..., Any], run: Run, write_toy: WriteToy) -> None:
    write_toy("slow", convert="wait")
    run("queue", "add", "slow", "-p", "bf16")
    program = terminal("queue", "run")
    program.expect("slow (bf16)")
    program.expect("quantize, write")
    program.type("\x03")
    program.expect("Stopped. What ran waits again")
    assert program.wait() == 130
    assert "cancelled" not in program.text.splitlines()[-1]


def _until(program: subprocess.Popen[str], text: str) -> None:
    assert program.stdout is not None
    for line in program.stdout:
        if text in line:
            return
    raise AssertionError(f"ended without {text!r}")


def _until_running(run: Run) -> None:
    end = time.monotonic() + 90
    while "running" not in run("queue").stdout:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_an_output_that_is_there_stays_and_the_others_are_made(run: Run, write_toy: WriteToy, tmp_path: Path) -> None:
    write_toy("source"), write_mlx_folder(tmp_path / "one")
    arguments = ("source", "--preset", "bf16", "--preset", "fp16", "--output", "one", "--output", "two")
    assert run("queue", "add", *arguments).exit_code == 0
    ran = run("queue", "run")
    assert ran.exit_code == 1
    assert "as it was:" in " ".join(ran.stdout.split())
    assert (tmp_path / "two/config.json").is_file()
    (tmp_path / "two").rename(tmp_path / "three")
    converted = run("convert", *arguments)
    assert converted.exit_code == 1
    assert "one was not made: it is there already" in " ".join(converted.stderr.split())
    assert "--force" in converted.stderr
    assert (tmp_path / "two/config.json").is_file()
    assert (tmp_path / "one/LICENSE").exists()
