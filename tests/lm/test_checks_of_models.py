"""What was written is loaded and asked before it is published; what was seen is said, and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from samples.decided import change, write_decided_llama, write_looping_llama
from samples.tiny import write_tiny_llama

from mlx_convert_core import ConversionFailed, ConvertRequest, Workspace
from mlx_convert_core.converting import memory_guard
from mlx_convert_core.model.results import ConvertedModel
from mlx_convert_core.plugin import RECORD, SetOption, hookimpl, read_record
from mlx_convert_core.testing import write_tiny_checkpoint

pytestmark = pytest.mark.usefixtures("verifying")
SEEN = ("loads", "answers 16 tokens", "finite logits", "tokenizer round trip", "end of answers known")


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_decided_llama(tmp_path_factory.mktemp("decided") / "decided")


def convert(workspace: Workspace, source: Path, output: Path, preset: str = "bf16", **more: Any) -> ConvertedModel:
    request = ConvertRequest(ref=str(source), output=output, preset=preset, **more)
    return workspace.convert(request, inline=True).result().models[0]


def codes(model: ConvertedModel) -> dict[str, str]:
    return {finding.code: finding.level for finding in model.findings}


def test_each_output_is_tried_and_says_what_was_seen(workspace: Workspace, decided: Path, tmp_path: Path) -> None:
    outputs = (tmp_path / "four", tmp_path / "sixteen")
    request = ConvertRequest(ref=str(decided), preset=("4bit", "bf16"), output=outputs)
    models = workspace.convert(request).result().models  # in a worker of its own, as usual
    for model, tensors in zip(models, (53, 21), strict=True):
        assert model.verification is not None
        assert model.verification.passed
        assert model.verification.facts == (f"{tensors} of {tensors} tensors as planned", *SEEN)
        assert codes(model) == {}
        record = read_record(model.path)
        assert record is not None
        assert record.verification == model.verification
        assert {path.name for path in model.path.iterdir()} == {*record.files, RECORD}
        assert workspace.find(model.path).still_verified() == model.verification.facts


def test_trying_leaves_no_file_open_and_no_code_compiled(workspace: Workspace, decided: Path, tmp_path: Path) -> None:
    model = convert(workspace, decided, tmp_path / "model")
    assert model.verification is not None
    assert model.verification.passed
    if os.path.isdir("/proc/self/fd"):
        held = {os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")}
        assert not [path for path in held if path.startswith(str(tmp_path))]
    assert not list(model.path.rglob("__pycache__"))


def test_logits_that_are_no_numbers_refuse_the_model_unless_it_is_wanted_so(
    workspace: Workspace, tmp_path: Path
) -> None:
    source = write_decided_llama(tmp_path / "huge")
    change(source, "model.layers.1.mlp.down_proj.weight", lambda values: np.full_like(values, 3e38))
    with pytest.raises(ConversionFailed, match="384 of 384 logits are NaN or infinite") as no:
        convert(workspace, source, tmp_path / "model")
    assert no.value.code == "nan_logits"
    assert SetOption("verify", False) in no.value.remedies
    assert not (tmp_path / "model").exists()
    assert convert(workspace, source, tmp_path / "model", verify=False).verification is None


def test_what_the_source_itself_has_spoiled_is_a_warning(workspace: Workspace, tmp_path: Path) -> None:
    source = write_decided_llama(tmp_path / "spoiled")
    change(source, "model.norm.weight", lambda values: np.full_like(values, np.nan))
    model = convert(workspace, source, tmp_path / "model")
    assert codes(model) == {"not_finite": "warning", "nan_logits": "warning"}
    assert model.verification is not None
    assert not model.verification.passed
    assert "finite logits" not in model.verification.facts


def test_one_token_for_ever_is_a_warning_that_offers_more_bits(workspace: Workspace, tmp_path: Path) -> None:
    model = convert(workspace, write_looping_llama(tmp_path / "loop"), tmp_path / "model", preset="4bit")
    (finding,) = [finding for finding in model.findings if finding.code == "token_loop"]
    assert finding.level == "warning"
    assert finding.remedies == (SetOption("bits", 6),)
    assert model.verification is not None
    assert model.verification.words.startswith("Not verified. What is right: 50 of 50 tensors as planned, loads")


def test_a_model_without_any_preference_gets_no_mark(workspace: Workspace, tmp_path: Path) -> None:
    random = convert(workspace, write_tiny_llama(tmp_path / "random"), tmp_path / "one")
    assert codes(random) == {"answers_at_random": "info"}  # nobody is warned of a model for tests
    assert random.verification is not None
    assert not random.verification.passed
    faint = write_tiny_checkpoint(tmp_path / "faint")  # its weights are smaller: 0.9995 of the entropy, not all of it
    assert codes(convert(workspace, faint, tmp_path / "three")) == {"answers_at_random": "info"}
    zeros = change(write_tiny_llama(tmp_path / "zeros"), "model.norm.weight", np.zeros_like)
    assert codes(convert(workspace, zeros, tmp_path / "two")) == {"answers_at_random": "warning"}


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("free_memory", lambda: 100_000_000, "MB of memory to answer, and 100 MB are free"),
        ("TRIED_BYTES", 1000, "takes longer than a look should"),
        ("TRIED_VALUES_ON_CPU", 1000, "without a GPU, an answer from"),
    ],
)
def test_what_is_too_large_is_published_without_a_mark_and_says_why(
    workspace: Workspace,
    decided: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: Any,
    why: str,
) -> None:
    import mlx.core as mx

    if name == "TRIED_VALUES_ON_CPU" and mx.default_device() != mx.cpu:
        pytest.skip("a GPU answers quickly")
    monkeypatch.setattr(memory_guard, name, value)
    model = convert(workspace, decided, tmp_path / "model")
    assert model.verification is not None
    assert not model.verification.passed
    assert why in model.verification.skipped
    assert model.verification.facts == ("21 of 21 tensors as planned",)
    assert codes(model) == {}
    assert workspace.find(model.path).still_verified() == ()


def test_a_tokenizer_that_changes_texts_on_purpose_is_compared_with_the_source(
    workspace: Workspace, decided: Path, tmp_path: Path
) -> None:
    source = _with_normalizer(decided, tmp_path / "lowering")
    model = convert(workspace, source, tmp_path / "model")
    assert model.verification is not None
    assert "tokenizer round trip as with the source's" in model.verification.facts
    assert model.verification.passed


def test_a_tokenizer_that_was_changed_on_the_way_is_a_warning(decided: Path, tmp_path: Path) -> None:
    class Careless:
        @hookimpl(tryfirst=True)
        def post_convert(self, staging: Path) -> None:
            settings = json.loads((staging / "tokenizer.json").read_text())
            (staging / "tokenizer.json").write_text(json.dumps(settings | {"normalizer": {"type": "Lowercase"}}))

    with Workspace(plugins=[Careless()]) as workspace:
        model = convert(workspace, decided, tmp_path / "model")
    assert codes(model) == {"round_trip": "warning"}


def test_a_model_without_an_end_of_answers_is_told(workspace: Workspace, tmp_path: Path) -> None:
    source = write_decided_llama(tmp_path / "endless", eos_token_id=None)
    (source / "generation_config.json").unlink()
    settings = json.loads((source / "tokenizer_config.json").read_text())
    (source / "tokenizer_config.json").write_text(json.dumps({**settings, "eos_token": None}))
    assert codes(convert(workspace, source, tmp_path / "model"))["no_end"] == "warning"


def test_a_model_that_nothing_can_ask_is_published_and_told(
    workspace: Workspace, decided: Path, tmp_path: Path
) -> None:
    source = tmp_path / "mute"
    source.mkdir()
    for name in ("config.json", "model.safetensors"):
        (source / name).write_bytes((decided / name).read_bytes())
    model = convert(workspace, source, tmp_path / "model")
    assert codes(model) == {"tok_missing": "warning", "verify_failed": "info"}  # what the plan has said is no news
    assert model.verification is not None
    assert model.verification.facts == ("21 of 21 tensors as planned",)


@pytest.fixture(scope="module")
def verified(decided: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    place = tmp_path_factory.mktemp("verified")
    with pytest.MonkeyPatch.context() as patch, Workspace(home=place / "home") as workspace:
        patch.delenv("MLX_CONVERT_VERIFY", raising=False)
        model = convert(workspace, decided, place / "model")
        yield SimpleNamespace(workspace=workspace, path=model.path)


@pytest.mark.parametrize(
    ("name", "found_again"),
    [("config.json", False), ("tokenizer.json", False), ("README.md", True), ("notes.pdf", True)],
)
def test_a_model_whose_files_changed_since_is_verified_no_more(
    verified: SimpleNamespace, name: str, found_again: bool
) -> None:
    """Also after it is found anew; what a person writes beside the model is no change of it."""
    path = verified.path / name
    was = path.read_bytes() if path.exists() else None
    entry = verified.workspace.scan(verified.path)[0]
    assert entry.still_verified()
    path.write_bytes((was or b"") + b" ")
    assert bool(entry.still_verified()) is found_again
    assert bool(verified.workspace.scan(verified.path)[0].still_verified()) is found_again
    path.unlink() if was is None else path.write_bytes(was)


def test_weights_of_the_same_size_that_were_written_anew_are_noticed_by_their_time(verified: SimpleNamespace) -> None:
    entry = verified.workspace.scan(verified.path)[0]
    weights = verified.path / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert entry.still_verified() == ()


def _with_normalizer(source: Path, folder: Path) -> Path:
    folder.mkdir()
    for path in source.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    settings = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(settings | {"normalizer": {"type": "Lowercase"}}))
    return folder
