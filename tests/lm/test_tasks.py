"""`Workspace.measure` with tasks: what lm-evaluation-harness would count, on real tiny models."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlx_convert_core import (
    ConvertRequest,
    InvalidRequest,
    MeasureRequest,
    MeasureResult,
    PluginError,
    Progress,
    Workspace,
)
from mlx_convert_core.plugin import paired_difference, questions_in

LINES = [
    {"question": "Which is a number?", "choices": ["Paris", "23", "a small model"], "answer": 1},
    {"prompt": "The capital of France is", "choices": ["Rome", "Paris, and not Rome"], "answer": "Paris, and not Rome"},
    {"prompt": "The capital of Italy is ", "choices": ["é", "Rome"], "answer": 1},
    {"question": "東京?", "choices": ["東京", "Привет", "x"], "answer": 0},
    {"prompt": "A small", "answer": "model"},
    {"prompt": "def add(left, right):\n", "answer": "    return left + right"},
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a source, what it becomes in bf16 and 4 bit, and a file of tasks that it half knows."""
    from samples.tiny import write_tiny_llama

    folder = tmp_path_factory.mktemp("asked")
    source = write_tiny_llama(folder / "source")
    with Workspace(home=folder / "home") as workspace:
        for preset in ("bf16", "4bit"):
            request = ConvertRequest(ref=str(source), preset=preset, output=folder / preset)
            workspace.convert(request, inline=True).result()
    lines = [*LINES, _known(source)]
    (folder / "own.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return folder


@pytest.fixture
def workspace(home: Path) -> Iterator[Workspace]:
    with Workspace(home=home) as workspace:
        yield workspace


def measured(workspace: Workspace, models: Path, name: str, **values: str) -> MeasureResult:
    request = MeasureRequest(**{"against": str(models / "source"), "tasks": str(models / "own.jsonl"), **values})
    return workspace.measure(models / name, request, inline=True).result()


def test_the_shares_are_those_of_whole_models_and_numpy(workspace: Workspace, models: Path) -> None:
    result = measured(workspace, models, "4bit")
    own, source = (_replies(models / name, models / "own.jsonl") for name in ("4bit", "source"))
    for name in ("acc", "acc_norm", "exact_match"):
        figure = result.figure(name)
        assert list(figure.by_sequence) == own[name]
        assert (figure.value, figure.source) == pytest.approx((np.mean(own[name]), np.mean(source[name])))
    same = np.mean([one == other for one, other in zip(own["choice"], source["choice"], strict=True)])
    assert result.figure("same_choice").value == pytest.approx(same)
    assert source["exact_match"] == [0, 0, 1]  # the last one is the source's own
    assert (result.questions, result.sequences) == (7, 13)


def test_the_same_weights_answer_the_same(workspace: Workspace, models: Path) -> None:
    result = measured(workspace, models, "bf16")
    assert result.figure("same_choice").value == 1
    assert {figure.difference for figure in result.figures} == {(0, 0, 0), None}
    again = measured(workspace, models, "4bit")
    assert (result.reused, again.reused) == (False, True)
    found = paired_difference(result, again, "acc")
    assert found is not None
    assert found == again.figure("acc").difference  # the first is its source


def test_many_questions_pass_in_groups_and_are_answered_alike(
    workspace: Workspace, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlx_convert_core.measuring import answers

    whole = measured(workspace, models, "4bit", against="")
    monkeypatch.setattr(answers, "AT_ONCE", 5)
    request = MeasureRequest(against=str(models / "bf16"), tasks=str(models / "own.jsonl"))
    job = workspace.measure(models / "4bit", request, inline=True)
    assert [figure.by_sequence for figure in job.result().figures if figure.name in ("acc", "exact_match")] == [
        figure.by_sequence for figure in whole.figures if figure.name in ("acc", "exact_match")
    ]
    moved = [event for event in job.events() if isinstance(event, Progress)]
    assert list(dict.fromkeys(event.step for event in moved)) == ["reference", "score", "measure"]
    for step in ("reference", "score", "measure"):
        done = [event.done for event in moved if event.step == step]
        assert done == sorted(done)
        assert done[-1] == next(event.total for event in moved if event.step == step)


def test_figures_of_tasks_are_kept_beside_those_of_a_text(workspace: Workspace, models: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("A small model answers badly, but it answers at once. " * 200)
    path = models / "4bit"
    workspace.scan(path)
    workspace.measure(path, MeasureRequest(against="", text=str(text), tokens=512), inline=True).result()
    result = measured(workspace, models, "4bit")
    kept = workspace.find(path).measurements
    assert set(kept) == {"quality", "tasks"}
    assert kept["tasks"]["acc"] == pytest.approx(result.figure("acc").value, rel=1e-5)  # type: ignore[index]
    assert (kept["tasks"]["set"], kept["tasks"]["questions"]) == ("own.jsonl", 7)  # type: ignore[index]
    assert json.loads((path / "mlx_convert.json").read_text())["measurements"] == kept


def test_without_a_source_the_model_alone_is_asked(workspace: Workspace, models: Path, tmp_path: Path) -> None:
    (shutil.copytree(models / "4bit", tmp_path / "alone") / "mlx_convert.json").unlink()
    request = MeasureRequest(tasks=str(models / "own.jsonl"))
    result = workspace.measure(tmp_path / "alone", request, inline=True).result()
    assert [(figure.name, figure.source, figure.difference) for figure in result.figures] == [
        ("acc", None, None),
        ("acc_norm", None, None),
        ("exact_match", None, None),
    ]
    assert result.against == ""


def test_the_questions_that_come_along_favour_no_place(workspace: Workspace) -> None:
    (offered,) = workspace.tasks().values()
    questions = tuple(offered.load())
    chosen = [question for question in questions if question.choices]
    assert (offered.name, len(chosen), len(questions)) == ("questions-1", 40, 60)
    assert {len(question.choices) for question in chosen} == {4}
    places = [question.choices.index(question.answer) for question in chosen]
    assert [places.count(place) for place in range(4)] == [10, 10, 10, 10]
    assert len({question.prompt for question in questions}) == 60


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'{"question": "Why?", "answer": "x"}\n{"answer": 1}', "line 2 of bad.jsonl is no task"),
        (b"\n", "bad.jsonl has no task in it"),
        (None, "the tasks to measure with can't be read"),
    ],
)
def test_tasks_that_will_not_do(
    workspace: Workspace, models: Path, tmp_path: Path, content: bytes | None, why: str
) -> None:
    file = tmp_path / "bad.jsonl"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidRequest, match=why) as caught:
        measured(workspace, models, "4bit", tasks=str(file))
    assert caught.value.code == "tasks"


