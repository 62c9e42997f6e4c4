"""Questions asked before something that can't be undone."""

from __future__ import annotations

from nicegui import ui

from mlx_convert_ui.components import Button, Tag, block


async def confirm(title: str, text: str, *, action: str, danger: bool = True) -> bool:
    """Ask; True for ``action``. Cancel has the focus, and Escape means it too."""
    with ui.dialog().props('aria-labelledby="confirm-title" transition-duration=120') as dialog, block("dialog"):
        Tag("h2", title, "dialog-title").props("id=confirm-title")
        Tag("p", text, "dialog-text")
        with block("dialog-actions"):
            Button("Cancel", lambda: dialog.submit(False)).props("autofocus").mark("cancel")
            Button(action, lambda: dialog.submit(True), kind="danger" if danger else "primary").mark("confirm")
    answer = await dialog
    dialog.delete()  # else each question leaves a dialog in the page
    return bool(answer)
