"""Work on a thread that is watched, and the client's one switch for going without Xet."""

from __future__ import annotations

import threading

import pytest
from huggingface_hub import constants
from mlx_convert_hub.send.sending import _has_xet, _plain_transfer
from mlx_convert_hub.send.watched_thread import WorkProgress, attend

from mlx_convert_core import Cancelled


def test_work_that_is_done_counts_although_it_was_cancelled_by_then() -> None:
    """A commit that went through is no cancelled upload."""
    asked = threading.Event()

    def work() -> str:
        asked.wait(60)
        return "committed"

    def watch() -> None:
        asked.set()
        for thread in threading.enumerate():
            if thread.name == "hub-upload":
                thread.join(60)
        raise Cancelled("cancelled.")

    assert attend(work, WorkProgress(), watch, patience=60) == "committed"


def test_work_that_is_not_done_is_left_when_it_is_cancelled() -> None:
    never = threading.Event()

    def watch() -> None:
        raise Cancelled("cancelled.")

    with pytest.raises(Cancelled):
        attend(lambda: never.wait(60), WorkProgress(), watch, patience=60)
    never.set()


@pytest.mark.parametrize("disabled", [False, True])
def test_the_client_goes_without_xet_until_the_last_transfer_that_does_has_ended(
    disabled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", disabled)
    has_xet = _has_xet()
    abandoned, next_one = _plain_transfer(), _plain_transfer()
    abandoned.__enter__()
    assert _has_xet() == has_xet  # what one upload goes without is no rule for the next
    next_one.__enter__()
    abandoned.__exit__(None, None, None)
    assert constants.HF_HUB_DISABLE_XET
    next_one.__exit__(None, None, None)
    assert disabled == constants.HF_HUB_DISABLE_XET
