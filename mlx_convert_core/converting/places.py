"""Where a conversion writes, and whether it can: folders, disks, and the memory that it takes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mlx_convert_core.base import units
from mlx_convert_core.model.findings import Finding, refusal
from mlx_convert_core.model.plan import ConvertPlan, OutputPlan
from mlx_convert_core.model.results import SkippedOutput
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


def leave_taken(plan: ConvertPlan) -> tuple[ConvertPlan, tuple[SkippedOutput, ...]]:
    """``plan`` without the outputs that are there already, and these, where others are left to be made."""
    taken, left = plan.taken, plan.to_make
    if not taken or not left:
        return plan, ()
    skipped = tuple(
        SkippedOutput(path=output.path, preset=output.preset, label=output.label, reason=_reason(output))
        for output in taken
    )
    named = tuple(map(str, (output.path for output in left))) if plan.request.outputs else ()
    request = replace(plan.request, preset=tuple(output.preset for output in left), output=named)
    findings = tuple(finding for finding in plan.findings if finding.code not in _TAKEN)
    return replace(plan, request=request, outputs=left, findings=findings), skipped


_TAKEN = ("exists", "not_replaceable")


def _reason(output: OutputPlan) -> str:
    there = output.replaces
    assert there is not None
    return f"it is not replaced: {there.stays}" if there.stays else f"it is there already ({there.words})"


def _examine_folder(plan: ConvertPlan, output: OutputPlan) -> Iterator[Finding]:
    there = output.replaces
    found = None
    if there is not None and there.stays:
        found = refusal(
            "not_replaceable",
            f"{output.path} already exists and is not replaced: {there.stays}.",
            there.instead(),
            (another_output(output.path),),
        )
    elif there is not None and not plan.request.force:
        taken = output_exists(output.path)
        found = refusal("exists", f"{output.path} already exists ({there.words}).", taken.hint, taken.remedies)
    if found is not None:
        others = f"It stays as it is; the others are made. {found.hint}"
        yield replace(found, level="warning", hint=others) if plan.to_make else found
    if cannot_hold(output.path.parent):
        yield refusal(
            "not_writable",
            f"can't write in {existing_parent(output.path)}.",
            "Choose a folder that you may write in.",
            (ChooseOutput(),),
        )


def cannot_hold(folder: Path) -> str:
    """Why nothing can be put into ``folder``, which need not be there yet; "" when something can."""
    nearest = folder if os.path.lexists(folder) else existing_parent(folder)
    effective = os.access in os.supports_effective_ids
    if not nearest.is_dir():
        return f"{nearest} is no folder"
    if not os.access(nearest, os.W_OK | os.X_OK, effective_ids=effective):
        return f"nothing can be written in {nearest}"
    return ""


def _examine_space(plan: ConvertPlan) -> Iterator[Finding]:
    """What each disk has to hold: outputs, what is learned of inputs, and what is fetched, perhaps to another disk."""
    needs: dict[int, tuple[Path, float]] = {}
    made = plan.to_make or plan.outputs
    fetched = (plan.model.fetch_folder or made[0].path, plan.fetch_disk)
    learned = (made[0].path, plan.learned_disk)
    for path, size in (fetched, learned, *((output.path, output.weight_bytes) for output in made)):
        device = _device(path)
        place, need = needs.get(device, (path, 0.0))
        needs[device] = place, need + size * DISK_MARGIN
    for device, (place, need) in needs.items():
        outputs = [output.path for output in made if _device(output.path) == device]
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
