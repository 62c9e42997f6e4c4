"""Where a conversion writes, and whether it can: folders, disks, and the memory that it takes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from mlx_convert_core.base import units
from mlx_convert_core.model.findings import Finding, refusal
from mlx_convert_core.model.plan import ConvertPlan, OutputPlan
from mlx_convert_core.remedies import ChooseOutput
from mlx_convert_core.writing.replaceable import another_output
from mlx_convert_core.writing.staging import dead_bytes, output_exists

DISK_MARGIN = 1.05  # of what is written, for everything beside the weights


def examine_output(plan: ConvertPlan) -> Iterator[Finding]:
    """Findings about the places to write to: taken, not writable, too small a disk, too little memory."""
    for output in plan.outputs:
        yield from _examine_folder(plan, output)
    yield from _examine_space(plan)
    if plan.peak_memory > plan.free_memory:
        yield Finding(
            code="memory",
            level="warning",
            message=f"this needs about {units.size(plan.peak_memory)} of memory, and {units.size(plan.free_memory)}"
            " are free.",
            hint="Close other apps first; otherwise the Mac will swap and be slow.",
        )


def _examine_folder(plan: ConvertPlan, output: OutputPlan) -> Iterator[Finding]:
    there = output.replaces
    if there is not None and there.stays:
        yield refusal(
            "not_replaceable",
            f"{output.path} already exists and is not replaced: {there.stays}.",
            there.instead(),
            (another_output(output.path),),
        )
    elif there is not None and not plan.request.force:
        taken = output_exists(output.path)
        yield refusal("exists", f"{output.path} already exists ({there.words}).", taken.hint, taken.remedies)
    parent = existing_parent(output.path)
    effective = os.access in os.supports_effective_ids
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK, effective_ids=effective):
        yield refusal(
            "not_writable",
            f"can't write in {parent}.",
            "Choose a folder that you may write in.",
            (ChooseOutput(),),
        )


def _examine_space(plan: ConvertPlan) -> Iterator[Finding]:
    """What each disk has to hold: outputs, what is learned of inputs, and what is fetched, perhaps to another disk."""
    needs: dict[int, tuple[Path, float]] = {}
    fetched = (plan.model.fetch_folder or plan.outputs[0].path, plan.fetch_disk)
    learned = (plan.outputs[0].path, plan.learned_disk)
    for path, size in (fetched, learned, *((output.path, output.weight_bytes) for output in plan.outputs)):
        device = _device(path)
        place, need = needs.get(device, (path, 0.0))
        needs[device] = place, need + size * DISK_MARGIN
    for device, (place, need) in needs.items():
        outputs = [output.path for output in plan.outputs if _device(output.path) == device]
        free = free_disk(place) + sum(map(dead_bytes, outputs))  # what the dead left goes first, or is used again
        if need > free:
            yield refusal(
                "disk",
                f"this takes {units.size(need)} on the disk of {existing_parent(place)}; {units.size(free)} are free.",
                "Free some space, choose fewer bits, or choose a folder on another disk.",
                (ChooseOutput(),),
            )


def _device(path: Path) -> int:
    """The disk that will hold ``path``."""
    return existing_parent(path).stat().st_dev


def free_disk(path: Path) -> int:
    """Bytes free on the disk that will hold ``path``."""
    return shutil.disk_usage(existing_parent(path)).free


def existing_parent(path: Path) -> Path:
    """The nearest folder above ``path`` that exists."""
    return next((parent for parent in path.absolute().parents if parent.exists()), Path(path.anchor or "/"))
