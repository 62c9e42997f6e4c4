"""Sizes, counts, times and titles in words."""

from __future__ import annotations

from datetime import UTC, datetime


def size(nbytes: float) -> str:
    """Decimal, as disks and download pages count: ``4.3 GB``, ``143 MB``."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if nbytes >= scale:
            value = nbytes / scale
            return f"{value:.1f} {unit}" if value < 100 and unit in ("TB", "GB") else f"{value:.0f} {unit}"
    return f"{nbytes:.0f} B"


def count(number: float) -> str:
    """``7.62 B``, ``135 M``."""
    for unit, scale in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= scale:
            value = number / scale
            return f"{value:.2f} {unit}" if value < 10 else f"{value:.3g} {unit}"
    return f"{number:.0f}"


def duration(seconds: float) -> str:
    """``0.8 s``, ``14 s``, ``2 min 5 s``, ``1 h 3 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def day(stamp: str) -> str:
    """An ISO 8601 time as ``24 Nov 2026, 16:12``, in local time; "" for none."""
    local = moment(stamp)
    return f"{local.day} {local:%b %Y, %H:%M}" if local else ""


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


def file_name(title: str) -> str:
    """``Answers / about MLX`` as ``Answers-about-MLX``; "unnamed" when nothing of it may be in a file's name."""
    kept = "".join(char if char.isalnum() or char in " -_" else " " for char in title)
    return "-".join(kept.split())[:60] or "unnamed"
