"""One browser for all of these tests, one program for each file, one visitor for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from browser import chromium
from browser.program import Program
from browser.watching import Visitor
from mlx_convert_core import ConvertRequest, Workspace


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Start a headless Chromium."""
    executable = chromium.executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(chromium.ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Start the UI for the tests of one file, with the plugins that its ``PLUGINS`` names."""
    program = Program(tmp_path_factory.mktemp("program"), *getattr(request.module, "PLUGINS", ())).start()
    yield program
    program.stop()


@pytest.fixture
def visitor(browser: Browser, program: Program) -> Iterator[Visitor]:
    """Give somebody who looks at the program's pages; trouble in any of them fails the test."""
    visitor = Visitor(browser, program)
    yield visitor
    visitor.leave()


@pytest.fixture
def page(visitor: Visitor) -> Page:
    """Open the first page."""
    return visitor.open()


@pytest.fixture
def held(program: Program) -> Iterator[Path]:
    """Keep conversions and scripted answers from ending until this file is deleted."""
    hold = program.home / "hold"
    hold.touch()
    yield hold
    hold.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def smollm2_8bit(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Convert SmolLM2 once; read only."""
    folder = tmp_path_factory.mktemp("smollm2")
    with Workspace(home=folder / "home") as workspace:
        request = ConvertRequest(ref=str(smollm2), preset="8bit", output=folder / "SmolLM2-135M-Instruct-MLX-8bit")
        return workspace.convert(request).result().path


@pytest.fixture(scope="session")
def tiny_source(_tiny_llama: Path) -> Path:
    """Give the tiny checkpoint of all tests; read only."""
    return _tiny_llama


@pytest.fixture(scope="session")
def tiny_model(tiny_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Convert the tiny checkpoint once; read only, it says nonsense."""
    folder = tmp_path_factory.mktemp("tiny")
    with Workspace(home=folder / "home") as workspace:
        request = ConvertRequest(ref=str(tiny_source), preset="8bit", output=folder / "tiny-llama-MLX-8bit")
        return workspace.convert(request).result().path
