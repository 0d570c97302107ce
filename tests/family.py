"""The processes of a mirror that a test runs."""

from __future__ import annotations

import psutil


def family() -> dict[str, psutil.Process]:
    """Return all living descendants of this process that belong to a mirror, by name."""
    found = {}
    for process in psutil.Process().children(recursive=True):
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.name().startswith("mfx-"):
                found[process.name()] = process
        except psutil.NoSuchProcess:
            continue
    return found
