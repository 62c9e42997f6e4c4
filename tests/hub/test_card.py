"""The README of a converted model, from sources that may say anything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from mlx_convert_hub import post_convert
from mlx_convert_hub.card.front_matter import front_matter, split_card, without_fields
from mlx_convert_hub.card.published_card import for_repo

from mlx_convert_core import ConvertPlan, ConvertRequest, ModelInfo, OutputPlan, Quantization
from mlx_convert_core.plugin import KeptLayer, LeftOut, QuantizedLayer

FOUR = Quantization(bits=4, group_size=64)
CARD = {
    "license": "other",
    "license_name": "lfm1.0",
    "license_link": "LICENSE",
    "language": ["en", "fr"],
    "pipeline_tag": "text-generation",
    "tags": ["chat", "gguf", "transformers"],
    "extra_gated_prompt": "Sign here",
    "widget": [{"text": "<b>hello</b>"}],
}


def plan_of(card: dict[str, Any] | None = None, *, quantized: bool = True, **model: Any) -> ConvertPlan:
    output = OutputPlan(
        preset="4bit",
        path=Path("/models/Tiny-MLX-4bit"),
        quantization=FOUR if quantized else None,
        dtype=None if quantized else "bfloat16",
        weight_bytes=5_000,
        tensor_bytes=4_500,
        parameters=8_000,
        quantized=(QuantizedLayer(path="model.layers.0.mlp", quantization=FOUR),) if quantized else (),
        kept=(KeptLayer(path="model.norm", reason="its width is 100", nbytes=200),),
    )
    info = ModelInfo(**{"ref": "org/Tiny", "name": "Tiny", "card": CARD if card is None else card, **model})
    return ConvertPlan(request=ConvertRequest(ref="org/Tiny"), model=info, converter="x", outputs=(output,))


def written(plan: ConvertPlan, folder: Path) -> tuple[dict[str, Any], str]:
    post_convert(plan=plan, staging=folder)
    lines, body = split_card((folder / "README.md").read_text())
    return yaml.safe_load("\n".join(lines)), body


def test_a_model_with_code_of_its_own_says_so_in_each_command(tmp_path: Path) -> None:
    _, body = written(plan_of(config={"model_file": "own.py"}), tmp_path)
    assert "mlx_lm.generate --model Tiny-MLX-4bit --trust-remote-code" in body
    assert 'load("Tiny-MLX-4bit", trust_remote_code=True)' in body
    assert "mlx-convert generate --trust-remote-code Tiny-MLX-4bit" in body
    sent = for_repo(body, "me/Tiny", {})
    assert "mlx_lm.generate --model me/Tiny --trust-remote-code" in sent


def test_card_carries_licence_language_and_base_model(tmp_path: Path) -> None:
    fields, body = written(plan_of(repo_id="org/Tiny", revision="c0ffee"), tmp_path)
    assert fields == {
        "library_name": "mlx",
        "pipeline_tag": "text-generation",
        "tags": ["mlx", "chat"],
        "base_model": "org/Tiny",
        "base_model_relation": "quantized",
        "license": "other",
        "license_name": "lfm1.0",
        "license_link": "LICENSE",
        "language": ["en", "fr"],
    }
    assert "4 bits, group size 64, mode affine" in body
    assert "4.50" in body
    assert "`c0ffee`" in body
    assert "`model.norm`: its width is 100" in body


def test_card_of_an_unquantized_model_claims_no_quantization(tmp_path: Path) -> None:
    fields, body = written(plan_of(repo_id="org/Tiny", quantized=False), tmp_path)
    assert "base_model_relation" not in fields
    assert "bfloat16, not quantized" in body


def test_card_of_a_text_only_result_makes_no_picture_model_of_it(tmp_path: Path) -> None:
    tags = ["image-text-to-text", "chat", "vision", "multimodal", "any-to-any", "German"]
    plan = plan_of({"pipeline_tag": "image-text-to-text", "tags": tags})
    tower = LeftOut(kind="vision", tensors=437, nbytes=812_300_000, examples=("vision_tower.`x`",))
    seeing = replace(plan.outputs[0], left_out=(tower,), text_only=True)
    fields, body = written(replace(plan, outputs=(seeing,)), tmp_path)
    assert (fields["pipeline_tag"], fields["tags"]) == ("text-generation", ["mlx", "chat", "German"])
    assert "Takes **text only**" in body
    assert "  - the vision tower \\(437 tensors, 812 MB\\), such as `vision_tower.'x'`\n" in body


def test_card_of_a_local_folder_names_no_base_model(tmp_path: Path) -> None:
    fields, _ = written(plan_of({}), tmp_path)
    assert fields == {"library_name": "mlx", "pipeline_tag": "text-generation", "tags": ["mlx"]}


def test_hostile_card_values_are_left_out(tmp_path: Path) -> None:
    hostile = {
        "license": "mit\nbase_model: evil/model",
        "license_link": "javascript:alert(1)",
        "language": ["en", "x\n- y", 7, None, {"a": 1}],
        "pipeline_tag": "<script>",
        "tags": ["ok", "a: b", "- x", "<img src=x>", "base_model:evil/x"],
    }
    fields, _ = written(plan_of(hostile), tmp_path)
    assert fields == {
        "library_name": "mlx",
        "pipeline_tag": "text-generation",
        "tags": ["mlx", "ok"],
        "language": ["en"],
    }


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    _, body = written(plan_of({"license": "<b>`"}, name="a<script>\n---\n# [x](y)"), tmp_path)
    assert "<script>" not in body
    assert r"a\<script\> --- \# \[x\]\(y\)" in body
    assert "<b>" not in body


def test_a_card_that_a_plugin_wrote_stays(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    post_convert(plan=plan_of(), staging=tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


@given(st.text())
def test_any_text_survives_the_front_matter_as_one_string(text: str) -> None:
    lines, body = split_card(front_matter({"license": text, "tags": [text]}))
    fields = yaml.safe_load("\n".join(lines))
    assert set(fields) == {"license", "tags"}
    assert isinstance(fields["license"], str)
    assert fields["tags"] == [fields["license"]]
    assert body == ""


@pytest.mark.parametrize("text", ["", "no block", "---\nlicense: mit\nnever closed"])
def test_a_card_without_a_block_is_all_body(text: str) -> None:
    assert split_card(text) == ([], text)


def test_a_field_goes_with_everything_below_it() -> None:
    lines = ["license: mit", "tags:", "- a", "  - b", "mine: |", "  text", "", "language: en"]
    assert without_fields(lines, ["tags", "language"]) == ["license: mit", "mine: |", "  text", ""]
