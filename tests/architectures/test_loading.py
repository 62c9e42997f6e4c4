"""Every model class loads without the libraries of its tokenizer, as a conversion imports it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from architectures.checkpoints import TINY, write_tiny

NEEDS_A_PACKAGE = ("olmo",)
LOAD = """
import json, sys
from pathlib import Path
from mlx_convert_lm.adapter import load_lazily

failed = {}
for folder in sorted(Path(sys.argv[1]).iterdir()):
    try:
        load_lazily(folder, trust_remote_code=False)
    except Exception as error:
        failed[folder.name] = str(error)
whole = [name for name in ("mlx_lm", "transformers", "huggingface_hub") if name in sys.modules]
print(json.dumps({"failed": failed, "imported whole": whole}))
"""


@pytest.mark.slow
def test_every_class_is_loaded_by_the_private_import(tmp_path: Path) -> None:
    for model_type in TINY.keys() - set(NEEDS_A_PACKAGE):
        write_tiny(tmp_path / model_type, model_type)
    command = [sys.executable, "-c", LOAD, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == {"failed": {}, "imported whole": []}
