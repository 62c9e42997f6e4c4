"""A model on the Hub, as its name is typed: the verdict, the download, and what a person can do about an error."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hubserver import Hub
from hubserver.client import environment
from playwright.sync_api import expect

from browser.convert_page import choose, describe, job, source_field, start_button
from browser.program import Program
from browser.watching import Visitor
from mlx_convert_core.plugin import ShardWriter, read_header

REPO = "maker/tiny-llama"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, tiny_source: Path) -> Iterator[Hub]:
    """Start a hub with one model that everybody may have, and one that nobody may."""
    hub = Hub(tmp_path_factory.mktemp("hub"))
    hub.add_repo(REPO, {"README.md": "---\nlicense: apache-2.0\n---\n"}, folder=tiny_source)
    hub.add_repo("maker/secret", folder=tiny_source, gated="manual")
    hub.add_repo("maker/in-parts", folder=in_parts(tiny_source, hub.root / "in-parts", 12))
    yield hub
    hub.stop()
    assert not hub.errors, "\n".join(hub.errors)


@pytest.fixture(scope="module")
def program(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Start the UI for people whose Hub is ``hub``."""
    program = Program(tmp_path_factory.mktemp("program"), env=environment(hub)).start()
    yield program
    program.stop()


def test_a_name_gets_its_verdict_while_it_is_typed_and_is_converted(
    visitor: Visitor, program: Program, hub: Hub
) -> None:
    page = visitor.open()
    source_field(page).press_sequentially("maker")
    expect(page.get_by_role("option").filter(has_text="maker/tiny-llama")).to_be_visible()
    assert {request.path for request in hub.requests} == {"/api/models"}, "an unfinished name was asked for"
    source_field(page).press_sequentially("/tiny-llama")
    expect(page.get_by_text("Supported")).to_be_visible()
    expect(page.get_by_text("apache-2.0")).to_be_visible()
    expect(page.get_by_text("To download")).to_be_visible()
    hub.fault("slow", path="safetensors", origin="cdn", times=None, rate=200_000)
    start_button(page).click()
    name = "tiny-llama-MLX-4bit"
    expect(job(page, name)).to_contain_text(re.compile(r"\d% · [\d.]+ of \d+ kB · [\d.]+ s left"))
    expect(page.get_by_role("heading", name=f"{name} is ready")).to_be_visible()
    assert (program.models / name / "config.json").is_file()


def test_what_the_hub_refuses_is_said_beside_the_name_with_the_next_step(visitor: Visitor) -> None:
    page = visitor.open()
    source_field(page).fill("maker/no-such-model")
    expect(page.get_by_role("alert")).to_contain_text("no-such-model")
    expect(start_button(page)).to_be_disabled()
    source_field(page).fill("maker/secret")
    expect(page.get_by_role("alert")).to_contain_text("secret")
    expect(page.get_by_role("alert").locator(".note-hint")).not_to_be_empty()
    expect(start_button(page)).to_be_disabled()


def test_a_model_is_asked_for_once_and_a_click_on_a_card_asks_nothing(visitor: Visitor, hub: Hub) -> None:
    page = visitor.open()
    expect(page.get_by_role("heading", name="Source")).to_be_visible()
    hub.requests.clear()
    describe(page, "maker/in-parts", name="in-parts-MLX-4bit")
    expect(page.locator("label.option").filter(has_text="8-bit")).not_to_contain_text("≈")  # every card is exact
    asked = [request.path for request in hub.requests if request.origin == "hub"]
    assert asked.count("/api/models") <= 1, "whether somebody has converted it already"
    # Besides the model: generation_config.json, and the two files of the tokenizer, which is tried before a weight.
    assert len([path for path in asked if path != "/api/models"]) == 14 + 3, "\n".join(asked)
    hub.requests.clear()
    for preset in ("8-bit", "bf16", "4-bit"):
        choose(page, preset)
        expect(page.get_by_text("Working out the exact size")).to_have_count(0)
        expect(start_button(page)).to_be_enabled()
    assert not [request.path for request in hub.requests]


def in_parts(checkpoint: Path, folder: Path, count: int) -> Path:
    """Write ``checkpoint`` to ``folder`` with its weights in ``count`` files."""
    whole = checkpoint / "model.safetensors"
    shutil.copytree(checkpoint, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    tensors = read_header(whole)
    names = [f"model-{number:05d}-of-{count:05d}.safetensors" for number in range(1, count + 1)]
    parted = tuple(tensor.replace(shard=names[index % count]) for index, tensor in enumerate(tensors))
    data = whole.read_bytes()
    with ShardWriter(folder, sorted(parted, key=lambda one: one.shard), {"format": "pt"}) as writer:
        for tensor in tensors:
            writer.write(tensor.name, data[tensor.start : tensor.end])
    return folder
