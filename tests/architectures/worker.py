"""Convert tiny checkpoints with mlx_lm.convert and with mlx-convert, and compare: a process of its own.

    python -m architectures.worker FOLDER PRESET,PRESET... MODEL_TYPE...     (from the folder `tests`)

Appends a JSON line to FOLDER/rows.jsonl before each step and after the last, so that whoever started it
knows how far it came, should native code end it.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from architectures.checkpoints import write_tiny
from architectures.compare import differences

# Our presets, and how mlx_lm.convert is asked for the same.
PRESETS: dict[str, dict[str, Any]] = {
    **{f"{bits}bit": {"quantize": True, "q_bits": bits} for bits in (2, 3, 4, 5, 6, 8)},
    **{mode: {"quantize": True, "q_mode": mode} for mode in ("mxfp4", "nvfp4", "mxfp8")},
    **{
        name: {"quantize": True, "quant_predicate": name, "q_group_size": 64, "q_bits": int(name[6])}
        for name in ("mixed_2_6", "mixed_3_4", "mixed_3_6", "mixed_4_6")
    },
    "bf16": {"dtype": "bfloat16"},
    "fp16": {"dtype": "float16"},
    "fp32": {"dtype": "float32"},
}


def main() -> None:
    folder, presets = Path(sys.argv[1]), sys.argv[2].split(",")
    for model_type in sys.argv[3:]:
        work = folder / model_type
        for note in _examine(work, model_type, presets):
            with (folder / "rows.jsonl").open("a") as file:
                file.write(json.dumps(note) + "\n")
        shutil.rmtree(work, ignore_errors=True)


def _examine(work: Path, model_type: str, presets: list[str]) -> Iterator[dict[str, Any]]:
    """Yield a note before each step, then the finding."""
    found: dict[str, Any] = {"model_type": model_type}
    yield found | {"step": "write"}
    error = _tried(write_tiny, work / "source", model_type)
    if error:
        yield found | {"step": "done", "failure": f"no checkpoint: {error}"}
        return
    yield found | {"step": "reference"}
    found["refused"] = _errors(_reference, work, presets)
    yield found | {"step": "ours"}
    found["ours"] = {preset: _tried(_convert, work, [preset]) for preset in found["refused"]}
    found["differences"] = _compare(work, [preset for preset in presets if preset not in found["refused"]])
    yield found | {"step": "generate"}
    made = [preset for preset in presets if _ours(work, preset).exists()]
    found["silent"] = _errors(_generate, work, made)
    yield found | {"step": "done", "generates": len(found["silent"]) < len(made)}


def _reference(work: Path, preset: str) -> None:
    from mlx_lm import convert

    convert(str(work / "source"), str(work / f"reference-{preset}"), **PRESETS[preset])


def _compare(work: Path, presets: list[str]) -> dict[str, list[str]]:
    """Convert to all presets from one reading; the differences, by preset."""
    error = _tried(_convert, work, presets) if presets else ""
    if error:
        return {preset: [error] for preset in presets}
    found = {
        preset: differences(work / f"reference-{preset}", _ours(work, preset), dtype=_dtype(preset))
        for preset in presets
    }
    return {preset: different for preset, different in found.items() if different}


def _convert(work: Path, presets: list[str]) -> None:
    from mlx_convert_core import ConvertRequest, Workspace

    outputs = tuple(_ours(work, preset) for preset in presets)
    request = ConvertRequest(
        ref=str(work / "source"),
        preset=tuple(presets),
        output=outputs,
        text_only=True,
        verify=False,  # whether a model answers is asked after it was compared, and costs that column alone
    )
    with Workspace(home=work / "home") as workspace:
        workspace.convert(request, inline=True).result()


def _generate(work: Path, preset: str) -> None:
    """Make one token with our output; where that fails, say whether mlx_lm.convert's does any better."""
    error = _tried(_token, _ours(work, preset))
    if error:
        same = _tried(_token, work / f"reference-{preset}").replace("reference-", "ours-") == error
        raise RuntimeError(f"{error}{' (nor does what mlx_lm.convert writes)' if same else ''}")


def _token(folder: Path) -> None:
    """Make one token in this thread; a session would use another one."""
    from mlx_convert_lm.runner import LmRunner

    from mlx_convert_core import GenerateRequest

    runner = LmRunner(folder)
    runner.load(_Quiet())
    request = GenerateRequest(prompt="a small model", max_tokens=1, temperature=0)
    tokens = runner.generate(request, (), _Quiet()).generation_tokens
    if tokens != 1:
        raise ValueError(f"{tokens} tokens")


class _Quiet:
    """A Reporter that tells nobody."""

    def progress(self, step: str, done: int, total: int, unit: str = "bytes") -> None: ...

    def message(self, text: str, level: str = "info") -> None: ...

    def token(self, text: str) -> None: ...

    def check_cancelled(self) -> None: ...


def _ours(work: Path, preset: str) -> Path:
    return work / f"ours-{preset}"


def _dtype(preset: str) -> str:
    return str(PRESETS[preset].get("dtype", ""))


def _errors(action: Callable[[Path, str], None], work: Path, presets: Iterable[str]) -> dict[str, str]:
    """What goes wrong, by preset."""
    return {preset: error for preset in presets if (error := _tried(action, work, preset))}


def _tried(action: Callable[..., Any], *arguments: Any) -> str:
    """What goes wrong, in a line; "" when nothing does."""
    try:
        action(*arguments)
    except (Exception, SystemExit) as error:
        text = str(error).strip().splitlines() or [""]
        return text[0] if type(error) is RuntimeError else f"{type(error).__name__}: {text[0]}"
    return ""


if __name__ == "__main__":
    main()
