"""Fixtures and helpers for the tests of plugins; pytest finds the fixtures where mlx-convert is installed.

A test of a plugin in a dozen lines::

    from mlx_convert_core import ConvertRequest
    from mlx_convert_core.testing import heavy_imports

    def test_a_conversion_gets_a_note(mlx_convert_workspace, mlx_convert_checkpoint, tmp_path):
        request = ConvertRequest(ref=mlx_convert_checkpoint, preset="4bit", output=tmp_path / "out")
        model = mlx_convert_workspace.convert(request).result()
        assert (model.path / "NOTES.md").exists()

    def test_importing_the_plugin_costs_nothing():
        assert heavy_imports("my_plugin") == ()

An installed plugin is there by itself; one that is not goes into the fixture ``mlx_convert_plugins``.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from mlx_convert_core.base.child_python import python_command, python_environment
from mlx_convert_core.base.file_names import CONFIG, GENERATION_CONFIG, TOKENIZER, TOKENIZER_CONFIG, WEIGHT_FILE

if TYPE_CHECKING:
    from mlx_convert_core import Workspace

# What takes seconds to import: a plugin imports it inside functions, so that `--help` stays instant.
HEAVY = ("gguf", "huggingface_hub", "mlx", "mlx_lm", "nicegui", "numpy", "torch", "transformers")
HIDDEN, INNER, HEADS, KEY_VALUE_HEADS, VOCABULARY = 128, 256, 4, 2, 320
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
_LARGE_BYTES = bytes((0x3C, 0x3D, 0xBC, 0xBD)[value % 4] for value in range(256))  # bfloat16 of size 0.008 to 0.12


@pytest.fixture
def mlx_convert_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test an empty home folder, also in the processes that it starts; every plugin may load."""
    home = tmp_path / "mlx-convert-home"
    home.mkdir()
    monkeypatch.setenv("MLX_CONVERT_HOME", str(home))
    monkeypatch.delenv("MLX_CONVERT_PLUGINS", raising=False)
    return home


@pytest.fixture
def mlx_convert_plugins() -> tuple[ModuleType | object, ...]:
    """Name plugins that are not installed: override this fixture to return their modules."""
    return ()


@pytest.fixture
def mlx_convert_workspace(
    mlx_convert_home: Path, mlx_convert_plugins: tuple[ModuleType | object, ...]
) -> Iterator[Workspace]:
    """Give a workspace with a home of its own; fails the test when a plugin is at fault."""
    from mlx_convert_core import Workspace

    with Workspace(home=mlx_convert_home, plugins=mlx_convert_plugins) as workspace:
        yield workspace
    assert workspace.plugin_failures == ()


@pytest.fixture
def mlx_convert_checkpoint(tmp_path: Path) -> Path:
    """Give a random llama of two layers, with tokenizer and chat template, to convert and to talk to."""
    return write_tiny_checkpoint(tmp_path / "tiny-llama")


def heavy_imports(module: str, *more: str) -> tuple[str, ...]:
    """Name the heavy libraries (and those of ``more``) that importing ``module`` brings along; () is what you want."""
    code = f"import importlib, sys; importlib.import_module({module!r}); print(*sys.modules)"
    environment = python_environment(PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    ended = subprocess.run(python_command("-c", code), capture_output=True, text=True, env=environment)
    if ended.returncode:
        raise ImportError(f"{module} can't be imported: {ended.stderr.strip()}")
    imported = {name.partition(".")[0] for name in ended.stdout.split()}
    return tuple(name for name in (*HEAVY, *more) if name in imported)


def write_tiny_checkpoint(folder: Path, *, layers: int = 2, **config: Any) -> Path:
    """Write a random llama in the Hugging Face layout (0.8 MB): the same numbers every time, a token for each byte.

    ``config`` replaces fields of config.json. Needs no library but the core's.
    """
    from mlx_convert_core.plugin import ShardWriter, TensorInfo

    folder.mkdir(parents=True)
    tensors = tuple(
        TensorInfo(name=name, dtype="BF16", shape=shape, shard=WEIGHT_FILE) for name, shape in tiny_shapes(layers)
    )
    numbers = random.Random(11)
    with ShardWriter(folder, tensors, {"format": "pt"}) as writer:
        for tensor in tensors:
            writer.write(tensor.name, _random_bfloat16(numbers, tensor.parameters))
    _write_json(folder / CONFIG, tiny_config(layers) | config)
    _write_json(folder / GENERATION_CONFIG, {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0})
    _write_tokenizer(folder)
    return folder


def tiny_config(layers: int = 2, vocabulary: int = VOCABULARY) -> dict[str, Any]:
    """Build config.json of the tiny llama."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": layers,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KEY_VALUE_HEADS,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "vocab_size": vocabulary,
        "max_position_embeddings": 512,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "bos_token_id": 1,
        "eos_token_id": 2,
        "hidden_act": "silu",
    }


def tiny_shapes(layers: int = 2, vocabulary: int = VOCABULARY) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Give the name and shape of each tensor of the tiny llama."""
    width = HIDDEN // HEADS * KEY_VALUE_HEADS
    yield "model.embed_tokens.weight", (vocabulary, HIDDEN)
    for number in range(layers):
        layer = f"model.layers.{number}"
        yield f"{layer}.input_layernorm.weight", (HIDDEN,)
        yield f"{layer}.mlp.down_proj.weight", (HIDDEN, INNER)
        yield f"{layer}.mlp.gate_proj.weight", (INNER, HIDDEN)
        yield f"{layer}.mlp.up_proj.weight", (INNER, HIDDEN)
        yield f"{layer}.post_attention_layernorm.weight", (HIDDEN,)
        yield f"{layer}.self_attn.k_proj.weight", (width, HIDDEN)
        yield f"{layer}.self_attn.o_proj.weight", (HIDDEN, HIDDEN)
        yield f"{layer}.self_attn.q_proj.weight", (HIDDEN, HIDDEN)
        yield f"{layer}.self_attn.v_proj.weight", (width, HIDDEN)
    yield "model.norm.weight", (HIDDEN,)


def _random_bfloat16(numbers: random.Random, count: int) -> bytes:
    values = bytearray(2 * count)  # little-endian: the second byte has the sign and most of the exponent
    values[0::2] = numbers.randbytes(count)
    values[1::2] = numbers.randbytes(count).translate(_LARGE_BYTES)
    return bytes(values)


def _write_tokenizer(folder: Path) -> None:
    """Write a byte-level tokenizer without merges: three special tokens, then one token for each byte."""
    vocabulary = {text: number for number, text in enumerate((*SPECIAL, *_byte_characters()))}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    added = [
        {"id": number, "content": text, "special": True, "normalized": False}
        | dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
        for number, text in enumerate(SPECIAL)
    ]
    _write_json(
        folder / TOKENIZER,
        {
            "version": "1.0",
            "added_tokens": added,
            "pre_tokenizer": byte_level,
            "decoder": byte_level,
            "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
        },
    )
    _write_json(
        folder / TOKENIZER_CONFIG,
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": SPECIAL[1],
            "eos_token": SPECIAL[2],
            "pad_token": SPECIAL[0],
            "model_max_length": 512,
            "chat_template": CHAT_TEMPLATE,
            "clean_up_tokenization_spaces": False,
        },
    )


def _byte_characters() -> list[str]:
    """The printable character that stands for each byte, as GPT-2 chose them."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")
