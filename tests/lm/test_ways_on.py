"""What a person can do about a model that means something else here: read about it, convert another, be told."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from mlx_convert_cli.main import cli
from mlx_convert_lm.adapter import load_lazily
from mlx_convert_lm.config.heads import Head
from mlx_convert_lm.config.meaning import Meaning
from mlx_convert_lm.tokenizers.source_check import try_tokenizer
from samples.tiny import write_tiny_llama

from mlx_convert_core import ConversionFailed, ConvertRequest, Finding, UnsupportedModel, Workspace
from mlx_convert_core.plugin import OpenPage, SetOption, inspect_folder
from mlx_convert_core.writing.check import refuse_errors

sys.path.append(str(Path(__file__).parents[1]))

from architectures.checkpoints import write_tiny
from architectures.test_config_meaning import source as source_with
from random_llama import write_llama
from stored import Stored, planned, store, tensors_of

PAGE = "https://hub.example/org/model"
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "rope_theta": 77_000.0}
ODD = {
    "full_attention": {"rope_type": "default", "rope_theta": 77_000.0},
    "sliding_attention": {"rope_type": "default", "rope_theta": 3000.0},
}


def test_positions_that_the_class_can_not_have_lead_to_the_models_page(tmp_path: Path) -> None:
    folder = source_with(tmp_path / "olmo3", "olmo3", rope_parameters=ODD)
    model = replace(inspect_folder(folder), page=PAGE)
    with pytest.raises(UnsupportedModel) as refused:
        load_lazily(folder, model, trust_remote_code=False)
    assert (refused.value.code, refused.value.remedies) == ("rope_differs", (OpenPage(PAGE),))
    with pytest.raises(UnsupportedModel) as refused:
        load_lazily(folder, replace(model, page=""), trust_remote_code=False)
    assert refused.value.remedies == ()


def test_a_head_that_the_class_drops_leads_to_the_models_page(tmp_path: Path) -> None:
    from mlx_lm.models.gemma import Model, ModelArgs

    loaded = load_lazily(write_tiny(tmp_path / "gemma", "gemma"), trust_remote_code=False)
    meaning = Meaning("gemma", (OpenPage(PAGE),))
    meaning.apply(loaded.config, (Model, ModelArgs), Head.OWN)
    with pytest.raises(UnsupportedModel) as refused:
        meaning.check(loaded.model, loaded.config)
    assert (refused.value.code, refused.value.remedies) == ("own_head", (OpenPage(PAGE),))


def test_a_tokenizer_with_more_words_than_the_model_leads_to_its_page(workspace: Workspace, tmp_path: Path) -> None:
    folder = write_tiny_llama(tmp_path / "model")
    settings = folder / "tokenizer_config.json"
    settings.write_text(
        settings.read_text().replace("{", '{"added_tokens_decoder": {"384": {"content": "<call>"}},', 1)
    )
    plan = workspace.plan(ConvertRequest(ref=folder, preset="4bit", output=tmp_path / "out"), exact=False)
    (told,) = [one for one in try_tokenizer(replace(plan, model=replace(plan.model, page=PAGE)), folder) if one]
    assert (told.code, told.remedies) == ("token_ids", (OpenPage(PAGE),))


def test_a_base_model_that_no_source_has_is_not_offered(workspace: Workspace, tmp_path: Path) -> None:
    source = write_llama(tmp_path / "source")
    name = "model.layers.1.self_attn.q_proj.weight"
    shape = tensors_of(source)[name].shape
    store(source, tensors_of(source) | {name: Stored("F4", shape, bytes(shape[0] * shape[1] // 2))})
    (source / "README.md").write_text("---\nbase_model: my own idea\n---\n")
    (error,) = planned(workspace, source)
    assert (error.code, error.remedies) == ("stored_type", ())


def test_what_a_check_of_a_plugin_offers_is_not_lost() -> None:
    steps = (SetOption("dtype", "bfloat16"),)
    with pytest.raises(ConversionFailed) as refused:
        refuse_errors([Finding(code="some", level="error", message="no.", remedies=steps)])
    assert refused.value.remedies == steps


def test_who_asks_a_model_is_told_where_it_computes_otherwise(tmp_path: Path) -> None:
    foreign = source_with(tmp_path / "mixtral", "mixtral", rope_parameters=YARN)
    asked = CliRunner().invoke(cli, ["generate", str(foreign), "Hello", "--max-tokens", "1"])
    assert asked.exit_code == 0, asked.stderr
    assert "warning: mlx-lm's class for mixtral does not apply the yarn scaling" in asked.stderr
