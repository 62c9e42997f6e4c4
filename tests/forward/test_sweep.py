"""Nearly every class of mlx-lm runs block by block, and computes what it computes as a whole."""

from __future__ import annotations

import pytest
from architectures.checkpoints import TINY

from forward.sweep import SAME, streamed_as_whole

# A Metal kernel, a package that is not there, and memory spoiled by native code, which ends whatever runs next: these
# don't run as a whole on a Linux CPU either.
NOT_HERE = ("bitnet", "muse_spark", "olmo", "phi3small")


@pytest.mark.slow
def test_at_least_120_architectures_run_block_by_block_bit_for_bit(capsys: pytest.CaptureFixture[str]) -> None:
    found = streamed_as_whole(sorted(TINY.keys() - set(NOT_HERE)))
    different = {name: told for name, told in found.items() if told != SAME}
    with capsys.disabled():
        print("\n", *(f"{name:24} {told}" for name, told in sorted(different.items())), sep="\n")
    assert len(found) >= 120
    assert not different


def test_a_model_that_cannot_run_costs_no_other() -> None:
    found = streamed_as_whole(["muse_spark", "smollm3"])
    assert found["smollm3"] == SAME
    assert found["muse_spark"] != SAME
