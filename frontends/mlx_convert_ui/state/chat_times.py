"""Under which heading a conversation stands in the list: pinned, or by the day on which it was changed."""

from __future__ import annotations

from datetime import datetime

from mlx_convert_core.plugin import ConversationSummary
from mlx_convert_ui import wording
from mlx_convert_ui.words import N_

_GROUPS = ((0, N_("Today")), (1, N_("Yesterday")), (7, N_("Last 7 days")), (30, N_("Last 30 days")))


def group_of(one: ConversationSummary) -> str:
    """The message of its heading."""
    if one.pinned:
        return N_("Pinned")
    changed = wording.moment(one.updated)
    if changed is None:
        return N_("Earlier")
    days = (datetime.now().astimezone().date() - changed.date()).days
    return next((title for most, title in _GROUPS if days <= most), N_("Earlier"))
