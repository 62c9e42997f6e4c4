"""Run tiny models block by block and as a whole, and say of each whether that is the same: a process of its own.

    python -m forward.sweep FOLDER MODEL_TYPE...     (from the folder `tests`)

Prints a JSON line for each as it is known: what native code ends costs one model only.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from forward.models import SEQUENCES, Quiet, plain_logits, tiny

_TESTS = Path(__file__).parents[1]
SAME = "streamed"


def streamed_as_whole(model_types: Sequence[str]) -> dict[str, str]:
    """For each model type `SAME`, or what is different."""
    found: dict[str, str] = {}
    while left := [name for name in model_types if name not in found]:
        with tempfile.TemporaryDirectory(prefix="mlx-convert-forward-") as folder:
            command = [sys.executable, "-m", "forward.sweep", folder, *left]
            done = subprocess.run(command, cwd=_TESTS, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        found |= dict(
            json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"[")
        )  # a class may print
        for name in left:
            if name not in found:
                found[name] = f"ended with {done.returncode}"
                break
    return found


def _compared(folder: Path, model_type: str) -> str:
    import mlx.core as mx
    from mlx_convert_engine.forward.streamed import StreamedModel

    load = tiny(folder, model_type)
    model = StreamedModel(load, exact=True)
    states = list(model.hidden(SEQUENCES, Quiet()))
    if len(model.blocks) < 2:
        return "runs as a whole"
    for state, wanted in zip(states, plain_logits(load), strict=True):
        if not mx.array_equal(model.logits(state), wanted):
            return "other logits"
    return SAME


def main() -> None:
    for model_type in sys.argv[2:]:
        try:
            told = _compared(Path(sys.argv[1]), model_type)
        except (Exception, SystemExit) as error:
            told = f"{type(error).__name__}: {error}"[:200]
        print(json.dumps((model_type, told)), flush=True)


if __name__ == "__main__":
    main()
