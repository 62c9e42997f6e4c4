"""docs/hooks.md: every hook with its exact signature, and an example that is a whole, working plugin."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from mlx_convert_cli.main import cli
from pages import ROOT, blocks, sections

from mlx_convert_core import ConvertRequest, GenerateRequest, MeasureRequest, Workspace
from mlx_convert_core.plugin import ShardWriter, TensorInfo
from mlx_convert_core.plugins import hookspecs

PAGE = sections(ROOT / "docs" / "hooks.md")
FILES = sorted(Path(hookspecs.__file__).parent.glob("*.py"))
SPECIFICATIONS = {
    node.name: node
    for file in FILES
    for node in ast.parse(file.read_text()).body
    if isinstance(node, ast.FunctionDef) and any("hookspec" in ast.unparse(mark) for mark in node.decorator_list)
}
TEXTS = ("Rules", "When they are called")


def signature(function: ast.FunctionDef) -> str:
    returns = ast.unparse(function.returns) if function.returns else ""
    return f"{function.name}({ast.unparse(function.args)}) -> {returns}"


def test_every_hook_has_a_section_in_the_order_of_the_specifications() -> None:
    assert set(PAGE) - set(TEXTS) == set(SPECIFICATIONS)


@pytest.mark.parametrize("hook", SPECIFICATIONS)
def test_the_signature_is_exact(hook: str) -> None:
    first = blocks(PAGE[hook], "python")[0]
    (shown,) = ast.parse(first.text).body
    assert isinstance(shown, ast.FunctionDef)
    assert signature(shown) == signature(SPECIFICATIONS[hook])


@pytest.mark.parametrize("hook", SPECIFICATIONS)
def test_every_hook_says_in_its_own_words_what_it_is_for(hook: str) -> None:
    docstring = ast.get_docstring(SPECIFICATIONS[hook]) or ""
    assert "Example::" in docstring
    assert f"def {hook}(" in docstring


@pytest.fixture
def examples(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Workspace]]:
    """Open a workspace with the examples of some hooks as single-file plugins, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    opened: list[Workspace] = []

    def open_with(*hooks: str) -> Workspace:
        (home / "plugins").mkdir(exist_ok=True)
        for hook in hooks:
            (home / "plugins" / f"{hook}_example.py").write_text(blocks(PAGE[hook], "python")[1].text)
        opened.append(Workspace())
        assert opened[-1].plugin_failures == ()
        return opened[-1]

    yield open_with
    for workspace in opened:
        workspace.close()
        assert workspace.plugin_failures == ()


@pytest.mark.parametrize("hook", SPECIFICATIONS)
def test_an_example_is_a_plugin_with_that_hook(examples: Callable[..., Workspace], hook: str) -> None:
    workspace = examples(hook)
    plugin = next(plugin for plugin in workspace.plugins if plugin.spec.name == f"{hook}_example")
    assert plugin.hooks == (hook,)


