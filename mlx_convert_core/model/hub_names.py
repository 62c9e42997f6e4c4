"""How the Hub writes names: repo ids, commits, the hosts of its pages."""

from __future__ import annotations

import re

from mlx_convert_core.base.addresses import HUB_SITES

SITES = HUB_SITES
COMMIT = re.compile(r"[0-9a-f]{40}")
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"  # of an owner, or of a repo
MAX_ID = 96  # characters of a repo id
_REPO_ID = re.compile(rf"{NAME}/{NAME}")


def is_repo_id(text: str) -> bool:
    """Whether ``text`` has the form ``owner/name``. Rules: huggingface_hub.utils.validate_repo_id."""
    return (
        bool(_REPO_ID.fullmatch(text))
        and len(text) <= MAX_ID
        and "--" not in text
        and ".." not in text
        and not text.endswith((".git", ".ipynb", ".", "-"))
    )
