"""Sending a model to the Hub: what is there afterwards, what was sent, and what stays."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hubserver import Hub, silent_address
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.send import sending
from mlx_convert_hub.send.hub_target import HubTarget

from mlx_convert_core import UploadError, UploadRequest, UploadResult
from mlx_convert_core.plugin import OpenPage, Replace, parse_record, read_record

from .models import Recorder, converted_folder, safetensors

MIB = 1 << 20
SHARD = r"\.safetensors$"
STORES = ["lfs", "xet"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return converted_folder(tmp_path / "Tiny-MLX-4bit", size=3 * MIB)


@pytest.fixture
def target(hub: Hub, connection: HubConnection, settings: pytest.MonkeyPatch) -> HubTarget:
    """The hub as a target, with Ann signed in."""
    settings.setenv("HF_TOKEN", hub.token("ann", orgs=("team",)))
    return HubTarget(connection_to=replace(connection, stall_seconds=60))


@pytest.fixture
def impatient(target: HubTarget) -> HubTarget:
    """The same, but it does not wait long for a storage that is silent."""
    return HubTarget(connection_to=replace(target.connection, stall_seconds=1))


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, hub: Hub, settings: pytest.MonkeyPatch, folder: Path) -> str:
    """Whether the hub keeps its files in Xet storage or not."""
    from huggingface_hub import constants

    settings.setattr(constants, "HF_HUB_DISABLE_XET", request.param == "lfs")
    if request.param == "xet":
        hub.use_xet().expect(folder)
    return str(request.param)


@pytest.fixture
def lfs(settings: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    settings.setattr(constants, "HF_HUB_DISABLE_XET", True)


def send(
    target: HubTarget, folder: Path, name: str = "ann/Tiny", report: Recorder | None = None, **options: bool
) -> UploadResult:
    request = target.check(UploadRequest(path=folder, target="hub", name=name, **options))
    return target.upload(request, report or Recorder("upload"))


def total(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_a_model_is_sent_to_a_repo_that_is_private(hub: Hub, target: HubTarget, folder: Path, store: str) -> None:
    report = Recorder("upload")
    result = send(target, folder, report=report)
    repo = hub.repos["ann/Tiny"]
    assert repo.private
    assert not result.public
    assert set(repo.files) == {path.name for path in folder.iterdir()} | {".gitattributes"}
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        assert repo.read(name) == (folder / name).read_bytes()
    assert parse_record(repo.read("mlx_convert.json")) == read_record(folder)
    assert "mlx_lm.generate --model ann/Tiny " in repo.read("README.md").decode()
    assert result.location == f"{hub.url}/ann/Tiny"
    assert (result.files, result.sent_files) == (5, 5)
    assert result.sent_bytes > 3 * MIB
    assert bool(hub.requests.matching(method="PUT")) == (store == "lfs")
    done = [step[0] for step in report.steps]
    assert done == sorted(done)
    assert report.steps[-1][0] == report.steps[-1][1]
    assert len(repo.commits) == 2


def test_the_password_of_a_mirror_is_not_in_the_place_that_is_told(
    hub: Hub, target: HubTarget, folder: Path, lfs: None
) -> None:
    address = hub.url.replace("://", f"://ann:{hub.token('ann')}@")
    mirror = HubTarget(connection_to=replace(target.connection, endpoint=address))
    assert send(mirror, folder).location == f"{hub.url}/ann/Tiny"
    with pytest.raises(UploadError) as refused:
        send(mirror, folder, public=True)
    assert OpenPage(f"{hub.url}/ann/Tiny/settings") in refused.value.remedies


def test_the_same_again_sends_nothing(hub: Hub, target: HubTarget, folder: Path, store: str) -> None:
    send(target, folder)
    head = hub.repos["ann/Tiny"].head.sha
    hub.requests.clear()
    report = Recorder("upload")
    again = send(target, folder, report=report)
    assert (again.sent_files, again.sent_bytes) == (0, 0)
    assert hub.repos["ann/Tiny"].head.sha == head
    assert {request.method for request in hub.requests} == {"GET"}
    assert hub.requests.received() == 0
    assert any("nothing was sent" in text for text in report.messages)


def test_only_what_changed_is_sent(hub: Hub, target: HubTarget, folder: Path, lfs: None) -> None:
    send(target, folder)
    (folder / "tokenizer.json").write_text('{"new": 1}')
    hub.requests.clear()
    again = send(target, folder)
    assert again.sent_files == 1
    assert hub.requests.matching(method="PUT") == []
    assert hub.repos["ann/Tiny"].read("tokenizer.json") == b'{"new": 1}'


def test_public_is_said_and_done(hub: Hub, target: HubTarget, folder: Path, lfs: None) -> None:
    assert send(target, folder, public=True).public
    assert not hub.repos["ann/Tiny"].private


def test_what_a_person_put_into_the_repo_stays(hub: Hub, target: HubTarget, folder: Path, lfs: None) -> None:
    send(target, folder)
    repo = hub.repos["ann/Tiny"]
    card = repo.read("README.md").decode()
    card = card.replace('library_name: "mlx"', "library_name: mlx\nmine: yes\ntags_of_mine: [a]", 1)
    card = card.replace("<!-- mlx-convert: the text", "Words of mine.\n\n<!-- mlx-convert: the text", 1)
    repo.commit({"README.md": card + "\nAfterwords.\n", "notes.txt": "mine", "samples/a.wav": b"\0wav"})
    (folder / "tokenizer.json").write_text('{"new": 1}')
    send(target, folder)
    assert repo.read("notes.txt") == b"mine"
    assert "samples/a.wav" in repo.files
    text = repo.read("README.md").decode()
    assert text.count("Words of mine.") == text.count("Afterwords.") == text.count("mine: yes") == 1
    assert text.count("mlx_lm.generate --model ann/Tiny ") == 1
    assert send(target, folder).sent_files == 0


def test_a_card_without_our_text_is_kept_and_ours_comes_after_it(
    hub: Hub, target: HubTarget, folder: Path, lfs: None
) -> None:
    card = "---\nlicense: apache-2.0\ntags:\n- mine\ncolor: red\n---\n# My page\n"
    hub.add_repo("ann/Tiny", {"README.md": card}, private=True)
    send(target, folder)
    text = hub.repos["ann/Tiny"].read("README.md").decode()
    head, _, body = text.removeprefix("---\n").partition("\n---\n")
    assert {'library_name: "mlx"', 'license: "mit"', '- "mine"', "color: red"} <= set(head.splitlines())
    assert "apache" not in head
    assert body.strip().startswith("# My page\n\n<!-- mlx-convert")
    assert send(target, folder).sent_files == 0


def test_weights_of_the_model_before_do_not_stay_beside_the_new_ones(
    hub: Hub, target: HubTarget, tmp_path: Path, lfs: None
) -> None:
    send(target, converted_folder(tmp_path / "a" / "Tiny", shards=2))
    send(target, converted_folder(tmp_path / "b" / "Tiny", shards=1))
    names = [name for name in hub.repos["ann/Tiny"].files if name.endswith(".safetensors")]
    assert names == ["model.safetensors"]


def test_another_model_is_replaced_only_when_asked_for(
    hub: Hub, target: HubTarget, folder: Path, tmp_path: Path, lfs: None
) -> None:
    send(target, folder)
    other = converted_folder(tmp_path / "Other", source="org/Other", bits=8, seed=9)
    with pytest.raises(UploadError, match="another model") as taken:
        target.check(UploadRequest(path=other, target="hub", name="ann/Tiny"))
    assert taken.value.code == "up_exists"
    assert taken.value.remedies == (Replace(),)
    send(target, other, replace=True)
    repo = hub.repos["ann/Tiny"]
    assert repo.read("model.safetensors") == (other / "model.safetensors").read_bytes()


def test_a_model_of_another_tool_is_another_model(hub: Hub, target: HubTarget, folder: Path) -> None:
    hub.add_repo("ann/Tiny", {"config.json": "{}", "weights.gguf": b"GGUF\0"}, private=True)
    with pytest.raises(UploadError, match="another model"):
        target.check(UploadRequest(path=folder, target="hub", name="ann/Tiny"))


def test_a_model_without_record_and_card_gets_a_card(hub: Hub, target: HubTarget, tmp_path: Path, lfs: None) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(safetensors("x", 1000))
    send(target, folder)
    text = hub.repos["ann/Tiny"].read("README.md").decode()
    assert 'library_name: "mlx"' in text
    assert "mlx_lm.generate --model ann/Tiny " in text
    assert send(target, folder).sent_files == 0


def test_places_on_this_machine_are_not_shown_to_others(hub: Hub, target: HubTarget, tmp_path: Path, lfs: None) -> None:
    folder = converted_folder(tmp_path / "Tiny", source="/Users/ann/secret plans/tiny-llama")
    send(target, folder)
    record = json.loads(hub.repos["ann/Tiny"].read("mlx_convert.json"))
    assert record["source"]["ref"] == "tiny-llama"
    assert "secret plans" not in "".join(
        hub.repos["ann/Tiny"].read(name).decode(errors="replace") for name in ("README.md", "mlx_convert.json")
    )
    assert send(target, folder).sent_files == 0


def test_measurements_are_in_the_card(target: HubTarget, folder: Path) -> None:
    record = json.loads((folder / "mlx_convert.json").read_text())
    quality = {"kl_mean": 0.0123456, "kl_mean low": 0.01, "kl_mean high": 0.015, "verdict": "Close to its source."}
    others = {"perplexity": {"value": 12.345678, "text": "wiki|text"}, "old": {"speed": 7, "weights": "of others"}}
    record["measurements"] = {"quality": quality, **others}
    (folder / "mlx_convert.json").write_text(json.dumps(record))
    text = target.preview(UploadRequest(path=folder, target="hub", name="ann/Tiny"))
    assert r"| KL divergence, mean \(nats\) | 0.01235 \(0.01 to 0.015\) |" in text
    assert "| quality verdict | Close to its source. |" in text
    assert "| perplexity value | 12.35 |" in text
    assert r"wiki\|text" in text
    assert "old" not in text  # measured before the weights were changed


def measured(folder: Path, **groups: dict[str, object]) -> None:
    record = json.loads((folder / "mlx_convert.json").read_text())
    (folder / "mlx_convert.json").write_text(json.dumps({**record, "measurements": groups}))


def results(hub: Hub) -> dict[str, float]:
    """The values that the Hub's own client reads in the card, by metric and data set."""
    from huggingface_hub import ModelCard

    found = ModelCard(hub.repos["ann/Tiny"].read("README.md").decode()).data.eval_results or []
    return {f"{one.metric_type} on {one.dataset_name}": one.metric_value for one in found}


