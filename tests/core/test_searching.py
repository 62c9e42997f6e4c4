"""Searching all sources: strangers' like ours, each with its own faults; a verdict, a size and a fit for every hit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlx_convert_core import PluginError, Preset, Quantization, SourceError, Workspace
from mlx_convert_core.plugin import FoundModel

AddPlugin = Callable[[str, str], Path]
KIND = """
def search(words, limit):
    {body}

@hookimpl
def register_source_kinds():
    yield SourceKind(name="{name}", title="", summary="", example="", search=search)
"""
FOUND = 'return [FoundModel(ref=f"{words}:{number}", config={"model_type": "llama"}) for number in range(9)]'


@pytest.fixture
def opened(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Workspace]]:
    """Open a workspace with the plugins that were added, and no source that asks a network."""
    monkeypatch.setenv("MLX_CONVERT_PLUGINS", "one,two,judge,mlx_convert_lm")
    all_opened: list[Workspace] = []

    def open_one() -> Workspace:
        all_opened.append(Workspace())
        return all_opened[-1]

    yield open_one
    for workspace in all_opened:
        workspace.close()


Open = Callable[[], Workspace]


def add(add_plugin: AddPlugin, name: str, body: str) -> None:
    add_plugin(name, KIND.format(name=name, body=body))


def test_every_source_that_can_be_searched_is_asked(opened: Open, add_plugin: AddPlugin) -> None:
    add(add_plugin, "one", FOUND)
    add(add_plugin, "two", FOUND)
    found = opened().search(" tiny ", limit=2)
    assert sorted((hit.kind, hit.model.ref) for hit in found.hits) == [
        ("one", "tiny:0"), ("one", "tiny:1"), ("two", "tiny:0"), ("two", "tiny:1"),
    ]  # fmt: skip
    assert all(hit.judged and hit.refused is None for hit in found.hits)
    assert not found.near


def test_a_source_that_fails_is_told_beside_what_others_found(opened: Open, add_plugin: AddPlugin) -> None:
    add(add_plugin, "one", 'raise SourceError("it is closed.", code="timeout")')
    add(add_plugin, "two", FOUND)
    found = opened().search("tiny")
    assert [finding.message for finding in found.findings] == ["it is closed."]
    assert len(found.hits) == 9


def test_the_only_source_that_fails_is_the_error(opened: Open, add_plugin: AddPlugin) -> None:
    add(add_plugin, "one", 'raise SourceError("it is closed.", code="timeout")')
    with pytest.raises(SourceError, match="it is closed"):
        opened().search("tiny")


@pytest.mark.parametrize("body", ["1 / 0", "exit(3)", "return [5]", "return 5", 'return ["team:tiny"]'])
def test_a_search_at_fault_is_the_error_of_its_plugin(opened: Open, add_plugin: AddPlugin, body: str) -> None:
    add(add_plugin, "one", body)
    with pytest.raises(PluginError, match=r"the plugin one \(one.py\) failed in register_source_kinds"):
        opened().search("tiny")


def test_a_converter_whose_judgement_fails_leaves_the_verdict_open(opened: Open, add_plugin: AddPlugin) -> None:
    judge = (
        "class Judge:\n    name = 'judge'\n    examine = plan = convert = print\n    def judge(self, model): 1 / 0\n\n"
    )
    add_plugin("judge", f"{judge}@hookimpl\ndef model_converter(model, request):\n    return Judge()")
    add(add_plugin, "one", FOUND)
    workspace = opened()
    assert [hit.judged for hit in workspace.search("tiny", limit=1).hits] == [False]
    assert workspace.plugin_failures[-1].plugin == "judge"


def test_without_a_source_to_search_nothing_is_found(opened: Open) -> None:
    assert opened().search("tiny").hits == ()


@pytest.mark.parametrize(
    ("preset", "packed", "nbytes"),
    [
        (Quantization(bits=4), {}, 6400 // 2 + 100 * 4),
        (Quantization(bits=8, group_size=32, mode="mxfp8"), {}, 6400 + 200),
        (None, {}, 12_800),
        (Quantization(bits=4), {"quant_method": "awq"}, 12_800),
        (Quantization(bits=4), {"quant_method": "fp8"}, 6400 // 2 + 100 * 4),
    ],
)
def test_what_a_model_takes_is_told_from_its_parameters(
    preset: Quantization | None, packed: dict[str, str], nbytes: int
) -> None:
    config = {"quantization_config": packed} if packed else {}
    model = FoundModel(ref="a/b", parameters=6400, stored_bytes=12_800, config=config)
    assert model.bytes_at(Preset(name="p", title="", summary="", quantization=preset)) == nbytes
