"""`mlx-convert ui`."""

from __future__ import annotations

import os

import click

from mlx_convert_ui.shell.keys import TOKEN


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Where to listen. [8473, or any free port]")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Any other address than this machine needs a long key."
)
@click.option("--token", envvar=TOKEN, help=f"The key to the page; better in {TOKEN}. [a new one each time]")
@click.option("--no-browser", is_flag=True, help="Print the address and open nothing.")
@click.option("--native", is_flag=True, help="Open a window of its own instead of the browser.")
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def ui(port: int | None, host: str, token: str | None, no_browser: bool, native: bool, as_json: bool) -> None:
    """Open the app in the browser; Ctrl-C ends it.

    It listens on this machine only, and only who has the address with its key gets in.
    """
    from mlx_convert_ui.shell.serving import serve

    os.environ.pop(TOKEN, None)  # what is started from here has no use for it
    serve(host=host, port=port, token=token, browser=not no_browser, native=native, as_json=as_json)
