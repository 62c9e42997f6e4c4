"""Chat templates: kept, rendered with the user's words, and quoted when they refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from cases.checkpoints import change_json
from cases.converting import Convert, Converted
from mlx_convert_core import GenerateRequest, Workspace

Run = Callable[..., Result]
TURNS = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
PARTS = (
    "{% for m in messages %}<|im_start|>{% for part in m['content'] %}{% if part['type'] == 'image' %}<image>"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>{% endfor %}"
)


def test_additional_chat_templates(convert: Convert, llama: Path) -> None:
    change_json(llama / "tokenizer_config.json", "chat_template")
    (llama / "chat_template.jinja").write_text(TURNS)
    (llama / "additional_chat_templates").mkdir()
    (llama / "additional_chat_templates" / "tool_use.jinja").write_text(f"{TURNS}TOOLS")
    made = convert(llama)
    assert made.path is not None
    kept = [*made.path.glob("*.json"), *made.path.glob("additional_chat_templates/tool_use.jinja")]
    assert any("TOOLS" in path.read_text() for path in kept)


def test_template_refuses_system(convert: Convert, run: Run, llama: Path) -> None:
    made = _with_template(NO_SYSTEM + TURNS, convert, llama)
    answered = run("generate", made.path, "hi", "--system", "kind", "--max-tokens", 2)
    assert answered.exit_code == 1
    assert "System role not supported" in answered.stderr
    assert "defect of mlx-convert" not in answered.stderr


def test_template_syntax_error(convert: Convert, run: Run, llama: Path) -> None:
    made = _with_template("{% for m in messages %}{{ m['content'] }}{% endfor", convert, llama)
    if made.path is None:
        assert made.says("template")
        return
    answered = run("generate", made.path, "hi", "--max-tokens", 2)
    assert "template" in answered.stderr
    assert "defect of mlx-convert" not in answered.stderr


def test_template_wants_parts(convert: Convert, home: Path, llama: Path) -> None:
    made = _with_template(PARTS, convert, llama)
    assert made.path is not None
    with Workspace(home=home) as workspace, workspace.open(made.path, inline=True) as session:
        prompts = ("Hello there", "Quite another question, and much longer than that")
        requests = [GenerateRequest(prompt=prompt, max_tokens=1) for prompt in prompts]
        short, long = (session.generate(request).result().prompt_tokens for request in requests)
    assert short < long


def _with_template(template: str, convert: Convert, llama: Path) -> Converted:
    change_json(llama / "tokenizer_config.json", chat_template=template)
    return convert(llama, "bf16")
