"""`mlx-convert search`, as somebody at a terminal reads it and as a program does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result
from hubserver import Hub
from mlx_convert_cli.main import cli
from mlx_convert_hub.search import words

from mlx_convert_core import Workspace

from .models import safetensors

Run = Callable[..., Result]
ABOUT = {"model.safetensors": safetensors("a", 4000), "README.md": "---\nlicense: mit\n---\n"}


@pytest.fixture
def run(hub: Hub, workspace: Workspace) -> Iterator[Run]:
    """Run a command line against a hub with three models; ``workspace`` has this process look there."""
    hub.add_repo("maker/Tiny-Llama", {**ABOUT, "config.json": '{"model_type": "llama"}'}, downloads=12_000, likes=40)
    hub.add_repo("maker/Tiny-Zebra", {**ABOUT, "config.json": '{"model_type": "zebra"}'}, downloads=500)
    card = "---\nlibrary_name: mlx\n---\n"
    hub.add_repo("club/Tiny-4bit", {**ABOUT, "README.md": card, "config.json": '{"quantization_config": {"bits": 4}}'})
    yield lambda *arguments: CliRunner().invoke(cli, arguments, prog_name="mlx-convert")
    words._listed.cache_clear()


def test_models_are_listed_with_size_verdict_and_what_people_think_of_them(run: Run) -> None:
    told = run("search", "tiny", "--preset", "8bit")
    assert told.exit_code == 0, told.output
    heading, *rows = told.stdout.splitlines()
    assert heading.split() == ["model", "8bit", "parameters", "downloads", "likes", "updated", "licence"]
    assert rows[0].split() == [
        "maker/Tiny-Llama",
        "≈",
        "4.25",
        "kB",
        "4.00",
        "k",
        "12.0",
        "k",
        "40",
        "2026-01-01",
        "mit",
    ]
    assert "not supported: zebra" in rows[1]
    assert "MLX already, 4 bit" in rows[2]


def test_a_program_gets_everything_that_is_known(run: Run) -> None:
    found = json.loads(run("search", "tiny", "--json", "--limit", "1").stdout)
    (hit,) = found["hits"]
    assert (hit["model"]["ref"], hit["weight_bytes"], hit["judged"]) == ("maker/Tiny-Llama", 2248, True)
    assert hit["fit"]["weights"] == 2248
    assert found["findings"] == []


def test_names_like_the_words_are_offered_as_such(run: Run) -> None:
    told = run("search", "tiny-lama")
    assert "No model is called so: tiny-lama. These have names like it:" in told.stderr
    assert told.stdout.splitlines()[1].startswith("maker/Tiny-Llama")
    told = run("search", "qqqqqqqq")
    assert (told.exit_code, told.stdout) == (0, "")
    assert "No model is called so: qqqqqqqq" in told.stderr


def test_without_words_there_are_some_to_begin_with(run: Run, hub: Hub) -> None:
    told = run("search")
    assert "HuggingFaceTB/SmolLM2-135M-Instruct" in told.stdout
    assert "downloads" not in told.stdout  # no column for what nobody was asked for
    assert not list(hub.requests)


def test_a_hub_that_is_down_is_an_error(run: Run, hub: Hub) -> None:
    with hub.down():
        told = run("search", "tiny")
    assert told.exit_code == 1
    assert "error [" in told.stderr
    assert "Traceback" not in told.stderr
