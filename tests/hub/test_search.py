"""Finding a model on the Hub: by words, by names like them, by what it was made from; and what a list may cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date

import pytest
from hubserver import Hub, silent_address
from hubserver.replies import text
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.search import published, words
from mlx_convert_hub.search.suggestions import FILE, suggested
from mlx_convert_hub.search.words import search

from mlx_convert_core import ConvertRequest, InvalidRequest, ModelInfo, SourceError, Workspace
from mlx_convert_core.plugin import FoundModel, RepoNotFound, UseInstead, hub_names

from .models import safetensors

LLAMA = json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"]})
PACKED = json.dumps({"model_type": "llama", "quantization": {"bits": 4}, "quantization_config": {"bits": 4}})


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    yield
    words._listed.cache_clear()
    published.conversions.cache_clear()


@pytest.fixture
def shelves(hub: Hub) -> Hub:
    """Fill the hub with models of several kinds."""
    weights = safetensors("a", 4000)
    about = {"README.md": "---\nlicense: apache-2.0\nlibrary_name: transformers\n---\n", "model.safetensors": weights}
    hub.add_repo("maker/Tiny-Llama-Chat", {**about, "config.json": LLAMA}, downloads=12_000, likes=40)
    hub.add_repo("maker/Tiny-Llama", {**about, "config.json": LLAMA}, downloads=90, gated="manual")
    hub.add_repo("maker/Tiny-Zebra", {**about, "config.json": '{"model_type": "zebra"}'}, downloads=500)
    hub.add_repo("maker/Tiny-Llama-GGUF", {"x.gguf": b"GGUF"}, downloads=99_999)
    community(hub, "Tiny-Llama-Chat-4bit", "maker/Tiny-Llama-Chat")
    return hub


def community(hub: Hub, name: str, base: str) -> None:
    card = f"---\nlibrary_name: mlx\nbase_model: {base}\n---\n"
    files = {"config.json": PACKED, "README.md": card, "model.safetensors": safetensors("a", 1000)}
    hub.add_repo(f"mlx-community/{name}", files, downloads=7)


def test_words_find_models_the_most_downloaded_first(shelves: Hub, connection: HubConnection) -> None:
    found = search("tiny llama", 10, connection)
    assert [model.ref for model in found] == [
        "maker/Tiny-Llama-Chat", "maker/Tiny-Llama", "mlx-community/Tiny-Llama-Chat-4bit",
    ]  # fmt: skip
    chat, gated, ready = found
    assert (chat.parameters, chat.stored_bytes, chat.model_type) == (4000, 4000, "llama")
    assert (chat.downloads, chat.likes, chat.licence, chat.library) == (12_000, 40, "apache-2.0", "transformers")
    assert chat.updated.startswith("2026-01-01T")
    assert gated.gated
    assert not chat.gated
    assert (ready.ready, ready.bits, ready.base_models) == (True, 4, ("maker/Tiny-Llama-Chat",))
    assert not any(model.near for model in found)


def test_a_search_is_one_request_and_the_same_words_again_are_none(shelves: Hub, connection: HubConnection) -> None:
    search("tiny", 10, connection)
    search("  tiny ", 10, connection)
    assert [request.path for request in shelves.requests if request.origin == "hub"] == ["/api/models"]


@pytest.mark.parametrize(
    "typo", ["tiny-lama-chat", "tinny llama chat", "maker/Tiny-Lama-Chat", "tiny-zebraa", "lllama"]
)
def test_a_word_that_is_nearly_a_name_gets_near_names(shelves: Hub, connection: HubConnection, typo: str) -> None:
    found = search(typo, 10, connection)
    wanted = "Zebra" if "zebra" in typo else "Llama"
    if typo == "lllama":  # a name of two words: one that is misspelt in the middle is not enough to go by
        assert found == ()
    else:
        assert wanted in found[0].name
        assert all(model.near for model in found)
    assert len([request for request in shelves.requests if request.origin == "hub"]) <= 4


def test_a_repo_that_does_not_exist_is_an_error_with_names_like_it(shelves: Hub, workspace: Workspace) -> None:
    with pytest.raises(RepoNotFound) as told:
        workspace.inspect("maker/Tiny-Lama-Chat")
    assert UseInstead("maker/Tiny-Llama-Chat") in told.value.remedies
    with pytest.raises(RepoNotFound) as told:
        workspace.inspect("nobody/qqqqqqqq")
    assert not [step for step in told.value.remedies if isinstance(step, UseInstead)]


def test_near_names_also_come_from_what_is_suggested(hub: Hub, connection: HubConnection) -> None:
    (found, *_) = search("smolm2-135m-instruct", 10, connection)
    assert (found.ref, found.near) == ("HuggingFaceTB/SmolLM2-135M-Instruct", True)


def test_nothing_is_found_for_what_nobody_has(shelves: Hub, connection: HubConnection) -> None:
    assert search("qqqqqqqq", 10, connection) == ()
    assert search("!!!", 10, connection) == ()


def test_offline_is_said_and_suggestions_come_without_a_network(hub: Hub, settings: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    settings.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(SourceError, match="offline mode is on") as told:
        search("tiny", 10)
    assert told.value.code == "offline"
    assert search("", 3) == suggested()[:3]
    assert not list(hub.requests)


def test_a_hub_that_does_not_answer_is_left_soon(
    settings: pytest.MonkeyPatch, connection: HubConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "SECONDS", 0.3)
    with silent_address() as nobody, pytest.raises(SourceError):
        search("tiny", 10, HubConnection(endpoint=nobody, cache=connection.cache))


@pytest.mark.parametrize(
    "rows",
    [
        "{}",
        "nonsense",
        "[1, null, []]",
        json.dumps([{"id": "../etc"}, {"id": 5}, {"id": "a/b\n"}, {}]),
        "[" * 100_000,
    ],
)
def test_a_list_that_is_none_is_refused_or_empty(
    hub: Hub, connection: HubConnection, monkeypatch: pytest.MonkeyPatch, rows: str
) -> None:
    monkeypatch.setattr(hub, "ROUTES", {"hub": [("GET", "/api/models", lambda hub, call: text(rows))], "cdn": []})
    if rows.startswith("[1") or "etc" in rows:
        assert search("tiny", 10, connection) == ()
    else:
        with pytest.raises(SourceError):
            search("tiny", 10, connection)


def test_what_a_row_claims_is_distrusted() -> None:
    from mlx_convert_hub.search.rows import _found

    model = _found(
        {
            "id": "a/b",
            "downloads": -5,
            "likes": "many",
            "tags": ["license:x\x1b[31m", 7, "base_model:quantized:c/d", "base_model:../x", "base_model:c/d"],
            "lastModified": "yesterday",
            "safetensors": {"parameters": {"BF16": 10**30, "F16": True, "I4": 3}},
            "config": {"model_type": ["llama"], "quantization_config": {"bits": "4"}},
            "gated": "auto",
        }
    )
    packed = {"quantization_config": {"quant_method": "", "bits": None}}
    assert model == FoundModel(ref="a/b", base_models=("c/d",), parameters=3, stored_bytes=3, gated=True, config=packed)


def test_the_suggestions_are_dated_and_each_can_be_converted(hub: Hub, workspace: Workspace) -> None:
    kept = json.loads(FILE.read_text())
    assert date.fromisoformat(kept["date"])
    sizes = [row["parameters"] for row in kept["models"]]
    assert sizes == sorted(sizes)
    assert len({row["ref"] for row in kept["models"]}) == len(kept["models"]) >= 5
    for row in kept["models"]:
        assert list(row) == ["ref", "parameters", "model_type", "licence", "why"]
        assert hub_names.is_repo_id(row["ref"])
        assert row["why"].endswith(".")
    found = workspace.search()
    assert [hit.model.ref for hit in found.hits] == [row["ref"] for row in kept["models"]]
    assert all(hit.judged and hit.refused is None and hit.weight_bytes for hit in found.hits)
    assert not list(hub.requests)


def test_a_hit_has_a_verdict_a_size_and_whether_it_fits(shelves: Hub, workspace: Workspace) -> None:
    hits = {hit.model.name: hit for hit in workspace.search("tiny", preset="8bit").hits}
    chat, zebra, ready = hits["Tiny-Llama-Chat"], hits["Tiny-Zebra"], hits["Tiny-Llama-Chat-4bit"]
    assert (chat.kind, chat.judged, chat.refused) == ("hub", True, None)
    assert chat.fit is not None
    assert chat.fit.verdict == "runs"
    assert chat.weight_bytes == 4000 + 4000 // 64 * 4
    assert zebra.refused is not None
    assert zebra.refused.code == "arch"
    assert ready.weight_bytes == 1000
    with pytest.raises(InvalidRequest, match="no preset"):
        workspace.search("tiny", preset="9bit")


def test_a_model_that_no_memory_holds_does_not_fit(hub: Hub, workspace: Workspace) -> None:
    hit = workspace._search("").hit(FoundModel(ref="a/b", parameters=10**14))
    assert hit.fit is not None
    assert hit.fit.verdict == "too_large"


def test_published_conversions_are_those_whose_cards_name_the_model(shelves: Hub, workspace: Workspace) -> None:
    community(shelves, "Tiny-Llama-Chat-8bit", "other/Tiny-Llama-Chat")
    community(shelves, "Tiny-Llama-Chat-v2-4bit", "maker/Tiny-Llama-Chat-v2")
    model = ModelInfo(ref="maker/Tiny-Llama-Chat", name="Tiny-Llama-Chat", repo_id="maker/Tiny-Llama-Chat")
    assert [hit.model.ref for hit in workspace.published(model)] == ["mlx-community/Tiny-Llama-Chat-4bit"]


def test_a_folder_has_none_published(workspace: Workspace, tiny_llama: object) -> None:
    assert workspace.published(workspace.inspect(str(tiny_llama))) == ()


def test_what_was_found_by_a_plan_is_not_asked_for_again(shelves: Hub, workspace: Workspace) -> None:
    model = ModelInfo(ref="maker/Tiny-Llama-Chat", name="Tiny-Llama-Chat", repo_id="maker/Tiny-Llama-Chat")
    workspace.published(model)
    before = len(list(shelves.requests))
    workspace.plan(ConvertRequest(ref=model.ref), exact=False)
    assert not [request for request in list(shelves.requests)[before:] if request.path == "/api/models"]
