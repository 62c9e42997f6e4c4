"""The messages of the app, out of its code into the files that translators fill:

python tests/words/messages.py [--write | LANGUAGE]

It says how much of each language is translated, and of one that is named what is not. With --write, new messages come
in with an empty translation, those that the code says no more go, and all others stay as they are.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import core_texts
from mlx_convert_hub.search.suggestions import suggested
from mlx_convert_lm.presets import PRESETS
from mlx_convert_ui.words import po
from mlx_convert_ui.words.catalogues import CORE_FILE, LOCALE, languages
from mlx_convert_ui.words.po import Entry
from mlx_convert_ui.words.texts import PLACE, literals_of

CODE = LOCALE.parent
TEMPLATE = LOCALE / "mlx_convert_ui.pot"
CORE_TEMPLATE = LOCALE / "mlx_convert_core.pot"
SAYING = {"_": 1, "N_": 1, "plural": 2}  # how many messages each takes
_IN_SCRIPTS = re.compile(r'\bwords\(\s*"((?:[^"\\\n]|\\.)*)"')
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
_HEAD = (
    "Project-Id-Version: mlx-convert\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
    "Content-Transfer-Encoding: 8bit\n"
)


def sources() -> Iterator[Path]:
    """Every file of the app that may say something."""
    ours = (path for kind in ("py", "js") for path in CODE.rglob(f"*.{kind}"))
    return (path for path in sorted(ours) if not path.name.endswith(".min.js"))


@cache
def extracted() -> tuple[Entry, ...]:
    """Every message that the code says, by file and then by its text. Raises ValueError for one that is both counted
    and not: a language may have no form for it that fits both."""
    found: dict[str, Entry] = {}
    for path in sources():
        for entry in _said_in(path):
            known = found.setdefault(entry.message, entry)
            if known.many != entry.many:
                raise ValueError(f"{entry.message!r} is said in two ways: {known.places} and {entry.places}")
            places = tuple(dict.fromkeys((*known.places, *entry.places)))
            comments = tuple(dict.fromkeys((*known.comments, *entry.comments)))
            found[entry.message] = replace(known, places=places, comments=comments)
    for entry in given():
        found.setdefault(entry.message, entry)
    return tuple(sorted(found.values(), key=lambda entry: (entry.places[0], entry.message)))


def given() -> Iterator[Entry]:
    """What built-in plugins say of their presets, and of the models that they suggest: the app says it with `given`."""
    place = "plugins/mlx_convert_lm/presets.py"
    for preset in PRESETS:
        if preset.method or preset.strategy:  # other titles are numbers, formats, names of models
            yield Entry(message=preset.title, places=(place,))
        yield Entry(message=preset.summary, places=(place,))
    for model in suggested():
        yield Entry(message=model.why, places=("plugins/mlx_convert_hub/search/suggestions.json",))


def merged(messages: Iterable[Entry], translated: Iterable[Entry]) -> tuple[Entry, ...]:
    """The header of ``translated``, and ``messages`` with what it has for them."""
    known = {entry.message: entry for entry in translated}
    kept = [known[""]] if "" in known else []
    for message in messages:
        old = known.get(message.message)
        same = old is not None and bool(old.many) == bool(message.many)
        own = tuple(line for line in old.comments if not line.startswith("#.")) if old is not None else ()
        said, fuzzy = (old.said, old.fuzzy) if old is not None and same else ((), False)
        kept.append(replace(message, said=said, fuzzy=fuzzy, comments=(*own, *message.comments)))
    return tuple(kept)


def template(messages: Iterable[Entry]) -> str:
    """The file of ``messages`` without a translation."""
    return text_of((Entry(message="", said=(_HEAD,)), *messages), forms=2)


def updated(language: str) -> str:
    """The file of ``language`` with the messages that the code says now."""
    old = po.read(languages()[language])
    forms = int(po.header(old)["Plural-Forms"].partition("nplurals=")[2].partition(";")[0])
    return text_of(merged(extracted(), old), forms=forms)


def updated_core(language: str) -> str:
    """The same of the sentences of the core and its plugins, of which none is counted."""
    path = core_file(language)
    head = (Entry(message="", said=(f"{_HEAD}Language: {language}\n",)),)
    old = po.read(path) if path.is_file() else head
    now = {literals_of(entry.message): entry.message for entry in core_texts.extracted()}
    return text_of(merged(core_texts.extracted(), (_renamed(entry, now) for entry in old)), forms=1)


def _renamed(entry: Entry, now: Mapping[tuple[str, ...], str]) -> Entry:
    """``entry`` with the names that its values have in the code by now; the sentence itself is the same."""
    message = now.get(literals_of(entry.message), entry.message)
    names = dict(zip(PLACE.findall(entry.message), PLACE.findall(message), strict=True))
    said = tuple(PLACE.sub(lambda found: f"{{{names.get(found[1], found[1])}}}", text) for text in entry.said)
    return replace(entry, message=message, said=said)


def core_file(language: str) -> Path:
    """The file of ``language`` for what the core says."""
    return languages()[language].with_name(CORE_FILE)


def text_of(entries: Iterable[Entry], *, forms: int) -> str:
    """``entries`` as a file; what is counted has ``forms`` translations."""
    return "\n".join("\n".join([*_lines(entry, forms), ""]) for entry in entries)


def _lines(entry: Entry, forms: int) -> Iterator[str]:
    yield from entry.comments
    if entry.places:
        yield f"#: {' '.join(entry.places)}"
    if entry.fuzzy:
        yield "#, fuzzy"
    yield f"msgid {_quoted(entry.message)}"
    if entry.many:
        yield f"msgid_plural {_quoted(entry.many)}"
        said = (*entry.said, *[""] * forms)[:forms]
        yield from (f"msgstr[{number}] {_quoted(text)}" for number, text in enumerate(said))
    else:
        yield f"msgstr {_quoted(entry.said[0] if entry.said else '')}"


def _quoted(text: str) -> str:
    lines = re.findall(r"[^\n]*\n|[^\n]+", text) or [""]
    quoted = ['"' + "".join(_ESCAPES.get(char, char) for char in line) + '"' for line in lines]
    return "\n".join(quoted if len(quoted) == 1 else ['""', *quoted])


def _said_in(path: Path) -> Iterator[Entry]:
    place = path.relative_to(CODE).as_posix()
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".js":
        for message in _IN_SCRIPTS.findall(text):
            yield Entry(message=ast.literal_eval(f'"{message}"'), places=(place,))
        return
    lines = text.splitlines()
    for call in calls(ast.parse(text)):
        texts = [one.value for one in call.args[: SAYING[name_of(call)]] if isinstance(one, ast.Constant)]
        if texts:
            many = texts[1] if len(texts) > 1 else ""
            yield Entry(message=texts[0], many=many, places=(place,), comments=_above(lines, call.lineno))


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Every call that says or marks a message."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call) and name_of(node) in SAYING)


def name_of(call: ast.Call) -> str:
    """The name of the function that is called, "" when it has none."""
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _above(lines: list[str], number: int) -> tuple[str, ...]:
    """What is said to translators in the line before ``number``."""
    before = lines[number - 2].strip() if number > 1 else ""
    return (f"#. {before.removeprefix('# Translators: ')}",) if before.startswith("# Translators: ") else ()


def _write() -> None:
    TEMPLATE.write_text(template(extracted()), encoding="utf-8")
    CORE_TEMPLATE.write_text(template(core_texts.extracted()), encoding="utf-8")
    for language, path in languages().items():
        path.write_text(updated(language), encoding="utf-8")
        core_file(language).write_text(updated_core(language), encoding="utf-8")


def _tell(named: Container[str]) -> None:
    for language, path in languages().items():
        for whose, file in (("the app's", path), ("the core's", core_file(language))):
            entries = [entry for entry in po.read(file) if entry.message]
            missing = [entry.message for entry in entries if not entry.translated]
            print(f"{language}: {len(entries) - len(missing)} of {whose} {len(entries)} translated")
            if language in named:
                print("\n".join(f"  {message!r}" for message in missing))


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        _write()
    _tell(sys.argv[1:])
