"""The program around the pages: Ctrl-C, and what lasts beyond it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from browser.convert_page import describe, job, start_button
from browser.program import Program
from browser.watching import Visitor


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
