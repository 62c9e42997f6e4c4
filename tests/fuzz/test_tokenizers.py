"""Tokenizers and chat templates, spoiled: a model with each answers, or says in words why it can't."""

from __future__ import annotations

from pathlib import Path

from fuzz.folders import spoiled_copy
from fuzz.loop import Case, Fuzz, amounts
from mlx_convert_core import ConvertRequest, GenerateRequest, Workspace

ASKED = GenerateRequest(prompt="What is the capital of France?", system="Be brief.", temperature=0, max_tokens=2)


@amounts
def test_a_model_with_a_spoiled_tokenizer_answers_or_says_why(
    fuzz: Fuzz, tiny_llama: Path, workspace: Workspace
) -> None:
    (tiny_llama / "chat_template.jinja").write_text(
        "{% for one in messages %}{{ one.role }}: {{ one.content }}\n{% endfor %}"
    )
    request = ConvertRequest(ref=str(tiny_llama), preset="4bit", output=tiny_llama.with_name("model"))
    model = workspace.convert(request, inline=True).result().path
    with workspace.open(model, inline=True) as session:  # imports
        session.generate(ASKED).result()
    often = ["tokenizer.json", "tokenizer_config.json", "tokenizer_config.json", "chat_template.jinja"]

    def attempt(case: Case) -> object:
        folder = spoiled_copy(case.random, model, case.folder / "model", often=often)
        with workspace.open(folder, inline=True) as session:
            return session.generate(ASKED).result()

    fuzz("tokenizers", 300, attempt)
