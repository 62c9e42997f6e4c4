"""A sign of life while there is nothing to count."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show ``what`` with a spinner on standard error, in a terminal only; it leaves no trace."""
    if not sys.stderr.isatty():
        yield
        return
    from mlx_convert_cli.output import console

    with console(err=True).status(f"{what}…", spinner="dots", spinner_style="cyan"):
        yield
