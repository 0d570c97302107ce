"""The names of the accelerators, apart from what they are: to name one doesn't take torch."""

from __future__ import annotations

__all__ = ["AUTO", "BUILT", "PLANNED"]

AUTO = "auto"
"""The fastest that can run, found by trying."""

BUILT = ("eager", "graph", "fp16-accumulation", "compile", "autotune", "stable-fast")
"""In order: each does what the one before does, and more."""

PLANNED = ("tensorrt", "fp8")
"""Named, and refused with what they lack."""
