"""`force` replaces an MLX model and nothing else, whatever it is pointed at."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from samples.mlx_folder import write_mlx_folder

from mlx_convert_core import ConvertRequest, InvalidRequest, Message, MlxConvertError, Workspace
from mlx_convert_core.plugin import what_goes

from .conftest import AddPlugin, WriteToy

Target = Callable[[Path, Path], Path]


def _photos(folder: Path, source: Path) -> Path:
    (folder / "photos").mkdir()
    (folder / "photos" / "mine.txt").write_text("precious")
    return folder / "photos"


def _models(folder: Path, source: Path) -> Path:
    return write_mlx_folder(folder / "models" / "one").parent


def _source(folder: Path, source: Path) -> Path:
    return source


def _source_by_a_link(folder: Path, source: Path) -> Path:
    (folder / "shelf").symlink_to(source.parent)
    return folder / "shelf" / source.name


def _hard_link(folder: Path, source: Path) -> Path:
    taken = write_mlx_folder(folder / "taken")
    (taken / "tokenizer.json").hardlink_to(source / "tokenizer.json")
    return taken


def _here(folder: Path, source: Path) -> Path:
    return write_mlx_folder(folder / "here")


def _original(folder: Path, source: Path) -> Path:
    return shutil.copytree(source, folder / "original")


def _with(*names: str) -> Target:
    """An MLX model with files of a person's beside it."""

    def target(folder: Path, source: Path) -> Path:
        model = write_mlx_folder(folder / "model")
        for name in names:
            (model / name).parent.mkdir(parents=True, exist_ok=True)
            (model / name).write_text("precious")
        return model

    return target


def _model_in_a_model(folder: Path, source: Path) -> Path:
    return write_mlx_folder(write_mlx_folder(folder / "model") / "better").parent


def _link(folder: Path, source: Path) -> Path:
    (folder / "out").symlink_to(write_mlx_folder(folder / "elsewhere" / "model"))
    return folder / "out"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (_photos, r"it holds something else than an MLX model \(mine.txt\)"),
        (_models, "it holds another model, one"),
        (_source, "the model to convert is in it"),
        (_source_by_a_link, "the model to convert is in it"),
        (_hard_link, "files of the model to convert are in it"),
        (_here, "your current folder is in it"),
        (_original, "it holds something else than an MLX model"),
        (_with("notes.txt", "photos/me.jpg"), r"files that are not the model's \(notes.txt, photos/me.jpg\)"),
        (_with("eval.ipynb"), "eval.ipynb"),
        (_with(".secret"), ".secret"),
        (_with("adapters.safetensors"), "adapters.safetensors"),
        (_with("checkpoint/config.json", "checkpoint/pytorch_model.bin"), "it holds another model, checkpoint"),
        (_with(".git/HEAD"), "it is kept in git, and .git would go, too"),
        (_model_in_a_model, "it holds another model, better"),
        (_link, "it is a link"),
    ],
)
def test_what_a_person_may_want_is_never_replaced(
    tiny_llama: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    workspace: Workspace,
    target: Target,
    said: str,
) -> None:
    output = target(tmp_path, tiny_llama)
    before = sorted(tmp_path.rglob("*"))
    if target is _here:
        monkeypatch.chdir(output)
    job = workspace.convert(ConvertRequest(ref=str(tiny_llama), output=output, force=True), inline=True)
    with pytest.raises(MlxConvertError, match=said) as caught:
        job.result()
    assert caught.value.code == "not_replaceable"
    assert sorted(tmp_path.rglob("*")) == before


