"""A model may be named in any way that a source takes: the page knows none of its own."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from samples.gguf import write_llama_gguf

from browser.convert_page import describe, source_field, start_button
from browser.program import Program
from browser.watching import Visitor

HOOKS_PAGE = Path(__file__).parents[2] / "docs/hooks.md"


def example(hook: str) -> str:
    """The plugin that docs/hooks.md shows for ``hook``."""
    section = HOOKS_PAGE.read_text().partition(f"## `{hook}`")[2]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)[1]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, tiny_source: Path) -> Iterator[Program]:
    """Start the UI with the sources of two strangers, in a folder where models lie."""
    places = {"TEAM_MODELS": str(tiny_source.parent), "BUCKETS": str(tiny_source.parent)}
    program = Program(tmp_path_factory.mktemp("program"), "buckets", env=places)
    (program.home / "plugins" / "team.py").write_text(example("model_source") + example("register_source_kinds"))
    shutil.copytree(tiny_source, program.work / "checkpoints" / "here")
    write_llama_gguf(program.work / "Small.F16.gguf")
    program.start()
    yield program
    program.stop()


def test_the_source_of_the_documentation_converts_through_the_page(visitor: Visitor, program: Program) -> None:
    page = visitor.open()
    expect(page.get_by_text("Team share (team:Model-1B)")).to_be_visible()
    source_field(page).press_sequentially("team:")
    expect(page.get_by_text("Say which model: team:NAME.")).to_be_visible()
    describe(page, "team:tiny-llama", name="tiny-llama-MLX-4bit")
    start_button(page).click()
    expect(page.get_by_role("heading", name="tiny-llama-MLX-4bit is ready")).to_be_visible()
    record = json.loads((program.models / "tiny-llama-MLX-4bit" / "mlx_convert.json").read_text())
    assert record["source"]["ref"] == "team:tiny-llama"


@pytest.mark.parametrize(
    ("ref", "name"),
    [
        ("s3://bucket/tiny-llama", "tiny-llama-MLX-8bit"),
        ("Small.F16.gguf", "Small-MLX-8bit"),
        ("checkpoints/here", "here-MLX-8bit"),
        ("checkpoints", ""),
    ],
)
def test_whatever_a_source_takes_gets_its_verdict(visitor: Visitor, program: Program, ref: str, name: str) -> None:
    page = visitor.open()
    if name:
        describe(page, ref, preset="8-bit", name=name)
        expect(page.get_by_text("Supported")).to_be_visible()
    else:
        source_field(page).fill(ref)
        expect(page.get_by_role("alert")).to_contain_text("config.json")


def test_the_queue_takes_them_too(visitor: Visitor, program: Program) -> None:
    shutil.rmtree(program.models, ignore_errors=True)  # what is there already would be left as it is
    page = visitor.open("/queue")
    refs, add = page.get_by_role("textbox", name="Models"), page.get_by_role("button", name="Add to queue")
    refs.fill("team:tiny-llama\nrubbish:x")
    add.click()
    expect(page.get_by_role("alert")).to_contain_text("'rubbish:x' names no model")
    refs.fill("team:tiny-llama\ns3://bucket/tiny-llama\nSmall.F16.gguf")
    add.click()
    for name in ("team:tiny-llama", "s3://bucket/tiny-llama", "Small.F16"):
        expect(page.locator(".queue-name").get_by_text(name, exact=True)).to_be_visible()
