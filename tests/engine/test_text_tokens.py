"""Conversations as token ids, by the chat templates of strangers."""

from __future__ import annotations

import pytest
from mlx_convert_engine.text_tokens import TextTokens

TURNS = [{"role": "user", "content": "hello"}]
ENDLESS = "{% for a in range(10 ** 5) %}{% for b in range(10 ** 5) %}{% endfor %}{% endfor %}"


@pytest.fixture
def tokenizer() -> object:
    """A tokenizer of transformers' that begins every text with <s>."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.WordLevel({"<s>": 0, "hello": 1, "<unk>": 2}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", unk_token="<unk>")


def tokens(tokenizer: object, template: str) -> TextTokens:
    """The tokenizer with a chat template."""
    from mlx_lm.tokenizer_utils import TokenizerWrapper

    tokenizer.chat_template = template
    return TextTokens(tokenizer, TokenizerWrapper(tokenizer).apply_chat_template)


def test_a_conversation_begins_once(tokenizer: object) -> None:
    template = "{{ bos_token }} {% for turn in messages %}{{ turn['content'] }}{% endfor %}"
    assert tokens(tokenizer, template).encode("hello") == [0, 1]
    assert tokens(tokenizer, template).chat(TURNS) == [0, 1]


def test_an_endless_template_makes_no_conversation(tokenizer: object) -> None:
    assert tokens(tokenizer, ENDLESS).chat(TURNS) is None


def test_a_template_that_refuses_makes_none_either(tokenizer: object) -> None:
    assert tokens(tokenizer, "{{ raise_exception('no') }}").chat(TURNS) is None


def test_without_a_template_there_is_none(tokenizer: object) -> None:
    assert TextTokens(tokenizer, None).chat(TURNS) is None
