"""Compare mlx-convert with mlx_lm.convert on the same checkpoint, in turn, in one run.

    python benchmarks/convert.py                      # both standard checkpoints at 4 bit
    python benchmarks/convert.py --kind llama-3b --preset bf16 --runs 3 --json

Each run is a process of its own. "Wall" is the whole command, start to end; "peak" the largest resident size
of any of its processes. "Limit" is what a conversion can't do without on this machine: reading the source,
one quantize pass over it on every core, writing the output; each the best of three. A tiny conversion goes first, so
that every module is compiled, as it is once installed. With several presets, ours is also run with the first alone.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from synthetic import KINDS

STANDARD = ("llama-1b", "qwen3moe-2b")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
OURS = """
import json, sys
from mlx_convert_core import ConvertRequest, StepFinished, Workspace
ref, home, output, *presets = sys.argv[1:]
with Workspace(home=__import__("pathlib").Path(home)) as workspace:
    outputs = tuple(f"{output}-{preset}" for preset in presets)
    job = workspace.convert(ConvertRequest(ref=ref, preset=tuple(presets), output=outputs, verify=False))
    steps = {event.step: event.seconds for event in job.events() if isinstance(event, StepFinished)}
    print(json.dumps({"peak": job.result().peak_memory, "steps": steps}))
"""
LIMIT = """
import sys, time
from pathlib import Path
import mlx.core as mx
source, output, quantize = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "1"
size = sum(path.stat().st_size for path in source.glob("*.safetensors"))
written = sum(path.stat().st_size for path in output.glob("*.safetensors"))
buffer, block = bytearray(1 << 22), bytes(1 << 22)

def best(action):
    times = []
    for _ in range(3):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return min(times)

def reading():
    for path in source.glob("*.safetensors"):
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass

