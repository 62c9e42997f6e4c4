"""Chat templates that refuse, are broken, or want something else: said in their own words, with what to do."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from mlx_convert_engine.template_bounds import bounded
from mlx_convert_lm.chat_template import ChatTemplate
from mlx_convert_lm.runner import LmRunner
from mlx_convert_lm.tokenizers.rendering import FolderTemplate
from mlx_convert_lm.tokenizers.small_files import SmallFiles

from mlx_convert_core import ChatMessage, ConvertRequest, GenerateRequest, GenerationFailed, Workspace
from mlx_convert_core.plugin import LeaveOut
from mlx_convert_core.testing import CHAT_TEMPLATE, write_tiny_checkpoint

REFUSES_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}{{ message.content }}{% endfor %}"
)
ALTERNATES = (
    "{% for message in messages %}{% if (message.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate.') }}{% endif %}{{ message.content }}{% endfor %}"
)
PARTS = "{% for message in messages %}{% for part in message.content %}{{ part.text }}{% endfor %}{% endfor %}"
BROKEN: dict[str, tuple[Any, str]] = {
    "a syntax error": ("a\n{% for m in", "line 2"),
    "an unknown filter": ("{{ messages | shout }}", "No filter named 'shout'"),
    "an unknown name": ("{{ nobody.knows }}", "'nobody' is undefined"),
    "arithmetic with words": ("{{ messages[0].content + 5 }}", "TypeError"),
    "a division by zero": ("{{ 1 / 0 }}", "ZeroDivisionError"),
    "an endless macro": ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "RecursionError"),
    "a step out of the sandbox": ("{{ ''.__class__.__mro__ }}", "SecurityError"),
    "nothing": ("", "empty prompt"),
    "a number": (5, "can't be used"),
    "several without a default": ([{"name": "tool_use", "template": "x"}], "tool_use"),
}
NO_JINJA = ("a syntax error", "an unknown filter")
LOSES_WORDS = "{% for message in messages %}{{ message.role }}: {% endfor %}"

_GROWS = "{% set n = namespace(x=START) %}{% for i in range(60) %}{% set n.x = n.x STEP n.x %}{% endfor %}"
_HUGE = "('y' * 1000000)"
ENDLESS = {
    "loops within loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "a text that doubles": _GROWS.replace("START", "'xx'").replace("STEP", "~"),
    "a list that doubles": _GROWS.replace("START", "[1]").replace("STEP", "+"),
    "a number that squares": _GROWS.replace("START", "3").replace("STEP", "*"),
    "a number of powers": "{{ 10 ** (10 ** 10) }}",
    "a text many times": "{{ 'x' * 10 ** 12 }}",
    "a wide field": "{{ '%999999999d' % 1 }}",
    "a wide field, filtered": "{{ '%999999999d' | format(1) }}",
    "a wide field, formatted": "{{ '{:>999999999}'.format(1) }}",
    "a wide margin": "{{ 'x'.rjust(10 ** 9) }}",
    "a wide margin, filtered": "{{ 'x' | center(10 ** 9) }}",
    "a deep indent": "{{ [1] | tojson(indent=10 ** 9) }}",
    "long for short": f"{{{{ {_HUGE} | replace('y', {_HUGE}) }}}}",
    "joined by long texts": f"{{{{ range(99999) | join({_HUGE}) }}}}",
    "much output": f"{{% for a in range(99999) %}}{{{{ {_HUGE} }}}}{{% endfor %}}",
    "much gathered": f"{{% set x %}}{{% for a in range(99) %}}{{{{ {_HUGE} }}}}{{% endfor %}}{{% endset %}}",
}


class Silent:
    def token(self, text: str) -> None: ...
    def message(self, text: str, level: Any = "info") -> None: ...
    def check_cancelled(self) -> None: ...


@pytest.fixture(scope="session")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("templates")
    source = write_tiny_checkpoint(folder / "source")
    with Workspace(home=folder / "home") as workspace:
        request = ConvertRequest(ref=source, preset="8bit", output=folder / "model")
        return workspace.convert(request, inline=True).result().path


def model_with(converted: Path, folder: Path, template: Any) -> Path:
    """A copy of the model with another chat template."""
    copy = shutil.copytree(converted, folder)
    path = copy / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"chat_template": template}))
    return copy


@pytest.fixture
def asked(converted: Path, tmp_path: Path) -> Any:
    """Answer by the template; gives the number of tokens in the prompt."""

    def ask(template: Any, *, system: str | None = None, turns: tuple[str, ...] = ("user",), text: str = "hi") -> int:
        runner = LmRunner(model_with(converted, tmp_path / "model", template))
        runner.load(Silent())
        messages = tuple(ChatMessage(role=role, content=text) for role in turns)  # type: ignore[arg-type]
        request = GenerateRequest(messages=messages, system=system, max_tokens=1, temperature=0)
        return runner.generate(request, (), Silent()).prompt_tokens

    return ask


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_template_is_said_to_be_one(asked: Any, fault: str) -> None:
    template, words = BROKEN[fault]
    with pytest.raises(GenerationFailed) as caught:
        asked(template)
    assert caught.value.code == ("template_syntax" if fault in NO_JINJA else "chat_template")
    assert words in caught.value.message
    assert "copy it from there" in caught.value.hint


@pytest.mark.parametrize("fault", ENDLESS)
def test_a_template_without_end_is_stopped(converted: Path, tmp_path: Path, fault: str) -> None:
    folder = model_with(converted, tmp_path / "model", ENDLESS[fault])
    files = SmallFiles(folder)
    ours = ChatTemplate(FolderTemplate(files, files.settings("tokenizer_config.json")), "model")
    told = ours.objection()
    assert told is not None
    assert told.code == "template_endless"
    assert "can't be used: it " in told.message


@pytest.mark.parametrize("fault", ["loops within loops", "a text that doubles", "a wide field, filtered"])
def test_a_template_without_end_is_stopped_in_an_answer_too(asked: Any, fault: str) -> None:
    with pytest.raises(GenerationFailed) as caught:
        asked(ENDLESS[fault])
    assert caught.value.code == "template_endless"


def test_what_bounds_a_template_is_gone_afterwards(asked: Any) -> None:
    from jinja2.sandbox import SandboxedEnvironment

    before = sys.gettrace(), sys.getprofile(), SandboxedEnvironment.call, SandboxedEnvironment.intercepted_binops
    with pytest.raises(GenerationFailed):
        asked(ENDLESS["loops within loops"])
    assert before == (
        sys.gettrace(), sys.getprofile(), SandboxedEnvironment.call, SandboxedEnvironment.intercepted_binops
    )  # fmt: skip


def test_a_long_conversation_is_within_the_bounds(converted: Path) -> None:
    template = FolderTemplate(SmallFiles(converted), {"chat_template": CHAT_TEMPLATE})
    turns = [{"role": role, "content": "so many words " * 1000} for role in ("user", "assistant") * 500]
    with bounded():
        assert len(template.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)) > 14_000_000


def test_a_refused_system_text_is_to_be_left_out(asked: Any) -> None:
    with pytest.raises(GenerationFailed) as caught:
        asked(REFUSES_SYSTEM, system="Be kind.")
    assert caught.value.code == "template_refused"
    assert caught.value.message.endswith("refuses this conversation: System role not supported.")
    assert caught.value.remedies == (LeaveOut("system"),)


def test_turns_that_do_not_alternate(asked: Any) -> None:
    with pytest.raises(GenerationFailed) as caught:
        asked(ALTERNATES, turns=("user", "user"))
    assert "Roles must alternate" in caught.value.message
    assert "in turn" in caught.value.hint


def test_a_template_that_wants_parts_gets_them(asked: Any) -> None:
    assert asked(PARTS, text="what was asked") == len("what was asked")


def test_a_template_that_drops_what_is_said_gets_no_answer(asked: Any) -> None:
    with pytest.raises(GenerationFailed) as caught:
        asked(LOSES_WORDS)
    assert caught.value.code == "template_words"


def test_the_command_line_names_the_template_and_no_defect(converted: Path, tmp_path: Path) -> None:
    from click.testing import CliRunner
    from mlx_convert_cli.main import cli

    model = model_with(converted, tmp_path / "model", REFUSES_SYSTEM)
    ended = CliRunner().invoke(cli, ["generate", str(model), "hi", "--system", "Be kind."])
    assert ended.exit_code == 1
    assert "error [template_refused]" in ended.stderr
    assert "System role not supported" in ended.stderr
    assert "defect" not in ended.stderr
