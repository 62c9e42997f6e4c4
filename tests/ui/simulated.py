"""A simulated user in this process: real pages and real workers, no browser."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from mlx_convert_ui.shell.app import register
from mlx_convert_ui.state.studio import Studio
from nicegui import ElementFilter
from nicegui.testing import User, user_simulation
from nicegui.testing.user_interaction import UserInteraction

PATIENCE = 600  # tries of 0.1 s: a loaded machine may need long to start a worker


@asynccontextmanager
async def visiting(studio: Studio, path: str = "/") -> AsyncIterator[User]:
    """Open ``path`` as a user who has been here before. An error that is only logged fails the test, too."""
    studio.prefer(welcomed=True)
    troubles = Troubles()
    async with user_simulation() as user:
        logging.getLogger("nicegui").addHandler(troubles)
        try:
            register(studio)
            await user.open(path)
            yield user
        finally:
            logging.getLogger("nicegui").removeHandler(troubles)
    assert not troubles.told, "\n".join(troubles.told)


class Troubles(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """See logging."""
        self.told.append(self.format(record))


async def fill(user: User, marker: str, value: Any) -> None:
    """Put ``value`` into the field marked so."""
    (element,) = user.find(marker=marker).elements
    element.value = value


def labelled(user: User, label: str, *, within: str = "") -> UserInteraction[Any]:
    """The element with this aria-label, or, for a label like ``#marker``, with this marker; one ``within`` another."""
    assert user.client is not None
    with user.client:
        found = ElementFilter(marker=label[1:]) if label.startswith("#") else ElementFilter()
        elements = found.within(marker=within) if within else found
        wanted = {one for one in elements if label.startswith("#") or one.props.get("aria-label") == label}
    return UserInteraction(user, wanted, label)


async def pick(user: User, name: str) -> None:
    """Choose the row with this name in the folder picker, once it is there."""
    assert user.client is not None
    rows: set[Any] = set()

    def listed() -> set[Any]:
        with user.client:
            texts = ElementFilter(content=name).within(marker="row")
            rows.update(text.parent_slot.parent for text in texts if text.parent_slot)
        return rows

    await until(listed)
    UserInteraction(user, rows, name).click()


async def sees(user: User, *words: str) -> None:
    """Wait until the page shows each of ``words``."""
    for text in words:
        await user.should_see(text, retries=PATIENCE)


async def until(condition: Callable[[], Any]) -> None:
    """Wait until ``condition`` holds."""
    for _ in range(PATIENCE):
        if condition():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"never: {condition}")
