"""The tiny checkpoints are named and shaped as transformers itself names and shapes them.

Runs where PyTorch is installed (it needs no more than a processor), and is skipped elsewhere.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from architectures.checkpoints import TINY, source_specs, tiny_config
from mlx_convert_core.plugin import read_header

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
pytest.importorskip("torch")

# What repos hold beside the text model, and what transformers' class drops or makes up.
BESIDE = re.compile(
    r"rotary_emb|(^|\.)mtp|vision|patch_merge|visual|multi_modal|audio|(attn|attention)\.(masked_)?bias$"
    r"|\.(eh_proj|enorm|hnorm)\.|moe_statics"
)
# Where the published repo, which mlx-lm's class is made for, is named otherwise than by today's transformers.
OTHERWISE = {
    "bailing_hybrid": "transformers has the third version only",
    "bailing_moe_v3": "transformers names the linear layers' output otherwise",
    "bitnet": "published with packed weights",
    "gpt2": "published without a prefix",
    "gpt_oss": "published with packed experts",
    "kimi_k25": "transformers names the text model's layers otherwise",
    "kimi_linear": "transformers names the dense layer as if it had experts",
    "longcat_flash": "transformers gives the zero experts weights",
    "minimax": "transformers has MiniMax-Text-01 under this name, mlx-lm MiniMax-M2",
    "nanochat": "mlx-lm takes the names of the original",
    "olmo_hybrid": "transformers names the norms otherwise",
    "qwen3_5_moe": "published with stacked experts",
    "qwen3_vl_moe": "published with inputs first",
}
TOO_LARGE = ("muse_glimmer", "muse_spark")  # their towers, whatever the config says
SHARED_KEYS = {"gemma4": r"layers\.2\.self_attn\.(k|v)_", "gemma4_text": r"layers\.2\.self_attn\.(k|v)_"}


@pytest.mark.parametrize("model_type", sorted(TINY.keys() - {*OTHERWISE, *TOO_LARGE, "olmo"}))
def test_names_and_shapes_are_those_of_transformers(model_type: str, tmp_path: Path) -> None:
    theirs = saved_by_transformers(model_type, tmp_path)
    assert text_of(model_type, shapes_of(model_type)) == text_of(model_type, theirs)


@pytest.mark.parametrize("model_type", sorted(OTHERWISE))
def test_the_known_exceptions_are_still_some(model_type: str, tmp_path: Path) -> None:
    theirs = saved_by_transformers(model_type, tmp_path)
    assert text_of(model_type, shapes_of(model_type)) != text_of(model_type, theirs)


def shapes_of(model_type: str) -> dict[str, tuple[int, ...]]:
    """The shapes of a tiny checkpoint."""
    return {name: spec.shape for name, spec in source_specs(model_type).items()}


def saved_by_transformers(model_type: str, folder: Path) -> dict[str, tuple[int, ...]]:
    """The shapes in what transformers saves for the same config.json; skips where it has no class."""
    import transformers

    (folder / "config.json").write_text(json.dumps(tiny_config(model_type)))
    try:
        config = transformers.AutoConfig.from_pretrained(folder)
    except ValueError as error:
        pytest.skip(f"transformers does not know it: {str(error)[:80]}")
    model_of(config).save_pretrained(folder / "saved")
    return {
        tensor.name: tensor.shape for path in (folder / "saved").glob("*.safetensors") for tensor in read_header(path)
    }


def model_of(config: Any) -> Any:
    """The model for text and pictures, or else for text."""
    import transformers

    for kind in ("AutoModelForImageTextToText", "AutoModelForCausalLM"):
        try:
            return getattr(transformers, kind).from_config(config)
        except ValueError as error:
            if "Unrecognized configuration class" not in str(error):
                raise
        except ImportError as error:
            pytest.skip(str(error).splitlines()[0])
    pytest.skip("transformers has a config for it, but no model")


def text_of(model_type: str, shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The text model's tensors alone."""
    config = tiny_config(model_type)
    text = config.get("text_config", config)
    dropped = re.compile(SHARED_KEYS.get(model_type, r"$^"))
    return {
        name: shape
        for name, shape in shapes.items()
        if not BESIDE.search(name)
        and not dropped.search(name)
        and not (text.get("tie_word_embeddings") and name.endswith("lm_head.weight"))
        and _layer(name) < text.get("num_hidden_layers", 100)
    }


def _layer(name: str) -> int:
    found = re.search(r"\.layers\.(\d+)\.", name)
    return int(found[1]) if found else 0
