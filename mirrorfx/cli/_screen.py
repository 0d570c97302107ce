"""Whether a window can be opened here; the doctor's own check, asked before a mirror starts."""

from __future__ import annotations

import os
import subprocess

from mirrorfx.cli._doctor_windows import screen

__all__ = ["why_no_window"]


def why_no_window() -> str:
    """Return why no window can be opened and what to do about it; empty when one can."""
    if os.environ.get("QT_QPA_PLATFORM"):
        return ""  # somebody has decided
    try:
        finding = screen()
    except subprocess.TimeoutExpired:
        return "Qt did not start in time. Close other programs and try again."
    if finding.state == "ok":
        return ""
    return f"{finding.found}. To see windows: {finding.fix}."
