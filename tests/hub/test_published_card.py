"""The README that is sent: any words of a person stay, whatever they are, and the same again changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mlx_convert_hub.card.front_matter import split_card
from mlx_convert_hub.card.model_card import BEGIN, END, USE_BEGIN, USE_END
from mlx_convert_hub.card.published_card import card_to_send

from .models import converted_folder

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=40)
LINE = st.one_of(WORDS, st.sampled_from(["---", " ---", "# ", BEGIN, END, USE_BEGIN, USE_END, "tags:", "- x", "a: 1"]))
FIELD = st.from_regex(r"\A[a-z]{3,9}: [a-z0-9 ]{1,12}\Z")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return converted_folder(tmp_path_factory.mktemp("card") / "Tiny", size=100)


@example(text="---\r\r---")
@example(text="---\r\x0c---")
@given(text=st.one_of(st.text(), st.lists(LINE).map("\n".join)))
@example(text="---\r0\x0c---")
@example(text=f"mine\n{BEGIN}\n{END}\n{BEGIN}\n{END}")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_card_of_any_text_keeps_it_and_settles(folder: Path, text: str) -> None:
    once = card_to_send(folder, "ann/Tiny", text)
    assert card_to_send(folder, "ann/Tiny", once) == once
    _, body = split_card(text)
    if not (BEGIN in body and END in body):
        assert body.strip() in once
    assert once.count("mlx_lm.generate --model ann/Tiny ") == 1


@given(fields=st.lists(FIELD, max_size=6), tags=st.lists(st.text(max_size=20), max_size=5), body=WORDS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_fields_of_a_person_stay_and_the_block_is_yaml(
    folder: Path, fields: list[str], tags: list[str], body: str
) -> None:
    fields = list({field.partition(":")[0]: field for field in fields}.values())
    card = "\n".join(["---", *fields, "---", body])
    once = card_to_send(folder, "ann/Tiny", card, tags)
    lines, _ = split_card(once)
    found = yaml.safe_load("\n".join(lines))
    assert found["library_name"] == "mlx"
    assert found["base_model"] == "org/Tiny"
    assert found["tags"][0] == "mlx"
    assert {field.partition(":")[0] for field in fields} <= set(found)
    assert card_to_send(folder, "ann/Tiny", once, found["tags"]) == once


def test_a_new_repo_gets_the_whole_card(folder: Path) -> None:
    text = card_to_send(folder, "ann/Small")
    assert "\n# Small\n" in text
    assert (text.count(BEGIN), text.count(END)) == (1, 1)
    assert "bits, group size 64" in text


def test_a_repo_is_made_a_folder_before_it_is_asked(folder: Path) -> None:
    text = card_to_send(folder, "ann/Small")
    assert '\nhf download ann/Small --local-dir Small\nmlx-convert generate ./Small "' in text
    assert "hf download" not in (folder / "README.md").read_text()


def test_what_a_person_wrote_into_the_folders_card_goes_along(tmp_path: Path) -> None:
    folder = converted_folder(tmp_path / "Tiny", size=100)
    card = folder / "README.md"
    card.write_text(card.read_text() + "\nMy own notes.\n")
    assert card_to_send(folder, "ann/Tiny").count("My own notes.") == 1
    assert "My own notes." not in card_to_send(folder, "ann/Tiny", "Other words.")


def test_windows_line_ends_of_a_person_stay(folder: Path) -> None:
    once = card_to_send(folder, "ann/Tiny", "---\r\nmine: 1\r\n---\r\n# Page\r\n\r\nWords\r\n")
    assert "# Page\r\n\r\nWords" in once
    assert card_to_send(folder, "ann/Tiny", once) == once
