"""Each architecture: a GGUF file of a checkpoint becomes that checkpoint again, and computes the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from architectures.checkpoints import TINY, write_tiny
from mlx_convert_gguf.architectures import names
from mlx_convert_gguf.fields import Fields
from mlx_convert_gguf.origin import the_original
from samples.llama_cpp import gguf_of, values_of

from mlx_convert_core import ConvertRequest, ModelInfo, Workspace

Rebuild = Callable[[Path], tuple[ModelInfo, Path]]


@dataclass(frozen=True)
class Case:
    """A tiny checkpoint of ``model_type``, its config ``changed``, and what GGUF files call it."""

    model_type: str
    architecture: str = ""
    changed: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.architecture or self.model_type


_GEMMA2 = {
    "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "query_pre_attn_scalar": 16, "sliding_window": 4096
}  # fmt: skip
_GEMMA3 = {
    "num_hidden_layers": 6, "sliding_window_pattern": 6, "layer_types": ["sliding_attention"] * 5 + ["full_attention"],
    "query_pre_attn_scalar": 32,
    "rope_theta": 1_000_000.0,
}  # fmt: skip
_YARN = {
    "type": "yarn", "rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 128, "mscale": 0.707,
    "mscale_all_dim": 0.707, "beta_fast": 32.0, "beta_slow": 1.0,
}  # fmt: skip
YARN_OF_GPT_OSS = {
    "rope_type": "yarn", "factor": 32.0, "original_max_position_embeddings": 4096, "beta_fast": 32.0, "beta_slow": 1.0,
    "truncate": False,
}  # fmt: skip
CASES = (
    Case("llama"),
    Case("qwen2"),
    Case("qwen3"),
    Case("phi3"),
    Case("gemma"),
    Case("gemma2", changed=_GEMMA2),
    Case("gemma3_text", "gemma3", _GEMMA3),
    Case("starcoder2"),
    Case("stablelm"),
    Case("granite"),
    Case("olmo2"),
    Case("olmo3", "olmo2"),
    Case("glm4"),
    Case("lfm2"),
    Case("mixtral", "llama"),
    Case("qwen2_moe", "qwen2moe"),
    Case("qwen3_moe", "qwen3moe", {"mlp_only_layers": []}),
    Case("gpt2"),
    Case("deepseek_v2", "deepseek2", {"rope_scaling": _YARN}),
    Case("deepseek_v3", "deepseek2", {"scoring_func": "sigmoid", "topk_method": "noaux_tc"}),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.model_type)
def test_a_file_becomes_the_checkpoint_that_it_was_made_of(
    case: Case, rebuild: Rebuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = TINY[case.model_type]
    changed = replace(tiny, config=tiny.config | case.changed, stored="BF16", cast="bfloat16")
    monkeypatch.setitem(TINY, case.model_type, changed)
    twin = write_tiny(tmp_path / "twin", case.model_type)
    _, folder = rebuild(gguf_of(twin, tmp_path / "tiny.gguf", case.name))
    ours, theirs = values_of(folder), values_of(twin)
    if tiny.config.get("tie_word_embeddings"):
        theirs.pop("lm_head.weight", None)
    assert ours.keys() == theirs.keys()
    assert [name for name, values in theirs.items() if not np.array_equal(ours[name], values)] == []
    expected = logits_of(twin)
    assert mx.array_equal(logits_of(folder), expected)
    (tmp_path / "scratch").rename(tmp_path / "exact")
    _, folder = rebuild(gguf_of(twin, tmp_path / "tiny.gguf", case.name, "Q8_0"))
    assert float(mx.linalg.norm(logits_of(folder) - expected)) < 0.1 * float(mx.linalg.norm(expected))


@pytest.mark.parametrize("kind", ["F32", "MXFP4"])
def test_gpt_oss_computes_as_its_packed_checkpoint(kind: str, rebuild: Rebuild, tmp_path: Path) -> None:
    """Its experts come as plain numbers that are exactly what the checkpoint has packed."""
    twin = write_tiny(tmp_path / "twin", "gpt_oss")
    _, folder = rebuild(gguf_of(twin, tmp_path / "tiny.gguf", "gpt-oss", kind))
    theirs, ours = values_of(twin), values_of(folder)
    for layer in range(2):
        experts = f"model.layers.{layer}.mlp.experts"
        joined = theirs[f"{experts}.gate_up_proj.weight"]
        assert np.array_equal(ours[f"{experts}.gate_proj.weight"], joined[:, ::2])
        assert np.array_equal(ours[f"{experts}.up_proj.weight"], joined[:, 1::2])
        assert np.array_equal(ours[f"{experts}.down_proj.weight"], theirs[f"{experts}.down_proj.weight"])
    if kind == "F32":
        expected = logits_of(twin)
        assert mx.allclose(logits_of(folder), expected, rtol=0, atol=1e-4 * float(mx.abs(expected).max()))


def logits_of(checkpoint: Path) -> mx.array:
    """What mlx-lm's own loader makes of a few tokens, in float32."""
    from mlx_lm.utils import load_model

    model, _ = load_model(checkpoint)
    model.set_dtype(mx.float32)
    logits: mx.array = model(mx.array([[1, 5, 9, 200, 33, 7]]))
    return logits


def test_every_table_is_compared() -> None:
    assert {"gpt-oss", *(case.name for case in CASES)} == set(names())
    page = Path(__file__).parents[2] / "docs" / "gguf.md"
    listed = [
        line.split("|")[1].strip()
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and "| equal |" in line
    ]
    assert listed == names()


def test_what_is_converted_is_what_the_checkpoint_becomes(tmp_path: Path) -> None:
    twin = write_tiny(tmp_path / "twin", "qwen3")
    path = gguf_of(twin, tmp_path / "tiny.gguf", "qwen3")
    with Workspace() as workspace:
        made = []
        for ref, name in ((path, "gguf"), (twin, "checkpoint")):
            request = ConvertRequest(ref=ref, preset="4bit", output=tmp_path / name)
            made.append(workspace.convert(request, inline=True).result().path)
    ours, theirs = map(values_of, made)
    assert all(np.array_equal(ours[name], values) for name, values in theirs.items())


@pytest.mark.parametrize(
    ("key", "value", "repo"),
    [
        ("general.source.huggingface.repository", "acme/Gem", "acme/Gem"),
        ("general.source.repo_url", "https://huggingface.co/acme/Gem", "acme/Gem"),
        ("general.base_model.0.repo_url", "https://hf.co/acme/Gem/", "acme/Gem"),
        ("general.repo_url", "https://huggingface.co/acme/Gem-GGUF", ""),
        ("general.source.url", "https://example.com/acme/Gem", ""),
        ("general.source.url", "https://huggingface.co/acme/$(rm -rf ~)", ""),
    ],
)
def test_the_original_is_the_one_that_the_file_names(key: str, value: str, repo: str) -> None:
    assert the_original(Fields("gem.gguf", {key: value})) == (
        f"Convert the original model instead; the file says that it comes from {repo}."
        if repo
        else "Convert the original model instead: give its repo id."
    )
