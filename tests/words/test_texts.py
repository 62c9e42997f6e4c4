"""Sentences of the core in other languages: found by what they say, their values as they came."""

from __future__ import annotations

import pytest
from mlx_convert_ui.words.catalogues import Catalogue
from mlx_convert_ui.words.texts import Texts

SENTENCES = (
    ("there is no folder {folder}.", "den Ordner {folder} gibt es nicht."),
    ("there is no folder.", "es gibt keinen Ordner."),
    ("{name} has {size} bytes; a file of its kind has {limit} at most.", "{limit} Bytes erlaubt, {name} hat {size}."),
    ("{name} is not there.", "{name} fehlt."),
    ("{path} is {kind}, not a file, but that is not this.", ""),
    ("{path} is {kind}, not this.", "{path} ist {kind}."),
    ("Check the path.", "Prüfe den Pfad."),
    ('Write {"text": "x"}, {name}.', 'Schreibe {"text": "x"}, {name}.'),
)
TEXTS = Texts(SENTENCES)


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("there is no folder /a b/c.", "den Ordner /a b/c gibt es nicht."),
        ("there is no folder.", "es gibt keinen Ordner."),
        ("x has 12 bytes; a file of its kind has 10 at most.", "10 Bytes erlaubt, x hat 12."),
        ("there is no folder there is no folder x..", "den Ordner there is no folder x. gibt es nicht."),
        ("there is no folder two\nlines\r\n.", "den Ordner two\nlines\r\n gibt es nicht."),
        ("there is no folder .", "den Ordner  gibt es nicht."),
        ('Write {"text": "x"}, you.', 'Schreibe {"text": "x"}, you.'),
        ("Check the path.", "Prüfe den Pfad."),
    ],
)
def test_a_sentence_in_another_language(english: str, german: str) -> None:
    assert TEXTS.say(english) == german


@pytest.mark.parametrize("value", ["{folder}", "{0.__class__}", "%s", "\\g<1>", "{limit}{name}", "‮evil", "x" * 10_000])
def test_a_value_is_taken_as_it_is(value: str) -> None:
    assert TEXTS.say(f"there is no folder {value}.") == f"den Ordner {value} gibt es nicht."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "there is no folder",
        "There is no folder x.",
        "nothing of ours.",
        "There is no folder x. Check the path.",  # one of two
        "x" * 50_000 + " is not there.",
    ],
)
def test_what_no_sentence_of_ours_has_made_stays_as_it_is(text: str) -> None:
    assert TEXTS.say(text) == text


def test_of_several_that_fit_the_one_with_most_of_its_own_counts() -> None:
    assert TEXTS.say("x is y, not this.") == "x ist y."
    untranslated = "x is a pipe, not a file, but that is not this."
    assert TEXTS.say(untranslated) == untranslated


def test_a_value_with_the_sentences_own_words_in_it_is_not_cut_in_the_wrong_place() -> None:
    told = "a has 1 bytes; a file of its kind has 2 bytes; a file of its kind has 3 at most."
    assert TEXTS.say(told) == told
    assert TEXTS.say("x is y is z, not this.") == "x is y is z, not this."


def test_several_sentences_are_said_one_by_one() -> None:
    told = "there is no folder /v1.0 x. /v. 2. Check the path."
    assert TEXTS.say(told) == "den Ordner /v1.0 x. /v. 2 gibt es nicht. Prüfe den Pfad."


def test_a_text_that_fits_everywhere_and_nowhere_takes_no_time() -> None:
    many = Texts([("a{x}a{y}a{z}a{u}a{v}a{w}b.", "never")])
    assert many.say("a" * 20_000) == "a" * 20_000
    assert many.say("a" * 19_990 + "b.").endswith("ab.")


def test_a_value_in_arabic_keeps_its_own_direction() -> None:
    arabic = Catalogue(
        language="ar", name="", direction="rtl", texts=Texts([("{name} is not there.", "{name} غير موجود.")])
    )
    assert arabic.give("org/model-4bit is not there.") == "\u2068org/model-4bit\u2069 غير موجود."
