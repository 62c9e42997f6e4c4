"""A model on the Hub, as its name is typed: the verdict, the download, and what a person can do about an error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hubserver import Hub
from hubserver.client import environment
from playwright.sync_api import expect

from browser.convert_page import job, source_field, start_button
from browser.program import Program
from browser.watching import Visitor

REPO = "maker/tiny-llama"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, tiny_source: Path) -> Iterator[Hub]:
    """Start a hub with one model that everybody may have, and one that nobody may."""
    hub = Hub(tmp_path_factory.mktemp("hub"))
    hub.add_repo(REPO, {"README.md": "---\nlicense: apache-2.0\n---\n"}, folder=tiny_source)
    hub.add_repo("maker/secret", folder=tiny_source, gated="manual")
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
    expect(page.get_by_text("A name on Hugging Face has two parts: owner/model.")).to_be_visible()
    assert not hub.requests, "an unfinished name was asked for"
    source_field(page).press_sequentially("/tiny-llama")
    expect(page.get_by_text("Supported")).to_be_visible()
    expect(page.get_by_text("apache-2.0")).to_be_visible()
    expect(page.get_by_text("To download")).to_be_visible()
    hub.fault("slow", path="safetensors", origin="cdn", times=None, rate=200_000)
    start_button(page).click()
    name = "tiny-llama-MLX-4bit"
    expect(job(page, name)).to_contain_text(re.compile(r"\d% · \d+ kB of \d+ kB · [\d.]+ s left"))
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
