"""The catalogue: whole files, the right form for every count, and the language that a browser asks for."""

from __future__ import annotations

import re
import shutil
import string
import subprocess
from pathlib import Path
from typing import get_args

import core_texts
import messages
import pytest
from mlx_convert_ui.words import po
from mlx_convert_ui.words.catalogues import ENGLISH, Catalogue, asked_for, languages, load
from mlx_convert_ui.words.texts import PLACE

from mlx_convert_core.home.settings import Language

LANGUAGES = sorted(languages())


def places_of(text: str) -> set[str]:
    return {name for _literal, name, _spec, _conversion in string.Formatter().parse(text) if name is not None}


def test_the_template_holds_what_the_code_says() -> None:
    assert messages.TEMPLATE.read_text(encoding="utf-8") == messages.template(messages.extracted()), "run `make words`"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_translation_knows_every_message(language: str) -> None:
    assert languages()[language].read_text(encoding="utf-8") == messages.updated(language), "run `make words`"


def test_the_template_of_the_core_holds_what_it_says() -> None:
    known = messages.CORE_TEMPLATE.read_text(encoding="utf-8")
    assert known == messages.template(core_texts.extracted()), "run `make words`"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_translation_knows_every_sentence_of_the_core(language: str) -> None:
    known = messages.core_file(language).read_text(encoding="utf-8")
    assert known == messages.updated_core(language), "run `make words`"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_of_the_core_keeps_its_values(language: str) -> None:
    for entry in po.read(messages.core_file(language)):
        if entry.message and entry.translated:
            assert sorted(PLACE.findall(entry.said[0])) == sorted(PLACE.findall(entry.message)), entry.message


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_keeps_the_named_places(language: str) -> None:
    for entry in po.read(languages()[language]):
        if not entry.message or not entry.translated:
            continue
        wanted = places_of(entry.message) | places_of(entry.many)
        for said in entry.said:
            # "one model" needs no number, and Arabic has a word for two
            assert wanted - places_of(said) <= ({"count", "short"} if entry.many else set()), entry.message
            assert places_of(said) <= wanted, entry.message


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_counted_message_has_all_forms_of_its_language(language: str) -> None:
    entries = po.read(languages()[language])
    forms = load(language).form
    number = 1 + max(map(forms, range(200)))
    assert po.header(entries)["Plural-Forms"].startswith(f"nplurals={number};")
    for entry in entries:
        assert len(entry.said) == (number if entry.many else 1), entry.message
        assert len({bool(said) for said in entry.said}) == 1, entry.message


@pytest.mark.skipif(shutil.which("msgfmt") is None, reason="gettext's tools are not here")
@pytest.mark.parametrize("language", LANGUAGES)
def test_gettexts_own_tools_read_our_files_alike(language: str, tmp_path: Path) -> None:
    made = tmp_path / "messages.mo"
    subprocess.run(["msgfmt", "--check-format", "-o", made, languages()[language]], check=True)
    listed = subprocess.run(["msgunfmt", made], capture_output=True, text=True, check=True).stdout
    translated = [entry for entry in po.read(languages()[language]) if entry.translated]
    assert len(re.findall(r"^msgid ", listed, flags=re.MULTILINE)) == len(translated)


def test_a_person_can_choose_every_language_there_is() -> None:
    assert get_args(Language) == ("browser", ENGLISH.language, *LANGUAGES)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr-FR,fr;q=0.9,ja;q=0.8,en;q=0.7", "ja"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("en;q=0.1, AR-eg;q=0.5", "ar"),
        ("de;q=0,fr", "en"),
        ("*", "en"),
        ("de;q=much;q=;,\t", "en"),
    ],
)
def test_the_browsers_best_language_that_there_is(header: str, language: str) -> None:
    assert asked_for(header) == language


def test_what_is_not_translated_is_said_in_english() -> None:
    for language in LANGUAGES:
        said = load(language)
        assert said.say("No message of ours {name}", {"name": "x"}).startswith("No message of ours ")
        assert said.count("{count} such", "{count} suches", 2, {}).endswith("2 suches")


def test_counting_as_a_language_counts() -> None:
    arabic = load("ar")
    assert [arabic.form(count) for count in (0, 1, 2, 3, 10, 11, 99, 100, 103, 111)] == [0, 1, 2, 3, 3, 4, 4, 5, 3, 4]
    assert [load("ja").form(count) for count in (0, 1, 2)] == [0, 0, 0]
    assert [load("de").form(count) for count in (0, 1, 2)] == [1, 0, 1]


def test_a_name_inside_of_arabic_keeps_its_own_direction() -> None:
    arabic = Catalogue(language="ar", name="", direction="rtl", messages={"{name} is there": ("{name} هنا",)})
    assert arabic.say("{name} is there", {"name": "org/model-4bit"}) == "\u2068org/model-4bit\u2069 هنا"
    assert ENGLISH.say("{name} is there", {"name": "{braces}"}) == "{braces} is there"


def test_files_as_translators_programs_write_them(tmp_path: Path) -> None:
    path = tmp_path / "x.po"
    path.write_text(
        'msgid ""\nmsgstr ""\n"Language: xx\\n"\n\n'
        '# looked at\n#. a hint\n#: a.py b.py\nmsgid ""\n"two "\n"lines\\n"\nmsgstr "zwei \\"Zeilen\\"\\n"\n\n\n'
        '#, fuzzy\nmsgid "guess"\nmsgstr "geraten"\n\n'
        'msgid "{count} model"\nmsgid_plural "{count} models"\nmsgstr[0] "ein Modell"\nmsgstr[1] "{count} Modelle"\n\n'
        '#~ msgid "gone"\n#~ msgstr "weg"\n'
    )
    head, lines, guess, counted = po.read(path)
    assert po.header((head,)) == {"Language": "xx"}
    assert (lines.message, lines.said) == ("two lines\n", ('zwei "Zeilen"\n',))
    assert (lines.places, lines.comments) == (("a.py", "b.py"), ("# looked at", "#. a hint"))
    assert not guess.translated
    assert (counted.many, counted.said) == ("{count} models", ("ein Modell", "{count} Modelle"))
    again = tmp_path / "again.po"
    again.write_text(messages.text_of(po.read(path), forms=2), encoding="utf-8")
    assert po.read(again) == po.read(path)


def test_the_app_speaks_of_no_flags_and_no_commands() -> None:
    speech = re.compile(
        r"(?<![\w-])--[a-z]|`|mlx-convert (?!of|with|made|reads|that|was|or|and|may|must)[a-z]+ ?[A-Z-]"
    )
    said = [entry.message for entry in messages.extracted() if speech.search(f"{entry.message} {entry.many}")]
    assert said == []


def test_facts_in_a_line_keep_their_own_directions() -> None:
    facts = ("3 models", "", "1.2 GB")
    assert load("de").join(facts) == "3 models · 1.2 GB"
    assert load("ar").join(facts) == "\u20683 models\u2069 · \u20681.2 GB\u2069"
