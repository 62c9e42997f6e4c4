"""The list of conversations: searched, pinned, by day, and as long as it likes to be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mlx_convert_ui.pages.chat.conversations import AT_ONCE
from mlx_convert_ui.state.chat_times import group_of
from mlx_convert_ui.state.studio import Studio
from nicegui import ElementFilter
from nicegui.testing import User
from simulated import fill, sees, until, visiting

from mlx_convert_core.plugin import ConversationSummary

pytestmark = pytest.mark.asyncio


def listed(user: User) -> int:
    """How many conversations the page holds."""
    assert user.client is not None
    with user.client:
        return len(list(ElementFilter(marker="conversation")))


async def test_a_long_list_comes_in_pieces_and_is_searched_whole(studio: Studio, tmp_path: Path) -> None:
    store = studio.workspace.conversations
    for number in range(AT_ONCE + 5):
        store.save(store.create(tmp_path, title=f"About {number}").with_message("user", f"What of river {number}?"))
    async with visiting(studio, "/chat") as user:
        assert listed(user) == AT_ONCE
        user.find(marker="more-chats").click()
        await until(lambda: listed(user) == AT_ONCE + 5)
        await fill(user, "find-chat", "RIVER 64")
        await sees(user, "1 conversation")
        await until(lambda: listed(user) == 1)
        await fill(user, "find-chat", "assistant")  # a word of the files, not of what was said
        await sees(user, "0 conversations")
        await fill(user, "find-chat", None)  # as its cross does
        await until(lambda: listed(user) == AT_ONCE)


async def test_a_pinned_conversation_stands_before_the_others(studio: Studio, tmp_path: Path) -> None:
    store = studio.workspace.conversations
    old, _new = (store.create(tmp_path, title=title) for title in ("Old", "New"))
    async with visiting(studio, f"/chat/{old.id}") as user:
        await sees(user, "Today")
        await user.should_not_see("Pinned")
        user.find(marker="pin").click()
        await sees(user, "Pinned")
        assert [one.pinned for one in store.list()] == [False, True]
        (button,) = user.find(marker="pin").elements
        await until(lambda: button.props["aria-pressed"] == "true")
        user.find(marker="pin").click()
        await user.should_not_see("Pinned", retries=100)


async def test_conversations_stand_under_the_day_of_their_change(tmp_path: Path) -> None:
    noon = datetime.now().astimezone().replace(hour=12).astimezone(UTC)

    def under(days: int, *, pinned: bool = False, stamp: str = "") -> str:
        changed = stamp or (noon - timedelta(days=days)).isoformat()
        return group_of(
            ConversationSummary(
                id="0", title="", model=tmp_path, created="", updated=changed, messages=0, pinned=pinned
            )
        )

    assert [under(days) for days in (0, 1, 2, 7, 8, 31)] == [
        *("Today", "Yesterday", "Last 7 days", "Last 7 days", "Last 30 days", "Earlier")
    ]
    assert (under(0, stamp="yesterday"), under(900, pinned=True)) == ("Earlier", "Pinned")
