"""The lists fit together: a test for each case, and nothing open that is none."""

from __future__ import annotations

import json
import re
from pathlib import Path

from cases.conftest import OPEN

HERE = Path(__file__).parent


def test_each_case_has_a_test_and_what_is_open_is_a_case() -> None:
    cases = set(json.loads((HERE / "cases.json").read_text()))
    files = [path.read_text() for path in HERE.glob("test_*.py") if path != Path(__file__)]
    tests = {name.replace("_", "-") for text in files for name in re.findall(r"^def test_(\w+)\(", text, re.MULTILINE)}
    assert tests == cases
    assert set(OPEN.read_text().split()) <= cases
