"""`conversions.json`: conversions that a program has begun, so that one that was cut off can be told later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from mlx_convert_core.base import codec
from mlx_convert_core.base.documents import JsonDocument
from mlx_convert_core.base.process_identity import alive, identity
from mlx_convert_core.errors import MlxConvertError
from mlx_convert_core.model.requests import ConvertRequest


class BegunConversions:
    """What was begun and has not ended, by the id of its job. Those of programs that live are theirs."""

    def __init__(self, home: Path) -> None:
        self._document = JsonDocument(home / "conversions.json")

    def begin(self, job: str, request: ConvertRequest) -> None:
        """Write down that ``job`` carries out ``request``."""
        stored = {"request": codec.plain(request), "owner": identity()}
        self._document.update(lambda document: document.update(begun={**_begun(document), job: stored}))

    def end(self, job: str) -> None:
        """It has ended, well or not, or nobody wants it any more."""

        def change(document: dict[str, Any]) -> None:
            document["begun"] = {name: one for name, one in _begun(document).items() if name != job}

        self._document.update(change)

    def interrupted(self) -> dict[str, ConvertRequest]:
        """The requests of conversions whose program died or was ended, by job; each takes up what is left of it."""
        found = {}
        for job, one in _begun(self._document.read()).items():
            try:
                if not alive(one["owner"]):
                    found[job] = replace(codec.from_plain(one["request"], ConvertRequest), resume=True)
            except (KeyError, TypeError, ValueError, msgspec.ValidationError, MlxConvertError):
                continue  # of another version, or of another making
        return found


def _begun(document: Mapping[str, Any]) -> dict[str, Any]:
    begun = document.get("begun")
    return dict(begun) if isinstance(begun, dict) else {}
