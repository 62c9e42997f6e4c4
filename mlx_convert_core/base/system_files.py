"""What systems leave in any folder, unasked: it is nobody's, no part of a model, and comes and goes by itself.

A Mac keeps what belongs to a file besides its bytes in a file ``._name`` beside it, on disks that can't hold that
(exFAT, network shares), and the Finder its view of a folder in ``.DS_Store``.
"""

from __future__ import annotations

_NAMES = {".DS_Store", ".localized", ".AppleDouble", "Thumbs.db", "desktop.ini", "@eaDir"}


def is_system_file(name: str) -> bool:
    """Whether a file or folder called ``name`` was left by a system."""
    return name in _NAMES or name.startswith("._")