def writing():
    with (output / "limit.bin").open("wb", buffering=0) as file:
        for _ in range(written // len(block)):
            file.write(block)

def quantizing():
    mx.eval([mx.quantize(array, stream=streams[i % 2]) for i, array in enumerate(arrays)])

streams = [mx.new_stream(mx.default_device()) for _ in range(2)]
arrays = [mx.random.normal((1024, 2048)).astype(mx.bfloat16) for _ in range(32)]
mx.eval(arrays)
pass_ = best(quantizing) / (32 * 1024 * 2048) * size / 2 if quantize else 0.0
print(best(reading), pass_, best(writing))
"""


@dataclass(frozen=True)
class Figures:
    """One run: seconds of wall and processor time, peak resident bytes; seconds of each step where they are told."""

    wall: float
    cpu: float
    peak: int
    steps: dict[str, float] = field(default_factory=dict)


def main() -> None:
    """Run the comparison that the arguments ask for."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="mlx-convert-bench-", dir=options.folder) as folder:
        _warm_up(Path(folder))
        rows = [_compare(kind, options, Path(folder)) for kind in options.kind or STANDARD]
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        _show(row)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kind", action="append", choices=sorted(KINDS), help="a checkpoint; may be given again")
    parser.add_argument("--preset", default="4bit", help="4bit, 8bit, bf16 ...; several with commas (ours only)")
    parser.add_argument("--runs", type=int, default=3, help="pairs of runs")
    parser.add_argument("--folder", help="where to put some gigabytes for a while (default: the temporary folder)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def _compare(kind: str, options: argparse.Namespace, folder: Path) -> dict[str, object]:
    source = folder / kind
    _write_checkpoint(kind, source)
    presets = options.preset.split(",")
    pairs, alone = [], []
    for _ in range(options.runs):
        reference = _reference(source, folder / "reference", presets[0])
        pairs.append((_ours(source, folder, presets), reference))
        if len(presets) > 1:
            alone.append(_ours(source, folder, presets[:1]))
    limit = _limit(source, folder / "reference", quantized=presets[0] != "bf16")
    size = sum(path.stat().st_size for path in source.glob("*.safetensors"))
    shutil.rmtree(source)
    return {
        "checkpoint": kind,
        "preset": options.preset,
        "source_bytes": size,
        "ours": [asdict(ours) for ours, _ in pairs],
        "mlx_lm": [asdict(reference) for _, reference in pairs],
        "wall_ratio": statistics.median(ours.wall / reference.wall for ours, reference in pairs),
        "peak_ratio": statistics.median(ours.peak / reference.peak for ours, reference in pairs),
        "several_ratio": statistics.median(
            [both.wall / one.wall for (both, _), one in zip(pairs, alone, strict=True)] if alone else [1.0]
        ),
        "limit_seconds": sum(limit.values()),
        "limit": limit,
    }


def _warm_up(folder: Path) -> None:
    _write_checkpoint("llama-tiny", folder / "tiny")
    _ours(folder / "tiny", folder, ["4bit"])
    _reference(folder / "tiny", folder / "reference", "4bit")


def _write_checkpoint(kind: str, folder: Path) -> None:
    """In a process of its own: on Linux a child begins with its parent's peak memory."""
    subprocess.run([sys.executable, str(Path(__file__).with_name("synthetic.py")), kind, str(folder)], check=True)


def _ours(source: Path, folder: Path, presets: list[str]) -> Figures:
    for preset in presets:
        shutil.rmtree(folder / f"ours-{preset}", ignore_errors=True)
    command = [sys.executable, "-c", OURS, str(source), str(folder / "home"), str(folder / "ours"), *presets]
    figures, output = _run(command)
    told = json.loads(output)
    return replace(figures, peak=max(figures.peak, told["peak"]), steps=told["steps"])


def _reference(source: Path, output: Path, preset: str) -> Figures:
    shutil.rmtree(output, ignore_errors=True)
    bits = ["-q", "--q-bits", preset.removesuffix("bit")] if preset.endswith("bit") else []
    command = [sys.executable, "-m", "mlx_lm", "convert", "--hf-path", str(source), "--mlx-path", str(output), *bits]
    return _run(command)[0]


def _run(command: list[str]) -> tuple[Figures, str]:
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=ENVIRONMENT)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    unit = 1 if sys.platform == "darwin" else 1024
    wall = time.perf_counter() - began
    return Figures(wall=wall, cpu=usage.ru_utime + usage.ru_stime, peak=usage.ru_maxrss * unit), output


def _limit(source: Path, output: Path, *, quantized: bool) -> dict[str, float]:
    command = [sys.executable, "-c", LIMIT, str(source), str(output), "1" if quantized else "0"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(zip(("read", "quantize", "write"), map(float, printed.split()), strict=True))


def _show(row: dict[str, object]) -> None:
    print(f"{row['checkpoint']} at {row['preset']}, source {int(str(row['source_bytes'])) / 1e9:.2f} GB")
    print(f"  {'':10} {'wall s':>8} {'cpu s':>8} {'peak MB':>8}")
    for name in ("ours", "mlx_lm"):
        runs = row[name]
        assert isinstance(runs, list)
        wall, cpu, peak = (statistics.median(run[key] for run in runs) for key in ("wall", "cpu", "peak"))
        print(f"  {name:10} {wall:8.2f} {cpu:8.2f} {peak / 1e6:8.0f}")
    print(f"  ratio      {row['wall_ratio']:8.2f} {'':8} {row['peak_ratio']:8.2f}")
    limit = row["limit"]
    assert isinstance(limit, dict)
    assert isinstance(row["ours"], list)
    parts = ", ".join(f"{name} {seconds:.2f}" for name, seconds in limit.items())
    print(f"  limit      {row['limit_seconds']:8.2f}  ({parts})")
    if "," in str(row["preset"]):
        print(f"  several presets take {row['several_ratio']:.2f} times as long as the first alone")
    steps = row["ours"][0]["steps"]
    print(f"  of ours    {', '.join(f'{name} {steps[name]:.2f}' for name in ('plan', 'write', 'check', 'publish'))} s")


if __name__ == "__main__":
    main()
