"""What is sent to others names no place, no person and no secret of this machine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hubserver import Hub
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.send.folder_target import FolderTarget
from mlx_convert_hub.send.hub_target import HubTarget

from mlx_convert_core import ConvertRequest, UploadError, UploadRequest, Workspace

from .models import Recorder, converted_folder, safetensors

PERSON = "marker-person"
OTHER = "/Users/Marker Other/models"


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of a person whose name is nobody's business; with an accent, as names have them."""
    user = tmp_path / f"{PERSON} é"
    user.mkdir()
    monkeypatch.setenv("HOME", str(user))
    return user


@pytest.fixture
def target(hub: Hub, connection: HubConnection, settings: pytest.MonkeyPatch) -> HubTarget:
    from huggingface_hub import constants

    settings.setattr(constants, "HF_HUB_DISABLE_XET", True)
    settings.setenv("HF_TOKEN", hub.token("ann"))
    return HubTarget(connection_to=replace(connection, stall_seconds=60))


def send(target: HubTarget | FolderTarget, folder: Path, name: str = "ann/Tiny", **options: bool) -> Recorder:
    report = Recorder("upload")
    request = UploadRequest(path=folder, target=target.name, name=name, **options)
    target.upload(target.check(request), report)
    return report


def test_no_byte_that_is_uploaded_names_the_place_of_the_source(
    hub: Hub, target: HubTarget, user: Path, tiny_llama: Path
) -> None:
    source = tiny_llama.rename(user / "tiny-llama")
    config = json.loads((source / "config.json").read_text())
    config |= {"_name_or_path": f"{user}/x", "text_config": {"_name_or_path": f"{user}/y", "kept": 1}}
    (source / "config.json").write_text(json.dumps(config))
    (source / "trainer_state.json").write_text(json.dumps({"best_model_checkpoint": f"{user}/checkpoint-7"}))
    request = ConvertRequest(ref=str(source), preset="4bit", output=user / "models" / "Tiny")
    with Workspace() as workspace:
        model = workspace.convert(request, inline=True).result().path
    send(target, model)
    repo = hub.repos["ann/Tiny"]
    assert {"README.md", "config.json", "mlx_convert.json", "tokenizer.json"} <= set(repo.files)
    for name in repo.files:
        assert PERSON.encode() not in repo.read(name), name
    assert PERSON not in repo.head.title + repo.head.message
    assert repo.read("mlx_convert.json") == (model / "mlx_convert.json").read_bytes()
    assert json.loads(repo.read("config.json"))["text_config"] == {"kept": 1}


def test_an_older_record_is_cleaned_on_its_way_also_one_of_another_machine(
    hub: Hub, target: HubTarget, user: Path, tmp_path: Path
) -> None:
    folder = converted_folder(tmp_path / "Tiny", source=f"{OTHER}/tiny")
    record = json.loads((folder / "mlx_convert.json").read_text())
    record["findings"] = [
        {"code": "x", "level": "warning", "message": f"{OTHER}/tiny and {user}/more, {OTHER}/other/b.json are odd"},
        {"code": "y", "level": "info", "message": "https://marker:secret@host.org/a?token=secret is slow"},
    ]
    record["cache"] = f"{user}/cache"
    (folder / "mlx_convert.json").write_text(json.dumps(record))
    send(target, folder)
    sent = hub.repos["ann/Tiny"].read("mlx_convert.json").decode()
    assert not [word for word in (PERSON, "marker", "Marker", "secret") if word in sent]
    found = json.loads(sent)
    assert found["source"]["ref"] == "tiny"
    assert [finding["message"] for finding in found["findings"]] == [
        "tiny and more, other/b.json are odd",
        "https://host.org/a is slow",
    ]
    assert send(target, folder).messages[-1].endswith("nothing was sent.")


@pytest.mark.parametrize("record", ["[]", '"/Users/marker/x"', "{", "[" * 100_000])
def test_what_is_no_record_is_not_sent_and_one_that_is_there_goes(
    hub: Hub, target: HubTarget, tmp_path: Path, record: str
) -> None:
    send(target, converted_folder(tmp_path / "first"))
    odd = converted_folder(tmp_path / "second", seed=9)
    (odd / "mlx_convert.json").write_text(record)
    send(target, odd, replace=True)
    assert "mlx_convert.json" not in hub.repos["ann/Tiny"].files


MENTIONS: dict[str, Callable[[str], bytes]] = {
    "tokenizer_config.json": lambda home: json.dumps({"name_or_path": f"{home}/x"}).encode(),
    "special_tokens_map.json": lambda home: json.dumps({"from": f"{home}/x"}, ensure_ascii=False).encode(),
    "README.md": lambda home: f"Made in {home}/models".encode(),
    "LICENSE": lambda home: f"See {home}/LICENSE".encode(),
    "code/own.py": lambda home: b"#" * ((1 << 20) - 7) + f"{home}/x".encode(),
    "model-2.safetensors": lambda home: safetensors(f"{home}/tensor", 100),
}


@pytest.mark.parametrize("name", MENTIONS)
def test_a_file_that_names_the_home_folder_is_refused_by_name_before_anything_is_sent(
    hub: Hub, target: HubTarget, user: Path, tmp_path: Path, name: str
) -> None:
    folder = converted_folder(tmp_path / "Tiny")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(MENTIONS[name](str(user)))
    with pytest.raises(UploadError) as refused:
        send(target, folder)
    assert refused.value.code == "up_place"
    assert name in refused.value.message
    assert str(folder / name) in refused.value.hint
    assert "ann/Tiny" not in hub.repos


WRONG: dict[str, Callable[[Path], object]] = {
    "a link out": lambda path: path.symlink_to("../key"),
    "a link to the environment": lambda path: path.symlink_to("/proc/self/environ"),
    "a folder outside": lambda path: path.symlink_to(".."),
    "a link to nothing": lambda path: path.symlink_to("gone"),
    "a pipe": os.mkfifo,
}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("name", ["NOTICE", "README.md", "mlx_convert.json", "more/notes.txt"])
def test_links_out_and_pipes_are_sent_nowhere(
    hub: Hub, target: HubTarget, tmp_path: Path, kind: str, name: str
) -> None:
    folder = converted_folder(tmp_path / "Tiny", size=1000)
    (tmp_path / "key").write_text("secret")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).unlink(missing_ok=True)
    WRONG[kind](folder / name)
    for place, named in ((target, "ann/Tiny"), (FolderTarget(), str(tmp_path / "copy"))):
        with pytest.raises(UploadError) as refused:
            send(place, folder, named)
        assert refused.value.code == "up_link"
        assert str(folder / name) in refused.value.message
    assert "ann/Tiny" not in hub.repos
    assert not (tmp_path / "copy").exists()
