"""Whether two workers paint the same picture of the same frame: they take turns, so any difference flickers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirrorfx.selftest.findings import Cell, Pictures, Section, Table, Verdict
from mirrorfx.selftest.machine import device_name
from mirrorfx.selftest.measures import Difference, amplified, difference

if TYPE_CHECKING:
    from mirrorfx.frame import Image
    from mirrorfx.selftest.painter import Look
    from mirrorfx.selftest.studio import Studio

__all__ = ["compare_workers"]

_GAIN = 32
_LARGEST_ALLOWED = 8
_MEAN_ALLOWED = 0.5
_STRENGTHS = (0.35, 0.65, 1.0)


def compare_workers(studio: Studio, section: Section) -> None:
    """Paint some pictures with one worker, end it, and paint them again with another on each other device."""
    first, *others = studio.settings.devices
    looks = [studio.look(strength=strength, phase=0.25) for strength in _STRENGTHS]
    reference = [studio.paint(look).pixels for look in looks]
    # Two at a time on one card may not fit into its memory.
    studio.leave()
    devices = others or [first]
    for number, device in enumerate(devices):
        studio.step((number + 0.5) / len(devices), f"another worker on {device}")
        _compare(studio, section, device, list(zip(looks, reference, strict=True)))


def _compare(studio: Studio, section: Section, device: str, reference: list[tuple[Look, Image]]) -> None:
    first = studio.settings.devices[0]
    name = f"{first} ({device_name(first)})"
    name += ", opened twice" if device == first else f" and {device} ({device_name(device)})"
    with studio.painter_on(device) as painter:
        pairs = [(expected, painter.paint(studio.frame, look).pixels) for look, expected in reference]
    found = [difference(*pair) for pair in pairs]
    rows = tuple(
        (f"{strength:g}", str(each.largest), f"{each.mean:.4f}")
        for strength, each in zip(_STRENGTHS, found, strict=True)
    )
    section.blocks.append(Table(("strength", "largest difference", "mean difference"), rows, f"{name}, in levels"))
    section.blocks.append(_pictures(studio, device, pairs[1]))
    worst = Difference(max(each.largest for each in found), max(each.mean for each in found))
    same = device_name(device) == device_name(first)
    section.figures[device] = {"largest": worst.largest, "mean": worst.mean, "same_kind": same}
    section.check(f"{name}: the same picture", *_verdict(worst, same=same))


def _pictures(studio: Studio, device: str, pair: tuple[Image, Image]) -> Pictures:
    folder, name = studio.folder, device.replace(":", "-")
    apart = amplified(*pair, _GAIN)
    return Pictures(
        (
            Cell(folder.picture(f"worker-first-{name}", pair[0], whole=True), "the first worker"),
            Cell(folder.picture(f"worker-second-{name}", pair[1], whole=True), "the second"),
            Cell(
                folder.picture(f"worker-difference-{name}", apart),
                f"their difference × {_GAIN}" + ("" if apart.any() else ": black, there is none"),
            ),
        ),
        f"strength {_STRENGTHS[1]:g}",
    )


def _verdict(worst: Difference, *, same: bool) -> tuple[Verdict, str]:
    if worst.largest == 0:
        return Verdict.PASS, "bit for bit"
    allowed = f"at most {_LARGEST_ALLOWED}, on average {_MEAN_ALLOWED:g} are allowed between different cards"
    if worst.largest > _LARGEST_ALLOWED or worst.mean > _MEAN_ALLOWED:
        return Verdict.FAIL, f"{worst} apart; {allowed}"
    if same:
        return (
            Verdict.UNKNOWN,
            f"{worst} apart, though both are of one kind; too little to be seen, look at the picture",
        )
    return Verdict.PASS, f"{worst} apart; {allowed}"
