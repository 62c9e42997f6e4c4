"""The README that PyPI shows: its links and pictures lead to the repository, at the tag of this version."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(?P<before>\]\()(?P<path>(?![a-z]+:|#)[^)\s]+)")
PICTURE = re.compile(r'(?P<before>\b(?:src|srcset)=")(?P<path>(?![a-z]+:)[^"]+)')


class ReadmeHook(MetadataHookInterface):
    """Hatchling calls it at every build (`tool.hatch.metadata.hooks.custom`)."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the field ``readme``; the README itself keeps relative links, which hold in any clone and branch."""
        page = Path(self.root, "README.md").read_text(encoding="utf-8")
        text = with_addresses(page, metadata["urls"]["Repository"], f"v{metadata['version']}")
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def with_addresses(page: str, repository: str, tag: str) -> str:
    """``page`` with every relative link as an address below ``repository``; pictures as the files themselves."""
    page = PICTURE.sub(rf"\g<before>{repository}/raw/{tag}/\g<path>", page)
    return LINK.sub(rf"\g<before>{repository}/blob/{tag}/\g<path>", page)
