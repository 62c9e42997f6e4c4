"""A chat template of a folder, run as transformers runs it, without the seconds that importing transformers takes.

https://huggingface.co/docs/transformers/chat_templating_writing says what a template may use. It is a program of
strangers: it runs in Jinja's sandbox, is handed texts, lists and dictionaries alone, and changes none of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from mlx_convert_core.plugin import file_names
from mlx_convert_lm.tokenizers.small_files import (
    MORE_TEMPLATES,
    TEMPLATE,
    TEMPLATE_IN_JSON,
    SmallFiles,
    without_mark,
)

DEFAULT = "default"


class FolderTemplate:
    """The chat template of a folder, with the face of a tokenizer that `ChatTemplate` needs; it makes text only.

    ``chat_template`` is its source, None when there is none; or several by their names, of which ``default`` is taken.
    """

    def __init__(self, files: SmallFiles, settings: Mapping[str, Any]) -> None:
        self.chat_template = template_of(files, settings)
        self._tokens = _special_tokens(files, settings)

    def apply_chat_template(self, turns: list[dict[str, Any]], *, tokenize: bool, add_generation_prompt: bool) -> str:
        """The prompt for ``turns``; raises whatever the template does. ``tokenize`` is not for us."""
        source = self.chat_template
        if isinstance(source, dict):
            if DEFAULT not in source:
                raise ValueError("there are several templates, and none is the default")
            source = source[DEFAULT]
        if not isinstance(source, str):
            raise TypeError(f"it is a {type(source).__name__}, not a text")
        template = _environment().from_string(source)
        named = {"messages": turns, "tools": None, "documents": None, "add_generation_prompt": add_generation_prompt}
        return str(template.render(**named, **self._tokens))


def template_of(files: SmallFiles, settings: Mapping[str, Any]) -> Any:
    """The template, or the templates by name, that transformers takes: files of their own win over the settings.

    A template that is only in chat_template.json, where processors kept it, counts when there is no other.
    """
    own = {DEFAULT: _text(files, TEMPLATE)} if TEMPLATE in files else {}
    for name in files.names:
        if name.startswith(f"{MORE_TEMPLATES}/"):
            own[name.removeprefix(f"{MORE_TEMPLATES}/").removesuffix(".jinja")] = _text(files, name)
    if own:
        return own[DEFAULT] if set(own) == {DEFAULT} else own
    found = settings.get("chat_template")
    if found is None:
        found = files.settings(TEMPLATE_IN_JSON).get("chat_template")
    if isinstance(found, list):
        pairs = [one for one in found if isinstance(one, dict)]
        return {str(one.get("name")): one.get("template") for one in pairs}
    return found


def _text(files: SmallFiles, name: str) -> str:
    return without_mark(files.data(name)).decode("utf-8", errors="replace")


def _special_tokens(files: SmallFiles, settings: Mapping[str, Any]) -> dict[str, str]:
    """The tokens that a template may name, ``bos_token`` for one."""
    found: dict[str, str] = {}
    for origin in (files.settings(file_names.SPECIAL_TOKENS), settings):
        for name, token in origin.items():
            text = token.get("content") if isinstance(token, dict) else token
            if name.endswith("_token") and isinstance(text, str):
                found[name] = text
    return found


@cache
def _environment() -> Any:
    """The sandbox, with the names that templates count on."""
    from jinja2 import TemplateError, nodes
    from jinja2.ext import Extension
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """Takes ``{% generation %}``, by which a template marks the answer for training, for what is in it."""

        tags = {"generation"}  # noqa: RUF012 - as jinja2 declares it

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True), lineno=line)

    def refuse(words: Any) -> None:
        raise TemplateError(words)

    def as_json(value: Any, **options: Any) -> str:
        return json.dumps(value, **{"ensure_ascii": False, **options})

    sandbox = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"]
    )
    sandbox.filters["tojson"] = as_json
    sandbox.globals["raise_exception"] = refuse
    sandbox.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return sandbox
