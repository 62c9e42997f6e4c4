"""Have transformers read the GGUF files of tiny checkpoints, and compare what it computes with what we make of them.

python tests/gguf/transformers_gguf.py [--write] [MODEL_TYPE...]     (needs torch, accelerate: `make gguf-transformers`)
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[:1] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import mlx.core as mx
import numpy as np
from architectures.checkpoints import TINY, write_tiny
from samples.llama_cpp import gguf_of
from test_architectures import CASES, YARN_OF_GPT_OSS, Case

from mlx_convert_core import ConvertRequest, Workspace

PAGE = Path(__file__).parents[2] / "docs" / "gguf.md"
TOKENS = [[(37 * place + 11) % 250 + 5 for place in range(24)]]
SAME, NEAR = 1e-4, 1e-2  # of the largest logit
_BEGIN, _END = "<!-- transformers -->\n", "<!-- /transformers -->"
# What transformers does not take from a GGUF file, but has as the default of its configuration.
ITS_DEFAULTS: dict[str, dict[str, Any]] = {
    "qwen3": {"head_dim": 128},
    "phi3": {"rope_scaling": None},
    "gemma2": {"head_dim": 256, "query_pre_attn_scalar": 256},
    "gemma3_text": {"head_dim": 256, "query_pre_attn_scalar": 256},
    "stablelm": {"qk_layernorm": False},
    "qwen2_moe": {"moe_intermediate_size": 1408, "shared_expert_intermediate_size": 5632, "norm_topk_prob": False},
    "qwen3_moe": {"moe_intermediate_size": 768},
    "gpt2": {"n_positions": 1024, "n_ctx": 1024},
    "olmo3": {"rope_theta": 500_000.0},
    "gpt_oss": {"head_dim": 64, "rope_theta": 150_000.0, "rope_scaling": YARN_OF_GPT_OSS},
}
# What it makes of a file that it doesn't read whole.
READ_OTHERWISE = {"gpt_oss": "not its positions, nor its experts", "mixtral": "Mixtral as a dense llama"}
NEAR_FOR = {
    "gemma": "GELU exact or by tanh",
    "starcoder2": "GELU exact or by tanh",
    "gpt_oss": "ends of YaRN's ramp rounded or not",
}


def main(options: argparse.Namespace) -> int:
    """Print a line for each checkpoint; 1 when a reading differs that is not known to. Writes the page when wanted."""
    cells: dict[str, list[tuple[str, str]]] = {}
    wrong = 0
    for case in (*CASES, Case("gpt_oss", "gpt-oss")):
        if case.model_type in options.model_types or not options.model_types:
            with tempfile.TemporaryDirectory(prefix="mlx-convert-gguf-") as work:
                file, checkpoint = compared(Path(work), case)
            row = (told(case.model_type, file, READ_OTHERWISE), told(case.model_type, checkpoint, {}))
            wrong += "differs" in "".join(row)
            cells.setdefault(case.name, []).append(row)
            print(f"{case.model_type:14} file: {row[0]:40} checkpoint: {row[1]}", flush=True)
    if options.write:
        PAGE.write_text(with_transformers(PAGE.read_text(encoding="utf-8"), cells), encoding="utf-8")
    return int(wrong > 0)


def compared(work: Path, case: Case) -> tuple[float | None, float | None]:
    """How far our logits are from those of transformers: of the file, and of the checkpoint that it was made of.

    Of the largest logit; None for what transformers refuses.
    """
    twin = spread_out(checkpoint_of(case, work / "twin"))
    (work / "file").mkdir()
    path = gguf_of(twin, work / "file" / "tiny.gguf", case.name)
    ours = converted_logits(path, work)

    def away(folder: Path, **settings: Any) -> float | None:
        try:
            theirs = logits_of_transformers(folder, **settings)
        except Exception as refused:  # whatever it stumbles on
            print(f"{case.model_type}: {refused!r:.300}", file=sys.stderr)
            return None
        return float(np.abs(ours - theirs).max() / np.abs(theirs).max())

    return away(path.parent, gguf_file=path.name), away(twin)


def checkpoint_of(case: Case, folder: Path) -> Path:
    """The tiny checkpoint, in what bfloat16 holds, with the settings that transformers can't read where it has them."""
    tiny = TINY[case.model_type]
    plain = {} if case.model_type == "gpt_oss" else {"stored": "BF16", "cast": "bfloat16"}
    config = tiny.config | case.changed | ITS_DEFAULTS.get(case.model_type, {})
    TINY[case.model_type] = replace(tiny, config=config, **plain)
    try:
        return write_tiny(folder, case.model_type)
    finally:
        TINY[case.model_type] = tiny


def spread_out(checkpoint: Path) -> Path:
    """The checkpoint with matrices so large that positions and every scale show in the logits."""
    for shard in checkpoint.glob("*.safetensors"):
        found = mx.load(str(shard))
        assert isinstance(found, dict)
        mx.save_safetensors(str(shard), {name: _larger(name, array) for name, array in found.items()}, {"format": "pt"})
    return checkpoint


def _larger(name: str, array: mx.array) -> mx.array:
    if array.ndim < 2 or "norm" in name or not mx.issubdtype(array.dtype, mx.floating):
        return mx.array(np.array(array)) if array.dtype == mx.uint8 else array + 0
    return (array.astype(mx.float32) * (28 / array.shape[-1] ** 0.5)).astype(array.dtype)


def converted_logits(path: Path, work: Path) -> Any:
    """What mlx-lm by itself computes from our conversion, in float32."""
    from mlx_lm.utils import load_model

    with Workspace(home=work / "home") as workspace:
        request = ConvertRequest(ref=path, preset=("fp32",), output=(work / "made",), verify=False)
        workspace.convert(request, inline=True).result()
    model, _ = load_model(work / "made")
    return np.array(model(mx.array(TOKENS)).astype(mx.float32))[0]


def logits_of_transformers(folder: Path, **settings: Any) -> Any:
    """What transformers computes on torch, in float32."""
    import torch
    from transformers import AutoModelForCausalLM

    found = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", **settings)
    with torch.no_grad():
        return found.eval()(torch.tensor(TOKENS), use_cache=False).logits[0].float().numpy()


def told(model_type: str, difference: float | None, otherwise: Mapping[str, str]) -> str:
    """A cell of the table."""
    if difference is None:
        return otherwise.get(model_type, "refused")
    if difference < SAME:
        return "equal"
    if difference < NEAR and model_type in NEAR_FOR:
        return f"{difference:.1e}: {NEAR_FOR[model_type]}"
    return otherwise.get(model_type, f"**differs** by {difference:.1e}")


def with_transformers(page: str, cells: Mapping[str, list[tuple[str, str]]]) -> str:
    """``page`` with the last two columns of its table as they were just found."""
    versions = f"transformers {version('transformers')} on torch {version('torch').partition('+')[0]}"
    page = re.sub(f"{_BEGIN}.*?{_END}", f"{_BEGIN}Compared with {versions}.\n{_END}", page, flags=re.DOTALL)

    def line(found: re.Match[str]) -> str:
        rows = cells.get(found[2], [])
        kept = [" / ".join(dict.fromkeys(column)) for column in zip(*rows, strict=True)]
        return f"{found[1]} {' | '.join(kept)} |" if rows else found[0]

    return re.sub(r"^(\| ([\w-]+) \|(?:[^|\n]*\|){4})[^|\n]*\|[^|\n]*\|$", line, page, flags=re.MULTILINE)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the columns of docs/gguf.md, too")
    parser.add_argument("model_types", nargs="*", metavar="MODEL_TYPE", help="default: every one")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main(_options()))