def test_a_set_at_fault_is_named_with_its_plugin(home: Path, models: Path) -> None:
    (home / "plugins").mkdir()
    (home / "plugins" / "odd.py").write_text(
        "from mlx_convert_core.plugin import TaskSet, hookimpl\n"
        "@hookimpl\ndef register_tasks():\n    yield TaskSet(name='odd', title='Odd', load=lambda: 1 / 0)\n"
    )
    with (
        Workspace(home=home) as workspace,
        pytest.raises(PluginError, match=r"the plugin odd \(odd.py\) failed in register_tasks"),
    ):
        measured(workspace, models, "4bit", tasks="odd")


def _known(folder: Path) -> dict[str, str]:
    """A task whose answer the model in ``folder`` would give: one word after another, until it goes on with one."""
    import mlx.core as mx

    model, tokenizer = _in_float32(folder)
    for word in ("an", "ca", "right", "all", "is"):
        prompt = f"A {word} {word}"
        ids = tokenizer.encode(prompt)
        likeliest = int(model(mx.array([ids]))[0, -1].argmax())
        text = tokenizer.decode([likeliest])
        if text.startswith(" ") and tokenizer.encode(prompt + text) == [*ids, likeliest]:
            return {"prompt": prompt, "answer": text[1:]}
    raise AssertionError("it goes on with no word")


def _replies(folder: Path, tasks: Path) -> dict[str, list[float]]:
    """What the model in ``folder`` replies, from mlx-lm's model as a whole and NumPy in double precision."""
    import mlx.core as mx

    model, tokenizer = _in_float32(folder)
    found: dict[str, list[float]] = {"acc": [], "acc_norm": [], "exact_match": [], "choice": []}
    for question in questions_in(tasks.read_text(encoding="utf-8"), tasks.name):
        seen = []
        for text in question.continuations:
            ids = tokenizer.encode(question.prompt + text)
            start = len(tokenizer.encode(question.prompt.rstrip()))
            logits = np.array(model(mx.array([ids])))[0].astype(np.float64)
            logits -= logits.max(-1, keepdims=True)
            logarithms = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
            places = range(start - 1, len(ids) - 1)
            seen.append(
                (
                    sum(logarithms[place, ids[place + 1]] for place in places),
                    all(logarithms[place].argmax() == ids[place + 1] for place in places),
                )
            )
        if not question.choices:
            found["exact_match"].append(float(seen[0][1]))
            continue
        sums = np.array([one[0] for one in seen])
        sizes = np.array([len(text.encode()) for text in question.choices])
        right = question.choices.index(question.answer)
        found["choice"].append(float(sums.argmax()))
        found["acc"].append(float(sums.argmax() == right))
        found["acc_norm"].append(float((sums / sizes).argmax() == right))
    return found


def _in_float32(folder: Path) -> tuple[Any, Any]:
    import mlx.core as mx
    from mlx.utils import tree_map
    from mlx_lm import load

    model, tokenizer = load(str(folder))
    model.update(
        tree_map(
            lambda one: one.astype(mx.float32) if mx.issubdtype(one.dtype, mx.floating) else one, model.parameters()
        )
    )
    return model, tokenizer