def test_measurements_are_results_that_the_hub_reads_and_stale_ones_are_none(
    hub: Hub, target: HubTarget, folder: Path, lfs: None
) -> None:
    quality = {"kl_mean": 0.0123456, "kl_mean low": 0.01, "kl_mean high": 0.015, "text": "bundled text 1"}
    tasks = {"acc": 0.75, "set": "facts: a few", "questions": 20}
    measured(folder, quality=quality, tasks=tasks, speed={"load_seconds": 2.0})
    send(target, folder)
    assert results(hub) == {"kl_mean on bundled text 1": 0.0123456, "accuracy on facts: a few": 0.75}
    assert send(target, folder).sent_files == 0
    measured(folder, quality={**quality, "weights": "of others"}, tasks=tasks)
    send(target, folder)
    assert results(hub) == {"accuracy on facts: a few": 0.75}
    measured(folder)
    send(target, folder)
    assert "model-index" not in hub.repos["ann/Tiny"].read("README.md").decode()


OTHERS = """---
license: mit
model-index:
- name: Tiny
  results:
  - task:
      type: text-generation
    dataset:
      name: Questions
      type: somebody/questions
    metrics:
    - type: accuracy
      value: 0.5
---
# Tiny
"""


def test_what_others_have_measured_stays_beside_ours(hub: Hub, target: HubTarget, folder: Path, lfs: None) -> None:
    hub.add_repo("ann/Tiny", {"README.md": OTHERS.encode()}, private=True)
    measured(folder, quality={"perplexity": 12.5, "text": "bundled text 1"})
    send(target, folder)
    assert results(hub) == {"accuracy on Questions": 0.5, "perplexity on bundled text 1": 12.5}
    broken = OTHERS.replace("  results:\n", "  results: [what is this\n")
    hub.add_repo("ann/Other", {"README.md": broken.encode()}, private=True)
    send(target, folder, name="ann/Other")
    kept = hub.repos["ann/Other"].read("README.md").decode()
    assert "  results: [what is this\n" in kept
    assert "perplexity on" not in kept.partition("# ")[0]


