"""`Workspace.measure`: how close a converted model is to its source, on real tiny models."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlx_convert_core import (
    Cancelled,
    ConvertRequest,
    InvalidRequest,
    MeasureRequest,
    MeasureResult,
    MeasuringFailed,
    Message,
    MlxConvertError,
    PluginError,
    Progress,
    Workspace,
)
from mlx_convert_core.plugin import fingerprint, paired_figures

ROOT = Path(__file__).parents[2]
TOKENS = 640


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a source, what it becomes in bf16, 8 and 4 bit, and a text of some pages."""
    from samples.tiny import write_tiny_llama

    folder = tmp_path_factory.mktemp("measured")
    source = write_tiny_llama(folder / "source")
    (folder / "text.txt").write_text((ROOT / "CONTRIBUTING.md").read_text())
    with Workspace(home=folder / "home") as workspace:
        for preset in ("bf16", "8bit", "4bit"):
            request = ConvertRequest(ref=str(source), preset=preset, output=folder / preset)
            workspace.convert(request, inline=True).result()
    return folder


@pytest.fixture
def model(models: Path, tmp_path: Path) -> Path:
    """Give a copy of the model in 4 bit, to be measured or spoiled."""
    return shutil.copytree(models / "4bit", tmp_path / "4bit")


@pytest.fixture
def workspace(home: Path) -> Iterator[Workspace]:
    with Workspace(home=home) as workspace:
        yield workspace


def asked(models: Path, **values: Any) -> MeasureRequest:
    named = {"against": str(models / "source"), "text": str(models / "text.txt"), "tokens": TOKENS}
    return MeasureRequest(**{**named, **values})


def measured(workspace: Workspace, path: Path, request: MeasureRequest) -> MeasureResult:
    return workspace.measure(path, request, inline=True).result()


def test_the_figures_are_those_of_whole_models_and_numpy(workspace: Workspace, models: Path) -> None:
    result = measured(workspace, models / "4bit", asked(models))
    source, model = (_logarithms(models / name, result.tokens, models) for name in ("source", "4bit"))
    divergence = np.concatenate([(np.exp(p) * (p - q)).sum(-1) for (p, _), (q, _) in zip(source, model, strict=True)])
    same = np.concatenate([p.argmax(-1) == q.argmax(-1) for (p, _), (q, _) in zip(source, model, strict=True)])
    expected = {
        "kl_mean": divergence.mean(),
        "kl_median": np.median(divergence),
        "kl_p99": np.quantile(divergence, 0.99),
        "kl_max": divergence.max(),
        "top1": same.mean(),
        "perplexity": np.exp(np.concatenate([came for _, came in model]).mean()),
    }
    assert {figure.name: figure.value for figure in result.figures} == pytest.approx(expected, abs=1e-4, rel=1e-4)
    of_source = np.exp(np.concatenate([came for _, came in source]).mean())
    assert result.figure("perplexity").source == pytest.approx(of_source, rel=1e-4)
    assert result.tokens == len(divergence)


def test_the_same_weights_differ_by_nothing_at_all(workspace: Workspace, models: Path) -> None:
    result = measured(workspace, models / "bf16", asked(models))
    assert [(one.value, one.low, one.high) for one in result.figures[:4]] == [(0, 0, 0)] * 4
    assert (result.figure("top1").value, result.figure("perplexity").ratio) == (1, (1, 1, 1))
    assert result.verdict == "It computes the same as its source."


def test_more_bits_are_closer_and_the_ratio_is_paired(workspace: Workspace, models: Path) -> None:
    fine, coarse = (measured(workspace, models / name, asked(models)) for name in ("8bit", "4bit"))
    assert fine.figure("kl_mean").high < coarse.figure("kl_mean").low
    ratio, low, high = paired_figures(coarse, fine, "kl_mean") or (0, 0, 0)
    assert 0 < low <= ratio <= high < 0.2
    spread = coarse.figure("kl_mean").high / coarse.figure("kl_mean").low
    assert high / low < spread * fine.figure("kl_mean").high / fine.figure("kl_mean").low  # than two apart
    assert (fine.reused, coarse.reused) == (False, True)


