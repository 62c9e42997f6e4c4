"""Cancel conversions at random moments and measure how soon each one ends.

    python benchmarks/cancel.py --kind llama-1b --times 30

"Stopped" is when the work had ended and its staging folder was gone; "ended" when the process was, too.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from synthetic import KINDS

from mlx_convert_core import Cancelled, ConvertRequest, Job, Progress, StepStarted, Workspace


def main() -> None:
    """Print the median and the longest time of each kind."""
    options = _options()
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="mlx-convert-cancel-", dir=options.folder) as name:
        folder = Path(name)
        command = [sys.executable, str(Path(__file__).with_name("synthetic.py")), options.kind, str(folder / "source")]
        subprocess.run(command, check=True)
        with Workspace(home=folder / "home") as workspace:
            times = [_cancel(workspace, folder, moments.random()) for _ in range(options.times)]
    for label, column in zip(("stopped", "ended"), zip(*times, strict=True), strict=True):
        print(f"{label:8} median {statistics.median(column) * 1e3:5.0f} ms, longest {max(column) * 1e3:5.0f} ms")


def _cancel(workspace: Workspace, folder: Path, share: float) -> tuple[float, float]:
    """Cancel when ``share`` of the weights is written; seconds until it stopped, and until it ended."""
    job = workspace.convert(
        ConvertRequest(ref=str(folder / "source"), preset="4bit", output=folder / "model", verify=False)
    )
    _wait(job, share)
    began = time.perf_counter()
    job.cancel()
    while any(folder.glob(".model.partial-*")):
        time.sleep(0.001)
    stopped = time.perf_counter()
    try:
        job.result()
    except Cancelled:
        return stopped - began, time.perf_counter() - began
    raise SystemExit("a conversion finished before it could be cancelled; take a bigger --kind")


def _wait(job: Job[object], share: float) -> None:
    for event in job.events():
        if isinstance(event, Progress) and event.step == "write" and event.done >= share * event.total:
            return
        if isinstance(event, StepStarted) and event.step == "check":
            return


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kind", default="llama-1b", choices=sorted(KINDS), help="the checkpoint")
    parser.add_argument("--times", type=int, default=30, help="conversions to cancel")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--folder", help="where to put some gigabytes for a while (default: the temporary folder)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
