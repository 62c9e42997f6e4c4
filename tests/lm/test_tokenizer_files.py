"""What becomes of a source's tokenizer files: written so that every reader takes them, and otherwise left alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from odd_tokenizers import change, only_sentencepiece, only_vocabulary_and_merges

from mlx_convert_core import ConvertedModel, ConvertRequest, GenerateRequest, Workspace

Convert = Callable[..., ConvertedModel]
TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}"


@pytest.fixture
def convert(workspace: Workspace, tmp_path: Path) -> Convert:
    """Convert a folder, and be sure that the result answers."""

    def convert(source: Path) -> ConvertedModel:
        request = ConvertRequest(ref=source, preset="8bit", output=tmp_path / "model")
        model = workspace.convert(request, inline=True).result().models[0]
        with workspace.open(model.path, inline=True) as session:
            assert session.generate(GenerateRequest(prompt="Hi", max_tokens=1, temperature=0)).result().prompt_tokens
        return model

    return convert


def codes(model: ConvertedModel) -> set[str]:
    return {finding.code for finding in model.findings}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_are_read_and_not_written(convert: Convert, tiny_llama: Path, encoding: str) -> None:
    (tiny_llama / "chat_template.jinja").write_text(TEMPLATE)
    names = [path.name for path in tiny_llama.iterdir() if path.suffix in (".json", ".jinja")]
    for name in names:
        path = tiny_llama / name
        path.write_bytes(path.read_text().encode(encoding))
    model = convert(tiny_llama)
    for name in names:
        assert not (model.path / name).read_bytes().startswith((b"\xef\xbb\xbf", b"\xff\xfe"))
        (model.path / name).read_bytes().decode()
    assert "tokenizer_rewritten" in codes(model)


def test_nothing_is_written_otherwise_without_need(convert: Convert, tiny_llama: Path) -> None:
    model = convert(tiny_llama)
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        assert (model.path / name).read_bytes() == (tiny_llama / name).read_bytes()
    assert not codes(model)


def test_what_only_transformers_5_knows_is_written_as_older_ones_do(convert: Convert, tiny_llama: Path) -> None:
    newer = {"tokenizer_class": "TokenizersBackend", "extra_special_tokens": ["<|im_start|>"], "is_local": True}
    change(tiny_llama / "tokenizer_config.json", backend="tokenizers", **newer)
    model = convert(tiny_llama)
    settings = json.loads((model.path / "tokenizer_config.json").read_text())
    assert settings["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert settings["additional_special_tokens"] == ["<|im_start|>"]
    assert not {"is_local", "backend", "extra_special_tokens"} & set(settings)
    (finding,) = (finding for finding in model.findings if finding.code == "tokenizer_rewritten")
    assert "TokenizersBackend" in finding.message
    assert _tokens(model.path) == _tokens(tiny_llama)


def test_code_that_stays_behind_is_not_asked_for_where_tokenizer_json_is_at_hand(
    convert: Convert, tiny_llama: Path
) -> None:
    (tiny_llama / "tokenization_acme.py").write_text("raise SystemExit('run')\n")
    code = {"AutoTokenizer": ["tokenization_acme.AcmeTokenizer", None]}
    change(tiny_llama / "tokenizer_config.json", tokenizer_class="AcmeTokenizer", auto_map=code)
    settings = json.loads((convert(tiny_llama).path / "tokenizer_config.json").read_text())
    assert settings["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert "auto_map" not in settings


def test_a_template_only_in_chat_template_json_becomes_one_that_readers_find(
    convert: Convert, tiny_llama: Path
) -> None:
    change(tiny_llama / "tokenizer_config.json", "chat_template")
    (tiny_llama / "chat_template.json").write_text(json.dumps({"chat_template": TEMPLATE}))
    model = convert(tiny_llama)
    assert (model.path / "chat_template.jinja").read_text() == TEMPLATE
    assert "tokenizer_rewritten" in codes(model)


def test_further_chat_templates_come_along(convert: Convert, tiny_llama: Path) -> None:
    (tiny_llama / "chat_template.jinja").write_text(TEMPLATE)
    folder = tiny_llama / "additional_chat_templates"
    folder.mkdir()
    (folder / "tool_use.jinja").write_text(TEMPLATE + "TOOLS")
    (folder / "notes.md").write_text("mine")
    model = convert(tiny_llama)
    assert [path.name for path in (model.path / folder.name).iterdir()] == ["tool_use.jinja"]
    assert (model.path / folder.name / "tool_use.jinja").read_text() == TEMPLATE + "TOOLS"


@pytest.mark.parametrize("normalization", ["identity", "nmt_nfkc"])
def test_tokenizer_json_is_made_of_sentencepiece_and_reads_every_text_as_that_does(
    convert: Convert, tiny_llama: Path, normalization: str
) -> None:
    import sentencepiece
    from mlx_convert_lm.tokenizers.proof import LINES
    from transformers import AutoTokenizer

    only_sentencepiece(tiny_llama, normalization)
    model = convert(tiny_llama)
    (finding,) = (finding for finding in model.findings if finding.code == "tokenizer_json")
    assert "equal" in finding.message
    assert (model.path / "tokenizer.model").read_bytes() == (tiny_llama / "tokenizer.model").read_bytes()
    reference = sentencepiece.SentencePieceProcessor(model_file=str(tiny_llama / "tokenizer.model"))
    loaded = AutoTokenizer.from_pretrained(model.path)
    for line in (*LINES, "and a line that no proof has: Ünïcode, ひらがな  "):
        assert loaded.encode(line, add_special_tokens=False) == reference.encode(line)
    assert loaded.encode("a<|turn|>b</s>", add_special_tokens=False).count(loaded.eos_token_id) == 1


def test_where_the_two_can_not_be_made_equal_the_text_is_named(convert: Convert, tiny_llama: Path) -> None:
    from mlx_convert_lm.tokenizers.proof import LINES
    from transformers import AutoTokenizer

    only_sentencepiece(tiny_llama, legacy=False)
    model = convert(tiny_llama)
    (finding,) = (finding for finding in model.findings if finding.code == "tokenizer_json")
    assert finding.level == "warning"
    assert "'  two  spaces" in finding.message
    source, result = (AutoTokenizer.from_pretrained(folder) for folder in (tiny_llama, model.path))
    assert [result.encode(line) for line in LINES] == [source.encode(line) for line in LINES]  # as transformers has it


def test_tokenizer_json_is_made_of_vocabulary_and_merges_and_said_to_be_unproved(
    convert: Convert, tiny_llama: Path
) -> None:
    before = _tokens(tiny_llama)
    only_vocabulary_and_merges(tiny_llama)
    model = convert(tiny_llama)
    (finding,) = (finding for finding in model.findings if finding.code == "tokenizer_json")
    assert "nothing here to prove it" in finding.message
    assert (model.path / "tokenizer.json").exists()
    assert _tokens(model.path) == before


def test_a_tokenizer_that_differs_from_its_source_is_found_out(tiny_llama: Path) -> None:
    from mlx_convert_lm.tokenizers.proof import differences
    from mlx_convert_lm.tokenizers.tokenizer_json import make
    from tokenizers import Tokenizer, normalizers

    only_sentencepiece(tiny_llama)
    tokenizer = Tokenizer.from_buffer(make(tiny_llama, own_code=False).tokenizer)
    assert list(differences(tokenizer, tiny_llama / "tokenizer.model")) == []
    tokenizer.normalizer = normalizers.Lowercase()
    assert list(differences(tokenizer, tiny_llama / "tokenizer.model"))


def _tokens(folder: Path) -> list[Any]:
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(folder)
    return [
        loaded.encode(text, add_special_tokens=False) for text in ("Hello, 東京!", "<|im_start|>user\n23<|im_end|>")
    ]
