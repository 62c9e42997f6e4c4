"""What is written is compared with the plan before anybody can see it; the old stays until the new is whole."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from samples.mlx_folder import write_mlx_folder

from mlx_convert_core import (
    ConversionFailed,
    ConvertRequest,
    ConvertResult,
    Job,
    MlxConvertError,
    OutputExists,
    PluginError,
    StepStarted,
    Workspace,
)
from mlx_convert_core.plugin import CorruptCheckpoint
from mlx_convert_core.writing.staging import Staging

WriteToy = Callable[..., Path]
AddPlugin = Callable[[str, str], Path]
Convert = Callable[..., Job[ConvertResult]]

HOOK = """
import json, os, struct

@hookimpl
def post_convert(plan, staging):
    weights = staging / "model.safetensors"
"""
HEADER = """
    data = weights.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    {change}
    text = json.dumps(header, separators=(",", ":")).encode().ljust(length)
    weights.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length:])
"""
# What is done to the written folder -> what the refusal says.
DAMAGE = {
    "a flipped byte in the middle": (
        "    with weights.open('r+b') as file:\n        file.seek(-1500, 2)\n        file.write(b'\\xff')\n",
        "the bytes of the tensor layer.2.weight",
    ),
    "a flipped last byte": (
        "    with weights.open('r+b') as file:\n        file.seek(-1, 2)\n        file.write(b'\\xff')\n",
        "the bytes of the tensor layer.3.weight",
    ),
    "a header that is garbage": (
        "    with weights.open('r+b') as file:\n        file.seek(8)\n        file.write(b'<html>')\n",
        "model.safetensors",
    ),
    "another dtype": (HEADER.format(change="header['layer.1.weight']['dtype'] = 'F16'"), "dtype F16, planned was BF16"),
    "another shape": (HEADER.format(change="header['layer.1.weight']['shape'] = [64, 8]"), "shape (64, 8)"),
    "another name": (
        HEADER.format(change="header['layer.9.weight'] = header.pop('layer.1.weight')"),
        "layer.1.weight was planned and is not in the files",
    ),
    "two names exchanged": (
        HEADER.format(
            change="header['layer.1.weight'], header['layer.2.weight'] = header['layer.2.weight'], "
            "header['layer.1.weight']"
        ),
        "the bytes of the tensor layer.",
    ),
    "a file cut short": ("    os.truncate(weights, weights.stat().st_size - 1)\n", "model.safetensors"),
    "a weight file too many": ("    (staging / 'more.safetensors').write_bytes(b'x')\n", "more.safetensors"),
    "no weights": ("    weights.unlink()\n", "model.safetensors"),
    "no index": ("    (staging / 'model.safetensors.index.json').unlink()\n", "index.json is missing"),
    "another index": (
        "    (staging / 'model.safetensors.index.json').write_text('{\"weight_map\": {}}')\n",
        "does not name the tensors",
    ),
    "no config": ("    (staging / 'config.json').unlink()\n", "config.json"),
    "a config that lies": (
        "    (staging / 'config.json').write_text('{\"quantization\": {\"bits\": 4}}')\n",
        "config.json says that the model is quantized",
    ),
}


@pytest.fixture
def convert(toys: None, write_toy: WriteToy, tmp_path: Path) -> Convert:
    """Convert a toy inline, so that a failure can be looked at, into ``tmp_path / "out" / "model"``."""

    def convert(**options: object) -> Job[ConvertResult]:
        source = write_toy(f"toy-{len(list(tmp_path.iterdir()))}")
        options = {"preset": "bf16", "output": tmp_path / "out" / "model"} | options
        with Workspace() as workspace:
            return workspace.convert(ConvertRequest(ref=str(source), **options), inline=True)  # type: ignore[arg-type]

    return convert


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_folder_that_is_not_as_planned_is_never_published(
    convert: Convert, add_plugin: AddPlugin, nothing_left: Callable[[], None], damage: str
) -> None:
    code, words = DAMAGE[damage]
    add_plugin("damaging", HOOK + code)
    job = convert()
    with pytest.raises(ConversionFailed) as caught:
        job.result()
    assert caught.value.code == "check_failed"
    assert words in caught.value.message
    assert "Nothing was published" in caught.value.hint
    nothing_left()


def test_an_undamaged_folder_is_published(convert: Convert, add_plugin: AddPlugin, tmp_path: Path) -> None:
    add_plugin("harmless", HOOK + "    (staging / 'NOTES.md').write_text('hello')\n")
    convert().result()
    assert (tmp_path / "out" / "model" / "NOTES.md").read_text() == "hello"
    record = json.loads((tmp_path / "out" / "model" / "mlx_convert.json").read_text())
    assert "NOTES.md" in record["files"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["model"]


def test_an_error_finding_of_post_convert_refuses_with_its_own_code(
    convert: Convert, add_plugin: AddPlugin, nothing_left: Callable[[], None]
) -> None:
    add_plugin(
        "strict",
        """
