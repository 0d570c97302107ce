"""Runs the sections one after the other; whatever happens to one, the page of what is done is there."""

from __future__ import annotations

import datetime
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mirrorfx.clock import wall_time_s
from mirrorfx.errors import MirrorFXError
from mirrorfx.selftest.agreement import compare_workers
from mirrorfx.selftest.drift import film_drift
from mirrorfx.selftest.findings import Report, Section, Verdict
from mirrorfx.selftest.folder import PAGE, Folder
from mirrorfx.selftest.ladder import compare_accelerators
from mirrorfx.selftest.looks import paint_presets, paint_strengths
from mirrorfx.selftest.machine import device_name, facts
from mirrorfx.selftest.page import page
from mirrorfx.selftest.strength import check_strength
from mirrorfx.selftest.studio import Studio
from mirrorfx.selftest.timings import time_frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirrorfx.clock import Clock
    from mirrorfx.selftest.settings import SelftestSettings

__all__ = ["run_selftest"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Part:
    """A section and how it is filled.

    Attributes:
        weight: its share of the whole time, roughly.
        turn: when it is worked on; on the page it stands where the table has it.
    """

    name: str
    title: str
    intro: str
    fill: Callable[[Studio, Section], None]
    weight: float
    turn: int


_PARTS = (
    _Part(
        "strengths",
        "Strengths and seeds",
        "One preset, one frame. From left to right the picture should leave the frame and become the prompt; rows "
        "should differ in their details, not in their quality.",
        paint_strengths,
        2,
        1,
    ),
    _Part(
        "workers",
        "Two workers, one frame",
        "Workers take turns, so any difference between them would flicker. On cards of one kind there should be none.",
        compare_workers,
        2,
        6,
    ),
    _Part("timings", "Timings", "How long the effect takes for a frame in its worker.", time_frames, 2, 5),
    _Part(
        "accelerators",
        "Accelerators",
        "Every way of making the frame fast, opened in a process of its own and held against the plain one.",
        compare_accelerators,
        6,
        7,
    ),
    _Part(
        "drift",
        "Drift film",
        "The seed's noise walks from keyframe to keyframe over a still frame. It should flow, without a jump and "
        "without flicker.",
        film_drift,
        5,
        3,
    ),
    _Part(
        "strength",
        "What strength means",
        "At 0 the frame comes back (through the autoencoder, if there is one), every small step shows, and at 1 a "
        "diffusion effect paints from the prompt alone.",
        check_strength,
        1,
        4,
    ),
    _Part(
        "presets",
        "All built-in presets",
        "Each at its own strength first. Does the picture show what the prompt says, and is the person still there?",
        paint_presets,
        6,
        2,
    ),
)


def run_selftest(settings: SelftestSettings, clock: Clock, progress: Callable[[str, float], None]) -> Report:
    """Paint and measure everything, and leave a folder with a page; return what was found.

    Ctrl-C ends it early; the report's state is ``cancelled`` then, and the page has what is done.

    Args:
        settings: what to paint with, where and how much.
        clock: what waiting is measured on.
        progress: is told what is done, and which share of all.

    Raises:
        InvalidValue: the folder is somebody else's.
        SinkError: the folder can't be written, or the disk is full.
        SourceError: the source gives no picture.
    """
    folder = Folder(settings.folder, _private_paths(settings))
    with Studio(settings, folder, clock, progress) as studio:
        report = Report(_facts(settings), _shows(settings.source))
        report.sections = [Section(part.name, part.title, part.intro) for part in _PARTS]
        _write(folder, report)
        try:
            _fill_all(studio, report)
            report.state = "complete"
        except KeyboardInterrupt:
            report.state = "cancelled"
            for section in report.sections:
                if not section.checks:
                    section.check(f"{section.title}: done", Verdict.UNKNOWN, "cancelled before it was done")
    _write(folder, report)
    if settings.zipped:
        folder.pack()
    return report


def _fill_all(studio: Studio, report: Report) -> None:
    sections = {section.name: section for section in report.sections}
    total, done = sum(part.weight for part in _PARTS), 0.0
    for part in sorted(_PARTS, key=lambda part: part.turn):
        studio.begin(part.title, done / total, (done + part.weight) / total)
        _fill(part, studio, sections[part.name])
        done += part.weight
        report.facts |= {name.capitalize(): str(value) for name, value in studio.details.items()}
        _write(studio.folder, report)
    studio.step(1.0)


def _fill(part: _Part, studio: Studio, section: Section) -> None:
    try:
        part.fill(studio, section)
    except MirrorFXError as error:
        section.check(f"{section.title}: done", Verdict.FAIL, str(error))
    except Exception as error:  # noqa: BLE001  one section's fault must not cost the page the others
        _log.exception("the section %s failed", section.name)
        section.check(f"{section.title}: done", Verdict.FAIL, f"{type(error).__name__}: {error}")


def _write(folder: Folder, report: Report) -> None:
    folder.write(PAGE, page(report))
    folder.write_report(report.as_dict())


def _facts(settings: SelftestSettings) -> dict[str, str]:
    date = datetime.datetime.fromtimestamp(wall_time_s(), datetime.UTC)
    width, height = settings.size
    return {
        "Date": f"{date:%Y-%m-%d %H:%M} UTC",
        **facts(),
        "Effect": f"{settings.effect} at {width} × {height}",
        "Devices": ", ".join(f"{device}: {device_name(device)}" for device in settings.devices),
        **{f"Option {name}": value for name, value in settings.options},
    }


def _shows(source: str) -> str:
    if source == "demo":
        return "The pictures are of the demo clip only; nobody in front of a camera is in them."
    if source.startswith("camera"):
        return "The pictures are of this machine's camera, as was asked: whoever stood before it is in them."
    return f"The pictures are of {Path(source).name}, as was asked."


def _private_paths(settings: SelftestSettings) -> list[Path]:
    """Return the paths among the options that exist on this machine: their names alone are told."""
    paths = [Path(value).expanduser() for _, value in settings.options] + [Path(settings.source), Path.cwd()]
    return [path for path in paths if path.is_absolute() and path.exists()]
