"""The carrier: an extra worker that paints another effect while no worker can paint the wanted one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum, auto

from mirrorfx.effects import availability, effect_class
from mirrorfx.errors import MirrorFXError

__all__ = ["CARRIER", "Situation", "Step", "carrier_threads", "carrying_effect", "next_step"]

CARRIER = "carrier"
"""The name of its station: the process is ``mfx-carrier``."""
_THREADS_MOST = 4


class Step(Enum):
    """What to do about the carrier."""

    KEEP = auto()
    START = auto()
    DISMISS = auto()


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides about the carrier.

    Attributes:
        effect: what it would paint; "" when nothing can carry the wanted effect.
        running: its station is kept filled.
        ready: how many wanted workers are ready, those included that change their networks just now.
        painting: how many wanted workers paint.
        called: it is needed before the last painting worker is taken away.
    """

    effect: str
    running: bool
    ready: int
    painting: int
    called: bool = False


def next_step(now: Situation) -> Step:
    """Return what to do. A worker that swaps holds its picture; the carrier goes only once another one paints."""
    if now.running:
        return Step.DISMISS if now.painting and not now.called else Step.KEEP
    return Step.START if now.effect and (now.called or not now.ready) else Step.KEEP


def carrying_effect(wanted: str) -> str:
    """Name the effect that carries `wanted`; "" when none does or it can't run here."""
    try:
        name = effect_class(wanted).carried_by
        return name if name and name != wanted and availability(name) else ""
    except MirrorFXError:
        return ""


def carrier_threads() -> int:
    """Return how many CPU threads it gets: one core is left to everything else."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(max(cores - 1, 1), _THREADS_MOST)
