"""The rebuilt tokenizer cuts texts as the original does, in tokenizers, in sentencepiece and in transformers."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from mlx_convert_gguf import model_source
from mlx_convert_gguf.tokenizers.splitters import SPLITTERS
from samples.gguf import byte_level_metadata, llama_values, write_llama_gguf
from samples.tiny import TEXT, VOCABULARY, tiny_shapes
from tokenizers import Tokenizer
from tokenizers.pre_tokenizers import PreTokenizer

from mlx_convert_core import ModelInfo, UnsupportedModel
from mlx_convert_core.plugin import CorruptCheckpoint
from mlx_convert_core.testing import SPECIAL

Rebuild = Callable[[Path], tuple[ModelInfo, Path]]
TEXTS = (
    *TEXT,
    "  two spaces before,   three inside, and a line end\n\n",
    "\tTabs\tand \u00a0 odd spaces, don't, DON'T, we'll",
    "emoji 😀👩‍👩‍👧, accents é ö, Straße, العربية, हिन्दी, 12345678",
    "",
)


def tokenizer_in(folder: Path) -> Tokenizer:
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def settings_in(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "tokenizer_config.json").read_bytes())
    return found


def test_byte_level_tokenizer_comes_back(tmp_path: Path, rebuild: Rebuild) -> None:
    _, folder = rebuild(write_llama_gguf(tmp_path / "tiny.gguf"))
    original = tokenizer_in(tmp_path / "tiny.gguf.tokenizer")
    rebuilt = tokenizer_in(folder)
    for text in TEXTS:
        encoded = rebuilt.encode(text)
        assert encoded.ids == original.encode(text).ids
        assert rebuilt.decode(encoded.ids) == text


WORDS: dict[str, list[tuple[str, list[str]]]] = {
    "gpt-2": [("I'll pay  12345.", ["I", "'ll", " pay", " ", " 12345", "."]), ("a\n\nb", ["a", "\n", "\n", "b"])],
    "smollm": [("pay 123.", ["pay", " ", "1", "2", "3", "."])],
    "llama-bpe": [("I'LL pay 12345!\nYes", ["I", "'LL", " pay", " ", "123", "45", "!\n", "Yes"])],
    "qwen2": [("I'LL pay 123!\nYes", ["I", "'LL", " pay", " ", "1", "2", "3", "!\n", "Yes"])],
    "tekken": [("HelloWORLDs don't 12", ["Hello", "WORLDs", " don", "'t", " ", "1", "2"])],
    "deepseek-coder": [("pay 123.\nYes", ["pay", " ", "1", "2", "3", ".", "\n", "Yes"])],
    "gpt-4o": [("HelloWORLDs don't 12345", ["Hello", "WORLDs", " don't", " ", "123", "45"])],
    "dbrx": [("I'LL pay 12345!", ["I", "'LL", " pay", " ", "123", "45", "!"])],
    "stablelm2": [("pay 12!", ["pay", " ", "1", "2", "!"])],
    "deepseek-v3": [("(pay 12345東京.x", ["(pay", " ", "123", "45", "東京", ".x"])],
    "deepseek-llm": [("pay 123.\nYes東京 ok ", ["pay", " ", "123", ".", "\n", "Yes", "東京", " ok", " "])],
    "kimi-k2": [("Hello東京World's 1234!\n", ["Hello", "東京", "World's", " ", "123", "4", "!\n"])],
    "qwen35": [("हिन्दी, I'LL 12", ["हिन्दी", ",", " I", "'LL", " ", "1", "2"])],
    "afmoe": [("1234567 12 123", ["1", "234", "567", " ", "12", " ", "123"])],
    "tiny_aya": [("1234567 HelloWORLDs", ["1", "234", "567", " Hello", "WORLDs"])],
    "superbpe": [("pay 1234567", ["pay ", "1", "234", "567"])],
    "minicpm5": [("I'LL pay 12345", ["I", "'LL", " pay", " ", "123", "45"])],
    "jais-2": [("a" + " " * 7 + "b", ["a", " " * 4, " " * 2, " b"])],
    "bailingmoe": [("I'LL pay 12!\n\n", ["I", "'LL", " pay", " ", "1", "2", "!\n\n"])],
    "seed-coder": [("pay 12!\n\nYes", ["pay", " ", "1", "2", "!", "\n\n", "Yes"])],
    "exaone-moe": [("we two pay 12", ["we two pay", " ", "1", "2"])],
    "ufakzeka": [("Ankara'da 12", ["Ankara", "'da", " ", "1", "2"])],
    "laguna": [("pay!\nYes", ["pay", "!", "\n", "Yes"])],
    "bloom": [("pay 12, then", ["pay", " 12", ",", " then"])],
    "viking": [("pay 12", ["pay", " ", "1", "2"])],
    "falcon": [("pay 12345`x`", ["pay", " ", "123", "45", "`", "x", "`"])],
    "youtu": [("안녕：Hello 12", ["안녕", "：", "Hello", " ", "1", "2"])],
    "spark2_5": [("(pay 123\n\n", ["(pay", " ", "1", "2", "3", "\n", "\n"])],
    "chameleon": [("IMGIMGABZ  12.", ["IMGIMGABZ", "  ", "1", "2", "."])],
    "default": [("pay 12345 <b>", ["pay", " ", "123", "45", " ", "<", "b", ">"])],
}


@pytest.mark.parametrize("pre", WORDS)
def test_words_are_split_as_the_model_learned_them(tmp_path: Path, rebuild: Rebuild, pre: str) -> None:
    path = write_llama_gguf(tmp_path / "tiny.gguf", metadata={"tokenizer.ggml.pre": pre})
    _, folder = rebuild(path)
    splitter: PreTokenizer = tokenizer_in(folder).pre_tokenizer
    for text, words in WORDS[pre]:
        pieces = [text[start:end] for _, (start, end) in splitter.pre_tokenize_str(text)]
        assert pieces == words


# One name for each way of splitting bytes.
DIFFERENT = {id(splitter): name for name, splitter in SPLITTERS.items() if not splitter.raw}.values()


@pytest.mark.parametrize("pre", DIFFERENT)
def test_every_known_splitter_loses_nothing(tmp_path: Path, rebuild: Rebuild, pre: str) -> None:
    _, folder = rebuild(write_llama_gguf(tmp_path / "tiny.gguf", metadata={"tokenizer.ggml.pre": pre}))
    rebuilt = tokenizer_in(folder)
    for text in TEXTS:
        assert rebuilt.decode(rebuilt.encode(text, add_special_tokens=False).ids) == text


@pytest.mark.parametrize(("pre", "named"), [("whitespace", "'whitespace'"), (None, r"tokenizer\.ggml\.pre is missing")])
def test_unknown_splitter_is_refused(tmp_path: Path, pre: str | None, named: str) -> None:
    path = write_llama_gguf(tmp_path / "tiny.gguf", metadata={"tokenizer.ggml.pre": pre})
    with pytest.raises(UnsupportedModel, match=named) as caught:
        inspect(path)
    assert caught.value.code == "gguf_tokenizer"


@pytest.mark.parametrize(("model", "named"), [("bert", "'bert'"), (None, "holds no tokenizer")])
def test_unknown_tokenizer_is_refused(tmp_path: Path, model: str | None, named: str) -> None:
    path = write_llama_gguf(tmp_path / "tiny.gguf", metadata={"tokenizer.ggml.model": model})
    with pytest.raises(UnsupportedModel, match=named):
        inspect(path)


@pytest.mark.parametrize(
    ("metadata", "named"),
    [
        ({"tokenizer.ggml.merges": None}, "no merges"),
        ({"tokenizer.ggml.merges": ["a nothing-such"]}, "'a nothing-such'"),
        ({"tokenizer.ggml.merges": ["alone"]}, "'alone'"),
        ({"tokenizer.ggml.tokens": ["a", "a"], "tokenizer.ggml.token_type": [1, 1]}, "'a' is there twice"),
        ({"tokenizer.ggml.token_type": [1, 2, 3]}, "384 tokens and 3 kinds"),
    ],
)
def test_damaged_tokenizer_is_refused(tmp_path: Path, metadata: dict[str, Any], named: str) -> None:
    with pytest.raises(CorruptCheckpoint, match=named):
        inspect(write_llama_gguf(tmp_path / "tiny.gguf", metadata=metadata))


def test_special_tokens_are_found_whole(tmp_path: Path, rebuild: Rebuild) -> None:
    _, folder = rebuild(write_llama_gguf(tmp_path / "tiny.gguf"))
    assert tokenizer_in(folder).encode("<|im_start|>hi<|im_end|>").tokens == ["<|im_start|>", "hi", "<|im_end|>"]
    settings = settings_in(folder)
    assert (settings["bos_token"], settings["eos_token"], settings["pad_token"]) == (SPECIAL[1], SPECIAL[2], SPECIAL[0])


@pytest.mark.parametrize(
    ("metadata", "framed"),
    [
        ({"tokenizer.ggml.add_bos_token": True}, (True, False)),
        ({"tokenizer.ggml.add_bos_token": False}, (False, False)),
        ({"tokenizer.ggml.add_bos_token": None}, (False, False)),
        ({"tokenizer.ggml.add_bos_token": None, "tokenizer.ggml.pre": "llama-bpe"}, (True, False)),
        ({"tokenizer.ggml.add_bos_token": True, "tokenizer.ggml.add_eos_token": True}, (True, True)),
        ({"tokenizer.ggml.add_bos_token": True, "tokenizer.ggml.bos_token_id": None}, (False, False)),
    ],
)
def test_bos_and_eos_frame_a_text_as_the_file_says(
    tmp_path: Path, rebuild: Rebuild, metadata: dict[str, Any], framed: tuple[bool, bool]
) -> None:
    _, folder = rebuild(write_llama_gguf(tmp_path / "tiny.gguf", metadata=metadata))
    ids = tokenizer_in(folder).encode("hi").ids
    assert (ids[0] == 1, ids[-1] == 2) == framed


def test_every_token_that_ends_a_turn_ends_the_answer(tmp_path: Path, rebuild: Rebuild) -> None:
    metadata = {"tokenizer.ggml.eos_token_id": 0, "tokenizer.ggml.eot_token_id": 1}
    model, folder = rebuild(write_llama_gguf(tmp_path / "tiny.gguf", metadata=metadata))
    generation = json.loads((folder / "generation_config.json").read_bytes())
    assert generation["eos_token_id"] == [0, 1, 2]  # <|im_end|> is known by its text
    assert model.config["eos_token_id"] == [0, 1, 2]


def test_padding_of_the_embedding_is_no_token(tmp_path: Path, rebuild: Rebuild) -> None:
    fields = byte_level_metadata(tmp_path / "tokenizer")
    metadata = {
        "tokenizer.ggml.tokens": [*fields["tokenizer.ggml.tokens"], "[PAD384]"],
        "tokenizer.ggml.token_type": [*fields["tokenizer.ggml.token_type"], 5],
    }
    shapes = [(name, (385, 128) if "embed" in name else shape) for name, shape in tiny_shapes()]
    _, folder = rebuild(write_llama_gguf(tmp_path / "tiny.gguf", values=llama_values(shapes), metadata=metadata))
    assert tokenizer_in(folder).token_to_id("[PAD384]") is None


def test_transformers_reads_the_folder_with_its_chat_template(tmp_path: Path, rebuild: Rebuild) -> None:
    from transformers import AutoTokenizer

    _, folder = rebuild(write_llama_gguf(tmp_path / "tiny.gguf"))
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    for text in TEXTS:
        assert tokenizer(text)["input_ids"] == tokenizer_in(folder).encode(text).ids
    messages = [{"role": "user", "content": "Hi"}]
    prompt = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) == prompt
    assert (folder / "chat_template.jinja").read_text() == settings_in(folder)["chat_template"]
    assert tokenizer.eos_token_id == 2


def test_several_chat_templates_keep_their_names(tmp_path: Path, rebuild: Rebuild) -> None:
    from transformers import AutoTokenizer

    metadata = {"tokenizer.chat_template": "plain", "tokenizer.chat_template.tool_use": "with tools"}
    _, folder = rebuild(write_llama_gguf(tmp_path / "tiny.gguf", metadata=metadata))
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    assert tokenizer.chat_template == {"default": "plain", "tool_use": "with tools"}


def test_model_without_chat_template_has_none(tmp_path: Path, rebuild: Rebuild) -> None:
    _, folder = rebuild(write_llama_gguf(tmp_path / "tiny.gguf", metadata={"tokenizer.chat_template": None}))
    assert "chat_template" not in settings_in(folder)
    assert not (folder / "chat_template.jinja").exists()


@pytest.fixture(scope="session")
def spm() -> sentencepiece.SentencePieceProcessor:
    """A sentencepiece BPE as llama's: byte fallback, no cleaning, a space before the text."""
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT * 3),
        model_writer=made,
        model_type="bpe",
        vocab_size=VOCABULARY,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=True,
        split_digits=True,
        allow_whitespace_only_pieces=True,
        bos_id=1,
        eos_id=2,
        unk_id=0,
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=made.getvalue())


