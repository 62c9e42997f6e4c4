"""Where the home folder is: what is kept between runs."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from mlx_convert_core.base.paths import expanded

HOME_VARIABLE = "MLX_CONVERT_HOME"


def default_home() -> Path:
    """``MLX_CONVERT_HOME``, or the platform's place for user data."""
    named = os.environ.get(HOME_VARIABLE)
    return expanded(named) if named else Path(platformdirs.user_data_dir("mlx-convert", appauthor=False))
