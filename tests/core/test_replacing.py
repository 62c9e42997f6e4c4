"""`force` replaces an MLX model and nothing else, whatever it is pointed at."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from samples.mlx_folder import write_mlx_folder

from mlx_convert_core import ConvertRequest, InvalidRequest, MlxConvertError, Workspace


def _photos(folder: Path, source: Path) -> Path:
    (folder / "photos").mkdir()
    (folder / "photos" / "mine.txt").write_text("precious")
    return folder / "photos"


def _models(folder: Path, source: Path) -> Path:
    return write_mlx_folder(folder / "models" / "one").parent


def _source(folder: Path, source: Path) -> Path:
    return source


def _here(folder: Path, source: Path) -> Path:
    return write_mlx_folder(folder / "here")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (_photos, "it holds something else than an MLX model"),
        (_models, "it holds something else than an MLX model"),
        (_source, "the model to convert is in it"),
        (_here, "your current folder is in it"),
    ],
)
def test_what_is_no_mlx_model_is_never_replaced(
    tiny_llama: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    workspace: Workspace,
    target: Callable[[Path, Path], Path],
    said: str,
) -> None:
    output = target(tmp_path, tiny_llama)
    before = sorted(output.rglob("*"))
    if target is _here:
        monkeypatch.chdir(output)
    job = workspace.convert(ConvertRequest(ref=str(tiny_llama), output=output, force=True), inline=True)
    with pytest.raises(MlxConvertError, match=said) as caught:
        job.result()
    assert caught.value.code == "not_replaceable"
    assert sorted(output.rglob("*")) == before


def test_an_empty_folder_is_filled(tiny_llama: Path, tmp_path: Path, workspace: Workspace) -> None:
    (tmp_path / "out").mkdir()
    plan = workspace.plan(ConvertRequest(ref=str(tiny_llama), output=tmp_path / "out", force=True), exact=False)
    assert plan.errors == ()


@pytest.mark.parametrize("options", [{"output": ("x", "x")}, {"bits": 6}, {"output": ("x", "./y/../x")}])
def test_two_outputs_never_go_to_one_folder(tiny_llama: Path, workspace: Workspace, options: dict[str, object]) -> None:
    request = ConvertRequest(ref=str(tiny_llama), preset=("4bit", "8bit"), **options)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match="two outputs would go to"):
        workspace.plan(request, exact=False)


def test_what_a_dead_job_left_does_not_fill_the_disk(
    tiny_llama: Path, tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlx_convert_core.converting.preflight.free_disk", lambda path: 0)
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
    monkeypatch.setattr("mlx_convert_core.converting.preflight.free_disk", lambda path: 0)
    monkeypatch.setattr("mlx_convert_core.converting.preflight._device", lambda path: int(path.parent.name == "other"))
    (tmp_path / "other").mkdir()
    left = tmp_path / ".one.partial-dead" / "model.safetensors"
    left.parent.mkdir()
    left.write_bytes(bytes(5_000_000))
    os.utime(left.parent, (0, 0))
    outputs = (tmp_path / "one", tmp_path / "other" / "two")
    request = ConvertRequest(ref=str(tiny_llama), preset=("4bit", "8bit"), output=tuple(map(str, outputs)))
    (error,) = workspace.plan(request, exact=False).errors
    assert f"on the disk of {tmp_path / 'other'};" in error.message