def test_each_pass_tells_how_far_it_is_as_a_step_of_its_own(workspace: Workspace, models: Path) -> None:
    job = workspace.measure(models / "4bit", asked(models), inline=True)
    moved = {event.step: event for event in job.events() if isinstance(event, Progress)}
    assert list(moved) == ["reference", "score", "measure"]
    assert all(event.done == event.total for event in moved.values())


@pytest.mark.parametrize("tasks", [False, True])
def test_a_tokenizer_has_gone_before_another_is_read_or_a_model_runs(
    workspace: Workspace, models: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tasks: bool
) -> None:
    """Of Gemma's 262,000 words, each takes 450 MB: more than the model."""
    from mlx_convert_engine.forward.streamed import StreamedModel
    from mlx_convert_lm import adapter

    read: list[weakref.ref[Any]] = []
    held: list[tuple[str, int]] = []
    load, hidden = adapter.load_tokenizer, StreamedModel.hidden

    def note(what: str) -> None:
        held.append((what, sum(one() is not None for one in read)))

    def loading(*arguments: Any, **options: Any) -> Any:
        note("tokenizer")
        made = load(*arguments, **options)
        read.append(weakref.ref(made))
        return made

    def running(*arguments: Any, **options: Any) -> Any:
        note("model")
        return hidden(*arguments, **options)

    monkeypatch.setattr(adapter, "load_tokenizer", loading)
    monkeypatch.setattr(StreamedModel, "hidden", running)
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"prompt": "One and one is", "choices": [" two", " three"], "answer": 0}\n')
    measured(workspace, model, asked(models, **({"text": "", "tasks": str(questions)} if tasks else {})))
    assert held == [("tokenizer", 0), ("tokenizer", 0), ("model", 0), ("model", 0)]


def test_intervals_are_the_same_again_and_hold_the_figure(workspace: Workspace, models: Path) -> None:
    one, other = (measured(workspace, models / "4bit", asked(models)) for _ in range(2))
    assert one.figures == other.figures
    assert all(figure.low <= figure.value <= figure.high for figure in one.figures)
    assert len(one.figure("kl_mean").by_sequence) == one.sequences >= 16


def test_figures_stay_with_the_model_until_its_weights_change(workspace: Workspace, models: Path, model: Path) -> None:
    before = json.loads((model / "mlx_convert.json").read_text())
    (model / "mlx_convert.json").write_text(json.dumps({**before, "of_a_newer_version": 1}))
    (entry,) = workspace.scan(model)
    result = measured(workspace, model, asked(models))
    after = json.loads((model / "mlx_convert.json").read_text())
    kept = after.pop("measurements")["quality"]
    assert after == {
        **{name: value for name, value in before.items() if name != "measurements"},
        "of_a_newer_version": 1,
    }
    assert kept["kl_mean"] == pytest.approx(result.figure("kl_mean").value, rel=1e-5)
    assert (kept["against"], kept["tokens"]) == ("source", result.tokens)
    assert workspace.find(model).measurements == {"quality": kept}
    assert replace(workspace.find(model), measurements={}) == replace(entry, measurements={})
    assert kept["weights"] == fingerprint(shutil.copytree(model, model.with_name("copy")))
    weights = model / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    weights.write_bytes(data)
    assert kept["weights"] != fingerprint(model)


def test_the_source_is_the_one_of_the_record_while_it_is_here(
    workspace: Workspace, models: Path, tmp_path: Path
) -> None:
    source = shutil.copytree(models / "source", tmp_path / "original")
    request = ConvertRequest(ref=str(source), preset="4bit", output=tmp_path / "made")
    path = workspace.convert(request, inline=True).result().path
    assert measured(workspace, path, asked(models, against="")).against == "original"
    shutil.rmtree(source)
    job = workspace.measure(path, asked(models, against=""), inline=True)
    result = job.result()
    told = [event.text for event in job.events() if isinstance(event, Message)]
    assert any("original is not on this machine any more" in text for text in told)
    assert (result.against, [figure.name for figure in result.figures]) == ("", ["perplexity"])
    assert result.figures[0].source is None
    assert result.verdict == ""


