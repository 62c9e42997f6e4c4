"""Tokenizer and chat template are tried before a weight is read, and what is wrong is a finding of the plan."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlx_convert_lm.runner import LmRunner
from odd_tokenizers import POINTER, change

from mlx_convert_core import ConvertRequest, Finding, GenerateRequest, GenerationFailed, PreflightFailed, Workspace

Tried = Callable[..., dict[str, Finding]]


@pytest.fixture
def tried(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tried:
    """The findings about a source by their codes, from the trial alone."""
    from mlx_convert_lm.tokenizers.source_check import try_tokenizer

    def tried(source: Path, **options: Any) -> dict[str, Finding]:
        request = ConvertRequest(ref=source, preset="4bit", output=tmp_path / "out", **options)
        plan = workspace.plan(request, exact=False)
        return {finding.code: finding for finding in try_tokenizer(plan, source)}

    return tried


def with_template(source: Path, template: Any) -> Path:
    change(source / "tokenizer_config.json", chat_template=template)
    return source


def test_what_is_well_is_not_mentioned(tried: Tried, tiny_llama: Path) -> None:
    assert tried(tiny_llama) == {}


def test_findings_are_in_an_exact_plan_and_an_estimate_does_without(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path
) -> None:
    with_template(tiny_llama, "{% for m in messages %}{{ m.content }}{% endfor")
    request = ConvertRequest(ref=tiny_llama, preset="4bit", output=tmp_path / "out")
    assert "template_syntax" in {finding.code for finding in workspace.plan(request).findings}
    assert "template_syntax" not in {finding.code for finding in workspace.plan(request, exact=False).findings}


@pytest.mark.parametrize("ends", [[[1, 2], [3]], "</s>", [2, "</s>"], True, 99999, [-1], {}])
def test_ends_of_an_answer_that_are_no_tokens_are_told(tried: Tried, tiny_llama: Path, ends: object) -> None:
    change(tiny_llama / "generation_config.json", eos_token_id=ends)
    assert str(ends)[:5] in tried(tiny_llama)["end_tokens"].message


@pytest.mark.parametrize("ends", [None, 2, [2, 99999], 0])
def test_ends_of_an_answer_that_can_be_reached_are_not_mentioned(tried: Tried, tiny_llama: Path, ends: object) -> None:
    change(tiny_llama / "generation_config.json", eos_token_id=ends)
    assert tried(tiny_llama) == {}


def test_two_templates_that_differ_are_told(tried: Tried, tiny_llama: Path) -> None:
    template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    with_template(tiny_llama, template)
    (tiny_llama / "chat_template.jinja").write_text(template + "\n")
    assert tried(tiny_llama) == {}
    (tiny_llama / "chat_template.jinja").write_text("Answer: " + template)
    assert tried(tiny_llama)["two_templates"].level == "info"


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "generation_config.json"])
@pytest.mark.parametrize(("content", "code"), [(POINTER, "lfs_pointer"), ('{"a": [1, 2', "bad_json")])
def test_a_damaged_file_is_refused_by_name(tried: Tried, tiny_llama: Path, name: str, content: str, code: str) -> None:
    (tiny_llama / name).write_text(content)
    found = tried(tiny_llama)
    assert found[code].level == "error"
    assert name in found[code].message


def test_a_damaged_tokenizer_is_refused_before_anything_is_written(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path
) -> None:
    (tiny_llama / "tokenizer.json").write_text(POINTER)
    with pytest.raises(PreflightFailed) as caught:
        workspace.convert(ConvertRequest(ref=tiny_llama, preset="4bit", output=tmp_path / "out"), inline=True).result()
    assert caught.value.code == "lfs_pointer"
    assert list(tmp_path.glob("*out*")) == []


def test_a_pointer_that_nobody_needs_is_a_warning(tried: Tried, tiny_llama: Path) -> None:
    (tiny_llama / "tokenizer.model").write_text(POINTER)
    assert tried(tiny_llama)["lfs_pointer"].level == "warning"


def test_a_config_that_is_a_pointer_is_called_one(workspace: Workspace, tiny_llama: Path) -> None:
    from mlx_convert_core.plugin import CorruptCheckpoint

    (tiny_llama / "config.json").write_text(POINTER)
    with pytest.raises(CorruptCheckpoint) as caught:
        workspace.inspect(str(tiny_llama))
    assert caught.value.code == "lfs_pointer"


def test_json_that_is_no_tokenizer(tried: Tried, tiny_llama: Path) -> None:
    (tiny_llama / "tokenizer.json").write_text('{"version": "1.0"}')
    assert tried(tiny_llama)["tokenizer"].level == "warning"


def test_ids_that_have_no_row_are_told_and_such_a_prompt_is_refused(
    tried: Tried, workspace: Workspace, tiny_llama: Path, tmp_path: Path
) -> None:
    tokenizer = json.loads((tiny_llama / "tokenizer.json").read_text())
    added = {"id": 384, "content": "<far>", "special": False, "normalized": False}
    tokenizer["added_tokens"].append(added | dict.fromkeys(("single_word", "lstrip", "rstrip"), False))
    (tiny_llama / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert "up to 384" in tried(tiny_llama)["token_ids"].message
    request = ConvertRequest(ref=tiny_llama, preset="4bit", output=tmp_path / "model")
    runner = LmRunner(workspace.convert(request, inline=True).result().path)
    runner.load(Silent())
    with pytest.raises(GenerationFailed) as caught:
        runner.generate(GenerateRequest(prompt="how <far> is it", max_tokens=1), (), Silent())
    assert (caught.value.code, "<far>" in caught.value.message) == ("token_ids", True)
    assert runner.generate(GenerateRequest(prompt="how far is it", max_tokens=1), (), Silent()).prompt_tokens


def test_tokens_that_only_the_settings_name_count(tried: Tried, tiny_llama: Path) -> None:
    change(tiny_llama / "tokenizer_config.json", added_tokens_decoder={"384": {"content": "<call>"}})
    assert "<call>" in tried(tiny_llama)["token_ids"].message


@pytest.mark.parametrize(
    ("template", "code", "level", "words"),
    [
        ("a\n{% for m in", "template_syntax", "warning", "line 2"),
        ("{{ nobody.knows }}", "chat_template", "warning", "'nobody' is undefined"),
        ("", "chat_template", "warning", "empty prompt"),
        ([{"name": "tool_use", "template": "x"}], "chat_template", "warning", "none is the default"),
        ("{% for m in messages %}{{ m.role }}{% endfor %}", "template_words", "warning", "drops"),
        ("{{ raise_exception('Never.') }}", "template_refused", "warning", "Never."),
        (
            "{% if messages[0].role == 'system' %}{{ raise_exception('No system role') }}{% endif %}"
            "{{ messages[-1].content }}",
            "template_refused",
            "info",
            "with a system text, the chat template of tiny-llama refuses this conversation: No system role.",
        ),
        (
            "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
            "{{ raise_exception('Take turns') }}{% endif %}{{ m.content }}{% endfor %}",
            "template_refused",
            "info",
            "Take turns",
        ),
    ],
)
def test_what_a_template_objects_to(
    tried: Tried, tiny_llama: Path, template: Any, code: str, level: str, words: str
) -> None:
    found = tried(with_template(tiny_llama, template))
    assert set(found) == {code}
    assert found[code].level == level
    assert words in found[code].message


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}{% for part in m.content %}{{ part.text }}{% endfor %}{% endfor %}",
        [{"name": "default", "template": "{{ messages[-1].content }}"}, {"name": "tool_use", "template": "{% no"}],
        "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% break %}{% endfor %}",
        "{{ bos_token }}{{ messages | tojson(indent=2) }}{{ strftime_now('%Y') }}",
        "{%- set ns = namespace(n=0) -%}{% for m in messages %}{% set ns.n = 1 %}{{ m.content | trim }}{% endfor %}",
    ],
)
def test_templates_that_are_well_are_rendered_as_transformers_does(
    tried: Tried, tiny_llama: Path, template: Any
) -> None:
    from mlx_convert_lm.tokenizers.rendering import FolderTemplate
    from mlx_convert_lm.tokenizers.small_files import SmallFiles
    from transformers import AutoTokenizer

    assert tried(with_template(tiny_llama, template)) == {}
    files = SmallFiles(tiny_llama)
    ours = FolderTemplate(files, files.settings("tokenizer_config.json"))
    theirs = AutoTokenizer.from_pretrained(tiny_llama)
    turns = [{"role": "user", "content": [{"type": "text", "text": "é <b>"}] if "part" in str(template) else "é <b>"}]
    options: dict[str, Any] = {"tokenize": False, "add_generation_prompt": True}
    assert ours.apply_chat_template(turns, **options) == theirs.apply_chat_template(turns, **options)


def test_a_tokenizer_that_only_its_own_code_reads_is_named_with_it(tried: Tried, tiny_llama: Path) -> None:
    (tiny_llama / "tokenizer.json").unlink()
    (tiny_llama / "tiktoken.model").write_text("AA== 0\n")
    change(tiny_llama / "tokenizer_config.json", auto_map={"AutoTokenizer": ["tokenization_kimi.TikToken", None]})
    message = tried(tiny_llama)["tokenizer_code"].message
    assert "tiktoken.model" in message
    assert "tokenization_kimi.py, not in the folder" in message
    (tiny_llama / "tokenization_kimi.py").write_text("class TikToken: ...\n")
    assert "not run" in tried(tiny_llama)["tokenizer_code"].message


class Silent:
    def token(self, text: str) -> None: ...
    def message(self, text: str, level: Any = "info") -> None: ...
    def progress(self, *arguments: Any, **options: Any) -> None: ...
    def check_cancelled(self) -> None: ...