def test_the_examples_work_together_in_a_conversion_and_an_answer(
    examples: Callable[..., Workspace], tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_MODELS", str(tiny_llama.parent))
    used = ("model_source", "quantize_strategy", "library_store", "pre_convert", "post_convert", "on_generate")
    workspace = examples(*used, "examine_files", "on_event", "register_presets")
    request = ConvertRequest(ref="team:tiny-llama", preset="ios", strategy="keep_down", output="models/tiny")
    converted = workspace.convert(request)
    model = converted.result(timeout=300).models[0]
    assert {"licence", "no_template"} <= {finding.code for finding in model.findings}
    assert (model.path / "NOTES.md").read_text() == "Converted from team:tiny-llama, as ios.\n"
    quantization = json.loads((model.path / "config.json").read_text())["quantization"]
    assert (quantization["bits"], quantization["group_size"]) == (4, 32)
    record = json.loads((model.path / "mlx_convert.json").read_text())
    assert {layer["path"].rpartition(".")[2] for layer in record["kept_layers"]} == {"down_proj"}
    assert [entry.name for entry in workspace.library.entries()] == ["tiny"]
    answered = workspace.generate("tiny", GenerateRequest(prompt="Hello", max_tokens=8))
    text = answered.result(timeout=300).text
    workspace.close()
    assert text
    assert text.isascii()  # only small tokens: single bytes
    log = Path("jobs.log").read_text().splitlines()
    assert f"{converted.id} JobFinished" in log
    assert f"{answered.id} JobFinished" in log


def test_a_method(examples: Callable[..., Workspace], tiny_llama: Path) -> None:
    workspace = examples("quantize_method")
    made = [
        workspace.convert(ConvertRequest(ref=str(tiny_llama), bits=4, group_size=32, method=method)).result(timeout=300)
        for method in (None, "mean_kept")
    ]
    nearest, kept = (model.models[0] for model in made)
    assert kept.path.name == f"{nearest.path.name}-mean_kept"
    assert kept.weight_bytes == nearest.weight_bytes
    assert (kept.path / "model.safetensors").read_bytes() != (nearest.path / "model.safetensors").read_bytes()
    assert json.loads((kept.path / "mlx_convert.json").read_text())["recipe"]["method"] == "mean_kept"
    assert "rounded by the method mean\\_kept" in (kept.path / "README.md").read_text()


def test_a_converter_and_a_runner(examples: Callable[..., Workspace], tmp_path: Path) -> None:
    source = tmp_path / "toy-1B"
    source.mkdir()
    tensors = [TensorInfo(name="a.weight", dtype="BF16", shape=(4, 64), shard="model.safetensors")]
    with ShardWriter(source, tensors) as writer:
        writer.write("a.weight", os.urandom(512))
    (source / "config.json").write_text('{"model_type": "toy"}')
    workspace = examples("model_converter", "model_runner", "model_senses")
    model = workspace.convert(ConvertRequest(ref=str(source), preset="bf16")).result(timeout=300)
    assert (model.path / "model.safetensors").read_bytes() == (source / "model.safetensors").read_bytes()
    answer = workspace.generate(model.path, GenerateRequest(prompt="Pieces of eight")).result(timeout=300)
    assert answer.text == "Pieces of eight"
    assert workspace.senses(model.path).senses == {"picture"}


def test_a_metric_a_text_and_tasks(examples: Callable[..., Workspace], tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "1.txt").write_text((ROOT / "docs" / "hooks.md").read_text())
    workspace = examples("register_metrics", "register_texts", "register_tasks")
    model = workspace.convert(ConvertRequest(ref=str(tiny_llama), preset="8bit"), inline=True).result().path
    asked = MeasureRequest(text="letters", tokens=512)
    result = workspace.measure(model, asked, inline=True).result()
    assert (result.text, result.against) == ("letters", "tiny-llama")
    assert 0.9 < result.figure("top5").low <= result.figure("top5").value <= 1
    answered = workspace.measure(model, MeasureRequest(tasks="plurals"), inline=True).result()
    assert (answered.text, answered.questions, answered.against) == ("plurals", 6, "tiny-llama")


def test_a_check_that_looks_at_what_was_converted(
    examples: Callable[..., Workspace], tiny_llama: Path, verifying: None
) -> None:
    request = ConvertRequest(ref=str(tiny_llama), preset="bf16", output="tiny")
    model = examples("register_checks").convert(request).result(timeout=300).models[0]
    assert model.verification is not None
    assert model.verification.facts[-1] == "speaks"


def test_an_upload_target(examples: Callable[..., Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM_DRIVE", str(tmp_path / "drive"))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    result = examples("register_upload_targets").upload(tmp_path / "model", "drive:").result(timeout=300)
    assert (result.location, result.files) == (str(tmp_path / "drive" / "model"), 1)
    assert (tmp_path / "drive" / "model" / "config.json").exists()


def test_an_account(examples: Callable[..., Workspace]) -> None:
    account = examples("register_accounts").accounts()["team"]
    assert not account.state().signed_in
    assert account.sign_in("secret").user == "team"
    assert not account.sign_out().signed_in


def test_a_command(examples: Callable[..., Workspace]) -> None:
    examples("register_commands")
    assert CliRunner().invoke(cli, ["hello", "you"]).stdout == "Hello, you!\n"


def test_a_page(examples: Callable[..., Workspace]) -> None:
    page = examples("register_pages").pages()["count"]
    assert callable(page.load())
