"""Answers: streamed, repeatable, cut by stop texts, continued over turns, cancelled."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlx_convert_lm.runner import LmRunner
from odd_tokenizers import only_sentencepiece
from random_llama import write_llama, write_tokenizer

from mlx_convert_core import (
    Cancelled,
    ChatMessage,
    ConvertRequest,
    GenerateRequest,
    GenerationFailed,
    Message,
    ModelSession,
    Token,
    Workspace,
)
from mlx_convert_core.plugin import GenerationExtras, hookimpl


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A converted model that says nonsense, but always the same nonsense."""
    folder = tmp_path_factory.mktemp("runner")
    source = write_llama(folder / "source")
    with Workspace(home=folder / "home") as workspace:
        request = ConvertRequest(ref=str(source), preset="8bit", output=folder / "model")
        return workspace.convert(request).result().path


@pytest.fixture
def session(random_model: Path, workspace: Workspace) -> Iterator[ModelSession]:
    with workspace.open(random_model) as session:
        yield session


GREEDY = GenerateRequest(prompt="w5 w6 w7", temperature=0, max_tokens=12)


def test_tokens_arrive_in_order_and_add_up_to_the_answer(session: ModelSession) -> None:
    job = session.generate(GREEDY)
    pieces = [event.text for event in job.events() if isinstance(event, Token)]
    assert "".join(pieces) == job.result().text
    assert len(pieces) > 1


def test_the_figures_count_what_happened(session: ModelSession) -> None:
    result = session.generate(GREEDY).result()
    assert result.prompt_tokens == 3
    assert result.generation_tokens == 12
    assert result.finish_reason == "length"
    assert result.generation_tokens_per_second > 0
    assert result.time_to_first_token > 0
    assert not result.chat_template


def test_an_answer_that_was_cut_off_goes_on_as_if_it_had_not_been(session: ModelSession) -> None:
    whole = session.generate(GREEDY).result().text
    first = session.generate(replace(GREEDY, max_tokens=5)).result().text
    question = ChatMessage(role="user", content=GREEDY.prompt)
    turns = (question, ChatMessage(role="assistant", content=first))
    job = session.generate(replace(GREEDY, prompt="", messages=turns, max_tokens=7))
    assert first + job.result().text == whole
    assert "".join(event.text for event in job.events() if isinstance(event, Token)) == job.result().text
    assert job.result().prompt_tokens == 8


def test_a_conversation_ends_where_the_context_does(session: ModelSession) -> None:
    question = ChatMessage(role="user", content=" ".join(["w5"] * 508))
    ended = session.chat((question,), replace(GREEDY, max_tokens=12)).result()
    assert (ended.prompt_tokens, ended.generation_tokens, ended.finish_reason) == (508, 4, "length")
    longer = replace(question, content=" ".join(["w5"] * 512))
    with pytest.raises(GenerationFailed, match=r"has 512 tokens, and model was made for 512") as refused:
        session.chat((longer,)).result()
    assert refused.value.code == "context_full"


def test_a_seed_repeats_an_answer_and_another_seed_does_not(session: ModelSession) -> None:
    def answer(seed: int) -> str:
        request = GenerateRequest(prompt="w5 w6", temperature=1.5, seed=seed, max_tokens=20)
        return session.generate(request).result().text

    assert answer(1) == answer(1)
    assert answer(1) != answer(2)


def test_a_model_without_chat_template_says_so(session: ModelSession) -> None:
    session.generate(GREEDY).result()
    warnings = [event.text for event in session.loading.events() if isinstance(event, Message)]
    assert any("no chat template" in text for text in warnings)


def test_a_model_without_tokenizer_is_refused_by_name(random_model: Path, tmp_path: Path, workspace: Workspace) -> None:
    bare = shutil.copytree(random_model, tmp_path / "bare")
    (bare / "tokenizer.json").unlink()
    with workspace.open(bare) as session, pytest.raises(GenerationFailed) as caught:
        session.loading.result()
    assert caught.value.code == "tok_missing"


def test_stop_ends_one_answer_and_not_the_session(session: ModelSession) -> None:
    job = session.generate(GenerateRequest(prompt="w5", temperature=1, max_tokens=100_000))
    for event in job.events():
        if isinstance(event, Token):
            job.cancel()
            break
    with pytest.raises(Cancelled):
        job.result()
    assert session.generate(GREEDY).result().text


def test_a_closed_session_refuses(session: ModelSession) -> None:
    session.close()
    with pytest.raises(GenerationFailed):
        session.generate(GREEDY)


def test_a_second_turn_reuses_the_cache_and_changes_nothing(random_model: Path) -> None:
    fed: list[int] = []
    reusing, fresh = loaded(random_model), loaded(random_model)
    count_prompts(reusing, fed)
    turns = [ChatMessage(role="user", content="w5 w6 w7 w8")]
    first = reusing.generate(GenerateRequest(messages=tuple(turns), temperature=0, max_tokens=8), (), Silent())
    turns += [ChatMessage(role="assistant", content=first.text), ChatMessage(role="user", content="w9 w10")]
    again = GenerateRequest(messages=tuple(turns), temperature=0, max_tokens=8)
    assert reusing.generate(again, (), Silent()).text == fresh.generate(again, (), Silent()).text
    assert fed[0] == 4
    assert fed[1] < 4 + 8 + 2