def test_the_preview_is_what_is_sent(hub: Hub, target: HubTarget, folder: Path, lfs: None) -> None:
    request = UploadRequest(path=folder, target="hub", name="ann/Tiny")
    before = target.preview(request)
    send(target, folder)
    assert hub.repos["ann/Tiny"].read("README.md").decode() == before == target.preview(request)


def test_hidden_files_are_not_sent(hub: Hub, target: HubTarget, folder: Path, lfs: None) -> None:
    (folder / ".env").write_text("secret")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "x").write_text("secret")
    send(target, folder)
    assert not [name for name in hub.repos["ann/Tiny"].files if "env" in name or "cache" in name]


# Through trouble


@pytest.mark.parametrize("kind", ["drop", "reset", "status"])
def test_a_broken_connection_is_got_over(hub: Hub, target: HubTarget, folder: Path, lfs: None, kind: str) -> None:
    hub.fault(kind, method="PUT", after=None if kind == "status" else MIB)
    report = Recorder("upload")
    send(target, folder, report=report)
    assert hub.repos["ann/Tiny"].read("model.safetensors") == (folder / "model.safetensors").read_bytes()
    assert report.steps[-1][0] == report.steps[-1][1]


def test_a_storage_that_falls_silent_is_asked_again(hub: Hub, impatient: HubTarget, folder: Path, lfs: None) -> None:
    hub.fault("stall", method="PUT", after=MIB)
    report = Recorder("upload")
    send(impatient, folder, report=report)
    assert hub.repos["ann/Tiny"].read("model.safetensors") == (folder / "model.safetensors").read_bytes()
    assert any("goes on" in text for text in report.messages)


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("path", ["/commit/", "/preupload/", "/api/models/ann/Tiny$"])
def test_short_trouble_of_the_hub_is_waited_for(
    hub: Hub, target: HubTarget, folder: Path, lfs: None, status: int, path: str
) -> None:
    request = target.check(UploadRequest(path=folder, target="hub", name="ann/Tiny"))
    hub.fault("status", status=status, path=path)
    target.upload(request, Recorder("upload"))
    assert "model.safetensors" in hub.repos["ann/Tiny"].files
    assert sum(request.received for request in hub.requests.matching(method="PUT")) <= 4 * MIB


