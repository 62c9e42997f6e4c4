"""A config.json as transformers 5 saves it gives the model that the same numbers in older words give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mlx_convert_lm.adapter import load_lazily
from mlx_convert_lm.config.built import turnings

from architectures.checkpoints import write_tiny
from mlx_convert_core import ConvertRequest, UnsupportedModel, Workspace

BASE = 77_000.0
# Classes that took a base of their own, classes that could not be built, and some that read the newer words.
CLASSES = (
    "llama", "qwen2", "gemma", "gemma2", "phi3", "mixtral", "starcoder2", "cohere", "olmo2", "granite", "glm4", "qwen3",
    "qwen3_moe", "helium", "ernie4_5", "stablelm", "phi", "nemotron", "gpt_oss", "deepseek_v3", "lfm2",
)  # fmt: skip
SCALINGS: tuple[dict[str, Any], ...] = (
    {"rope_type": "linear", "factor": 4.0},
    {"rope_type": "dynamic", "factor": 4.0},
    {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
     "original_max_position_embeddings": 64},
    {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64},
)  # fmt: skip


def source(folder: Path, model_type: str, **settings: Any) -> Path:
    """A tiny checkpoint whose config.json says ``settings`` about positions, and nothing else about them."""
    write_tiny(folder, model_type)
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for name in ("rope_theta", "rope_scaling", "rope_parameters"):
        config.pop(name, None)
    share = config.pop("partial_rotary_factor", None)
    if share is not None and "rope_parameters" in settings:
        settings["rope_parameters"] |= {"partial_rotary_factor": share}
    elif share is not None:
        settings["partial_rotary_factor"] = share
    path.write_text(json.dumps(config | settings))
    return folder


def frequencies(folder: Path) -> list[list[float]]:
    """By what the built model turns its heads, layer for layer."""
    return [turning.frequencies for turning in turnings(load_lazily(folder, trust_remote_code=False).model)]


@pytest.mark.parametrize("model_type", CLASSES)
def test_the_base_is_found_in_the_newer_words(tmp_path: Path, model_type: str) -> None:
    newer = source(tmp_path / "newer", model_type, rope_parameters={"rope_type": "default", "rope_theta": BASE})
    older = source(tmp_path / "older", model_type, rope_theta=BASE, rope_scaling=None)
    found = frequencies(newer)
    assert found == frequencies(older)
    assert found[0][1] == pytest.approx(BASE ** (-1 / len(found[0])), rel=1e-4)


@pytest.mark.parametrize("scaling", SCALINGS, ids=[scaling["rope_type"] for scaling in SCALINGS])
def test_a_scaling_is_found_in_the_newer_words(tmp_path: Path, scaling: dict[str, Any]) -> None:
    newer = source(tmp_path / "newer", "llama", rope_parameters={"rope_theta": BASE, **scaling})
    older = source(tmp_path / "older", "llama", rope_theta=BASE, rope_scaling=scaling)
    plain = source(tmp_path / "plain", "llama", rope_theta=BASE)
    assert frequencies(newer) == frequencies(older)
    assert (frequencies(newer) == frequencies(plain)) == (scaling["rope_type"] == "dynamic")


def test_a_stale_base_beside_the_newer_words_does_not_count(tmp_path: Path) -> None:
    parameters = {"rope_type": "default", "rope_theta": BASE}
    stale = source(tmp_path / "stale", "llama", rope_theta=500.0, rope_parameters=parameters)
    assert frequencies(stale) == frequencies(source(tmp_path / "older", "llama", rope_theta=BASE))


def test_each_kind_of_layer_has_its_own_base(tmp_path: Path) -> None:
    kinds = {
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": BASE},
        "sliding_attention": {"rope_type": "default", "rope_theta": 3000.0},
    }
    scaling = {"rope_type": "linear", "factor": 8.0}
    newer = source(tmp_path / "newer", "gemma3_text", rope_parameters=kinds)
    older = source(
        tmp_path / "older", "gemma3_text", rope_theta=BASE, rope_local_base_freq=3000.0, rope_scaling=scaling
    )
    assert frequencies(newer) == frequencies(older)
    assert len({tuple(one) for one in frequencies(newer)}) == 2


def test_each_kind_of_layer_has_its_own_share_of_a_head(tmp_path: Path) -> None:
    kinds = {
        "full_attention": {"rope_type": "proportional", "rope_theta": BASE, "partial_rotary_factor": 0.25},
        "sliding_attention": {"rope_type": "default", "rope_theta": 3000.0},
    }
    folder = source(tmp_path / "gemma4", "gemma4_text", rope_parameters=kinds)
    loaded = load_lazily(folder, trust_remote_code=False)
    assert "partial_rotary_factor" not in loaded.config
    assert {one.count(0.0) > 0 for one in frequencies(folder)} == {True, False}


def test_the_base_of_a_nested_text_model_is_found(tmp_path: Path) -> None:
    write_tiny(tmp_path / "newer", "gemma3")
    path = tmp_path / "newer" / "config.json"
    config = json.loads(path.read_text())
    for name in ("rope_theta", "rope_local_base_freq", "rope_scaling"):
        config["text_config"].pop(name, None)
    kinds = {"full_attention": {"rope_theta": BASE}, "sliding_attention": {"rope_theta": 3000.0}}
    config["text_config"]["rope_parameters"] = kinds
    path.write_text(json.dumps(config))
    slowest = sorted({round(1 / one[1] ** len(one)) for one in frequencies(tmp_path / "newer")})
    assert slowest == pytest.approx([3000, BASE], rel=1e-3)


def test_what_a_config_leaves_out_has_the_default_of_transformers(tmp_path: Path) -> None:
    assert frequencies(source(tmp_path / "bare", "qwen2")) == frequencies(
        source(tmp_path / "said", "qwen2", rope_theta=10_000.0)
    )


def test_a_base_that_the_class_has_no_place_for_is_refused(tmp_path: Path) -> None:
    kinds = {
        "full_attention": {"rope_type": "default", "rope_theta": BASE},
        "sliding_attention": {"rope_type": "default", "rope_theta": 3000.0},
    }
    folder = source(tmp_path / "olmo3", "olmo3", rope_parameters=kinds)
    with pytest.raises(UnsupportedModel, match=r"base 77000, where config\.json says 3000") as caught:
        load_lazily(folder, trust_remote_code=False)
    assert caught.value.code == "rope_differs"


def test_a_scaling_that_the_class_has_no_place_for_is_named(tmp_path: Path) -> None:
    yarn = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "rope_theta": BASE}
    folder = source(tmp_path / "mixtral", "mixtral", rope_parameters=yarn)
    findings = load_lazily(folder, trust_remote_code=False).findings
    assert [(one.code, one.level) for one in findings] == [("rope_differs", "warning")]
    assert "does not apply the yarn scaling" in findings[0].message


LONG_TEXTS = {"max_position_embeddings": 512, "original_max_position_embeddings": 64}


def longrope(short: list[float], long: list[float]) -> dict[str, Any]:
    sizes = {"rope_type": "longrope", "type": "longrope", "original_max_position_embeddings": 64, "factor": 8.0}
    return sizes | {"short_factor": short, "long_factor": long}


def test_longrope_is_found_in_the_newer_words_and_its_one_set_of_factors_is_named(tmp_path: Path) -> None:
    short, long = [1.0] * 8, [float(number) for number in range(1, 9)]
    scaling = longrope(short, long)
    newer = source(tmp_path / "newer", "phi3", rope_parameters={"rope_theta": BASE, **scaling}, **LONG_TEXTS)
    older = source(tmp_path / "older", "phi3", rope_theta=BASE, rope_scaling=scaling, **LONG_TEXTS)
    plain = [BASE ** (-step / 16) for step in range(0, 16, 2)]
    assert frequencies(newer) == frequencies(older)
    assert frequencies(newer)[0] == pytest.approx(
        [one / factor for one, factor in zip(plain, long, strict=True)], rel=1e-4
    )
    for folder in (newer, older):
        (told,) = load_lazily(folder, trust_remote_code=False).findings
        assert (told.code, told.level) == ("rope_differs", "warning")
        assert "the factors for long texts of its longrope scaling for short texts, too" in told.message


def test_longrope_with_the_same_factors_for_all_texts_is_right(tmp_path: Path) -> None:
    factors = [float(number) for number in range(1, 9)]
    parameters = {"rope_theta": BASE, **longrope(factors, factors)}
    folder = source(tmp_path / "phi3", "phi3", rope_parameters=parameters, **LONG_TEXTS)
    assert load_lazily(folder, trust_remote_code=False).findings == ()


@pytest.mark.parametrize("model_type", ["mistral", "mixtral", "phi3", "starcoder2", "gemma2"])
def test_a_window_that_the_class_does_not_know_is_named(tmp_path: Path, model_type: str) -> None:
    sizes = {"rope_theta": 10_000.0, "max_position_embeddings": 512}
    folder = source(tmp_path / "short", model_type, sliding_window=64, **sizes)
    (told,) = load_lazily(folder, trust_remote_code=False).findings
    assert (told.code, told.level) == ("window_differs", "warning")
    assert "look back at 64 tokens" in told.message
    longer = source(tmp_path / "longer", model_type, sliding_window=512, **sizes)
    assert load_lazily(longer, trust_remote_code=False).findings == ()


@pytest.mark.parametrize("model_type", ["gemma3_text", "cohere2", "gpt_oss", "exaone4", "olmo3", "afmoe"])
def test_a_window_that_the_class_knows_is_not(tmp_path: Path, model_type: str) -> None:
    write_tiny(tmp_path / "tiny", model_type)
    path = tmp_path / "tiny" / "config.json"
    config = json.loads(path.read_text())
    kinds = config.get("layer_types") or ["sliding_attention", "full_attention"] * 20
    sizes = {"sliding_window": 8, "max_position_embeddings": 512}
    path.write_text(json.dumps(config | sizes | {"layer_types": kinds[: config["num_hidden_layers"]]}))
    codes = [one.code for one in load_lazily(tmp_path / "tiny", trust_remote_code=False).findings]
    assert "window_differs" not in codes


def test_the_result_says_it_in_both_words_and_computes_the_same(tmp_path: Path) -> None:
    parameters = {"rope_type": "default", "rope_theta": BASE}
    newer = converted(source(tmp_path / "newer", "llama", rope_parameters=parameters))
    older = converted(source(tmp_path / "older", "llama", rope_theta=BASE))
    config = json.loads((newer / "config.json").read_text())
    assert (config["rope_theta"], config["rope_parameters"]) == (BASE, parameters)
    assert logits(newer) == logits(older)


def converted(folder: Path) -> Path:
    made = folder.parent / f"{folder.name}-mlx"
    with Workspace(home=folder.parent / "home") as workspace:
        workspace.convert(ConvertRequest(ref=str(folder), preset=("fp32",), output=(made,)), inline=True).result()
    return made


def logits(folder: Path) -> list[float]:
    """What mlx-lm by itself makes of a converted folder."""
    import mlx.core as mx
    from mlx_lm.utils import load_model

    model, _ = load_model(folder)
    found: list[float] = model(mx.array([list(range(5, 29))])).flatten().tolist()
    return found