@hookimpl
def post_convert(plan, staging):
    yield Finding(code="smell", level="warning", message="Hm.")
    yield Finding(code="ugly", level="error", message="This is ugly.", hint="Make it nicer.")
""",
    )
    with pytest.raises(ConversionFailed) as caught:
        convert().result()
    assert (caught.value.code, caught.value.message, caught.value.hint) == ("ugly", "This is ugly.", "Make it nicer.")
    nothing_left()


def test_findings_of_plugins_are_kept_with_the_result(convert: Convert, add_plugin: AddPlugin) -> None:
    add_plugin(
        "remarking",
        """
@hookimpl
def pre_convert(plan):
    return [Finding(code="before", level="info", message="Here we go.")]

@hookimpl
def post_convert(plan, staging):
    return [Finding(code="after", level="warning", message="Well.")]
""",
    )
    model = convert().result().models[0]
    assert {"before", "after"} <= {finding.code for finding in model.findings}
    recorded = json.loads((model.path / "mlx_convert.json").read_text())["findings"]
    assert {"before", "after"} <= {finding["code"] for finding in recorded}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("    raise RuntimeError('oh no')\n", "failed in post_convert: RuntimeError: oh no"),
        ("    return 5\n", "failed in post_convert: TypeError: gave a int, not a list"),
        ("    yield 'a text'\n", "failed in post_convert: TypeError: gave a str, not a Finding"),
        ("    yield Finding(code='x', level='info', message='x')\n    1 / 0\n", "ZeroDivisionError"),
    ],
)
def test_a_plugin_that_fails_in_post_convert_is_named(
    convert: Convert, add_plugin: AddPlugin, nothing_left: Callable[[], None], code: str, words: str
) -> None:
    add_plugin("sloppy", HOOK + code)
    with pytest.raises(PluginError, match="sloppy") as caught:
        convert().result()
    assert words in caught.value.message
    nothing_left()


def test_force_keeps_the_old_until_the_new_is_whole(convert: Convert, add_plugin: AddPlugin, tmp_path: Path) -> None:
    old = write_mlx_folder(tmp_path / "out" / "model")
    seen = tmp_path / "seen.txt"
    add_plugin(
        "looking", HOOK + f"    Path({str(seen)!r}).write_text((plan.outputs[0].path / 'LICENSE').read_text())\n"
    )
    convert(force=True).result()
    assert seen.read_text() == "precious"
    assert not (old / "LICENSE").exists()
    assert (old / "config.json").exists()


@pytest.mark.parametrize("damage", ["a flipped last byte", "no config"])
def test_a_replacement_that_is_refused_keeps_the_old(
    convert: Convert, add_plugin: AddPlugin, tmp_path: Path, damage: str
) -> None:
    old = write_mlx_folder(tmp_path / "out" / "model")
    add_plugin("damaging", HOOK + DAMAGE[damage][0])
    with pytest.raises(ConversionFailed):
        convert(force=True).result()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["model"]
    assert (old / "LICENSE").read_text() == "precious"


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
def test_what_is_changed_after_the_check_is_never_published(
    convert: Convert, monkeypatch: pytest.MonkeyPatch, nothing_left: Callable[[], None], file: str
) -> None:
    def spoil(path: Path) -> None:
        data, before = bytearray(path.read_bytes()), path.stat()
        data[-1] ^= 1
        path.write_bytes(data)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    monkeypatch.setattr(Staging, "settle", lambda staging: spoil(staging.output / file))
    with pytest.raises(ConversionFailed) as caught:
        convert().result()
    assert caught.value.code == "check_failed"
    assert f"{file} was changed on the disk after it had been checked" in caught.value.message
    nothing_left()


def test_what_vanishes_after_the_check_is_never_published(
    convert: Convert, monkeypatch: pytest.MonkeyPatch, nothing_left: Callable[[], None]
) -> None:
    monkeypatch.setattr(Staging, "settle", lambda staging: (staging.output / "tokenizer.json").unlink())
    with pytest.raises(ConversionFailed, match="not what was planned"):
        convert().result()
    nothing_left()


def test_what_is_only_touched_after_the_check_is_published(convert: Convert, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Staging, "settle", lambda staging: os.utime(staging.output / "model.safetensors"))
    assert convert().result().path.is_dir()


@pytest.mark.parametrize(("step", "kept"), [("settle", False), ("publish", True)])
def test_a_cancel_at_the_end_leaves_nothing_or_a_model_in_the_library(
    toys: None, write_toy: WriteToy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, kept: bool
) -> None:
    output = tmp_path / "out" / "model"
    with Workspace() as workspace:
        real = getattr(Staging, step)

        def cancelling(staging: Staging, **options: bool) -> None:
            real(staging, **options)
            workspace.jobs[-1].cancel()

        monkeypatch.setattr(Staging, step, cancelling)
        request = ConvertRequest(ref=str(write_toy()), preset="bf16", output=output)
        job = workspace.convert(request, inline=True)
        assert job.state == ("finished" if kept else "cancelled")
        assert output.exists() == kept
        assert [entry.path for entry in workspace.library.entries()] == [output] * kept


def test_an_output_that_appears_meanwhile_is_kept(convert: Convert, add_plugin: AddPlugin, tmp_path: Path) -> None:
    add_plugin("racing", HOOK + "    plan.outputs[0].path.mkdir()\n    (plan.outputs[0].path / 'mine.txt').touch()\n")
    with pytest.raises(OutputExists):
        convert().result()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["model"]
    assert [path.name for path in (tmp_path / "out" / "model").iterdir()] == ["mine.txt"]


def test_of_several_outputs_all_are_published_or_none(convert: Convert, add_plugin: AddPlugin, tmp_path: Path) -> None:
    add_plugin(
        "racing",
        "from mlx_convert_core import Preset\n\n@hookimpl\ndef register_presets():\n"
        "    yield Preset(name='again', title='Again', summary='The same once more.')\n"
        + HOOK
        + "    if plan.outputs[0].preset == 'again':\n        plan.outputs[0].path.mkdir()\n",
    )
    with pytest.raises(MlxConvertError) as caught:
        convert(preset=("bf16", "again"), output=(tmp_path / "out" / "first", tmp_path / "out" / "second")).result()
    assert caught.value.code == "exists"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["second"]
    assert list((tmp_path / "out" / "second").iterdir()) == []


def test_a_library_at_fault_does_not_undo_a_conversion(convert: Convert, add_plugin: AddPlugin, tmp_path: Path) -> None:
    add_plugin(
        "forgetful",
        """