def spm_metadata(spm: sentencepiece.SentencePieceProcessor) -> dict[str, Any]:
    def kind(number: int) -> int:
        if spm.is_unknown(number):
            return 2
        return 3 if spm.is_control(number) else 6 if spm.is_byte(number) else 1

    size = spm.get_piece_size()
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": [spm.id_to_piece(number) for number in range(size)],
        "tokenizer.ggml.scores": [spm.get_score(number) for number in range(size)],
        "tokenizer.ggml.token_type": [kind(number) for number in range(size)],
        "tokenizer.ggml.merges": None,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.padding_token_id": None,
        "tokenizer.ggml.add_bos_token": None,
    }


def test_sentencepiece_tokenizer_comes_back(
    tmp_path: Path, rebuild: Rebuild, spm: sentencepiece.SentencePieceProcessor
) -> None:
    model, folder = rebuild(write_llama_gguf(tmp_path / "tiny.gguf", metadata=spm_metadata(spm)))
    rebuilt = tokenizer_in(folder)
    for text in filter(None, TEXTS):
        ids = spm.encode(text)
        assert rebuilt.encode(text).ids == [1, *ids]
        assert rebuilt.decode(ids) == text
    assert model.config["eos_token_id"] == 2
    assert rebuilt.encode("<s>hi</s>").ids[:2] == [1, 1]


