"""How far a mirror's processes step back where cores are scarce. The wall, the engine and the camera never do.

Their work is short, and a visitor sees when it is late; a worker paints longest, and has its pictures shown on time by
the others. Steps are those of Unix: each takes about a tenth off a process's share where all want more than there is.
"""

from __future__ import annotations

__all__ = ["DESK", "ONLOOKER", "WORKER"]

DESK = 2
WORKER = 5
ONLOOKER = 5
"""The status page, and who looks for visitors."""