def test_a_source_that_changed_is_read_again(workspace: Workspace, models: Path, tmp_path: Path) -> None:
    source = shutil.copytree(models / "source", tmp_path / "original")
    request = asked(models, against=str(source))
    assert not measured(workspace, models / "4bit", request).reused
    assert measured(workspace, models / "4bit", request).reused
    (kept,) = (workspace.home / "references").glob("*.states")
    kept.write_bytes(kept.read_bytes()[:-7])  # half written by something else
    assert not measured(workspace, models / "4bit", request).reused
    (source / "model.safetensors").touch()
    assert not measured(workspace, models / "4bit", request).reused


def test_what_a_killed_measuring_left_goes_with_the_next(workspace: Workspace, models: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    folder = workspace.home / "references"
    for owner in (ended.pid, os.getpid()):
        (folder / f"source-{owner}-left").mkdir(parents=True)
    measured(workspace, models / "4bit", asked(models))
    assert [path.name for path in folder.glob("source-*")] == [f"source-{os.getpid()}-left"]


def test_only_so_much_of_sources_is_kept(workspace: Workspace, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlx_convert_core.measuring import references

    measured(workspace, models / "4bit", asked(models))
    folder = workspace.home / "references"
    (first,) = folder.iterdir()
    monkeypatch.setattr(references, "KEPT_BYTES", int(first.stat().st_size * 1.5))
    measured(workspace, models / "4bit", asked(models, tokens=TOKENS - 64))
    (second,) = folder.iterdir()
    assert second != first


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"tokenizer": True}, "other_tokenizer"),
        ({"vocab_size": 448}, "other_vocabulary"),
    ],
)
def test_another_model_is_no_source(
    workspace: Workspace, models: Path, model: Path, tmp_path: Path, change: dict[str, Any], code: str
) -> None:
    from samples.tiny import VOCABULARY, write_tiny_llama

    other = write_tiny_llama(tmp_path / "other")
    if "tokenizer" in change:
        words = json.loads((other / "tokenizer.json").read_text())
        words["model"]["merges"] = words["model"]["merges"][:40]
        (other / "tokenizer.json").write_text(json.dumps(words))
    else:
        _widen(other, change["vocab_size"] - VOCABULARY)
    with pytest.raises(MeasuringFailed) as caught:
        measured(workspace, model, asked(models, against=str(other)))
    assert caught.value.code == code
    assert (model / "mlx_convert.json").read_bytes() == (models / "4bit" / "mlx_convert.json").read_bytes()


def test_a_text_of_several_passages_and_chats(workspace: Workspace, models: Path, tmp_path: Path) -> None:
    lines = [{"kind": "prose", "text": (ROOT / "README.md").read_text()[:3000]}] * 2
    chat = {
        "kind": "chat",
        "turns": [{"role": "user", "content": "Numbers?"}, {"role": "assistant", "content": "0 to 9. " * 90}],
    }
    (tmp_path / "own.jsonl").write_text("\n".join(json.dumps(line) for line in [*lines, chat]))
    result = measured(workspace, models / "8bit", asked(models, text=str(tmp_path / "own.jsonl"), tokens=1024))
    assert (result.text, result.sequences) == ("own.jsonl", 16)
    (tmp_path / "own.jsonl").write_text('["no passage"]')
    with pytest.raises(InvalidRequest) as caught:
        measured(workspace, models / "8bit", asked(models, text=str(tmp_path / "own.jsonl")))
    assert caught.value.code == "no_text"


