"""A folder from somewhere holds links, pipes and devices where files should be: each is named, none is followed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from samples.mlx_folder import write_mlx_folder

from mlx_convert_core import ConvertRequest, InvalidRequest, MlxConvertError, Workspace, load_recipe
from mlx_convert_core.plugin import CorruptCheckpoint, entry_of

WriteToy = Callable[..., Path]
Spoil = Callable[[Path], object]
SECRET = "-----BEGIN OPENSSH PRIVATE KEY-----"


def link(target: str) -> Spoil:
    return lambda path: path.symlink_to(target)


SPOILED: dict[str, tuple[str, Spoil, str]] = {
    "the licence is a key": ("LICENSE", link("../.ssh/id_ed25519"), "link_out"),
    "the notice is the environment": ("NOTICE", link("/proc/self/environ"), "link_out"),
    "the card is a key": ("README.md", link("../.ssh/id_ed25519"), "link_out"),
    "the config is endless": ("config.json", link("/dev/zero"), "link_out"),
    "the weights are elsewhere": ("model.safetensors", link("../big/model.safetensors"), "link_out"),
    "the tokenizer leads to nothing": ("tokenizer.json", link("gone.json"), "broken_link"),
    "the tokenizer leads to itself": ("tokenizer.json", link("tokenizer.json"), "broken_link"),
    "the card is a pipe": ("README.md", os.mkfifo, "special_file"),
    "the config is a pipe": ("config.json", os.mkfifo, "special_file"),
    "the index is a pipe": ("model.safetensors.index.json", os.mkfifo, "special_file"),
    "the weights are a pipe": ("model.safetensors", os.mkfifo, "special_file"),
    "the tokenizer is a folder": ("tokenizer.json", Path.mkdir, "special_file"),
}


def spoil(folder: Path, kind: str) -> tuple[Path, str]:
    """Put a wrong thing into ``folder``, beside which is a key; its path, and the code that refuses it."""
    name, put, code = SPOILED[kind]
    key = folder.parent / ".ssh" / "id_ed25519"
    key.parent.mkdir()
    key.write_text(SECRET)
    if (folder / name).exists():
        (folder.parent / "big").mkdir()
        (folder / name).rename(folder.parent / "big" / name)
    put(folder / name)
    return folder / name, code


def refused(action: Callable[[], object]) -> MlxConvertError:
    with pytest.raises(MlxConvertError) as caught:
        action()
    return caught.value


@pytest.mark.parametrize("kind", SPOILED)
def test_a_source_is_refused_by_the_name_of_the_file(
    workspace: Workspace, write_toy: WriteToy, tmp_path: Path, kind: str
) -> None:
    path, code = spoil(write_toy(), kind)
    request = ConvertRequest(ref=str(path.parent), preset="bf16", output=tmp_path / "out")
    for action in (
        lambda: workspace.plan(request, exact=False),
        lambda: workspace.convert(request, inline=True).result(),
    ):
        error = refused(action)
        assert error.code == code
        assert str(path) in error.message
        assert SECRET not in error.message
    assert not (tmp_path / "out").exists()


def test_weights_on_another_disk_are_refused_with_the_folder_to_give_instead(
    workspace: Workspace, write_toy: WriteToy
) -> None:
    path, _ = spoil(write_toy(), "the weights are elsewhere")
    error = refused(lambda: workspace.inspect(str(path.parent)))
    assert str(path.parent.parent / "big") in error.hint


def test_a_file_that_becomes_a_link_after_the_plan_is_not_copied(
    workspace: Workspace, write_toy: WriteToy, tmp_path: Path
) -> None:
    from mlx_convert_core.writing.sidecars import copy_sidecars

    path, _ = spoil(write_toy(), "the licence is a key")
    (tmp_path / "out").mkdir()
    assert refused(lambda: copy_sidecars(path.parent, tmp_path / "out", code=False)).code == "link_out"
    assert not (tmp_path / "out" / "LICENSE").exists()


@pytest.mark.parametrize("kind", [kind for kind in SPOILED if "the config" not in kind])
def test_a_model_with_such_a_file_is_not_loaded(workspace: Workspace, write_toy: WriteToy, kind: str) -> None:
    path, code = spoil(write_toy(), kind)
    with workspace.open(path.parent, inline=True) as session:
        error = refused(session.loading.result)
    assert (error.code, str(path) in error.message) == (code, True)


@pytest.mark.parametrize(("name", "put"), [("model-2.safetensors", os.mkfifo), ("config.json", link("../key"))])
def test_a_scan_names_such_a_folder_and_goes_on(workspace: Workspace, tmp_path: Path, name: str, put: Spoil) -> None:
    (tmp_path / "key").write_text('{"model_type": "secret"}')
    bad, good = write_mlx_folder(tmp_path / "a"), write_mlx_folder(tmp_path / "b")
    (bad / name).unlink(missing_ok=True)
    put(bad / name)
    told: list[str] = []
    assert [entry.path for entry in workspace.scan(tmp_path, told.append)] == [good]
    assert len(told) == 1
    assert str(bad / name) in told[0]


def test_a_plugin_that_leaves_a_link_in_the_output_stops_its_publication(
    add_plugin: Callable[[str, str], Path], toys: None, write_toy: WriteToy, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(SECRET)
    link = f"(staging / 'NOTES.txt').symlink_to({str(tmp_path / 'key')!r})"
    add_plugin("noting", f"@hookimpl\ndef post_convert(plan, staging):\n    {link}\n")
    with Workspace() as workspace:
        request = ConvertRequest(ref=str(write_toy()), preset="bf16", output=tmp_path / "out")
        error = refused(lambda: workspace.convert(request, inline=True).result())
    assert error.code == "check_failed"
    assert "NOTES.txt" in error.message


def test_a_recipe_is_a_file_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text('{"ref": "org/name", "outputs": [{"preset": "4bit"}]}')
    (tmp_path / "link.json").symlink_to("recipe.json")
    assert load_recipe(tmp_path / "link.json").ref == "org/name"
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "endless.json").symlink_to("/dev/zero")
    for name in ("pipe.json", "endless.json"):
        with pytest.raises((InvalidRequest, CorruptCheckpoint), match=name):
            load_recipe(tmp_path / name)


def test_a_pipe_is_no_model_of_the_library(tmp_path: Path) -> None:
    model = write_mlx_folder(tmp_path / "model")
    (model / "mlx_convert.json").unlink(missing_ok=True)
    os.mkfifo(model / "mlx_convert.json")
    assert entry_of(model) is None
