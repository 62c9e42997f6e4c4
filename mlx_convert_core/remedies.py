"""The next step as data: what an error or a finding offers to do, for a frontend to say in its own way.

The command line writes each as a command with the user's own values, a page draws a button or opens a field, JSON
carries them as they are: ``{"do": "set_option", "option": "group_size", "value": 32}``. What no frontend can do for a
person is a sentence in the ``hint`` beside them, which names no option and no command.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Operation = Literal[
    "architectures",
    "conversations list",
    "doctor --clear",
    "get",
    "library list",
    "library remove",
    "library scan",
    "plugins list",
    "presets",
    "queue cancel",
    "queue list",
    "recipe export",
]


class _Step(Struct, frozen=True, tag_field="do", omit_defaults=True):
    """What all have in common: ``do`` says which one it is."""


class SetOption(_Step, frozen=True, tag="set_option"):
    """Ask again with ``option`` set to ``value``; None when only the person can know the value.

    ``option`` is a field of the request that was refused: ``group_size``, ``dtype``, ``trust_remote_code`` …
    """

    option: str
    value: bool | int | float | str | None = None


class LeaveOut(_Step, frozen=True, tag="leave_out"):
    """Ask again without ``option``, a field of the request that was refused."""

    option: str


class Replace(_Step, frozen=True, tag="replace"):
    """Ask again, and agree that what is there goes."""


class ChooseOutput(_Step, frozen=True, tag="choose_output"):
    """Ask again with another output folder: ``path`` when one is known to be free, "" when the person must choose."""

    path: str = ""


class UseInstead(_Step, frozen=True, tag="use_instead"):
    """Convert the model ``ref`` instead, with ``adapter`` fused into it, "" for none."""

    ref: str
    adapter: str = ""


class SignIn(_Step, frozen=True, tag="sign_in"):
    """Sign in to ``account``, a name that a plugin has registered; "" for the Hub's."""

    account: str = ""


class OpenPage(_Step, frozen=True, tag="open_page"):
    """Read, or do, something at ``address``, an https one."""

    address: str


class RunCommand(_Step, frozen=True, tag="run_command"):
    """Use another part of mlx-convert: an operation by its name in the command line, with ``arguments``.

    ``options`` are flags without a value, by their field's name (``keep_files``).
    """

    name: Operation
    arguments: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


class Report(_Step, frozen=True, tag="report"):
    """Tell the authors about it, with the error's traceback."""


class RunElsewhere(_Step, frozen=True, tag="run_elsewhere"):
    """Type ``line``, a command of another program, quoted for a shell already (`base.shell.command`)."""

    line: str


Remedy = (
    SetOption | LeaveOut | Report | Replace | ChooseOutput | UseInstead | SignIn | OpenPage | RunCommand | RunElsewhere
)
Remedies = tuple[Remedy, ...]