def test_a_home_folder_is_never_replaced(
    tiny_llama: Path, tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = write_mlx_folder(tmp_path / "ann")
    monkeypatch.setenv("HOME", str(home))
    plan = workspace.plan(ConvertRequest(ref=str(tiny_llama), output=home, force=True), exact=False)
    assert [finding.code for finding in plan.errors] == ["not_replaceable"]
    assert "your home folder is in it" in plan.errors[0].message


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only the superuser mounts")
def test_a_source_that_is_mounted_somewhere_else_is_not_replaced(
    tiny_llama: Path, tmp_path: Path, workspace: Workspace
) -> None:
    (tmp_path / "mounted").mkdir()
    if subprocess.run(["mount", "--bind", str(tiny_llama), str(tmp_path / "mounted")], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        request = ConvertRequest(ref=str(tmp_path / "mounted"), output=tiny_llama, force=True)
        (error,) = workspace.plan(request, exact=False).errors
    finally:
        subprocess.run(["umount", str(tmp_path / "mounted")], check=True)
    assert "the model to convert is in it" in error.message


def test_a_model_goes_with_what_belongs_to_it_and_all_of_that_is_told_before(
    toys: None, write_toy: WriteToy, tmp_path: Path
) -> None:
    source, output = write_toy("toy"), write_mlx_folder(tmp_path / "out")
    belonging = (".DS_Store", "._config.json", ".gitattributes", "chat_template.jinja", "README.md")
    for name in belonging:
        (output / name).touch()
    (output / ".cache" / "huggingface" / "download").mkdir(parents=True)
    (output / ".cache" / "huggingface" / "download" / "config.json.metadata").touch()
    (output / "figures.csv").write_text("1")
    record = {"files": {"figures.csv": {"size": 1, "sha256": ""}}, "recipe": {"preset": "bf16"}}
    (output / "mlx_convert.json").write_text(json.dumps(record))
    request = ConvertRequest(ref=str(source), preset="bf16", output=output, force=True)
    with Workspace() as workspace:
        (planned,) = workspace.plan(request, exact=False).outputs
        assert planned.replaces is not None
        assert {*belonging[2:], "figures.csv", "LICENSE", "model.safetensors"} < {*planned.replaces.files}
        job = workspace.convert(request, inline=True)
        told = [event.text for event in job.events() if isinstance(event, Message)]
        assert job.result().models[0].path == output
    assert f"{output} will be replaced: {planned.replaces.words}." in told
    assert "figures.csv" in planned.replaces.words
    assert not (output / "LICENSE").exists()


def test_a_recorded_file_that_a_person_has_changed_is_that_persons(tiny_llama: Path, tmp_path: Path) -> None:
    output = write_mlx_folder(tmp_path / "out")
    (output / "figures.csv").write_text("1, 2, and what I think of it")
    record = {"files": {"figures.csv": {"size": 1, "sha256": ""}}, "recipe": {"preset": "bf16"}}
    (output / "mlx_convert.json").write_text(json.dumps(record))
    assert what_goes(output).foreign == ("figures.csv",)


PUTS_A_PHOTO = """
from mlx_convert_core.plugin import hookimpl


@hookimpl
def post_convert(plan, staging):
    (plan.outputs[0].path / "photo.jpg").write_text("precious")
"""
PUTS_A_MODEL = """
from mlx_convert_core.plugin import hookimpl


@hookimpl
def post_convert(plan, staging):
    path = plan.outputs[0].path
    (path / "mlx_convert.json").write_text('{"created": "2026-01-01T00:00:00+00:00", "recipe": {"preset": "8bit"}}')
"""


@pytest.mark.parametrize(
    ("plugin", "said"),
    [(PUTS_A_PHOTO, "photo.jpg"), (PUTS_A_MODEL, "another model has come there since the plan was made")],
)
def test_what_came_during_a_conversion_stays(
    toys: None, write_toy: WriteToy, add_plugin: AddPlugin, tmp_path: Path, plugin: str, said: str
) -> None:
    source, output = write_toy("toy"), write_mlx_folder(tmp_path / "out")
    add_plugin("meanwhile", plugin)
    with Workspace() as workspace:
        request = ConvertRequest(ref=str(source), preset="bf16", output=output, force=True)
        with pytest.raises(MlxConvertError, match=said) as caught:
            workspace.convert(request, inline=True).result()
    assert caught.value.code == "not_replaceable"
    assert (output / "LICENSE").read_text() == "precious"
    assert len(list(output.iterdir())) == 4


def test_a_folder_that_is_only_named_like_a_leftover_stays(
    toys: None, write_toy: WriteToy, tmp_path: Path, workspace: Workspace
) -> None:
    mine = tmp_path / ".out.partial-photos"
    mine.mkdir()
    (mine / "me.jpg").write_text("precious")
    os.utime(mine, (0, 0))
    with Workspace() as workspace:
        request = ConvertRequest(ref=str(write_toy("toy")), preset="bf16", output=tmp_path / "out")
        workspace.convert(request, inline=True).result()
    assert (mine / "me.jpg").read_text() == "precious"


def test_an_empty_folder_is_filled(tiny_llama: Path, tmp_path: Path, workspace: Workspace) -> None:
    (tmp_path / "out").mkdir()
    plan = workspace.plan(ConvertRequest(ref=str(tiny_llama), output=tmp_path / "out", force=True), exact=False)
    assert plan.errors == ()


@pytest.mark.parametrize("options", [{"output": ("x", "x")}, {"bits": 6}, {"output": ("x", "./y/../x")}])
def test_two_outputs_never_go_to_one_folder(tiny_llama: Path, workspace: Workspace, options: dict[str, object]) -> None:
    request = ConvertRequest(ref=str(tiny_llama), preset=("4bit", "8bit"), **options)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match="two outputs would go to"):
        workspace.plan(request, exact=False)


def test_one_output_never_goes_into_another(tiny_llama: Path, tmp_path: Path, workspace: Workspace) -> None:
    outputs = (tmp_path / "out", tmp_path / "out" / "below")
    with pytest.raises(InvalidRequest, match="would lie in"):
        workspace.plan(ConvertRequest(ref=str(tiny_llama), preset=("4bit", "8bit"), output=outputs), exact=False)


def test_what_a_dead_job_left_does_not_fill_the_disk(
    tiny_llama: Path, tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlx_convert_core.converting.places.free_disk", lambda path: 0)
    request = ConvertRequest(ref=str(tiny_llama), output=tmp_path / "out")
    assert [finding.code for finding in workspace.plan(request, exact=False).errors] == ["disk"]
    left = tmp_path / ".out.partial-dead" / "output" / "model.safetensors"
    left.parent.mkdir(parents=True)
    left.write_bytes(bytes(5_000_000))
    os.utime(tmp_path / ".out.partial-dead", (0, 0))
    assert workspace.plan(request, exact=False).errors == ()


def test_what_a_dead_job_left_is_no_room_on_another_disk(
    tiny_llama: Path, tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlx_convert_core.converting.places.free_disk", lambda path: 0)
    monkeypatch.setattr("mlx_convert_core.converting.places._device", lambda path: int(path.parent.name == "other"))
    (tmp_path / "other").mkdir()
    left = tmp_path / ".one.partial-dead" / "output" / "model.safetensors"
    left.parent.mkdir(parents=True)
    left.write_bytes(bytes(5_000_000))
    os.utime(left.parent.parent, (0, 0))
    outputs = (tmp_path / "one", tmp_path / "other" / "two")
    request = ConvertRequest(ref=str(tiny_llama), preset=("4bit", "8bit"), output=tuple(map(str, outputs)))
    (error,) = workspace.plan(request, exact=False).errors
    assert f"on the disk of {tmp_path / 'other'};" in error.message
