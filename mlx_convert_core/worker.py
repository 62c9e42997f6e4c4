"""The start of a worker process: ``python -m mlx_convert_core.worker``. Nothing imports this module."""

from __future__ import annotations

from mlx_convert_core.measuring.tasks import TASKS
from mlx_convert_core.running.worker_loop import serve

if __name__ == "__main__":
    serve(TASKS)
