"""The accelerators side by side: which run here, how fast, and whether they paint what the plain one paints."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mirrorfx.errors import EffectError
from mirrorfx.selftest.findings import Section, Table, Verdict
from mirrorfx.selftest.measures import Difference, difference
from mirrorfx.selftest.painter import Painter

if TYPE_CHECKING:
    from mirrorfx.frame import Image
    from mirrorfx.selftest.studio import Studio

__all__ = ["compare_accelerators"]

_REFERENCE = "eager"
_MEAN_ALLOWED = 1.0
_WARM_UP = 3
_AS_FAST = 1.1


@dataclass(frozen=True, slots=True)
class _Rung:
    """What became of one accelerator: times and difference, or why it was passed over."""

    name: str
    median_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    apart: Difference | None = None
    problem: str = ""

    def row(self) -> tuple[str, ...]:
        if self.median_ms is None:
            return (self.name, "–", "–", "–", "–", self.problem)
        times = (f"{ms:.1f} ms" for ms in (self.median_ms, self.p95_ms or 0.0, self.p99_ms or 0.0))
        return (self.name, *times, "the reference" if self.apart is None else str(self.apart), "")


def compare_accelerators(studio: Studio, section: Section) -> None:
    """Open the effect once with each accelerator, each in a process of its own, and time some frames."""
    frames = studio.settings.amount.ladder_frames
    if studio.settings.effect != "turbo":
        section.check("Accelerators compared", Verdict.UNKNOWN, "only the effect turbo has accelerators")
        return
    if not frames:
        section.check("Accelerators compared", Verdict.UNKNOWN, "left out by --quick: some take minutes to compile")
        return
    from mirrorfx.diffusion.accelerators import RUNGS

    chosen = str(studio.details.get("accelerator", ""))
    studio.leave()
    names = sorted(RUNGS, key=lambda name: name != _REFERENCE)
    found: list[_Rung] = []
    reference: Image | None = None
    for index, name in enumerate(names):
        studio.step(index / len(names), name)
        rung, picture = _tried(studio, name, reference)
        reference = picture if reference is None and name == _REFERENCE else reference
        found.append(rung)
        section.blocks[:] = [_table(studio, found)]
        section.figures = {"chosen": chosen, "rungs": [asdict(each) for each in found]}
    _judge(section, found, chosen)


def _tried(studio: Studio, name: str, reference: Image | None) -> tuple[_Rung, Image | None]:
    others = tuple(pair for pair in studio.settings.options if pair[0] != "accelerator")
    settings = replace(studio.settings, options=(*others, ("accelerator", name)))
    look, times = studio.look(phase=0.25), []
    try:
        with Painter(
            settings, settings.devices[0], studio.clock, lambda what, _share: studio.busy(f"{name}, {what}")
        ) as painter:
            for _ in range(_WARM_UP + settings.amount.ladder_frames):
                painted = painter.paint(studio.frame, look)
                times.append(painted.ms)
    except EffectError as error:
        return _Rung(name, problem=str(error)), None
    median, p95, p99 = (float(np.percentile(times[_WARM_UP:], share)) for share in (50, 95, 99))
    apart = None if reference is None else difference(reference, painted.pixels)
    return _Rung(name, median, p95, p99, apart), painted.pixels


def _table(studio: Studio, found: list[_Rung]) -> Table:
    head = ("accelerator", "median", "95 of 100 within", "99 of 100 within", f"levels from {_REFERENCE}", "why not")
    frames = studio.settings.amount.ladder_frames
    return Table(head, tuple(rung.row() for rung in found), f"{frames} frames each on {studio.settings.devices[0]}")


def _judge(section: Section, found: list[_Rung], chosen: str) -> None:
    ran = [rung for rung in found if rung.median_ms is not None]
    if not ran:
        section.check("An accelerator runs", Verdict.FAIL, "none does; the table says why")
        return
    wrong = [f"{rung.name}: {rung.apart}" for rung in ran if rung.apart and rung.apart.mean > _MEAN_ALLOWED]
    words = "; ".join(wrong) or ", ".join(rung.name for rung in ran)
    name = f"Those that run paint what {_REFERENCE} paints"
    section.check(name, Verdict.of(ok=not wrong), f"{words} (an average of {_MEAN_ALLOWED:g} level allowed)")
    fastest = min(ran, key=lambda rung: rung.median_ms or 0.0)
    taken = next((rung for rung in ran if rung.name == chosen), None)
    near = taken is not None and (taken.median_ms or 0.0) <= _AS_FAST * (fastest.median_ms or 0.0)
    found_words = f"{chosen or 'nothing'} was taken; {fastest.name} is the fastest, {fastest.median_ms:.1f} ms"
    section.check("The fastest was taken", Verdict.PASS if near else Verdict.UNKNOWN, found_words)
