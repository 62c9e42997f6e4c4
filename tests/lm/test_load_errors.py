"""Why a checkpoint can't be loaded is said about the file, setting or limit that is at fault."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mlx_convert_lm.adapter import load_lazily
from mlx_convert_lm.load_errors import explain_load

from mlx_convert_core import MlxConvertError
from mlx_convert_core.plugin import CorruptCheckpoint
from mlx_convert_core.testing import write_tiny_checkpoint

ODD: list[tuple[str, Any]] = [
    ("hidden_size", "wide"), ("hidden_size", None), ("hidden_size", 1.5), ("hidden_size", -1), ("hidden_size", 0),
    ("num_hidden_layers", "x"), ("num_hidden_layers", [2]), ("num_hidden_layers", -1), ("num_attention_heads", 0),
    ("num_attention_heads", "x"), ("num_key_value_heads", "x"), ("vocab_size", 0), ("vocab_size", None),
    ("rms_norm_eps", "x"), ("rms_norm_eps", [1]), ("rope_scaling", 5), ("head_dim", "x"), ("quantization", "x"),
    ("quantization_config", [1]), ("text_config", 5), ("layer_types", 5), ("rope_theta", "1e4"),
    ("rope_theta", None), ("rope_theta", -1.0),
]  # fmt: skip


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write_tiny_checkpoint(tmp_path / "tiny")


def set_(checkpoint: Path, **fields: Any) -> None:
    path = checkpoint / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize(("field", "value"), ODD)
def test_a_setting_of_the_wrong_kind_is_named(checkpoint: Path, field: str, value: Any) -> None:
    set_(checkpoint, **{field: value})
    with pytest.raises(CorruptCheckpoint) as caught:
        load_lazily(checkpoint, trust_remote_code=False)
    assert caught.value.code == "bad_config"
    assert f"{field} {value!r}" in caught.value.message


def test_a_code_file_that_is_not_there_is_named(checkpoint: Path) -> None:
    set_(checkpoint, model_file="gone.py")
    with pytest.raises(MlxConvertError) as caught:
        load_lazily(checkpoint, trust_remote_code=True)
    assert caught.value.code == "file"
    assert str(checkpoint / "gone.py") in caught.value.message


@pytest.mark.parametrize("text", ['{"a":' * 100_000 + "1" + "}" * 100_000, "[1]"])
def test_a_file_beside_it_that_can_not_be_read_is_named(checkpoint: Path, text: str) -> None:
    name = "generation_config.json"
    (checkpoint / name).write_text(text)
    with pytest.raises(CorruptCheckpoint) as caught:
        load_lazily(checkpoint, trust_remote_code=False)
    assert caught.value.code == "bad_json"
    assert name in caught.value.message


@pytest.mark.parametrize("wanted", [(256, 1024), (3000, 1 << 20)])
def test_an_account_keeps_its_limit_of_open_files(checkpoint: Path, wanted: tuple[int, int]) -> None:
    """mlx-lm raises it to 2,048 of 4,096 when it is imported, which an account with less may not."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limits = wanted[0], min(wanted[1], most)
    code = f"""
import resource
from pathlib import Path
resource.setrlimit(resource.RLIMIT_NOFILE, {limits})
from mlx_convert_lm.adapter import load_lazily
from mlx_convert_lm.load_errors import explain_load
from mlx_convert_lm.importing import public
load_lazily(Path({str(checkpoint)!r}), trust_remote_code=False)
public()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    soft = max(limits[0], min(2048, limits[1]))
    assert ended.stdout.split() == [str(soft), str(limits[1])], ended.stderr


@pytest.mark.parametrize("end", ["", ".", "?", "?\nsaid in C++"])
def test_a_reason_of_mlx_ends_in_one_full_stop(tmp_path: Path, end: str) -> None:
    error = RuntimeError(f"[load_safetensors] Invalid offsets. Perhaps a corrupt file{end}")
    told = explain_load(error, tmp_path, "tiny")
    assert told.message == "a weight file of tiny can't be read: Invalid offsets. Perhaps a corrupt file."
