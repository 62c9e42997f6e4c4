"""`library list` with more models than a screen has lines: for a person a screenful, for programs all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from mlx_convert_cli.listing import Listing
from terminal import Terminal

from mlx_convert_core import LibraryEntry, to_json
from mlx_convert_core.plugin import plain

Run = Callable[..., Result]
MANY = 1_234


@pytest.fixture
def many(home: Path) -> None:
    """A library of models that have vanished, the newest with the highest number."""
    entries = [
        LibraryEntry(
            name=f"Model-{number:05}",
            path=Path(f"/models/{number:05}"),
            size=1_000_000 * number,
            bits_per_weight=4.5,
            quantization="8 bit" if number % 100 == 0 else "4 bit",
            source=f"org/Source-{number}",
            created=f"2026-01-01T00:{number // 60:02}:{number % 60:02}+00:00",
        )
        for number in range(MANY)
    ]
    home.mkdir(exist_ok=True)
    (home / "library.json").write_bytes(to_json({"schema": 1, "entries": plain(entries)}))


@pytest.mark.usefixtures("many")
def test_a_terminal_shows_the_newest_that_fit_and_how_many_more_there_are(terminal: Callable[..., Terminal]) -> None:
    program = terminal("library", "list")
    assert program.wait() == 0
    *shown, more = program.text.rstrip("\n").split("\n")
    assert len(shown) == 38  # of 40 lines: one is for what more there is, one for the prompt
    assert shown[0].split() == ["name", "size", "bits", "per", "weight", "made", "source"]
    assert shown[1].startswith("Model-01233   missing")
    assert more == "… and 1,197 more: mlx-convert library list --all, or --search TEXT"


@pytest.mark.usefixtures("many")
def test_rows_that_wrap_make_no_more_than_a_screenful(terminal: Callable[..., Terminal]) -> None:
    program = terminal("library", "list", columns=50)
    assert program.wait() == 0
    assert program.text.count("\n") <= 39
    *table, more = program.text.rstrip("\n").split("\n")
    assert max(map(len, table)) <= 50
    assert more.startswith("… and 1,2")


@pytest.mark.usefixtures("many")
def test_all_and_a_search_are_for_terminals_too(terminal: Callable[..., Terminal]) -> None:
    program = terminal("library", "list", "--all")
    assert program.wait() == 0
    assert program.text.count("Model-") == MANY
    found = terminal("library", "list", "--search", "8 SOURCE-1200")
    assert found.wait() == 0
    assert re.findall(r"Model-\d+", found.text) == ["Model-01200"]  # each word counts, wherever it is


@pytest.mark.usefixtures("many")
def test_a_pipe_and_programs_get_all(run: Run) -> None:
    assert run("library", "list").stdout.count("\n") == MANY + 1
    assert len(json.loads(run("library", "list", "--json").stdout)) == MANY
    assert run("library", "list", "--json").stdout == run("library", "list", "--all", "--json").stdout
    [found] = json.loads(run("library", "--search", "model-00042", "--json").stdout)
    assert (found["path"], found["missing"]) == ("/models/00042", True)


@pytest.mark.usefixtures("many")
def test_a_search_in_vain_says_where_it_looked(run: Run) -> None:
    ended = run("library", "list", "--search", "gemma")
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert ended.stderr == "None of 1,234 models has 'gemma' in its name, source or format.\n"
    assert json.loads(run("library", "list", "--search", "gemma", "--json").stdout) == []


@pytest.mark.usefixtures("many")
def test_models_are_sorted_and_picked_out_by_source_size_and_whether_they_are_there(run: Run) -> None:
    def names(*options: str) -> list[str]:
        return [one["name"] for one in json.loads(run("library", "list", *options, "--json").stdout)]

    assert names("--sort", "size")[:2] == ["Model-01233", "Model-01232"]
    assert names("--sort", "name", "--reverse")[:2] == ["Model-01233", "Model-01232"]
    assert names("--sort", "date", "--reverse")[0] == "Model-00000"
    assert names("--source", "org/Source-7") == ["Model-00007"]
    assert names("--larger-than", "1.23 GB") == ["Model-01233", "Model-01232", "Model-01231"]
    assert len(names("--missing")) == MANY
    wrong = run("library", "list", "--larger-than", "huge")
    assert (wrong.exit_code, "'huge' is no size" in wrong.stderr) == (2, True)
    vain = run("library", "list", "--source", "org/none")
    assert vain.stderr == "None of 1,234 models is asked for. Leave something out: mlx-convert library list\n"


@pytest.mark.usefixtures("many")
def test_what_more_there_is_is_asked_for_with_the_same_options(terminal: Callable[..., Terminal]) -> None:
    program = terminal("library", "list", "--sort", "size", "--search", "4 bit", "--larger-than", "1MB")
    assert program.wait() == 0
    more = "mlx-convert library list --sort size --search '4 bit' --larger-than 1MB --all"
    assert program.text.rstrip("\n").endswith(f" more: {more}")


def drawn(listing: Listing, width: int) -> list[str]:
    return ["".join(part if isinstance(part, str) else part.text for part in line) for line in listing.lines(width)]


def test_numbers_stand_under_each_other_in_every_script() -> None:
    rows = [("a", "9.5", "x"), ("模型", "10.25", ""), ("two\nlines", "1", "y")]
    assert drawn(Listing(("name", "size", "note"), rows, ("size",)), 100) == [
        "name     size   note",
        "a         9.5   x",
        "模型    10.25",
        "two         1   y",
        "lines",
    ]


def test_a_last_column_wraps_at_words_or_follows_in_a_table_of_its_own() -> None:
    rows = [("one", "1", "some words that go on and on")]
    assert drawn(Listing(("name", "n", "note"), rows), 36) == [
        "name   n   note",
        "one    1   some words that go on and",
        "           on",
    ]
    assert drawn(Listing(("name", "n", "note"), rows), 30) == [
        "name   n",
        "one    1",
        "",
        "name   note",
        "one    some words that go on",
        "       and on",
    ]
    assert drawn(Listing(("name", "note"), [("a" * 30, "b" * 30)]), 40) == [
        "name" + " " * 24 + "note",
        "a" * 25 + "   " + "b" * 12,
        "aaaaa" + " " * 23 + "b" * 12,
        " " * 28 + "b" * 6,
    ]
