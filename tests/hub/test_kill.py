"""A download whose process is killed goes on where it was."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hubserver import Hub
from hubserver.client import environment

from .models import model_files

MIB = 1 << 20
CHUNK = 10 * MIB  # what the Hub's own client calls one
SIZE = 24 * MIB
FETCH = """
import sys
from pathlib import Path
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.fetch.repo import HubRepo

class Silent:
    def progress(self, *_, **__): pass
    def message(self, *_): pass
    def check_cancelled(self): pass

source = HubRepo("org/model", "org/model", None, HubConnection(endpoint=sys.argv[1], cache=Path(sys.argv[2])))
print(source.fetch(source.inspect(), Path(sys.argv[2]), Silent()))
"""


def start(hub: Hub, cache: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", FETCH, hub.url, str(cache)]
    return subprocess.Popen(command, env=environment(hub), stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("shards", [1, 4])
def test_a_killed_download_repeats_at_most_one_chunk_a_file(
    hub: Hub, tmp_path: Path, shards: int, record_property: Callable[[str, object], None]
) -> None:
    repo = hub.add_repo("org/model", model_files(shards, SIZE))
    hub.fault("slow", path="safetensors$", rate=24 * MIB, times=None)
    hub.requests.clear()
    with start(hub, tmp_path / "cache") as process:
        while sent(hub) < shards * SIZE * 0.6:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    before = sent(hub)
    hub.faults.clear()
    hub.requests.clear()
    with start(hub, tmp_path / "cache") as process:
        out, _ = process.communicate(timeout=60)
    folder = Path(out.strip())
    names = [name for name in repo.files if name.endswith(".safetensors")]
    assert all((folder / name).read_bytes() == repo.read(name) for name in names)
    header_reads = shards * (1 << 17)
    wasted = before + sent(hub) - sum(repo.files[name].size for name in names) - 2 * header_reads
    print(f"killed after {before / MIB:.1f} MiB of {shards} x {SIZE / MIB:.0f}: {wasted / MIB:.2f} MiB sent twice")
    record_property("wasted_bytes", wasted)
    assert before > shards * SIZE * 0.5
    assert wasted <= shards * CHUNK


def sent(hub: Hub) -> int:
    return sum(request.sent for request in hub.requests.matching("safetensors$", origin="cdn"))
