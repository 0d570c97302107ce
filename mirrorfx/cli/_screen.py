"""Whether a window can be opened here, found out in a process of its own: Qt aborts where a library is missing."""

from __future__ import annotations

import os
import subprocess
import sys

__all__ = ["why_no_window"]

_TRY = "from PyQt6.QtWidgets import QApplication; QApplication([])"
_TRY_S = 20
_APT = (
    "sudo apt-get install -y libegl1 libgl1 libglib2.0-0 libfontconfig1 libdbus-1-3 libxkbcommon0 libxcb-cursor0 "
    "libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xkb1 "
    "libxkbcommon-x11-0"
)


def why_no_window() -> str:
    """Return why no window can be opened and what to do about it; empty when one can."""
    if sys.platform.startswith("linux") and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    ):
        return "no screen here (neither DISPLAY nor WAYLAND_DISPLAY is set)."
    try:
        tried = subprocess.run([sys.executable, "-c", _TRY], capture_output=True, timeout=_TRY_S, check=False)
    except subprocess.TimeoutExpired:
        return f"Qt did not start within {_TRY_S} s."
    if tried.returncode == 0:
        return ""
    said = tried.stderr.decode(errors="replace").strip().splitlines()
    reason = said[-1] if said else f"exit status {tried.returncode}"
    fix = f" On Debian or Ubuntu: {_APT}" if sys.platform.startswith("linux") else ""
    return f"Qt can't open a window ({reason}).{fix}"
