"""A conversion imports mlx-lm without its tokenizers, and nobody else notices."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from random_llama import write_llama

LOAD = """
import sys
from pathlib import Path
from mlx_convert_lm.adapter import load_lazily
loaded = load_lazily(Path(sys.argv[1]), trust_remote_code=False)
"""


def run(code: str, folder: Path) -> None:
    """Run ``code`` in a fresh interpreter after loading the checkpoint in ``folder``."""
    done = subprocess.run([sys.executable, "-c", LOAD + code, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_model_is_loaded_without_the_libraries_of_its_tokenizer(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "source")
    run("assert not {'transformers', 'huggingface_hub', 'mlx_lm'} & set(sys.modules)", folder)


def test_whoever_imports_mlx_lm_afterwards_gets_the_whole_of_it(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "source")
    code = (
        "from mlx_lm import load\n"
        "model, tokenizer = load(sys.argv[1])\n"
        "assert tokenizer.encode('w5 w6') == [5, 6]\n"
        "again = load_lazily(Path(sys.argv[1]), trust_remote_code=False)\n"
        "assert type(again.model).__mro__[1] is type(model)\n"
    )
    run(code, folder)


def test_a_release_that_needs_more_at_import_is_imported_whole(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "source")
    code = (
        "import mlx_convert_lm.importing as importing\n"
        "importing._private.clear()\n"
        "class Odd(importing._StandIn):\n"
        "    def __getattr__(self, name): raise AttributeError(name)\n"
        "importing._StandIn = Odd\n"
        "load_lazily(Path(sys.argv[1]), trust_remote_code=False)\n"
        "assert 'transformers' in sys.modules\n"
    )
    run(code, folder)


def test_another_thread_may_import_meanwhile(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "source")
    code = (
        "import itertools, threading, types\n"
        "from mlx_convert_lm.importing import loader_of_models\n"
        "done = threading.Event()\n"
        "def imports():\n"
        "    for n in itertools.takewhile(lambda n: not done.is_set(), itertools.count()):\n"
        "        sys.modules[f'other{n}'] = types.ModuleType('other')\n"
        "        sys.modules.pop(f'other{n - 500}', None)\n"
        "        if n % 500 == 499: [sys.modules.pop(f'other{k}', None) for k in range(n - 499, n + 1)]\n"
        "sys.setswitchinterval(1e-6)\n"
        "threading.Thread(target=imports).start()\n"
        "try:\n"
        "    for _ in range(3000):\n"
        "        with loader_of_models(): pass\n"
        "finally: done.set()\n"
    )
    run(code, folder)
