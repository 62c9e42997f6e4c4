"""Kill conversions with SIGKILL at random moments, and look what is left and whether the next run succeeds.

    python benchmarks/kill.py --kills 50
    python benchmarks/kill.py --source path/to/checkpoint --kills 20 --seed 7

Another process, this one, kills the program, its worker, or both. The moments are spread evenly over the steps of a
conversion to two presets, from the program's start to its end. The next run is a plain one or has --resume.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from left_by_kill import PRESETS, Place, clear, content, library, reason, told, visible

TARGETS = ("program", "worker", "both")
STEPS = ("start", "plan", "quantize", "check", "publish", "store")  # what begins at these moments; "start" is ours
PATIENCE = 120.0  # seconds until processes that should end count as stuck


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When to kill: ``delay`` seconds after ``step`` began; what to kill, and how the next run begins."""

    step: str
    delay: float
    target: str
    resume: bool


@dataclass(frozen=True, kw_only=True)
class Killed:
    """What came of one kill; ``problems`` is empty when all is well.

    ``published`` counts the outputs that were there already; ``died`` is False when the program was done before.
    """

    moment: Moment
    died: bool
    published: int
    seconds: float
    problems: tuple[str, ...]


@dataclass
class Baseline:
    """An undisturbed conversion: how long after each step the next begins, and what it makes."""

    spans: dict[str, float] = field(default_factory=dict)
    contents: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, place: Place) -> Baseline:
        """Run one, and measure."""
        began = {"start": time.monotonic()}
        with place.start() as program:
            for step in _steps(program):
                began.setdefault(step, time.monotonic())
        if program.returncode:
            raise SystemExit(f"the conversion itself fails (exit code {program.returncode})")
        times = [began[step] for step in STEPS] + [time.monotonic()]
        spans = {step: after - at for step, at, after in zip(STEPS, times, times[1:], strict=False)}
        return cls(spans=spans, contents=[content(output) for output in place.outputs])


def kills(source: Path, folder: Path, *, count: int, seed: int) -> Iterator[Killed]:
    """Kill ``count`` conversions of ``source``, working below ``folder``; one that was done before does not count."""
    (folder / "baseline").mkdir(parents=True)
    baseline = Baseline.of(Place(folder / "baseline", source))
    dice = random.Random(seed)
    place = Place(folder / "killed", source)
    place.folder.mkdir()
    steps: list[str] = []
    struck = 0
    while struck < count:
        steps = steps or dice.sample(STEPS, len(STEPS))
        step = steps.pop()
        moment = Moment(
            step=step,
            delay=dice.uniform(0, baseline.spans[step]),
            target=dice.choice(TARGETS),
            resume=dice.random() < 0.5,
        )
        killed = _kill(place, moment, baseline)
        struck += killed.died
        yield killed


def _kill(place: Place, moment: Moment, baseline: Baseline) -> Killed:
    """One kill, one look, one more run, and all outputs away again by the next one's --force."""
    before = {output for output in place.outputs if output.exists()}
    for output in before:
        output.rename(place.folder / f"old-{output.name}-{time.monotonic_ns()}")
    program = place.start()
    if moment.step != "start":
        _wait_for(program, moment.step)
    time.sleep(moment.delay)
    died, processes = _strike(program, moment.target)
    out, _ = program.communicate(timeout=PATIENCE)
    _, stuck = psutil.wait_procs(processes, timeout=PATIENCE)
    problems = [f"process {process.pid} goes on" for process in stuck]
    problems += told(out, program.returncode) if moment.target == "worker" else []
    published = [output for output in place.outputs if output.exists()]
    problems += visible(place, baseline.contents) + library(place, published, whole=False)
    began = time.monotonic()
    again = place.start(*["--resume"] * moment.resume, *["--force"] * bool(published))
    out, talk = again.communicate(timeout=PATIENCE * 5)
    seconds = time.monotonic() - began
    if again.returncode:
        problems.append(f"the next run fails: {reason(out) or talk}")
    problems += visible(place, baseline.contents, whole=True) + library(place, place.outputs, whole=True)
    clear(place.folder)
    return Killed(moment=moment, died=died, published=len(published), seconds=seconds, problems=tuple(problems))


def _steps(program: subprocess.Popen[str]) -> Iterator[str]:
    assert program.stdout is not None
    for line in program.stdout:
        event = json.loads(line)
        if event.get("event") == "StepStarted":
            yield event["step"]


def _wait_for(program: subprocess.Popen[str], step: str) -> None:
    for found in _steps(program):
        if found == step:
            return


def _strike(program: subprocess.Popen[str], target: str) -> tuple[bool, list[psutil.Process]]:
    """Kill; whether there was still something to kill, and every process that must be gone soon."""
    try:
        parent = psutil.Process(program.pid)
        workers = parent.children(recursive=True)
    except psutil.NoSuchProcess:
        return False, []
    doomed = {"program": [parent], "worker": workers, "both": [parent, *workers]}[target]
    for process in doomed:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    return bool(doomed) and program.poll() in (None, -9), [parent, *workers]


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="mlx-convert-kill-", dir=options.folder) as name:
        folder = Path(name)
        source = options.source or _synthetic(folder / "source", options.kind)
        done = []
        for killed in kills(source.resolve(), folder / "runs", count=options.kills, seed=options.seed):
            done.append(killed)
            _show(len(done), killed)
    _sum_up(done, options.seed)
    return int(any(killed.problems for killed in done))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="how many conversions to kill")
    parser.add_argument("--seed", type=int, default=20, help="the same seed draws the same moments")
    parser.add_argument("--source", type=Path, help="a checkpoint (default: a synthetic one)")
    parser.add_argument("--kind", default="llama-0.2b", help="the synthetic checkpoint, of synthetic.py")
    parser.add_argument("--folder", help="where to work (default: the temporary folder)")
    return parser.parse_args()


def _synthetic(folder: Path, kind: str) -> Path:
    script = str(Path(__file__).with_name("synthetic.py"))
    subprocess.run([sys.executable, script, kind, str(folder)], check=True)
    return folder


def _show(number: int, killed: Killed) -> None:
    moment = killed.moment
    when = f"{moment.delay:.2f} s into {moment.step}"
    state = ("done before" if not killed.died else f"{killed.published} of {len(PRESETS)} published").ljust(14)
    again = f"next run{' --resume' if moment.resume else ''} {killed.seconds:.1f} s"
    verdict = "; ".join(killed.problems) or "ok"
    print(f"{number:4}  {moment.target:7}  {when:22}  {state}  {again:24}  {verdict}", flush=True)


def _sum_up(done: list[Killed], seed: int) -> None:
    struck = [killed for killed in done if killed.died]
    targets, steps = (Counter(getattr(killed.moment, name) for killed in struck) for name in ("target", "step"))
    print(f"\n{len(struck)} kills (seed {seed}): {_counts(targets)}; {len(done) - len(struck)} more came too late")
    print(f"  after the beginning of: {_counts(steps)}")
    published = sum(killed.published > 0 for killed in struck)
    resumed = sum(killed.moment.resume for killed in struck)
    print(f"  {published} after an output was published; {resumed} next runs with --resume")
    print(f"  next run: median {statistics.median(killed.seconds for killed in done):.1f} s")
    print(f"  {sum(bool(killed.problems) for killed in done)} with problems")


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counter.items())


if __name__ == "__main__":
    sys.exit(main())