def test_sentencepiece_tokenizer_works_in_transformers(
    tmp_path: Path, rebuild: Rebuild, spm: sentencepiece.SentencePieceProcessor
) -> None:
    from transformers import AutoTokenizer

    _, folder = rebuild(write_llama_gguf(tmp_path / "tiny.gguf", metadata=spm_metadata(spm)))
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    for text in filter(None, TEXTS):
        assert tokenizer(text)["input_ids"] == [1, *spm.encode(text)]


def test_sentencepiece_without_a_space_before_the_text(
    tmp_path: Path, rebuild: Rebuild, spm: sentencepiece.SentencePieceProcessor
) -> None:
    metadata = spm_metadata(spm) | {"tokenizer.ggml.add_space_prefix": False}
    _, folder = rebuild(write_llama_gguf(tmp_path / "tiny.gguf", metadata=metadata))
    rebuilt = tokenizer_in(folder)
    ids = rebuilt.encode("The capital", add_special_tokens=False).ids
    assert "".join(spm.id_to_piece(number) for number in ids) == "The▁capital"
    assert rebuilt.decode(ids) == "The capital"


@pytest.mark.parametrize(
    ("model", "pre"), [("gemma4", None), ("gpt2", "granite-embed-multi-311m"), ("gpt2", "sarvam-moe")]
)
def test_merges_of_texts_cut_as_sentencepiece_does(
    tmp_path: Path, rebuild: Rebuild, spm: sentencepiece.SentencePieceProcessor, model: str, pre: str | None
) -> None:
    plain = spm_metadata(spm) | {"tokenizer.ggml.add_space_prefix": False, "tokenizer.ggml.add_bos_token": True}
    _, folder = rebuild(write_llama_gguf(tmp_path / "tiny.gguf", metadata=plain))
    (tmp_path / "scratch").rename(tmp_path / "kept")
    scored = tokenizer_in(tmp_path / "kept" / folder.name)
    merges = json.loads(scored.to_str())["model"]["merges"]
    metadata = plain | {
        "tokenizer.ggml.model": model,
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.merges": [" ".join(pair) for pair in merges],
    }
    _, folder = rebuild(write_llama_gguf(tmp_path / "tiny.gguf", metadata=metadata))
    rebuilt = tokenizer_in(folder)
    for text in TEXTS:
        ids = rebuilt.encode(text).ids
        assert ids == scored.encode(text).ids
        assert rebuilt.decode(ids) == text


@pytest.mark.parametrize(
    ("metadata", "named"),
    [
        ({"tokenizer.ggml.scores": None}, "384 tokens and 0 scores"),
        ({"tokenizer.ggml.token_type": None}, "stand for bytes"),
        ({"tokenizer.ggml.remove_extra_whitespaces": True}, "cleans spaces away"),
    ],
)
def test_sentencepiece_that_can_not_be_right_is_refused(
    tmp_path: Path, spm: sentencepiece.SentencePieceProcessor, metadata: dict[str, Any], named: str
) -> None:
    path = write_llama_gguf(tmp_path / "tiny.gguf", metadata=spm_metadata(spm) | metadata)
    with pytest.raises((UnsupportedModel, CorruptCheckpoint), match=named) as caught:
        inspect(path)
    assert caught.value.code == "gguf_tokenizer"


def inspect(path: Path) -> ModelInfo:
    source = model_source(str(path), None)
    assert source is not None
    return source.inspect()
