"""Days and titles in words."""

from __future__ import annotations

from datetime import UTC, datetime

TAIL = 12  # characters: "-MLX-8bit" and a little of what stands before it


def day(stamp: str) -> str:
    """An ISO 8601 time as ``24 Nov 2026, 16:12``, in local time; "" for none."""
    local = moment(stamp)
    return f"{local.day} {local:%b %Y, %H:%M}" if local else ""


def date(stamp: str) -> str:
    """An ISO 8601 time as ``24 Nov 2026``, in local time; "" for none."""
    local = moment(stamp)
    return f"{local.day} {local:%b %Y}" if local else ""


def when(stamp: str) -> str:
    """An ISO 8601 time as the hour of today, or as the day of another; "" for none."""
    local = moment(stamp)
    if local is None:
        return ""
    today = datetime.now().astimezone().date()
    return f"{local:%H:%M}" if local.date() == today else f"{local.day} {local:%b %Y}"


def moment(stamp: str) -> datetime | None:
    """An ISO 8601 time (UTC unless it says otherwise) in local time; None for what is none."""
    try:
        found = datetime.fromisoformat(stamp)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone()
    except (ValueError, OverflowError):
        return None


def cut(name: str) -> tuple[str, str]:
    """A name in two: where there is no room for all of it, dots take the end of the first part.

    Names of one family differ at their ends: ``Llama-3.2-1B-Inst…-MLX-4bit``.
    """
    return (name[:-TAIL], name[-TAIL:]) if len(name) > 2 * TAIL else (name, "")


def file_name(title: str) -> str:
    """``Answers / about MLX`` as ``Answers-about-MLX``; "unnamed" when nothing of it may be in a file's name."""
    kept = "".join(char if char.isalnum() or char in " -_" else " " for char in title)
    return "-".join(kept.split())[:60] or "unnamed"
