"""Days, amounts and titles in words."""

from __future__ import annotations

from datetime import UTC, datetime

from mlx_convert_core import Progress
from mlx_convert_core.plugin import units
from mlx_convert_ui.words import N_, _

_MONTHS = (
    *(N_("Jan"), N_("Feb"), N_("Mar"), N_("Apr"), N_("May"), N_("Jun")),
    *(N_("Jul"), N_("Aug"), N_("Sep"), N_("Oct"), N_("Nov"), N_("Dec")),
)
# Of what is counted while it is worked on; bytes are said as sizes.
_COUNTED = {
    "tensors": N_("{done} of {total} tensors"),
    "tokens": N_("{done} of {total} tokens"),
    "files": N_("{done} of {total} files"),
    "answers": N_("{done} of {total} answers"),
}
TAIL = 12  # characters: "-MLX-8bit" and a little of what stands before it


def day(stamp: str) -> str:
    """An ISO 8601 time as ``24 Nov 2026, 16:12``, in local time; "" for none."""
    local = moment(stamp)
    return _("{date}, {time}", date=_date(local), time=f"{local:%H:%M}") if local else ""


def date(stamp: str) -> str:
    """An ISO 8601 time as ``24 Nov 2026``, in local time; "" for none."""
    local = moment(stamp)
    return _date(local) if local else ""


def when(stamp: str) -> str:
    """An ISO 8601 time as the hour of today, or as the day of another; "" for none."""
    local = moment(stamp)
    if local is None:
        return ""
    today = datetime.now().astimezone().date()
    return f"{local:%H:%M}" if local.date() == today else _date(local)


def _date(local: datetime) -> str:
    # Translators: a day, as in "24 Nov 2026".
    return _("{day} {month} {year}", day=local.day, month=_(_MONTHS[local.month - 1]), year=local.year)


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


def size_of(done: float, total: float) -> str:
    """``30.1 of 75.8 MB``: both in the unit of the total."""
    some, _of, whole = units.size_of(done, total).partition(" of ")
    return _("{done} of {total}", done=some, total=whole)


def amount(moved: Progress) -> str:
    """How much of a step is done: ``1.2 of 4.3 GB``, ``12 of 272 tensors``."""
    if moved.unit == "bytes":
        return size_of(moved.done, moved.total)
    return _(_COUNTED[moved.unit], done=f"{moved.done:,}", total=f"{moved.total:,}")


def left(moved: Progress) -> str:
    """``14 s left``; "" while nobody knows."""
    return _("{time} left", time=units.duration(moved.eta)) if moved.eta else ""


def bits_per_weight(value: float) -> str:
    """``4.50 bits per weight``."""
    return _("{bits} bits per weight", bits=units.bits(value))
