"""Every code of an error or a finding is explained, in the table and on the page, in words for people."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import troubleshooting
from codes import SOURCES, Codes, codes_in

from mlx_convert_core.explanations import Explanation, themes
from mlx_convert_core.plugin import explain

ROWS = [row for theme in themes() for row in theme.rows]
NAMES = {"macOS", "mlx-community", "mlx-convert", "mlx-lm", "mlx-vlm"}  # written small also where a sentence begins
NEXT = "add a row in mlx_convert_core/explanations/, then run `make docs`"


@pytest.fixture(scope="module")
def codes() -> Codes:
    """Give the codes of our source."""
    return codes_in()


def test_every_code_in_the_source_has_a_row(codes: Codes) -> None:
    assert codes.unclear == [], "a code whose value can't be read here: name it in tests/docs/codes.py, HANDED_ON"
    explained = {code for row in ROWS for code in row.codes}
    unexplained = {code: sorted(files) for code, files in codes.found.items() if code not in explained}
    assert unexplained == {}, NEXT


def test_every_row_explains_a_code_that_is_in_the_source_and_each_once(codes: Codes) -> None:
    explained = [code for row in ROWS for code in row.codes]
    assert [code for code in explained if code not in codes.found] == []
    assert len(explained) == len(set(explained))


def test_the_page_is_written_from_the_table() -> None:
    assert troubleshooting.PAGE.read_text(encoding="utf-8") == troubleshooting.page(), "run `make docs`"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.codes[0])
def test_a_row_is_whole_sentences_and_its_section_is_on_the_page(row: Explanation) -> None:
    for text in (row.cause, row.remedy):
        first = text.split()[0]
        assert text[0] in "`" or text[0].isupper() or "." in first or first in NAMES
        assert text.endswith(".")
        assert "  " not in text
    for code in row.codes:
        assert explain(code) is row
        assert re.search(rf"^### .*`{code}`", troubleshooting.page(), flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('raise InvalidRequest("x", code="one")', {"one"}),
        ('class E(Exception):\n    default_code: ClassVar[str] = "one"', {"one"}),
        ('Finding(code="one" if bad else "two")', {"one", "two"}),
        (
            'def _e(text, code="one"):\n    return E(text, code=code)\n_e("x", "two")\n_e("y", code="six")',
            {"one", "two", "six"},
        ),
        (
            'TABLE = (("a", "one"), ("b", "two"))\ndef f():\n    for a, code in TABLE:\n        E(code=code)',
            {"one", "two"},
        ),
        ('class Row:\n    text: str\n    code: str\nROWS = (Row("a", "one"), Row("b", "two"))', {"one", "two"}),
        ("def again(error):\n    return Error(code=error.code)", set()),
    ],
)
def test_codes_are_found_in_each_way_that_they_are_given(tmp_path: Path, source: str, found: set[str]) -> None:
    (tmp_path / SOURCES[0]).mkdir()
    (tmp_path / SOURCES[0] / "module.py").write_text(source)
    codes = codes_in(tmp_path)
    assert (set(codes.found), codes.unclear) == (found, [])


def test_a_code_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / SOURCES[0]).mkdir()
    (tmp_path / SOURCES[0] / "module.py").write_text('Error(code=f"up_{status}")')
    assert codes_in(tmp_path).unclear == ["mlx_convert_core/module.py:1: f'up_{status}'"]
