"""A model that sees is converted whole, answers about pictures, and is its text model when that is asked for."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
import reference

from mlx_convert_core import (
    ChatMessage,
    ConversionFailed,
    ConvertRequest,
    GenerateRequest,
    GenerationFailed,
    ModelSession,
    Workspace,
)
from mlx_convert_core.plugin import SetOption

QUESTION = "what is in the picture?"


def test_the_whole_model_equals_what_mlx_vlm_makes(checkpoint: Path, converted: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    with contextlib.redirect_stdout(io.StringIO()):
        reference.main(str(checkpoint), str(theirs), "4")
    ours, other = tensors(converted), tensors(theirs)
    assert ours == other


def test_what_sees_stays_unquantized_and_nothing_is_left_out(converted: Path) -> None:
    names = tensors(converted)
    assert any("vision_tower" in name for name in names)
    assert not any("vision_tower" in name and name.endswith(".scales") for name in names)
    assert any("language_model" in name and name.endswith(".scales") for name in names)
    record = json.loads((converted / "mlx_convert.json").read_text())
    assert not record["text_only"]
    assert (converted / "preprocessor_config.json").exists()


def test_the_answer_depends_on_the_picture(converted: Path, workspace: Workspace, pictures: tuple[Path, Path]) -> None:
    answers = [asked(workspace, converted, picture) for picture in (*pictures, pictures[0])]
    assert answers[0] != answers[1]
    assert answers[0] == answers[2]


def test_it_answers_without_a_picture(converted: Path, workspace: Workspace) -> None:
    request = GenerateRequest(prompt=QUESTION, max_tokens=4, temperature=0)
    assert workspace.generate(converted, request).result().generation_tokens == 4


def test_its_text_model_is_tuned_and_what_sees_is_left(
    checkpoint: Path, converted: Path, workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "own.txt").write_text("a cat and a dog are in the picture; the capital of France is Paris. " * 200)
    request = ConvertRequest(
        ref=checkpoint,
        preset="4bit",
        method="tuned",
        calibration=tmp_path / "own.txt",
        output=tmp_path / "tuned",
        verify=False,
    )
    tuned = tensors(workspace.convert(request).result().path)
    nearest = tensors(converted)
    differing = {name for name in nearest if tuned[name] != nearest[name]}
    assert tuned.keys() == nearest.keys()
    assert any(name.startswith("language_model.model.layers.") for name in differing)
    assert all(name.startswith("language_model.") for name in differing)


def test_it_is_planned_whole_and_its_text_alone_is_offered(checkpoint: Path, workspace: Workspace) -> None:
    plan = workspace.plan(ConvertRequest(ref=checkpoint, preset="4bit", output="whole"), exact=False)
    (whole,) = [finding for finding in plan.findings if finding.code == "whole"]
    assert whole.message == "tiny-seeing is converted whole: the result takes pictures besides text."
    assert whole.remedies == (SetOption("text_only", True),)
    text = workspace.plan(ConvertRequest(ref=checkpoint, preset="4bit", output="text", text_only=True), exact=False)
    assert "whole" not in {finding.code for finding in text.findings}


def test_its_text_model_alone_is_converted_on_request(checkpoint: Path, workspace: Workspace, tmp_path: Path) -> None:
    request = ConvertRequest(ref=checkpoint, preset="4bit", output=tmp_path / "text", text_only=True)
    folder = workspace.convert(request).result().path
    assert not any("vision" in name for name in tensors(folder))


def test_a_picture_is_refused_by_a_model_of_text(
    checkpoint: Path, workspace: Workspace, tmp_path: Path, pictures: tuple[Path, Path]
) -> None:
    request = ConvertRequest(ref=checkpoint, preset="bf16", output=tmp_path / "text", text_only=True)
    folder = workspace.convert(request).result().path
    with pytest.raises(GenerationFailed) as caught:
        asked(workspace, folder, pictures[0])
    assert caught.value.code == "blind"


def test_each_turn_has_the_picture_that_was_shown_with_it(
    converted: Path, workspace: Workspace, pictures: tuple[Path, Path]
) -> None:
    red, fractal = pictures
    with workspace.open(converted) as session:
        said = [talked(session, first, second) for first, second in ((red, fractal), (fractal, red), (red, None))]
    texts, tokens = zip(*said, strict=True)
    assert len(set(texts)) == 3
    assert tokens[0] == tokens[1] > tokens[2]


def test_the_places_of_pictures_are_in_the_turns_that_showed_them(converted: Path, pictures: tuple[Path, Path]) -> None:
    from mlx_convert_vlm.adapter import load_to_answer, prompt_of

    _, processor, config = load_to_answer(converted, trust_remote_code=False)
    prompt = prompt_of(processor, config, GenerateRequest(messages=conversation(pictures[0], pictures[1])))
    places = [turn.count("<start_of_image>") for turn in re.split("user: |assistant: |model: ", prompt)[1:]]
    assert places == [1, 0, 1, 0]


def test_an_endless_template_is_stopped(converted: Path) -> None:
    from mlx_convert_vlm.adapter import load_to_answer, prompt_of, text_tokens

    _, processor, config = load_to_answer(converted, trust_remote_code=False)
    for place in (processor, processor.tokenizer):
        place.chat_template = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    with pytest.raises(GenerationFailed) as caught:
        prompt_of(processor, config, GenerateRequest(prompt=QUESTION))
    assert caught.value.code == "template_endless"
    tokens = text_tokens(converted, trust_remote_code=False)
    tokens.tokenizer.chat_template = processor.chat_template
    assert tokens.chat([{"role": "user", "content": QUESTION}]) is None


def test_a_release_that_reads_weights_otherwise_is_told(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlx_convert_vlm.adapter import load_lazily

    monkeypatch.delattr("mlx_vlm.utils._load_safetensors")
    with pytest.raises(ConversionFailed) as caught:
        load_lazily(checkpoint, "seeing", trust_remote_code=False)
    assert caught.value.code == "mlx_vlm_drift"


def test_what_it_sees_is_known_before_it_is_loaded(
    checkpoint: Path, converted: Path, workspace: Workspace, tmp_path: Path
) -> None:
    assert workspace.senses(converted).senses == {"picture"}
    request = ConvertRequest(ref=checkpoint, preset="bf16", output=tmp_path / "text", text_only=True, verify=False)
    text = workspace.senses(workspace.convert(request).result().path)
    assert text.senses == frozenset()
    assert "its text alone" in text.why


def conversation(first: Path, second: Path | None) -> tuple[ChatMessage, ...]:
    return (
        ChatMessage(role="user", content=QUESTION, attachments=(str(first),)),
        ChatMessage(role="assistant", content="a cat"),
        ChatMessage(role="user", content="and here?", attachments=(str(second),) if second else ()),
    )


def talked(session: ModelSession, first: Path, second: Path | None) -> tuple[str, int]:
    settings = GenerateRequest(prompt="-", max_tokens=12, temperature=0)
    result = session.chat(conversation(first, second), settings).result()
    return result.text, result.prompt_tokens


def asked(workspace: Workspace, folder: Path, picture: Path) -> str:
    request = GenerateRequest(prompt=QUESTION, attachments=(picture,), max_tokens=12, temperature=0)
    return workspace.generate(folder, request).result().text


def tensors(folder: Path) -> dict[str, Any]:
    """Type, shape and bytes of every tensor of a folder, by name."""
    found: dict[str, Any] = {}
    for path in folder.glob("*.safetensors"):
        for name, array in mx.load(str(path)).items():
            found[name] = (str(array.dtype), array.shape, bytes(memoryview(array.reshape(-1).view(mx.uint8))))
    return found