class Forgetful:
    def entries(self): return ()
    def add(self, entry): raise LibraryError("the list is full.", hint="Make room.")
    def remove(self, path): ...

@hookimpl
def library_store(home):
    return Forgetful()
""",
    )
    job = convert()
    assert job.result().path.is_dir()
    assert any("the list is full" in getattr(event, "text", "") for event in job.events())


def test_what_the_disk_could_not_keep_is_not_published(
    workspace: Workspace, write_toy: WriteToy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = iter([OSError(errno.EIO, "Input/output error", "model.safetensors")])

    def told_once(handle: int) -> None:
        for error in told:
            raise error

    monkeypatch.setattr("mlx_convert_core.writing.staging.flush", told_once)
    job = workspace.convert(ConvertRequest(ref=str(write_toy()), preset="bf16", output=tmp_path / "out"), inline=True)
    with pytest.raises(MlxConvertError):
        job.result()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_text('{"version": "another"}')])
def test_a_tokenizer_that_changes_meanwhile_is_named(
    workspace: Workspace, write_toy: WriteToy, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    source = write_toy(convert="linger")
    job = workspace.convert(ConvertRequest(ref=str(source), preset="bf16", output=tmp_path / "out" / "model"))
    next(event for event in job.events() if isinstance(event, StepStarted) and event.step == "quantize")
    change(source / "tokenizer.json")
    with pytest.raises(CorruptCheckpoint) as caught:
        job.result()
    assert caught.value.code == "source_changed"
    assert caught.value.message.startswith("tokenizer.json was changed or removed")
    assert not (tmp_path / "out").exists()


def test_an_output_that_exists_does_not_keep_the_others_from_being_made(
    workspace: Workspace, write_toy: WriteToy, tmp_path: Path
) -> None:
    source, folder = write_toy(), tmp_path / "out"
    before = write_mlx_folder(folder / "one")
    outputs = (folder / "one", folder / "two")
    job = workspace.convert(ConvertRequest(ref=str(source), preset=("bf16", "fp16"), output=outputs))
    result = job.result()
    assert [model.path.name for model in result.models] == ["two"]
    assert not any(finding.code == "exists" for finding in result.models[0].findings)  # it is nothing of this model's
    (left,) = result.skipped
    assert (left.path, left.label) == (before, "bf16")
    assert "it is there already" in left.reason
    assert (before / "LICENSE").exists()
    again = workspace.convert(ConvertRequest(ref=str(source), preset=("bf16", "fp16"), output=outputs))
    with pytest.raises(OutputExists):
        again.result()


def test_forced_outputs_are_made_beside_one_that_must_stay(
    workspace: Workspace, write_toy: WriteToy, tmp_path: Path
) -> None:
    source, folder = write_toy(), tmp_path / "out"
    write_mlx_folder(folder / "one")
    (folder / "two").mkdir()
    (folder / "two/thesis.txt").write_text("precious")
    request = ConvertRequest(
        ref=str(source), preset=("bf16", "fp16"), output=(folder / "one", folder / "two"), force=True
    )
    plan = workspace.plan(request)
    assert plan.exact
    assert not plan.errors
    assert [output.path.name for output in plan.taken] == ["two"]
    assert "the others are made" in next(one for one in plan.findings if one.code == "not_replaceable").hint
    result = workspace.convert(request).result()
    assert [model.path.name for model in result.models] == ["one"]
    assert [output.path.name for output in result.skipped] == ["two"]
    assert (folder / "two/thesis.txt").read_text() == "precious"
