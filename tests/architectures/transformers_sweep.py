"""Convert tiny checkpoints that transformers itself saved, and compare what both compute from a text.

python tests/architectures/transformers_sweep.py [--write] [MODEL_TYPE...]     (needs torch: `make transformers-sweep`)
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])

from architectures.reference import SIZES
from architectures.transformers_models import COMPARED
from architectures.transformers_page import PAGE, ROWS, with_transformers

WINDOW = SIZES["sliding_window"]
TOLERANCE = 1e-4  # of the largest logit: float32 in another order of operations
SECONDS = 180  # for one architecture
Row = dict[str, Any]
"""What came of an architecture: ``equal``, ``difference`` of logits (of the largest one), ``failure`` in a line.

``within`` is the difference of the first tokens, those that see all before them, where layers have a window.
"""


def sweep(model_types: Sequence[str]) -> Iterator[tuple[str, Row]]:
    """A row for each of ``model_types``, as it is known. A crash of native code costs its row only."""
    left = list(model_types)
    while left:
        with tempfile.TemporaryDirectory(prefix="mlx-convert-transformers-") as name:
            rows = _run(Path(name), left)
        yield from rows.items()
        done = len(rows)
        if done < len(left):
            yield left[done], {"equal": False, "difference": None, "failure": "the process ended"}
            done += 1
        left = left[done:]


def _run(folder: Path, model_types: Sequence[str]) -> dict[str, Row]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "architectures.transformers_sweep", "--worker", str(folder), *model_types]
    with (folder / "output").open("wb") as output:
        limit = SECONDS * len(model_types)
        subprocess.run(command, env=environment, stdout=output, stderr=output, check=False, timeout=limit)
    path = folder / "rows.jsonl"
    notes = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return {note.pop("model_type"): note for note in notes}


def _work(folder: Path, model_types: Sequence[str]) -> None:
    for model_type in model_types:
        with tempfile.TemporaryDirectory(dir=folder) as work:
            row = _compared(Path(work), model_type)
        with (folder / "rows.jsonl").open("a") as file:
            file.write(json.dumps({"model_type": model_type, **row}) + "\n")


def _compared(work: Path, model_type: str) -> Row:
    import numpy as np

    from architectures.reference import write_reference

    compared = COMPARED[model_type]
    wanted = write_reference(work / "source", model_type, compared.changes, compared.rope)
    try:
        got = _converted_logits(work)
    except Exception as error:
        failure = f"{type(error).__name__}: {str(error).splitlines()[0]}".replace(str(work), "")
        return {"equal": False, "difference": None, "failure": failure}
    difference, within = (float(np.abs(got - wanted)[:end].max() / np.abs(wanted).max()) for end in (None, WINDOW))
    failure = "" if _read_back(work / "source") == _read_back(work / "made") else "transformers reads other positions"
    equal = difference < TOLERANCE and not failure
    short = {"within": within} if compared.window else {}
    return {"equal": equal, "difference": difference, "failure": failure, **short}


def _converted_logits(work: Path) -> Any:
    """What mlx-lm by itself computes from the converted folder."""
    import mlx.core as mx
    import numpy as np
    from mlx_lm.utils import load_model

    from architectures.reference import tokens
    from mlx_convert_core import ConvertRequest, Workspace

    request = ConvertRequest(ref=str(work / "source"), preset=("fp32",), output=(work / "made",), text_only=True)
    with Workspace(home=work / "home") as workspace:
        workspace.convert(request, inline=True).result()
    model, _ = load_model(work / "made")
    return np.array(model(mx.array([tokens()])).astype(mx.float32))[0]


def _read_back(folder: Path) -> Any:
    """The rotary positions that transformers reads in a folder; scaling that does nothing counts as none."""
    from transformers import AutoConfig

    parameters = getattr(AutoConfig.from_pretrained(folder), "rope_parameters", None) or {}
    if parameters.get("factor") == 1.0:
        return {"rope_theta": parameters["rope_theta"]}
    neutral = {"type": None, "rope_type": "default", "partial_rotary_factor": 1.0}
    return {name: value for name, value in parameters.items() if name != "type" and value != neutral.get(name)}


def main(options: argparse.Namespace) -> None:
    """Print a line for each architecture; write the rows and their column of docs/architectures.md when wanted."""
    rows = {}
    for model_type, row in sweep(options.model_types or sorted(COMPARED)):
        rows[model_type] = row
        told = "equal" if row["equal"] else "differs"
        print(f"{model_type:20} {told:8} {row['difference'] or 0:9.1e}  {row['failure']}", flush=True)
    print(f"\n{len(rows)} architectures, {sum(row['equal'] for row in rows.values())} equal to transformers.")
    if options.check:
        known = json.loads(ROWS.read_text(encoding="utf-8"))["rows"]
        sys.exit(any(known[name]["equal"] and not row["equal"] for name, row in rows.items()))
    if options.write:
        made_with = {name: version(name) for name in ("transformers", "torch", "mlx-lm")}
        made_with["torch"] = made_with["torch"].partition("+")[0]
        ROWS.write_text(json.dumps({"versions": made_with, "rows": rows}, indent=1, sort_keys=True) + "\n")
        PAGE.write_text(with_transformers(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the rows and the page of the documentation, too")
    parser.add_argument("--check", action="store_true", help="fail when what was equal is not any more")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("model_types", nargs="*", metavar="MODEL_TYPE", help="default: every one")
    return parser.parse_args()


if __name__ == "__main__":
    given = _options()
    if given.worker:
        _work(given.worker, given.model_types)
    else:
        main(given)
