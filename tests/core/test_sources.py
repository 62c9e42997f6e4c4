"""Whose a ref is: sources say it themselves, strangers' like ours, and say what is still missing while one is typed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlx_convert_core import ConvertRequest, InvalidRequest, Workspace
from mlx_convert_core.plugin import UseInstead, read_record, recipe_of

AddPlugin = Callable[[str, str], Path]
WriteToy = Callable[..., Path]
TEAM = """
class TeamShare:
    def __init__(self, ref):
        self.ref, self.folder = ref, Path.cwd() / "shared models" / ref.removeprefix("team:")

    def inspect(self):
        return inspect_folder(self.folder, ref=self.ref)

    def fetch(self, model, scratch, report):
        return self.folder

@hookimpl
def model_source(ref):
    return TeamShare(ref) if ref.startswith("team:") else None
"""
KIND = """
@hookimpl
def register_source_kinds():
    yield SourceKind(
        name="team", title="Team share", summary="Model of the team", example="team:Model-1B", local={local},
        lacking=lambda text: "Say which model: team:NAME." if text == "team:" else "",
    )
"""


@pytest.fixture
def opened(
    toys: None, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Workspace]]:
    """Open workspaces in an empty folder, after plugins were added."""
    monkeypatch.chdir(tmp_path)
    all_opened: list[Workspace] = []

    def open_one() -> Workspace:
        all_opened.append(Workspace())
        return all_opened[-1]

    yield open_one
    for workspace in all_opened:
        workspace.close()


Open = Callable[[], Workspace]


def test_a_source_that_says_nothing_of_itself_is_taken_at_its_word(opened: Open, add_plugin: AddPlugin) -> None:
    add_plugin("team", TEAM)
    sources = opened().sources
    named = sources.read(" team:tiny ")
    assert (named.ref, named.whole, named.kind, named.name) == ("team:tiny", True, "", "")
    sources.check(["team:tiny"])
    assert sources.shareable("team:tiny") == ""  # it may be a place of this machine


def test_a_source_that_describes_itself_is_shown_asked_and_shared(opened: Open, add_plugin: AddPlugin) -> None:
    add_plugin("team", TEAM + KIND.format(local=False))
    sources = opened().sources
    assert list(sources.kinds) == ["hub", "team", "folder", "gguf"]
    assert sources.read("team:").lacking == "Say which model: team:NAME."
    named = sources.read("team:tiny")
    assert (named.whole, named.kind) == (True, "team")
    assert sources.shareable("team:tiny") == "team:tiny"


@pytest.mark.parametrize(
    ("base", "offered"),
    [
        ("team:tiny", True),
        ("org/base", True),
        ("https://huggingface.co/org/base", True),
        ("s3://bucket/base", False),  # nobody here takes it
        ("org/base--old", False),  # no repo id
        ("./shared models", False),  # a folder of whoever made the adapter
        ("~/base", False),
        ("", False),
        ("a\0b", False),
    ],
)
def test_the_model_behind_an_adapter_is_offered_where_a_source_takes_it(
    opened: Open, add_plugin: AddPlugin, tmp_path: Path, base: str, offered: bool
) -> None:
    add_plugin("team", TEAM + KIND.format(local=False))
    (tmp_path / "shared models").mkdir()
    (adapter := tmp_path / "adapter").mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
    found = opened().plan(ConvertRequest(ref=str(adapter)), exact=False).errors[0]
    assert (found.code, found.remedies) == ("lora_only", (UseInstead(base, adapter=str(adapter)),) if offered else ())


def test_the_refs_of_a_source_on_this_machine_are_not_shared(opened: Open, add_plugin: AddPlugin) -> None:
    add_plugin("team", TEAM + KIND.format(local=True))
    assert opened().sources.shareable("team:tiny") == ""


def test_a_model_keeps_the_name_that_its_source_has_for_it(
    opened: Open, add_plugin: AddPlugin, write_toy: WriteToy, tmp_path: Path
) -> None:
    add_plugin("team", TEAM + KIND.format(local=False))
    shutil.move(write_toy(), tmp_path / "shared models" / "tiny")
    workspace = opened()
    request = ConvertRequest(ref="team:tiny", preset="bf16", output=tmp_path / "out")
    model = workspace.convert(request, inline=True).result()
    record = read_record(model.path)
    assert record is not None
    assert record.source.ref == "team:tiny"
    assert str(tmp_path) not in (model.path / "mlx_convert.json").read_text()
    assert workspace.find("out").source == "team:tiny"
    assert recipe_of(model.path, workspace.sources.shareable)["ref"] == "team:tiny"


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("./tiny", "folder", "tiny"),
        ("tiny", "folder", "tiny"),
        ("shelf/tiny", "folder", "tiny"),
        ("~/nowhere", "folder", "nowhere"),
        ("Tiny-Q8_0.gguf", "gguf", "Tiny-Q8_0"),
        ("org/name", "hub", "name"),
        ("https://huggingface.co/org/name/tree/main", "hub", "name"),
        ("hf://org/name@v1", "hub", "name"),
    ],
)
def test_built_in_sources_know_their_refs(opened: Open, tmp_path: Path, text: str, kind: str, name: str) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "shelf" / "tiny").mkdir(parents=True)
    (tmp_path / "Tiny-Q8_0.gguf").write_bytes(b"GGUF")
    named = opened().sources.read(text)
    assert (named.whole, named.kind, named.name) == (True, kind, name)


@pytest.mark.parametrize("text", ["missing.gguf", "a/b/c", "notes.txt", "https://me:SECRET@[host/x", "x" * 300 + "/"])
def test_what_has_an_error_to_tell_is_whole(opened: Open, tmp_path: Path, text: str) -> None:
    (tmp_path / "notes.txt").touch()
    assert opened().sources.read(text).whole


def test_what_no_source_takes_is_answered_with_examples_of_all(opened: Open, add_plugin: AddPlugin) -> None:
    add_plugin("team", TEAM + KIND.format(local=False))
    sources = opened().sources
    examples = ("team:Model-1B (Team share)", "(Local folder)", "(Hugging Face)", "(GGUF file)")
    assert all(example in sources.read("what is this").lacking for example in examples)
    with pytest.raises(InvalidRequest) as refused:
        sources.of("what is this")
    assert refused.value.code == "bad_id"
    assert all(example in refused.value.hint for example in examples)


def test_a_list_is_checked_before_anything_is_done_with_it(opened: Open) -> None:
    sources = opened().sources
    sources.check(["org/name", "./not-there-yet", "later.gguf"])
    with pytest.raises(InvalidRequest, match="'what is this' names no model"):
        sources.check(["org/name", "what is this"])
    with pytest.raises(InvalidRequest, match="these name no model: 'word', 'a b', 'c d' and 1 more"):
        sources.check(["word", "a b", "org/name", "c d", "e f"])
    with pytest.raises(InvalidRequest, match="names the revision v1"):
        sources.check(["hf://org/name@v1"], "v2")


@pytest.mark.parametrize("fault", ["1 / 0", "exit(3)", "None"])
def test_a_source_at_fault_is_listed_and_keeps_nobody_from_typing(
    opened: Open, add_plugin: AddPlugin, fault: str
) -> None:
    kind = f"SourceKind(name='odd', title='', summary='', example='', lacking=lambda text: {fault})"
    add_plugin("odd", f"@hookimpl\ndef register_source_kinds():\n    yield {kind}")
    workspace = opened()
    assert workspace.sources.read("maker").lacking.startswith("A name on Hugging Face has two parts")
    assert workspace.sources.read("what is this").lacking.startswith("No source here takes this.")
    [failure] = workspace.plugin_failures
    assert (failure.plugin, failure.hook) == ("odd", "register_source_kinds")


def test_folders_are_taken_without_any_plugin(
    opened: Open, write_toy: WriteToy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLX_CONVERT_PLUGINS", "toy,mlx_convert_lm")
    workspace = opened()
    assert list(workspace.sources.kinds) == ["folder"]
    write_toy("tiny")
    assert workspace.sources.read("tiny").whole
    request = ConvertRequest(ref="tiny", preset="bf16", output=tmp_path / "out")
    model = workspace.convert(request).result(timeout=120)
    assert (model.path / "config.json").is_file()
    assert not workspace.sources.read("org/name").whole


def test_reading_what_is_typed_asks_no_network(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr("socket.getaddrinfo", refuse)
    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setitem(os.environ, "HF_ENDPOINT", "https://mirror.example")
    sources = opened().sources
    for length in range(1, len("https://mirror.example/org/name/tree/main") + 1):
        sources.read("https://mirror.example/org/name/tree/main"[:length])
        sources.read("hf://org/name@main"[:length])
        sources.read("org/name"[:length])
