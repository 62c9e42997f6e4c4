"""The test server against the real client: what it tells, who may see it, and uploads."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from hubserver import Hub
from hubserver.fixture import Client

CARD = """---
license: apache-2.0
base_model:
  - org/base
library_name: transformers
pipeline_tag: text-generation
language: [en, "de"]
tags:
- chat
---
# A model
"""
UPLOAD = "hf.upload_folder(repo_id='{repo}', folder_path='{folder}', commit_message='Upload')"


def safetensors(name: str = "weight", rows: int = 4) -> bytes:
    header = {name: {"dtype": "F32", "shape": [rows, 2], "data_offsets": [0, rows * 8]}}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(rows * 8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "out"
    (path / "deep").mkdir(parents=True)
    (path / "README.md").write_text(CARD)
    (path / "model.safetensors").write_bytes(safetensors(rows=30_000))
    (path / "deep" / "notes.txt").write_text("notes")
    return path


def test_a_snapshot_has_the_bytes_of_the_repo(hub: Hub, client: Client) -> None:
    repo = hub.add_repo("org/model", {"config.json": "{}", "a/b.txt": "b", "model.safetensors": safetensors()})
    folder = Path(client("hf.snapshot_download('org/model')").value)
    assert {name: (folder / name).read_bytes() for name in repo.files} == {name: repo.read(name) for name in repo.files}


def test_a_second_snapshot_by_commit_asks_nothing(hub: Hub, client: Client) -> None:
    repo = hub.add_repo("org/model", {"config.json": "{}"})
    snapshot = f"hf.snapshot_download('org/model', revision='{repo.head.sha}')"
    client(snapshot)
    hub.requests.clear()
    assert client(snapshot).errors == ()
    assert len(hub.requests) == 0


def test_model_info_tells_files_card_and_parameters(hub: Hub, client: Client) -> None:
    config = json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 8})
    files = {"README.md": CARD, "config.json": config, "model.safetensors": safetensors()}
    repo = hub.add_repo("org/model", files)
    fields = "{'sha': m.sha, 'config': m.config, 'parameters': m.safetensors.parameters, 'tags': m.tags, "
    fields += (
        "'card': m.card_data.to_dict(), 'files': {s.rfilename: (s.size, s.lfs and s.lfs.sha256) for s in m.siblings}}"
    )
    info = client(f"[{fields} for m in [hf.model_info('org/model', files_metadata=True)]][0]").value
    blob = repo.files["model.safetensors"]
    assert info["sha"] == repo.head.sha
    assert info["config"] == {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
    assert info["parameters"] == {"F32": 8}
    assert info["files"]["model.safetensors"] == [blob.length, blob.sha256]
    assert info["files"]["config.json"] == [len(config), None]
    assert info["card"]["base_model"] == ["org/base"]
    assert info["card"]["language"] == ["en", "de"]
    assert {"license:apache-2.0", "base_model:finetune:org/base", "chat", "safetensors", "llama"} <= set(info["tags"])


def test_expand_gives_only_what_was_asked_for(hub: Hub, client: Client) -> None:
    hub.add_repo("org/model", {"config.json": "{}"}, gated="auto")
    info = "hf.model_info('org/model', expand=['gated', 'sha'])"
    assert client(f"[(m.gated, m.siblings, len(m.sha)) for m in [{info}]]").value == [["auto", None, 40]]


def test_a_long_tree_comes_in_pages(hub: Hub, client: Client) -> None:
    hub.page_size = 2
    hub.add_repo("org/model", {f"{name}.txt": name for name in "abcde"} | {"deep/f.txt": "f"})
    tree = client("[e.path for e in hf.HfApi().list_repo_tree('org/model', recursive=True)]").value
    assert tree == ["a.txt", "b.txt", "c.txt", "d.txt", "deep", "deep/f.txt", "e.txt"]
    assert len(hub.requests.matching("/tree/")) == 4


def test_branches_tags_and_history(hub: Hub, client: Client) -> None:
    repo = hub.add_repo("org/model", {"a.txt": "1"})
    repo.tag("v1")
    new = repo.commit({"a.txt": "2", "b.txt": "b"}, "Second")
    api = "hf.HfApi()"
    refs = client(f"[[r.name, r.target_commit] for r in {api}.list_repo_refs('org/model').branches]").value
    assert refs == [["main", new]]
    assert client(f"[c.title for c in {api}.list_repo_commits('org/model')]").value == ["Second", "initial commit"]
    old = client("open(hf.hf_hub_download('org/model', 'a.txt', revision='v1')).read()").value
    assert old == "1"
    paths = client(f"[p.path for p in {api}.get_paths_info('org/model', ['b.txt', 'none'])]").value
    assert paths == ["b.txt"]


def test_search_finds_conversions_of_a_model(hub: Hub, client: Client) -> None:
    card = "---\nbase_model: org/model\nbase_model_relation: quantized\n---\n"
    hub.add_repo("mlx-community/model-4bit", {"README.md": card}, downloads=1)
    hub.add_repo("mlx-community/model-8bit", {"README.md": card}, downloads=5)
    hub.add_repo("mlx-community/secret-4bit", {"README.md": card}, private=True)
    hub.add_repo("other/model", {"README.md": ""})
    found = "[m.id for m in hf.list_models({})]"
    by_base = client(found.format("author='mlx-community', filter='base_model:quantized:org/model'")).value
    assert by_base == ["mlx-community/model-8bit", "mlx-community/model-4bit"]
    assert client(found.format("search='model 4BIT'")).value == ["mlx-community/model-4bit"]


def test_tensors_can_be_listed_by_range_requests(hub: Hub, client: Client) -> None:
    hub.add_repo("org/model", {"model.safetensors": safetensors(rows=1 << 17)})
    assert client("hf.get_safetensors_metadata('org/model').parameter_count").value == {"F32": 1 << 18}
    assert hub.requests.sent("model.safetensors") < 200_000


def test_the_token_never_reaches_the_storage_origin(hub: Hub, client: Client) -> None:
    hub.add_repo("ann/model", {"model.safetensors": safetensors()}, private=True)
    assert client("hf.snapshot_download('ann/model')", token=hub.token("ann")).errors == ()
    (fetched,) = hub.requests.matching("model.safetensors", origin="cdn")
    assert (fetched.status, fetched.authorized) == (200, False)
    assert all(request.authorized for request in hub.requests.matching(origin="hub"))


def test_small_files_can_be_redirected_on_the_site(hub: Hub, client: Client) -> None:
    hub.redirect_small_files = True
    hub.add_repo("org/model", {"a b.txt": "text"})
    assert client("open(hf.hf_hub_download('org/model', 'a b.txt')).read()").value == "text"
    assert hub.requests.matching("/api/resolve-cache/")


def test_a_renamed_repo_redirects(hub: Hub, client: Client) -> None:
    hub.add_repo("org/old", {"a.txt": "text"})
    hub.move("org/old", "org/new")
    assert client("hf.model_info('org/old').id").value == "org/new"
    assert client("open(hf.hf_hub_download('org/old', 'a.txt')).read()").value == "text"


def test_an_upload_arrives_and_a_second_sends_nothing(hub: Hub, client: Client, folder: Path) -> None:
    token = hub.token("ann")
    upload = UPLOAD.format(repo="ann/model", folder=folder)
    assert client(f"[hf.create_repo('ann/model', private=True), {upload}]", token=token).errors == ()
    repo = hub.repos["ann/model"]
    assert repo.private
    assert repo.read("model.safetensors") == (folder / "model.safetensors").read_bytes()
    assert repo.read("deep/notes.txt") == b"notes"
    assert repo.head.author == "ann"
    (put,) = hub.requests.matching(method="PUT")
    assert (put.origin, put.authorized, put.received) == ("cdn", False, repo.files["model.safetensors"].size)
    before = repo.head.sha
    assert client(upload, token=token).errors == ()
    assert len(hub.requests.matching(method="PUT")) == 1
    assert repo.head.sha == before


def test_a_large_file_goes_up_in_parts(hub: Hub, client: Client, folder: Path) -> None:
    hub.multipart_size = 100_000
    upload = f"[hf.create_repo('ann/model'), {UPLOAD.format(repo='ann/model', folder=folder)}]"
    assert client(upload, token=hub.token("ann")).errors == ()
    size = (folder / "model.safetensors").stat().st_size
    assert [put.received for put in hub.requests.matching(method="PUT")] == [100_000, 100_000, size - 200_000]
    assert hub.repos["ann/model"].read("model.safetensors") == (folder / "model.safetensors").read_bytes()


def test_files_are_deleted_and_a_stale_parent_is_refused(hub: Hub, client: Client) -> None:
    first = hub.add_repo("ann/model", {"a.txt": "a", "b/c.txt": "c", "d.txt": "d"}).head.sha
    token = hub.token("ann")
    commit = "hf.create_commit('ann/model', [{}], commit_message='Delete', parent_commit='{}').oid"
    operations = "hf.CommitOperationDelete('a.txt'), hf.CommitOperationDelete('b/')"
    assert client(commit.format(operations, first), token=token).value == hub.repos["ann/model"].head.sha
    assert list(hub.repos["ann/model"].files) == ["d.txt"]
    stale = client(commit.format("hf.CommitOperationDelete('d.txt')", first), token=token)
    assert stale.errors[0] == "HfHubHTTPError"
    assert "412" in stale.message
    assert client("hf.delete_repo('ann/model')", token=token).errors == ()
    assert hub.repos == {}


def test_a_pull_request_leaves_main_alone(hub: Hub, client: Client) -> None:
    hub.add_repo("ann/model", {"a.txt": "a"})
    commit = "hf.create_commit('ann/model', [hf.CommitOperationDelete('a.txt')], commit_message='x', create_pr=True)"
    assert client(f"{commit}.pr_url", token=hub.token("ann")).value == f"{hub.url}/ann/model/discussions/1"
    assert list(hub.repos["ann/model"].files) == ["a.txt"]


def test_who_may_write(hub: Hub, client: Client, folder: Path) -> None:
    hub.add_repo("team/model", {"a.txt": "a"})
    check = "hf.auth_check('team/model', write=True)"
    assert client(check, token=hub.token("ann", orgs=("team",))).errors == ()
    assert client(check, token=hub.token("ann", role="fineGrained", writable=("team",))).errors == ()
    for token in (hub.token("bob"), hub.token("ann", role="read", orgs=("team",))):
        assert "403" in client(check, token=token).message
    assert client(check).errors[0] == "HfHubHTTPError"
    create = client("hf.create_repo('mlx-community/model')", token=hub.token("ann"))
    assert "rights to create a model under the namespace" in create.message
    me = client("hf.whoami()", token=hub.token("ann", role="read", orgs=("team",))).value
    assert (me["name"], me["auth"]["accessToken"]["role"], me["orgs"][0]["name"]) == ("ann", "read", "team")