def test_an_edited_conversation_does_not_use_what_is_no_longer_there(random_model: Path) -> None:
    reusing, fresh = loaded(random_model), loaded(random_model)
    reusing.generate(GenerateRequest(prompt="w5 w6 w7 w8", temperature=0, max_tokens=8), (), Silent())
    edited = GenerateRequest(prompt="w5 w6 w20 w21", temperature=0, max_tokens=8)
    assert reusing.generate(edited, (), Silent()).text == fresh.generate(edited, (), Silent()).text


def test_stop_texts_and_logits_processors_of_plugins_are_used(random_model: Path, tmp_path: Path) -> None:
    class Plugin:
        @hookimpl
        def on_generate(self, request: GenerateRequest) -> GenerationExtras:
            return GenerationExtras(stop=("w77",), logits_processors=(only_77_and_78,))

    def only_77_and_78(tokens: Any, logits: Any) -> Any:
        import mlx.core as mx

        wanted = 78 if len(tokens) < 4 else 77
        return mx.where(mx.arange(logits.shape[-1]) == wanted, 0.0, -mx.inf)[None]

    with Workspace(home=tmp_path / "home", plugins=[Plugin()]) as workspace:
        session = workspace.open(random_model, inline=True)
        result = session.generate(GenerateRequest(prompt="w5 w6", max_tokens=10)).result()
    assert result.text.strip() == "w78 w78"
    assert result.finish_reason == "stop"


def test_an_answer_is_stopped_while_its_prompt_is_read(random_model: Path) -> None:
    stopped, fresh = loaded(random_model), loaded(random_model)
    words = " ".join(f"w{number % 70 + 5}" for number in range(2000))
    with pytest.raises(Cancelled):
        stopped.generate(GenerateRequest(prompt=words, max_tokens=1, temperature=0), (), StopsAt(3))
    after = GenerateRequest(prompt="w5 w6", temperature=0, max_tokens=8)
    assert stopped.generate(after, (), Silent()).text == fresh.generate(after, (), Silent()).text


class Silent:
    def token(self, text: str) -> None: ...
    def message(self, text: str, level: Any = "info") -> None: ...
    def progress(self, *arguments: Any, **options: Any) -> None: ...
    def check_cancelled(self) -> None: ...


class StopsAt(Silent):
    """Cancelled at the ``calls``-th look; a token before that is a failure."""

    def __init__(self, calls: int) -> None:
        self._left = calls

    def token(self, text: str) -> None:
        raise AssertionError("the whole prompt was read")

    def check_cancelled(self) -> None:
        self._left -= 1
        if not self._left:
            raise Cancelled("cancelled.")


def spelled_in_bytes(folder: Path) -> None:
    """The tokenizer of the tiny llama without its last ten words."""
    content = json.loads((folder / "tokenizer.json").read_text())
    model = content["model"]
    words = sorted(model["vocab"], key=model["vocab"].__getitem__)[:-10]
    model["vocab"] = {word: number for word, number in model["vocab"].items() if word in words}
    model["merges"] = [pair for pair in model["merges"] if "".join(pair) in model["vocab"]]
    (folder / "tokenizer.json").write_text(json.dumps(content))


def spelled_with_marks(folder: Path) -> None:
    """A tokenizer of words whose spaces are written as SentencePiece does; mlx-lm looks its words up in a list."""
    write_tokenizer(folder)
    content = json.loads((folder / "tokenizer.json").read_text())
    space = {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    content["decoder"] = {"type": "Sequence", "decoders": [space, {"type": "ByteFallback"}, {"type": "Fuse"}, strip]}
    (folder / "tokenizer.json").write_text(json.dumps(content))


@pytest.mark.parametrize("tokenizer", [spelled_in_bytes, spelled_with_marks, only_sentencepiece, write_tokenizer])
def test_an_id_without_a_word_adds_nothing_to_an_answer(tiny_llama: Path, tokenizer: Callable[[Path], None]) -> None:
    """Embeddings are padded to round sizes: a model that knows little gives the ids beyond its words, too."""
    tokenizer(tiny_llama)
    runner = loaded(tiny_llama)
    words = [word for word in range(20, 60) if word not in runner.ends()][:6]
    assert runner._tokenizer.convert_ids_to_tokens(383) is None
    plain, padded = (
        runner.generate(GREEDY, (GenerationExtras(logits_processors=(forced(ids),)),), Silent())
        for ids in (words, [383, *words[:3], 383, *words[3:], 383])
    )
    assert plain.text
    assert padded.text == plain.text
    assert padded.token_ids.count(383) == 3


def forced(ids: list[int]) -> Callable[[Any, Any], Any]:
    """Have a model give ``ids``, and then end."""
    import mlx.core as mx

    coming = iter(ids)

    def only(tokens: Any, logits: Any) -> Any:
        return mx.where(mx.arange(logits.shape[-1])[None] == next(coming, 2), 0.0, -mx.inf)

    return only


def loaded(path: Path) -> LmRunner:
    runner = LmRunner(path)
    runner.load(Silent())
    return runner


def count_prompts(runner: LmRunner, fed: list[int]) -> None:
    reuse = runner._reuse

    def counting(prompt: list[int]) -> list[int]:
        rest = reuse(prompt)
        fed.append(len(rest))
        return rest

    runner._reuse = counting  # type: ignore[method-assign]
