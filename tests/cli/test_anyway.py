"""`--anyway` loads a model that does not fit into memory; without it, that is said before a weight is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from samples.wide_cache import write_wide_cache

Run = Callable[..., Result]
LONG = ("--max-tokens", "1000000", "--temperature", "0")


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wide_cache(tmp_path_factory.mktemp("wide") / "wide-cache")


def test_generate_refuses_it_unless_it_is_insisted_on(run: Run, wide: Path) -> None:
    refused = run("generate", wide, "hi", *LONG)
    assert refused.exit_code == 1
    assert "error [answer_memory]: wide-cache needs about" in refused.stderr
    ended = run("generate", wide, "hi", *LONG, "--anyway")
    assert ended.exit_code == 0
    assert "Close other apps if it becomes slow" in ended.stderr


def test_chat_does_too(run: Run, wide: Path) -> None:
    assert "answer_memory" in run("chat", wide, *LONG, input="hi\n").stderr
    assert run("chat", wide, *LONG, "--anyway", input="hi\n").exit_code == 0
