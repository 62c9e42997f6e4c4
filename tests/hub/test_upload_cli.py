"""The whole way with the program itself: from a repo to an answer, and back to the Hub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hubserver import Hub
from hubserver.client import environment
from hubserver.fixture import Client
from mlx_convert_cli.main import cli

from mlx_convert_core import Workspace

sys.path.append(str(Path(__file__).parents[1] / "cli"))

from terminal import Terminal

from .models import converted_folder

PROGRAM = str(Path(sys.executable).with_name("mlx-convert"))
Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def program(hub: Hub, tmp_path: Path, home: Path) -> Program:
    """Run a command line against the hub; ``token`` is Ann's unless told otherwise, None for nobody's."""
    ann = hub.token("ann")

    def run(
        *arguments: object, token: str | None = ann, input: str = "", **extra: str
    ) -> subprocess.CompletedProcess[str]:
        command = [PROGRAM, *map(str, arguments)]
        env = {**environment(hub, token=token, **extra), "HF_HUB_CACHE": str(tmp_path / "cache")}
        return subprocess.run(command, env=env, cwd=tmp_path, input=input, capture_output=True, text=True, timeout=300)

    return run


def test_from_a_repo_to_an_answer_and_back_to_the_hub(
    hub: Hub, program: Program, client: Client, tiny_llama: Path, tmp_path: Path
) -> None:
    hub.add_repo("org/tiny-llama", folder=tiny_llama)
    converted = program("convert", "org/tiny-llama", "--preset", "8bit", token=None)
    assert converted.returncode == 0, converted.stderr
    made = tmp_path / "models" / "tiny-llama-MLX-8bit"
    assert converted.stdout == f"{made}\n"
    record = json.loads((made / "mlx_convert.json").read_text())
    assert record["source"] == {"ref": "org/tiny-llama", "revision": hub.repos["org/tiny-llama"].head.sha}

    answer = program("generate", made.name, "Hello", "--max-tokens", 5, "--json", token=None)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout.splitlines()[-1])["result"]["generation_tokens"] > 0

    for store in ("lfs", "xet"):
        if store == "xet":
            hub.use_xet().expect(made)
        hub.requests.clear()
        sent = program("upload", made.name, "--to", f"hub:ann/{store}")
        assert sent.returncode == 0, sent.stderr
        assert sent.stdout == f"{hub.url}/ann/{store}\n"
        assert ", private" in sent.stderr
        assert bool(hub.requests.matching(method="PUT")) == (store == "lfs")
        elsewhere = str(tmp_path / f"elsewhere-{store}")
        there = client(f"hf.snapshot_download('ann/{store}')", token=hub.token("ann"), HF_HUB_CACHE=elsewhere)
        names = ("model.safetensors", "config.json", "tokenizer.json", "mlx_convert.json")
        assert all((Path(there.value) / name).read_bytes() == (made / name).read_bytes() for name in names)


def test_a_converted_model_can_be_sent_at_once(hub: Hub, program: Program, tiny_llama: Path, tmp_path: Path) -> None:
    ended = program("convert", tiny_llama, "--upload", "hub:ann/Tiny", "--json")
    assert ended.returncode == 0, ended.stderr
    results = [event for line in ended.stdout.splitlines() if (event := json.loads(line))["event"] == "JobFinished"]
    assert [set(event["result"]) >= {"models"} for event in results] == [True, False]
    assert results[1]["result"]["sent_files"] == len(list((tmp_path / "models" / "tiny-llama-MLX-4bit").iterdir()))
    assert hub.repos["ann/Tiny"].private


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("hub:bob/Tiny", "up_namespace"),
        ("hub:a b", "bad_id"),
        ("hub:", "upload_target"),
        ("hup:ann/Tiny", "upload_target"),
        ("ann/Tiny", "upload_target"),
        ("hub:ann/Taken", "up_exists"),
    ],
)
def test_what_stands_in_the_way_is_told_before_anything_is_converted(
    hub: Hub,
    workspace: Workspace,
    tiny_llama: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    to: str,
    code: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    hub.add_repo("ann/Taken", {"weights.gguf": b"GGUF"}, private=True)
    ended = CliRunner().invoke(cli, ["convert", str(tiny_llama), "--upload", to])
    assert ended.exit_code != 0
    assert f"error [{code}]" in ended.stderr
    assert not (tmp_path / "models").exists()


def test_an_upload_that_fails_leaves_the_model_and_says_how_to_go_on(
    hub: Hub, program: Program, tiny_llama: Path, tmp_path: Path
) -> None:
    hub.fault("status", status=413, path="/commit/", times=None)
    ended = program("convert", tiny_llama, "--upload", "hub:ann/Tiny")
    assert ended.returncode == 1
    assert "error [up_413]" in ended.stderr
    assert "mlx-convert upload models/tiny-llama-MLX-4bit --to hub:ann/Tiny" in ended.stderr
    assert (tmp_path / "models" / "tiny-llama-MLX-4bit" / "config.json").is_file()


def test_targets_are_listed_and_a_card_is_shown(program: Program, tmp_path: Path) -> None:
    listed = program("upload", "--targets", "--json")
    assert {row["name"] for row in json.loads(listed.stdout)} == {"hub", "folder"}
    converted_folder(tmp_path / "made", size=1000)
    shown = program("upload", "made", "--to", "hub:ann/Tiny", "--preview")
    assert shown.stdout.startswith("---\nlibrary_name: ")
    assert "mlx_lm.generate --model ann/Tiny " in shown.stdout


# Signing in


def test_sign_in_and_out_by_standard_input(hub: Hub, program: Program, home: Path) -> None:
    token = hub.token("bob")
    nobody = program("account", token=None)
    assert "nobody is signed in" in nobody.stderr
    signed = program("account", "sign-in", "--json", token=None, input=f"{token}\n")
    assert signed.returncode == 0, signed.stderr
    state = json.loads(signed.stdout)
    assert (state["account"], state["signed_in"], state["user"], state["problem"]) == ("huggingface", True, "bob", "")
    assert "login on this machine" in state["source"]
    assert (hub.root / "home" / "token").read_text() == token
    assert "signed in as bob" in program("account", token=None).stderr
    assert "nobody is signed in" in program("account", "sign-out", token=None).stderr
    assert not (hub.root / "home" / "token").exists()
    assert token not in signed.stdout + signed.stderr
    assert not [path for path in home.rglob("*") if path.is_file() and token.encode() in path.read_bytes()]


def test_sign_in_at_a_terminal_shows_no_token(
    hub: Hub, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith(("HF_", "HUGGING"))]:
        monkeypatch.delenv(name)
    for name, value in hub.env.items():
        monkeypatch.setenv(name, value)
    token = hub.token("bob")
    with Terminal([PROGRAM, "account", "sign-in"], tmp_path) as terminal:
        terminal.expect("not shown")
        terminal.type(f"{token}\n")
        terminal.expect("signed in as bob")
        assert terminal.wait() == 0
        assert token not in terminal.text


def test_a_token_that_is_refused_is_not_stored(hub: Hub, program: Program) -> None:
    for token in ("hf_madeupmadeupmadeup", "two words"):
        ended = program("account", "sign-in", token=None, input=f"{token}\n")
        assert ended.returncode != 0
        assert "error [token_bad]" in ended.stderr
        assert "madeup" not in ended.stderr
    assert not (hub.root / "home" / "token").exists()


def test_a_token_in_the_environment_wins_and_is_said_to(hub: Hub, program: Program) -> None:
    state = json.loads(program("account", "--json").stdout)
    assert (state["user"], state["signed_in"]) == ("ann", True)
    assert "HF_TOKEN" in state["source"]
    signed = json.loads(program("account", "sign-in", "--json", input=hub.token("bob")).stdout)
    assert signed["user"] == "ann"
    assert "HF_TOKEN" in signed["problem"]
    out = json.loads(program("account", "sign-out", "--json").stdout)
    assert out["signed_in"]
    bad = json.loads(program("account", "--json", token="hf_madeupmadeupmadeup").stdout)
    assert not bad["signed_in"]
    assert "HF_TOKEN" in bad["problem"]


def test_a_token_is_never_an_argument(hub: Hub, program: Program) -> None:
    ended = program("account", "sign-in", "hf_madeupmadeupmadeup", token=None)
    assert ended.returncode == 2
    assert "error [token_shown]" in ended.stderr
    assert "madeup" not in ended.stderr


def test_without_the_hub_the_account_is_told_as_far_as_it_is_known(hub: Hub, program: Program) -> None:
    state = json.loads(program("account", "--json", HF_HUB_OFFLINE="1").stdout)
    assert state["signed_in"]
    assert "offline" in state["problem"]
