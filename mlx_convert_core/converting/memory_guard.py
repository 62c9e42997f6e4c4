"""Whether a model fits into memory, asked before its weights are read to answer with it."""

from __future__ import annotations

from pathlib import Path

from mlx_convert_core.base.file_names import SAFETENSORS
from mlx_convert_core.base.memory import free_memory, lent_memory
from mlx_convert_core.base.units import size
from mlx_convert_core.errors import CorruptCheckpoint, GenerationFailed, MeasuringFailed
from mlx_convert_core.model.fit import Fit
from mlx_convert_core.model.hub_cache import model_name
from mlx_convert_core.model.weight_files import weight_files
from mlx_convert_core.plugins.interfaces import AnswerMemory, MeasuredRunner, ModelRunner, Reporter
from mlx_convert_core.remedies import SetOption

TRIED_CONTEXT = 256  # tokens: a short question and the beginning of an answer
# The largest weights that are read only to try a model: ten seconds at 3 GB/s. Where no device lends memory, the
# processor computes, and reads a question in one go: with 135 million values it took two cores 2 seconds.
TRIED_BYTES = 30_000_000_000
TRIED_VALUES_ON_CPU = 400_000_000


def check_memory(runner: ModelRunner, path: Path, report: Reporter, *, tokens: int, anyway: bool) -> None:
    """Say when the model at ``path`` takes more memory than is free now, with a context of ``tokens``.

    Raises GenerationFailed (code ``answer_memory``) when it is more than the machine can lend at all, unless it is to
    be loaded ``anyway``: beyond that a Mac swaps with every token, or stops the program.
    """
    found = _fit(_need(runner, path, tokens), tokens)
    told = f"{model_name(path)} needs {found.told}"
    if found.verdict == "too_large" and not anyway:
        raise GenerationFailed(
            f"{told}; this machine lends {size(found.lent)}.",
            hint="Take a smaller model or fewer bits, or let answers be shorter. It can be loaded anyway, which may"
            " slow the whole machine down.",
            remedies=(SetOption("anyway", True),),
            code="answer_memory",
        )
    if found.verdict != "runs":
        room = size(min(found.lent, found.free))
        report.message(f"{told}; {room} are free. Close other apps if it becomes slow.", "warning")


def refuse_memory(path: Path, total: int, limit: int, report: Reporter, *, anyway: bool) -> None:
    """Say when measuring the model at ``path`` takes ``total`` bytes, more than are free now.

    Raises MeasuringFailed (code ``measure_memory``) when it is more than the machine can lend at all (``limit``, or
    all of its memory), unless it is to be done ``anyway``.
    """
    limit, free = limit or lent_memory(), free_memory()
    told = f"measuring {model_name(path)} takes about {size(total)} of memory"
    if total > limit and not anyway:
        raise MeasuringFailed(
            f"{told}; this machine lends {size(limit)}.",
            hint="It can be tried anyway, which may slow the whole machine down.",
            remedies=(SetOption("anyway", True),),
            code="measure_memory",
        )
    if total > min(limit, free):
        report.message(f"{told}; {size(min(limit, free))} are free. Close other apps if it becomes slow.", "warning")


def too_large_to_try(runner: ModelRunner, path: Path, parameters: int) -> str:
    """Why the model at ``path`` is not loaded just to be tried, "" when it may be: it fits into what is free now, and
    takes seconds."""
    need = _need(runner, path, TRIED_CONTEXT)
    found = _fit(need, TRIED_CONTEXT)
    if found.verdict != "runs":
        room = size(min(found.lent, found.free))
        return f"it needs about {size(found.needed)} of memory to answer, and {room} are free"
    if need.weights > TRIED_BYTES:
        return f"to load its {size(need.weights)} takes longer than a look should"
    if isinstance(runner, MeasuredRunner) and not need.limit and parameters > TRIED_VALUES_ON_CPU:
        return f"without a GPU, an answer from {parameters:,} parameters takes longer than a look should"
    return ""


def weight_bytes(path: Path) -> int:
    """The size of the weight files in the folder ``path``; what is wrong with them is for loading to refuse."""
    try:
        return sum((path / name).stat().st_size for name in weight_files(path))
    except (OSError, CorruptCheckpoint):  # which files are the model's can't be told: all that can be read count
        return sum(file.stat().st_size for file in path.glob(f"*{SAFETENSORS}") if file.is_file())


def _need(runner: ModelRunner, path: Path, tokens: int) -> AnswerMemory:
    if isinstance(runner, MeasuredRunner):
        return runner.memory(tokens)
    return AnswerMemory(weights=weight_bytes(path))


def _fit(need: AnswerMemory, tokens: int) -> Fit:
    """How what a runner says that it needs fits in here."""
    lent = need.limit or lent_memory()
    return Fit(
        weights=need.weights, cache=need.cache, context=tokens, lent=lent, free=free_memory(), measured=bool(need.cache)
    )
