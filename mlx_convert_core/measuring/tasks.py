"""Everything that a worker can be asked to do: what converting and answering need, and measuring."""

from __future__ import annotations

from mlx_convert_core.converting import tasks
from mlx_convert_core.measuring.reading import MeasureTask
from mlx_convert_core.measuring.scoring import measure
from mlx_convert_core.running.context import Tasks

TASKS: Tasks = {**tasks.TASKS, "measure": (MeasureTask, measure)}
