"""`mlx-convert explain CODE` says more about an error than its two lines do."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result

Run = Callable[..., Result]


@pytest.mark.parametrize("code", ["lfs_pointer", "[lfs_pointer]"])
def test_a_code_is_explained_with_what_to_do(run: Run, code: str) -> None:
    shown = run("explain", code)
    assert shown.exit_code == 0
    assert shown.stdout.startswith("lfs_pointer: A weight file is a small note of Git LFS")
    assert "\n  next: Run `git lfs pull`" in shown.stdout
    data = json.loads(run("explain", code, "--json").stdout)
    assert (data["code"], set(data)) == ("lfs_pointer", {"code", "cause", "remedy"})


def test_the_code_of_a_real_error_is_explained(run: Run) -> None:
    failed = json.loads(run("plan", "nowhere/at/all", "--json").stdout)["error"]
    assert run("explain", failed["code"]).exit_code == 0


def test_a_code_that_nobody_knows_is_refused_with_the_nearest(run: Run) -> None:
    refused = run("explain", "lfs_ponter")
    assert refused.exit_code == 2
    assert "no error here has the code 'lfs_ponter'" in refused.stderr
    assert "Did you mean lfs_pointer?" in refused.stderr
    assert "plugin" in run("explain", "qqqqqq").stderr