@pytest.mark.parametrize(
    ("text", "code", "kind"),
    [
        (b"Too short.", "text_short", MeasuringFailed),
        (b"\xff\xfe\x00", "not_text", InvalidRequest),
        (None, "no_text", InvalidRequest),
    ],
)
def test_a_text_that_will_not_do(
    workspace: Workspace, models: Path, tmp_path: Path, text: bytes | None, code: str, kind: type[MlxConvertError]
) -> None:
    file = tmp_path / "own.txt"
    if text is not None:
        file.write_bytes(text)
    with pytest.raises(kind) as caught:
        measured(workspace, models / "4bit", asked(models, text=str(file)))
    assert caught.value.code == code


def test_what_does_not_fit_into_memory_is_measured_only_anyway(
    workspace: Workspace, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlx_convert_engine.memory.device_memory", lambda: 100_000_000)
    with pytest.raises(MeasuringFailed) as caught:
        measured(workspace, models / "4bit", asked(models))
    assert caught.value.code == "measure_memory"
    assert "this machine lends 100 MB" in caught.value.message
    assert measured(workspace, models / "4bit", asked(models, anyway=True)).figures


def test_a_cancelled_measuring_keeps_nothing(workspace: Workspace, models: Path, model: Path) -> None:
    before = (model / "mlx_convert.json").read_bytes()
    job = workspace.measure(model, asked(models, tokens=4096))
    for event in job.events():
        if isinstance(event, Progress) and event.step == "reference":
            job.cancel()
    with pytest.raises(Cancelled):
        job.result()
    assert (model / "mlx_convert.json").read_bytes() == before
    assert list((workspace.home / "references").glob("*")) == []


FAULTY = """
from mlx_convert_core.plugin import Metric, hookimpl

@hookimpl
def register_metrics():
    yield Metric(name="faulty", title="Faulty", per_token={per_token}, better="lower")
"""


@pytest.mark.parametrize("per_token", ["lambda scores: [1.0]", "lambda scores: 1 / 0", "lambda scores: ['x'] * 99"])
def test_a_metric_at_fault_is_named_with_its_plugin(home: Path, models: Path, model: Path, per_token: str) -> None:
    (home / "plugins").mkdir()
    (home / "plugins" / "odd.py").write_text(FAULTY.format(per_token=per_token))
    before = (model / "mlx_convert.json").read_bytes()
    with (
        Workspace(home=home) as workspace,
        pytest.raises(PluginError, match=r"the plugin odd \(odd.py\) failed in register_metrics"),
    ):
        measured(workspace, model, asked(models))
    assert (model / "mlx_convert.json").read_bytes() == before


def _logarithms(folder: Path, tokens: int, models: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each sequence: every word's log-probability in each place, and minus that of the token that came.

    From mlx-lm's model as a whole, in one go, and NumPy in double precision.
    """
    import mlx.core as mx
    from mlx.utils import tree_map
    from mlx_lm import load

    from mlx_convert_core.measuring.texts import own_text, sequences_of

    model, tokenizer = load(str(folder))
    model.update(
        tree_map(
            lambda one: one.astype(mx.float32) if mx.issubdtype(one.dtype, mx.floating) else one, model.parameters()
        )
    )
    text = own_text(models / "text.txt")
    sequences = sequences_of(text, lambda passages: [tokenizer.encode(one.text) for one in passages], TOKENS)
    assert sum(len(ids) - 1 for ids in sequences) == tokens
    found = []
    for ids in sequences:
        logits = np.array(model(mx.array([ids])))[0, :-1].astype(np.float64)
        logits -= logits.max(-1, keepdims=True)
        logarithms = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        found.append((logarithms, -logarithms[np.arange(len(ids) - 1), ids[1:]]))
    return found


def _widen(folder: Path, more: int) -> None:
    """Give the model in ``folder`` more rows of its embedding."""
    import mlx.core as mx

    weights = dict(mx.load(str(folder / "model.safetensors")))
    name = "model.embed_tokens.weight"
    weights[name] = mx.concatenate([weights[name], weights[name][:more]])
    mx.eval(weights[name])
    mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": weights[name].shape[0]}))
