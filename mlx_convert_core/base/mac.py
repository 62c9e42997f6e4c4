"""Whether MLX can run on this Mac at all, asked of the system itself."""

from __future__ import annotations

import platform
import sys

from mlx_convert_core.refusals import Refusal

OLDEST = (14, 0)  # macOS: what MLX's wheels are built for


def mac_trouble() -> Refusal | None:
    """Why MLX can't run here (codes ``rosetta``, ``intel_mac``, ``old_macos``); None where it can, and off a Mac."""
    if sys.platform != "darwin":
        return None
    if platform.machine() != "arm64":
        # A translated process sees an Intel Mac everywhere else, `platform.processor` included.
        return _ROSETTA if sysctl_number("sysctl.proc_translated") == 1 else _INTEL
    version = platform.mac_ver()[0]
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    return _old(version) if numbers and numbers < OLDEST else None


def sysctl_number(name: str) -> int | None:
    """The whole number that a Mac's sysctl(3) has under ``name``; None where there is no such thing."""
    import ctypes

    try:
        value, size = ctypes.c_int64(0), ctypes.c_size_t(8)
        failed = ctypes.CDLL(None).sysctlbyname(name.encode(), ctypes.byref(value), ctypes.byref(size), None, 0)
    except (AttributeError, OSError):
        return None
    return None if failed else value.value


_ROSETTA = Refusal(
    code="rosetta",
    message="this Python is built for Intel and runs under Rosetta, where there is no MLX.",
    hint="Install a Python for Apple silicon (arm64), and mlx-convert with that one.",
)
_INTEL = Refusal(
    code="intel_mac",
    message="MLX needs a Mac with Apple silicon, and this one has an Intel processor.",
    hint="Use a Mac with an M1 or newer, or Linux.",
)


def _old(version: str) -> Refusal:
    return Refusal(
        code="old_macos",
        message=f"this is macOS {version}, and MLX needs macOS {OLDEST[0]} or newer.",
        hint="Update macOS under System Settings, General, Software Update.",
    )
