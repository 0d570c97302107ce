"""MirrorFX: a realtime diffusion mirror, as a library and an app.

``import mirrorfx`` is cheap: it loads neither torch nor OpenCV nor Qt. Names are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_WHERE = {
    "Effect": "mirrorfx.effects.base",
    "EffectContext": "mirrorfx.effects.base",
    "FakeClock": "mirrorfx.clock",
    "Frame": "mirrorfx.frame",
    "Mirror": "mirrorfx.mirror",
    "MirrorFXError": "mirrorfx.errors",
    "MirrorSettings": "mirrorfx.mirror",
    "MonotonicClock": "mirrorfx.clock",
    "Param": "mirrorfx.params",
    "Sink": "mirrorfx.sinks.base",
    "Source": "mirrorfx.sources.base",
    "Stage": "mirrorfx.effects.base",
}

__all__ = ["__version__", *_WHERE]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'mirrorfx' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
