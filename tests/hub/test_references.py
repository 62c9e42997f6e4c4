"""What may be typed to name a model on the Hub, and what is no such name."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlx_convert_hub import model_source
from mlx_convert_hub.fetch.references import lacking
from mlx_convert_hub.fetch.repo import HubRepo

from mlx_convert_core import InvalidRequest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("ref", "repo_id", "revision"),
    [
        ("org/name", "org/name", None),
        ("Qwen/Qwen2.5-0.5B-Instruct", "Qwen/Qwen2.5-0.5B-Instruct", None),
        ("https://huggingface.co/org/name", "org/name", None),
        ("https://huggingface.co/org/name/", "org/name", None),
        ("https://huggingface.co/org/name?library=mlx#top", "org/name", None),
        ("https://hf.co/org/name/tree/dev", "org/name", "dev"),
        ("https://huggingface.co/org/name/blob/v1.0/config.json", "org/name", "v1.0"),
        ("https://huggingface.co/org/name/tree/refs%2Fpr%2F3", "org/name", "refs/pr/3"),
        ("https://huggingface.co/org/name/tree/refs/pr/3", "org/name", "refs/pr/3"),
        ("https://huggingface.co/org/name/discussions/4", "org/name", None),
        ("huggingface.co/org/name", "org/name", None),
        ("HuggingFace.co/org/name/tree/dev", "org/name", "dev"),
        ("www.huggingface.co/org/name/", "org/name", None),
        ("hf.co/org/name?library=mlx", "org/name", None),
        ("org/name/", "org/name", None),
        ("hf://org/name", "org/name", None),
        ("hf://org/name@v2", "org/name", "v2"),
        ("hf://models/org/name@refs/pr/3", "org/name", "refs/pr/3"),
    ],
)
def test_a_repo_is_named_in_many_ways(ref: str, repo_id: str, revision: str | None) -> None:
    source = model_source(ref=ref, revision=None)
    assert source == HubRepo(ref.partition("?")[0], repo_id, revision)


def test_an_address_is_taken_without_its_secrets() -> None:
    ref = "https://me:hf_SECRET@huggingface.co/org/name?token=hf_SECRET"
    assert model_source(ref=ref, revision=None) == HubRepo("https://huggingface.co/org/name", "org/name", None)


@pytest.mark.parametrize(
    "ref",
    [
        "https://me:hf_SECRET@example.com/org/name",
        "https://me:hf_SECRET@huggingface.co/datasets/org/name?token=hf_SECRET",
        "HTTPS://me:hf_SECRET@huggingface.co/gpt",
        "https://me:hf_SECRET@[huggingface.co/org/name",
    ],
)
def test_no_refusal_shows_the_secrets_of_an_address(ref: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        model_source(ref=ref, revision=None)
    assert refused.value.code == "bad_id"
    assert "SECRET" not in refused.value.message


def test_a_mirror_with_a_password_is_known_by_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://ann:SECRET@mirror.example:8080")
    address = "https://mirror.example:8080/org/name"
    assert model_source(ref=address, revision=None) == HubRepo(address, "org/name", None)


@pytest.mark.parametrize(
    "ref",
    [
        "a/b/c", "org/", "org/na me", "org/-name", "org/na--me", "org/na..me", "org/name.git", "ö/name",
        "org/" + "x" * 96,
        "https://huggingface.co/datasets/org/name", "https://huggingface.co/spaces/org/name", "https://huggingface.co/gpt",
        
        "huggingface.co/datasets/org/name", "hf.co/gpt", "https://example.com/org/name", "hf://org",
        "hf://org/name/more", "org/../../etc",
    ],
)  # fmt: skip
def test_what_is_no_repo_id_is_refused(ref: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        model_source(ref=ref, revision=None)
    assert refused.value.code == "bad_id"
    assert refused.value.hint


@pytest.mark.parametrize("revision", ["../../etc", "a b", "/main", "-x", "a//b", "a\nb"])
def test_a_revision_is_checked_too(revision: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        model_source(ref="org/name", revision=revision)
    assert refused.value.code == "revision"


def test_two_different_revisions_are_refused_but_a_commit_settles_it() -> None:
    with pytest.raises(InvalidRequest, match=r"v1.*v2"):
        model_source(ref="hf://org/name@v1", revision="v2")
    assert model_source(ref="hf://org/name@v1", revision=COMMIT) == HubRepo("hf://org/name@v1", "org/name", COMMIT)


def test_a_folder_that_exists_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "org" / "name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert model_source(ref="org/name", revision=None) is None
    assert isinstance(model_source(ref="hf://org/name", revision=None), HubRepo)


@pytest.mark.parametrize("ref", ["./org/name", "/org/name", "~/org/name", "../name"])
def test_what_is_written_as_a_path_is_never_a_repo_id(ref: str) -> None:
    assert model_source(ref=ref, revision=None) is None
    assert lacking(ref) == ""


@pytest.mark.parametrize(
    "text",
    [
        "maker", "maker/", "maker/tiny-", "maker/v1.", "h", "http", "hf", "hf:", "hf://", "hf://models/", "hf://maker/",
        "https:", "https://", "https://hugg", "https://huggingface.co", "https://huggingface.co/maker", "http://hf.co/m/",
        "huggingface.co/", "huggingface.co/maker", "hf.co/m/",
        "https://mirror.example/hub/",
    ],
)  # fmt: skip
def test_a_name_that_is_still_typed_is_not_asked_for(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    assert lacking(text).endswith(("owner/model.", "letter or a digit.", f"“{text}” here."))


@pytest.mark.parametrize(
    "text",
    [
        "maker/tiny", "hf://maker/tiny", "hf://maker/tiny@v1", "https://huggingface.co/maker/tiny",
        "https://huggingface.co/maker/tiny/tree/main", "https://example.com/", "s3://bucket", "s3:", "team:tiny", "a b",
        "a/b/c", "a/n--b", "a/b.git", "model.gguf", "/", "~", ".",
    ],
)  # fmt: skip
def test_what_is_whole_or_can_be_no_name_is_not_held_back(text: str) -> None:
    assert lacking(text) == ""


def test_a_plain_word_and_a_gguf_file_are_left_to_others() -> None:
    assert model_source(ref="word", revision=None) is None
    assert model_source(ref="some/folder/model.gguf", revision=None) is None
