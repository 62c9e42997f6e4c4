"""Names and places: Hub caches, blobs, folders with odd names, and what is sent elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from samples.gguf import llama_metadata, llama_values, write_llama_gguf
from samples.hub_cache import COMMIT, cached

from cases.checkpoints import change_config
from cases.converting import Convert

Run = Callable[..., Result]
HASH = "ab" * 32


@pytest.fixture
def model(convert: Convert, llama: Path) -> Path:
    """Give a converted model of 4 bit."""
    made = convert(llama).path
    assert made is not None
    return made


def test_card_command_of_folder_with_spaces(convert: Convert, llama: Path, run: Run, tmp_path: Path) -> None:
    source = llama.rename(tmp_path / "My Model v1 (final)")
    made = tmp_path / "My Model-MLX-4bit"
    assert run("convert", source, "-p", "4bit", "-o", made).exit_code == 0
    card = (made / "README.md").read_text()
    assert "mlx-convert generate 'My Model-MLX-4bit'" in card or f"mlx-convert generate '{made}'" in card
    assert "My_Model" not in card


def test_gguf_blob_name(run: Run, tmp_path: Path) -> None:
    blob = tmp_path / "here" / "blobs" / f"sha256-{HASH}"
    write_llama_gguf(tmp_path / "tiny.gguf").rename(_made(blob))
    planned = run("plan", blob.relative_to(tmp_path / "here"), "-p", "4bit")
    assert planned.exit_code == 0
    assert "Tiny-Llama-MLX-4bit" in planned.output
    assert "is a folder" not in planned.output


def test_gguf_qwen2(run: Run, tmp_path: Path) -> None:
    fields = {name.replace("llama.", "qwen2."): value for name, value in llama_metadata().items()}
    values = llama_values()
    for name in [name for name in values if name.endswith(("q_proj.weight", "k_proj.weight", "v_proj.weight"))]:
        values[name.replace(".weight", ".bias")] = values[name][:, 0]
    fields |= {"general.architecture": "qwen2", "general.source.repo_url": "https://huggingface.co/acme/Tiny-Qwen2"}
    path = write_llama_gguf(tmp_path / "tiny.gguf", values=values, metadata=fields, heads=(0, 0))
    assert "Ready" in run("plan", path, "-p", "4bit").output
    path = write_llama_gguf(tmp_path / "other.gguf", metadata=fields | {"general.architecture": "falcon"})
    refused = run("plan", path, "-p", "4bit")
    assert "acme/Tiny-Qwen2" in refused.stderr
    assert "Qwen/Qwen2.5-0.5B-Instruct" not in refused.stderr


def test_hf_cache_remove(run: Run, model: Path, hf_cache: Path) -> None:
    snapshot = cached(model, hf_cache)
    blobs = snapshot.parents[1] / "blobs"
    held = len([*blobs.iterdir()])
    run("library", "scan", hf_cache)
    removed = run("library", "remove", snapshot, "--yes")
    gone = not snapshot.exists() or not [*snapshot.iterdir()]
    assert gone == (not blobs.exists() or not [*blobs.iterdir()])
    if not gone:
        assert len([*blobs.iterdir()]) == held
        assert "Deleted" not in removed.output


def test_pass_refs_newline(run: Run, llama: Path, hf_cache: Path) -> None:
    snapshot = cached(llama, hf_cache)
    (snapshot.parents[1] / "refs" / "main").write_text(f"{COMMIT}\n")
    planned = run("plan", "acme/Tiny-Llama-1B", "-p", "4bit")
    assert planned.exit_code == 0
    assert "Ready" in planned.output


def test_scan_stops_silently(run: Run, model: Path, hf_cache: Path) -> None:
    cached(model, hf_cache)
    found = run("library", "scan", hf_cache.parent)
    assert found.exit_code == 0
    assert "1 model" in found.output


def test_trusted_model_file(run: Run, llama: Path, convert: Convert) -> None:
    import mlx_lm.models.llama

    shutil.copy(str(mlx_lm.models.llama.__file__), llama / "my_model.py")
    source = (llama / "my_model.py").read_text()
    (llama / "my_model.py").write_text(source.replace("from .", "from mlx_lm.models."))
    change_config(llama, model_file="my_model.py")
    made = convert(llama, trust_remote_code=True)
    refused = run("generate", made.path, "hi", "--max-tokens", 1)
    assert refused.exit_code != 0
    assert "--trust-remote-code" in refused.output
    assert run("generate", made.path, "hi", "--max-tokens", 1, "--trust-remote-code").exit_code == 0


def test_stdin_not_utf8(run: Run, model: Path) -> None:
    answered = run("generate", model, "-", "--max-tokens", 1, input=b"abc\xff\xfe")
    assert answered.exit_code == 2
    assert "UTF-8" in answered.stderr


def test_upload_damaged_model(run: Run, model: Path, tmp_path: Path) -> None:
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:40_000])
    sent = run("upload", model, "--to", f"folder:{tmp_path / 'up'}")
    assert sent.exit_code == 1
    assert "model.safetensors" in sent.stderr
    assert not (tmp_path / "up").exists()


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
