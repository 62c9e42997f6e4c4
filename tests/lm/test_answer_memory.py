"""A model that does not fit into memory is refused before its weights are read, unless a person insists."""

from __future__ import annotations

from pathlib import Path

import pytest
from architectures.checkpoints import build
from samples.wide_cache import write_wide_cache

from mlx_convert_core import GenerateRequest, GenerationFailed, Message, Workspace
from mlx_convert_core.converting import memory_guard

LONG = GenerateRequest(prompt="hi", max_tokens=1_000_000, temperature=0)
# Whole keys and values, both compressed, by other means, sliding windows, states of constant size, and mixtures.
KINDS = ("llama", "deepseek_v2", "deepseek_v3", "minicpm3", "gemma3", "mamba2", "jamba", "qwen3_next", "gpt_oss")


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wide_cache(tmp_path_factory.mktemp("wide") / "wide-cache")


def test_an_answer_too_long_for_the_memory_is_refused_and_may_be_insisted_on(wide: Path) -> None:
    with Workspace() as workspace:
        with pytest.raises(GenerationFailed, match=r"needs about .* of memory: .* MB of weights") as no:
            workspace.generate(wide, LONG).result()
        assert no.value.code == "answer_memory"
        assert "1,000,001 tokens" in no.value.message
        answer = workspace.generate(wide, LONG, anyway=True)
        assert answer.result().finish_reason == "stop"
        warned = [event.text for event in answer.events() if isinstance(event, Message)]
        assert any("are free. Close other apps" in text for text in warned)


def test_a_session_and_a_comparison_refuse_it_too(wide: Path) -> None:
    with Workspace() as workspace:
        with workspace.open(wide, context=1_000_000, inline=True) as session, pytest.raises(GenerationFailed):
            session.loading.result()
        with workspace.open(wide, inline=True) as session:
            session.loading.result()
        columns = workspace.compare((wide, wide), LONG).job.result().answers
        assert [column.error.code for column in columns if column.error] == ["answer_memory"] * 2
        columns = workspace.compare((wide, wide), LONG, anyway=[wide]).job.result().answers
        assert [column.error for column in columns] == [None, None]


def test_what_does_not_fit_beside_other_programs_is_a_warning(wide: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_guard, "free_memory", lambda: 1_000_000_000)
    with Workspace() as workspace, workspace.open(wide, inline=True) as session:
        session.loading.result()
        texts = [event.text for event in session.loading.events() if isinstance(event, Message)]
        assert any("1.00 GB are free. Close other apps if it becomes slow." in text for text in texts)


@pytest.mark.parametrize("model_type", KINDS)
def test_the_size_of_a_cache_is_what_it_takes(model_type: str) -> None:
    import mlx.core as mx
    from mlx_convert_lm.adapter import prompt_cache
    from mlx_convert_lm.cache_size import _arrays, _parts, cache_bytes

    model = build(model_type)
    before = mx.get_active_memory()
    told = cache_bytes(model, 300)
    assert mx.get_active_memory() - before < 10_000  # nothing was computed
    cache = prompt_cache(model)
    for tokens in ([[3] * 299], [[4]]):
        mx.eval(model(mx.array(tokens), cache=cache))
    assert told == sum(array.nbytes for part in _parts(cache) for array in _arrays(vars(part)))
