"""The program around the pages: Ctrl-C, and what lasts beyond it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from browser.convert_page import describe, job, start_button
from browser.program import Program
from browser.watching import Visitor
from mlx_convert_core import ConvertRequest, Workspace


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """Start a program that the test may end."""
    program = Program(tmp_path / "program", "hold").start()
    yield program
    program.stop()


def test_ctrl_c_with_a_running_job_and_an_open_page_leaves_nothing(
    browser: Browser, program: Program, tiny_source: Path, held: Path
) -> None:
    visitor = Visitor(browser, program)
    page = visitor.open()
    describe(page, tiny_source, name="tiny-llama-MLX-4bit")
    start_button(page).click()
    expect(job(page, "tiny-llama-MLX-4bit").locator("[data-state=running]").filter(has_text="Check")).to_be_visible()
    assert len(program.processes()) > 1
    assert program.interrupt() == 0
    assert program.processes() == []
    assert not list(program.models.glob("*"))
    assert program.log.read_text().count("\n") == 2, program.log.read_text()
    page.close()


def test_the_queue_goes_on_after_a_restart_in_the_order_it_was_put_in(
    browser: Browser, program: Program, tiny_source: Path, held: Path
) -> None:
    before = Visitor(browser, program)
    page = before.open("/queue")
    with Workspace(home=program.home) as workspace:
        refs = (tiny_source, tiny_source.parent / "nowhere")
        workspace.queue.add_many([ConvertRequest(ref=str(ref), preset="4bit") for ref in refs])
    rows = page.get_by_role("region", name="Queue").get_by_role("listitem")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Running")
    expect(rows.last).to_contain_text("Waiting")
    page.get_by_role("textbox", name="Models").fill(f"{tiny_source}/")
    page.get_by_role("button", name="Add to queue").click()
    expect(rows).to_have_count(3)
    rows.last.get_by_role("button", name="up").click()
    expect(rows.last).to_contain_text("nowhere")
    assert program.interrupt() == 0
    page.close()

    program.start()
    after = Visitor(browser, program)
    page = after.open("/queue")
    rows = page.get_by_role("region", name="Queue").get_by_role("listitem")
    expect(rows.first).to_contain_text("Running")
    expect(rows).to_have_count(3)
    held.unlink()
    expect(rows.nth(0)).to_contain_text("Done")
    expect(rows.nth(1)).to_contain_text("already exists")
    expect(rows.nth(1).get_by_role("button", name="Replace it")).to_be_visible()
    expect(rows.nth(2)).to_contain_text("There is no folder")
    page.get_by_role("button", name="Clear finished").click()
    expect(rows).to_have_count(0)
    after.leave()
