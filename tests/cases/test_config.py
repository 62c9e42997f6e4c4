"""config.json says what the weights mean: RoPE bases, the head, and how the file itself is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from architectures.checkpoints import write_tiny

from cases.checkpoints import bfloat16, change_config, floats, stored, tensors_of, write_llama, write_tensors
from cases.converting import Convert, compute_the_same


def test_rope_v5_llama(convert: Convert, tmp_path: Path) -> None:
    other = write_llama(tmp_path / "other")
    older = write_llama(tmp_path / "older", rope_theta=500000.0)
    assert not compute_the_same(convert(other, "bf16").path, convert(older, "bf16").path)
    newer = write_llama(tmp_path / "newer")
    change_config(newer, "rope_theta", rope_parameters={"rope_type": "default", "rope_theta": 500000.0})
    made = convert(newer, "bf16")
    assert compute_the_same(made.path, convert(older, "bf16").path) if made.path else made.says("rope")


def test_rope_v5_granite(convert: Convert, tmp_path: Path) -> None:
    assert _keeps_its_base("granite", convert, tmp_path)


def test_rope_v5_phi3(convert: Convert, tmp_path: Path) -> None:
    assert _keeps_its_base("phi3", convert, tmp_path, partial_rotary_factor=1.0)


def _keeps_its_base(model_type: str, convert: Convert, tmp_path: Path, **more: float) -> bool:
    older, newer = (write_tiny(tmp_path / name, model_type) for name in ("older", "newer"))
    change_config(older, "rope_scaling", rope_theta=5e6, **more)
    rope = {"rope_type": "default", "rope_theta": 5e6, **more}
    change_config(newer, "rope_theta", "rope_scaling", rope_parameters=rope)
    made = convert(newer, "bf16")
    if made.path is None:
        return made.says("rope_parameters")
    return compute_the_same(made.path, convert(older, "bf16").path)


def test_tied_flag_but_own_head(convert: Convert, llama: Path, tmp_path: Path) -> None:
    flagged = write_llama(tmp_path / "flagged")
    change_config(flagged, tie_word_embeddings=True)
    made = convert(flagged, "bf16")
    if made.path is None or made.says("lm_head|tie_word_embeddings"):
        assert made.says("lm_head|tie_word_embeddings")
    else:
        assert compute_the_same(made.path, convert(llama, "bf16").path)


def test_config_bom(convert: Convert, llama: Path) -> None:
    path = llama / "config.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    made = convert(llama)
    assert made.path is not None or made.says("^bad_json")


def test_fp16_overflow(convert: Convert, llama: Path) -> None:
    name = "model.layers.0.mlp.up_proj.weight"
    tensors = tensors_of(llama)
    values = floats(tensors[name]).copy()
    values[0, :3] = 1e5
    write_tensors(llama, tensors | {name: bfloat16(values)})
    made = convert(llama, "fp16")
    assert made.says("not_finite|overflow|infinit")
    assert made.says("layers.0.mlp.up_proj")


def test_fp64_dtype(convert: Convert, llama: Path, tmp_path: Path) -> None:
    name = "model.norm.weight"
    tensors = tensors_of(llama)
    plain = floats(tensors[name])
    write_tensors(llama, tensors | {name: stored("F64", plain.astype(np.float64))})
    made = convert(llama, "bf16")
    assert made.path is not None
    assert compute_the_same(made.path, convert(write_llama(tmp_path / "plain"), "bf16").path)
