"""A plugin for tests of the core: it converts and runs checkpoints of the type ``toy`` with no heavy library.

What goes wrong on the way is written in config.json: ``{"plan": "kill"}``, ``{"convert": "abort"}``; a prompt
says it for an answer. Copied into a home's ``plugins`` folder by the fixture ``toys``.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlx_convert_core import (
    ConvertPlan,
    ConvertRequest,
    Finding,
    GenerateRequest,
    GenerateResult,
    ModelInfo,
    OutputPlan,
)
from mlx_convert_core.plugin import (
    Checkpoint,
    GenerationExtras,
    Planned,
    QuantizeStrategy,
    Reporter,
    ShardWriter,
    Written,
    hookimpl,
    layouts,
)

METAL = "[METAL] Command buffer execution failed: "
LAST_WORDS = {
    "oom": METAL + "Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)",
    "timeout": METAL + "Caused GPU Timeout Error (00000002:kIOGPUCommandBufferCallbackErrorTimeout)",
}


def do(what: str, report: Reporter | None = None) -> None:
    """Go wrong in the way called ``what``; any other word does nothing."""
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "abort":
        os.abort()
    elif what in LAST_WORDS:
        os.write(2, LAST_WORDS[what].encode())
        os.abort()
    elif what == "leave":
        os._exit(7)
    elif what == "exit":
        sys.exit(7)
    elif what == "raise":
        raise KeyError("lost")
    elif what == "stuck":  # in native code that keeps the interpreter's lock and ignores a polite end
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ctypes.PyDLL(None).sleep(600)
    elif what == "sleep":  # deaf, but not for ever
        time.sleep(600)
    elif what == "linger":
        time.sleep(0.1)
    elif what == "wait" and report is not None:
        while True:
            report.check_cancelled()
            time.sleep(0.01)


class ToyConverter:
    """Copies the tensors as they are."""

    name = "toy"

    def examine(self, plan: ConvertPlan) -> Iterable[Finding]:
        return ()

    def plan(
        self, model: ModelInfo, outputs: tuple[OutputPlan, ...], strategies: Mapping[str, QuantizeStrategy]
    ) -> Planned:
        do(model.config.get("plan", ""))
        size = sum(layout.file_bytes for layout in layouts(model.tensors, {"format": "mlx"}).values())
        tensors = tuple(tensor.replace(start=0, end=0) for tensor in model.tensors)
        exact = tuple(replace(output, exact=True, tensors=tensors, weight_bytes=size) for output in outputs)
        return Planned(outputs=exact, peak_memory=0)

    def convert(
        self,
        model: ModelInfo,
        checkpoint: Checkpoint,
        outputs: tuple[OutputPlan, ...],
        strategies: Mapping[str, QuantizeStrategy],
        folders: tuple[Path, ...],
        report: Reporter,
    ) -> tuple[Written, ...]:
        source = checkpoint.folder(report.check_cancelled)
        written = []
        for output, folder in zip(outputs, folders, strict=True):
            journal = folder.parent / "written" if model.config.get("resumable") else None
            with ShardWriter(folder, output.tensors, journal=journal) as writer:
                for tensor in model.tensors:
                    writer.write(tensor.name, _bytes_of(source / tensor.shard, tensor.start, tensor.nbytes))
                    done, total, _, _ = writer.progress
                    report.progress("write", done, total)
                    do(model.config.get("convert", ""), report)
                written.append(Written(digests=writer.digests))
            weight_map = {tensor.name: tensor.shard for tensor in model.tensors}
            (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
            (folder / "config.json").write_text(json.dumps(dict(model.config)))
        return tuple(written)


class ToyRunner:
    """Says the prompt again, word by word; a word that `do` knows comes true."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, report: Reporter) -> None:
        do(json.loads((self._path / "config.json").read_text()).get("load", ""), report)

    def generate(
        self, request: GenerateRequest, extras: tuple[GenerationExtras, ...], report: Reporter
    ) -> GenerateResult:
        stops = {stop for extra in extras for stop in extra.stop}
        said = []
        for word in request.conversation()[-1].content.split():
            report.check_cancelled()
            if word in stops:
                break
            report.token(f"{word} ")
            said.append(word)
            do(word, report)
        return GenerateResult(text=" ".join(said), finish_reason="stop", generation_tokens=os.getpid())

    def close(self) -> None:
        (self._path / "closed").touch()


def _bytes_of(path: Path, start: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(length)


@hookimpl
def model_converter(model: ModelInfo, request: ConvertRequest) -> ToyConverter | None:
    return ToyConverter() if model.model_type == "toy" else None


@hookimpl
def model_runner(path: Path, config: Mapping[str, Any]) -> ToyRunner | None:
    return ToyRunner(path) if config.get("model_type") == "toy" else None
