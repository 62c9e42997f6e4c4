"""What is read of the YAML at the top of a README, which may say anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlx_convert_core.base.limits import FRONT_MATTER_BYTES
from mlx_convert_core.model.card import read_card
from mlx_convert_core.model.inspection import inspect_folder

BOMB = "a: &a [x, x, x]\nlicense: mit\nb: &b [*a, *a, *a]\ntags: [*b, *b]\n"
SCORES = "model-index:\n" + "- name: a model\n  results:\n  - value: 1.0\n" * 40_000
CASES: dict[str, tuple[str, dict[str, object]]] = {
    "a comment": ("license: apache-2.0  # as the paper says\n# language: fr\n", {"license": "apache-2.0"}),
    "a list in a line": ("tags: [chat, 'a: b', \"c, d\"]", {"tags": ["chat", "a: b", "c, d"]}),
    "a list over lines": ("tags: [chat,\n  code,\n]\n", {"tags": ["chat", "code"]}),
    "an indented list": ("language:\n  - en\n\n  - zh\n", {"language": ["en", "zh"]}),
    "a folded text": ("license_name: >-\n  a long\n  name\n", {"license_name": "a long name"}),
    "quotes": ("'license': \"mit\"", {"license": "mit"}),
    "a colon in a value": (
        "license_link: https://a.b/c?d=1#e",
        {"license_link": "https://a.b/c?d=1#e"},
    ),
    "norwegian": ("language: [en, no]\nlicense: no", {"language": ["en", "no"], "license": "no"}),
    "nothing": ("license:\nbase_model: null\ntags: []", {"tags": []}),
    "windows line ends": ("license: mit\r\ntags:\r\n- a\r\n", {"license": "mit", "tags": ["a"]}),
    "a damaged field": ('extra: "never closed\nlicense: mit\nwidget: [{]\n', {"license": "mit"}),
    "a bomb of aliases": (BOMB, {"a": ["x", "x", "x"], "license": "mit"}),
    "an object": ("license: !!python/object/apply:os.system ['true']\n", {"license": ["true"]}),
    "half a character": ('license: "\\ud800"\ntags: ["\\UFFFFFFFF"]\nlanguage: en', {"language": "en"}),
    "scores": (SCORES + "license: mit", {"license": "mit"}),
    "brackets": ("tags: " + "[" * 20_000 + "\nlicense: mit", {"license": "mit"}),
    "too much": (f"tags: [{'a, ' * FRONT_MATTER_BYTES}]\nlicense: mit", {"license": "mit"}),
}


def card(folder: Path, text: str) -> Path:
    path = folder / "README.md"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_front_matter_of_a_card_is_read_without_trusting_it(tmp_path: Path) -> None:
    text = (
        "---\nlicense: apache-2.0\nlanguage:\n- en\n- 'fr'\nbase_model: me/big\nnested:\n  key: value\n---\n# Hello\n"
    )
    assert read_card(card(tmp_path, text)) == {
        "license": "apache-2.0",
        "language": ["en", "fr"],
        "base_model": "me/big",
    }


@pytest.mark.parametrize("text", ["", "# Hello\nlicense: mit", "---\nlicense: mit\n", "---"])
def test_a_card_without_front_matter_says_nothing(tmp_path: Path, text: str) -> None:
    assert read_card(card(tmp_path, text)) == {}
    assert read_card(tmp_path / "none.md") == {}


@pytest.mark.parametrize(("yaml", "fields"), CASES.values(), ids=CASES)
def test_each_field_is_read_as_yaml_has_it(tmp_path: Path, yaml: str, fields: dict[str, object]) -> None:
    assert read_card(card(tmp_path, f"---\n{yaml}\n---\n# A model\n")) == fields


def test_a_byte_order_mark_is_no_obstacle(tmp_path: Path) -> None:
    assert read_card(card(tmp_path, "\ufeff---\nlicense: mit\n---\n")) == {"license": "mit"}


@given(st.text(alphabet=st.one_of(st.sampled_from("-: \n[]{}&*!|>'\"#%@`?,ab\\~\t"), st.characters()), max_size=120))
def test_whatever_stands_there_is_text_lists_of_text_or_left_out(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.md"
    path.write_bytes(f"---\n{text}\n---\n".encode("utf-8", "replace"))
    for name, value in read_card(path).items():
        assert isinstance(name, str)
        assert isinstance(value, str) or all(isinstance(item, str) for item in value)


def test_a_folder_tells_its_licence_language_and_tags(tiny_llama: Path) -> None:
    card(tiny_llama, "---\nlicense: mit  # free\nlanguage: [en, fr]\ntags: [chat]\n---\n")
    assert inspect_folder(tiny_llama).card == {"license": "mit", "language": ["en", "fr"], "tags": ["chat"]}
