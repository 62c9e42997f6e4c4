"""What a request names as its model is shown and written to files: it holds no secret of an address."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlx_convert_core import ConvertRequest, InvalidRequest, UploadRequest, Workspace


@pytest.mark.parametrize(
    ("ref", "kept"),
    [
        ("https://me:hf_SECRET@huggingface.co/org/name", "https://huggingface.co/org/name"),
        ("https://huggingface.co/org/name/tree/dev?token=hf_SECRET#top", "https://huggingface.co/org/name/tree/dev"),
        (" HTTP://hf_SECRET@127.0.0.1:8080/org/name ", "http://127.0.0.1:8080/org/name"),
    ],
)
def test_an_address_is_kept_without_its_secrets(ref: str, kept: str) -> None:
    assert ConvertRequest(ref=ref).ref == kept


@pytest.mark.parametrize("ref", ["org/name", "hf://org/name@v1", "./what?/a#b@c", "s3://bucket/name?x"])
def test_any_other_ref_stays_as_it_is(ref: str) -> None:
    assert ConvertRequest(ref=ref).ref == ref


def test_what_can_not_be_an_address_is_refused_without_a_word_of_it() -> None:
    with pytest.raises(InvalidRequest) as refused:
        ConvertRequest(ref="https://me:hf_SECRET@[huggingface.co/org/name")
    assert refused.value.code == "bad_id"
    assert "SECRET" not in f"{refused.value} {refused.value.hint}"


def test_the_queue_on_disk_holds_no_secret(workspace: Workspace) -> None:
    workspace.queue.add(ConvertRequest(ref="https://me:hf_SECRET@huggingface.co/org/name?token=hf_SECRET"))
    assert "SECRET" not in (workspace.home / "queue.json").read_text()


def test_a_place_to_send_to_is_kept_without_its_secrets(tmp_path: Path) -> None:
    request = UploadRequest.to(tmp_path, "hub:https://me:hf_SECRET@huggingface.co/me/Name")
    assert request.name == "https://huggingface.co/me/Name"
