"""Groups of commands that do something sensible when only the group is named."""

from __future__ import annotations

from typing import Any

import click


class DefaultGroup(click.Group):
    """A group with a ``default`` command: `library` alone means `library list`."""

    def __init__(self, *args: Any, default: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self._default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command in when no command is named."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = [self._default, *args]
        return super().parse_args(ctx, args)
