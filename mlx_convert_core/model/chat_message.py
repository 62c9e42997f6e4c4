"""One turn of a conversation, as it is asked, kept and measured with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """One turn of a conversation; ``attachments`` are paths of the pictures and the sound that it is about."""

    role: Role
    content: str
    attachments: tuple[str, ...] = ()
