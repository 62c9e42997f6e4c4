"""`python -m mlx_convert_ui`: the UI without the command line around it."""

from __future__ import annotations

import argparse


def main() -> None:
    """Read the options and serve."""
    from mlx_convert_ui import run

    parser = argparse.ArgumentParser(prog="mlx_convert_ui", description=main.__doc__)
    parser.add_argument("--port", type=int)
    parser.add_argument("--no-browser", action="store_true")
    options = parser.parse_args()
    run(port=options.port, browser=not options.no_browser)


if __name__ == "__main__":
    main()
