"""The contact sheets: strengths by seeds, and every built-in preset."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from mirrorfx.presets.names import slug
from mirrorfx.selftest.findings import Cell, Section, Sheet, Verdict
from mirrorfx.selftest.measures import difference, is_flat

if TYPE_CHECKING:
    from mirrorfx.frame import Image
    from mirrorfx.selftest.painter import Look
    from mirrorfx.selftest.studio import Studio

__all__ = ["paint_presets", "paint_strengths"]

_DISTINCT_LEVELS = 0.5


def paint_strengths(studio: Studio, section: Section) -> None:
    """Paint one preset at every strength with every seed."""
    amount, preset = studio.settings.amount, studio.main_preset
    original = studio.folder.picture("frame", studio.frame, whole=True)
    columns = ("the frame", *(f"strength {strength:g}" for strength in amount.strengths))
    sheet = Sheet(f"{preset.name}: “{preset.params.get('prompt', '')}”", columns)
    section.blocks.append(sheet)
    ledger = _Ledger(studio, section, len(amount.seeds) * len(amount.strengths))
    for seed in amount.seeds:
        cells = [Cell(original)]
        sheet.rows.append((f"seed {seed}", "", cells))
        for strength in amount.strengths:
            look = studio.look(preset, seed=seed, strength=strength)
            cells.append(ledger.paint(f"strength-{strength * 100:03.0f}-seed-{seed}", look, ""))
    last = [picture for _, picture in ledger.kept][:: len(amount.strengths)]
    _check_flat(section, ledger)
    _check_distinct(section, "Seeds give different pictures", last)


def paint_presets(studio: Studio, section: Section) -> None:
    """Paint every built-in preset at its own strength and at some others."""
    strengths = studio.settings.amount.preset_strengths
    sheet = Sheet("", ("its own strength", *(f"strength {strength:g}" for strength in strengths)))
    section.blocks.append(sheet)
    ledger = _Ledger(studio, section, len(studio.presets) * (1 + len(strengths)))
    own: list[Image] = []
    for preset in studio.presets:
        cells: list[Cell] = []
        sheet.rows.append((preset.name, str(preset.params.get("prompt", "")), cells))
        look = studio.look(preset)
        name = f"preset-{slug(preset.name)}"
        cells.append(ledger.paint(f"{name}-own", look, f"{look.values.get('strength', '')}"))
        own.append(ledger.kept[-1][1])
        cells += [
            ledger.paint(f"{name}-{strength * 100:03.0f}", studio.look(preset, strength=strength), "")
            for strength in strengths
        ]
    _check_flat(section, ledger)
    _check_distinct(section, "Presets give different pictures", own)


class _Ledger:
    """Paints, writes and keeps small copies of a sheet's pictures."""

    def __init__(self, studio: Studio, section: Section, count: int) -> None:
        self._studio = studio
        self._figures = section.figures.setdefault("pictures", {})
        self._count = count
        self.kept: list[tuple[str, Image]] = []

    def paint(self, name: str, look: Look, caption: str) -> Cell:
        painted = self._studio.paint(look)
        file = self._studio.folder.picture(name, painted.pixels)
        self._figures[name] = {"file": file, "values": dict(look.values), "ms": round(painted.ms, 3)}
        self.kept.append((name, painted.pixels[::4, ::4].copy()))
        self._studio.step(len(self.kept) / self._count)
        return Cell(file, caption)


def _check_flat(section: Section, ledger: _Ledger) -> None:
    flat = [name for name, picture in ledger.kept if is_flat(picture)]
    words = f"empty: {', '.join(flat)}" if flat else f"all {len(ledger.kept)} show something"
    section.check(f"{section.title}: no picture is black or of one colour", Verdict.of(ok=not flat), words)


def _check_distinct(section: Section, name: str, pictures: list[Image]) -> None:
    if len(pictures) < 2:
        section.check(name, Verdict.UNKNOWN, "there is only one")
        return
    nearest = min(difference(a, b).mean for a, b in itertools.combinations(pictures, 2))
    section.figures["nearest_mean_levels"] = nearest
    words = f"the two most alike are {nearest:.2f} levels apart on average (at least {_DISTINCT_LEVELS:g} wanted)"
    section.check(name, Verdict.of(ok=nearest >= _DISTINCT_LEVELS), words)
