"""One table: each cause of trouble with the Hub, and the error that it becomes (`explain.py` reads it).

A row's first column says when it applies; the first row that does counts. Messages and hints may name ``{repo}``,
``{revision}``, ``{host}``, ``{page}``, ``{file}``, ``{token}`` (where it came from), ``{proxy}``, ``{wait}``,
``{cache}``, ``{endpoint}`` and ``{text}`` (what the client said, scrubbed).
"""

from __future__ import annotations

from mlx_convert_core.plugin import Report, SourceError
from mlx_convert_hub.trouble.failed import ANSWERS, DISK, THE_WAY
from mlx_convert_hub.trouble.refused import ACCESS, SETTINGS, UPLOADS
from mlx_convert_hub.trouble.row import Row

ROWS: tuple[Row, ...] = (*SETTINGS, *ACCESS, *UPLOADS, *ANSWERS, *THE_WAY, *DISK)
UNKNOWN = Row(
    lambda f: True,
    SourceError,
    "hub_error",
    "the Hub's client failed: {text}.",
    "Run it again. If it happens twice, please report it.",
    (Report(),),
)