def test_what_arrived_before_the_trouble_is_not_sent_again(
    hub: Hub, target: HubTarget, tmp_path: Path, lfs: None
) -> None:
    folder = converted_folder(tmp_path / "Tiny", shards=3, size=2 * MIB)
    hub.fault("status", status=403, method="PUT", skip=2, times=None)
    with pytest.raises(UploadError):
        send(target, folder)
    hub.faults.clear()
    hub.requests.clear()
    result = send(target, folder)
    assert result.sent_files == 7
    assert (
        2 * MIB <= hub.requests.received(SHARD) + sum(r.received for r in hub.requests.matching(method="PUT")) < 3 * MIB
    )
    assert result.sent_bytes < 3 * MIB


def turn_xet_on(settings: pytest.MonkeyPatch) -> None:
    """Do so once no transfer of an earlier test that nobody waits for any more holds the client's one switch."""
    from huggingface_hub import constants

    end = time.monotonic() + 60
    while sending._plain_transfers:
        assert time.monotonic() < end, "a transfer of an earlier test never ended"
        time.sleep(0.02)
    settings.setattr(constants, "HF_HUB_DISABLE_XET", False)


def test_xet_that_fails_is_done_without(
    hub: Hub, target: HubTarget, folder: Path, settings: pytest.MonkeyPatch
) -> None:
    turn_xet_on(settings)
    report = Recorder("upload")
    send(target, folder, report=report)  # this hub has no Xet storage
    assert hub.repos["ann/Tiny"].read("model.safetensors") == (folder / "model.safetensors").read_bytes()
    assert any("goes without it" in text for text in report.messages)


def test_xet_that_says_nothing_is_done_without(
    hub: Hub, impatient: HubTarget, folder: Path, settings: pytest.MonkeyPatch
) -> None:
    turn_xet_on(settings)
    report = Recorder("upload")
    with silent_address() as storage:
        hub.use_xet(cas=storage)
        send(impatient, folder, report=report)
    assert hub.repos["ann/Tiny"].read("model.safetensors") == (folder / "model.safetensors").read_bytes()
    assert any("Stalled" in text and "goes without it" in text for text in report.messages)
