"""The real client in a process of its own, because it reads its settings when it is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from hubserver.server import Hub

SCRIPT = """
import json, sys
import huggingface_hub as hf

def chain(error):
    return [type(error).__name__, *chain(error.__cause__)] if error else []

answer = {}
try:
    answer["value"] = eval(sys.argv[1])
except BaseException as error:
    answer = {"errors": chain(error), "message": str(error)}
print(json.dumps(answer, default=str))
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an expression came to: a value, or the class of the error followed by those of its causes."""

    value: Any
    errors: tuple[str, ...]
    message: str
    stderr: str


def environment(hub: Hub, *, token: str | None = None, **extra: str) -> dict[str, str]:
    """Return this process's environment, pointed at the hub and free of other tokens and proxies."""
    mine = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HF_", "HUGGING")) and not name.lower().endswith("_proxy")
    }
    return {**mine, **hub.env, **({"HF_TOKEN": token} if token else {}), **extra}


def start(hub: Hub, expression: str, *, token: str | None = None, **extra: str) -> subprocess.Popen[str]:
    """Start a process that evaluates an expression, in which `hf` is huggingface_hub."""
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, expression],
        env=environment(hub, token=token, **extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(hub: Hub, expression: str, *, token: str | None = None, **extra: str) -> Outcome:
    """Evaluate an expression with the real client; `extra` are further environment variables."""
    with start(hub, expression, token=token, **extra) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    answer = json.loads(out.splitlines()[-1])
    return Outcome(answer.get("value"), tuple(answer.get("errors", ())), answer.get("message", ""), err)
