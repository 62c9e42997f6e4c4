"""What takes much memory for a moment, asked of a process of its own, which gives it back."""

from __future__ import annotations

import json
import subprocess
from importlib import import_module
from typing import Any

from mlx_convert_core.plugin import python_command, python_environment, to_json

SECONDS = 300  # far more than the largest vocabulary takes; what is then not done, hangs
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}


def told_apart(module: str, *arguments: str) -> dict[str, Any] | str:
    """What ``main`` of ``module`` tells when it is called with ``arguments`` there; a text says why it told nothing."""
    try:
        ended = subprocess.run(
            python_command("-m", __name__),
            env=python_environment(**OFFLINE),
            input=to_json([module, *arguments]),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it was not done in {SECONDS} s"
    try:
        told: dict[str, Any] = json.loads(ended.stdout.decode().splitlines()[-1])
    except (ValueError, IndexError):
        return f"its process ended with status {ended.returncode}"
    return told


if __name__ == "__main__":
    import sys

    name, *given = json.load(sys.stdin)
    sys.stdin.close()
    print(to_json(import_module(name).main(*given)).decode())
