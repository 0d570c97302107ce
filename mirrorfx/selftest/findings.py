"""What a selftest finds: checks with a verdict, and the blocks that show people why."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

__all__ = ["Block", "Cell", "Chart", "Check", "Film", "Pictures", "Report", "Section", "Sheet", "Table", "Verdict"]


class Verdict(StrEnum):
    """How a check ended."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, *, ok: bool) -> Verdict:
        """Return pass or fail."""
        return cls.PASS if ok else cls.FAIL


@dataclass(frozen=True, slots=True)
class Check:
    """One question with its answer.

    Attributes:
        name: the question, as a statement that holds when it passes.
        words: what was found.
    """

    name: str
    verdict: Verdict
    words: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A picture with its caption.

    Attributes:
        picture: the file, relative to the folder.
    """

    picture: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures side by side, as large as fits."""

    cells: tuple[Cell, ...]
    caption: str = ""


@dataclass(slots=True)
class Sheet:
    """A contact sheet.

    Attributes:
        columns: their headings.
        rows: (heading, note, cells), filled while they are painted.
    """

    caption: str
    columns: tuple[str, ...]
    rows: list[tuple[str, str, list[Cell]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A line over evenly spaced points.

    Attributes:
        values: the heights, from 0 up.
        step: how far apart two points are on the x axis.
        marks: where vertical lines stand, in points.
    """

    caption: str
    values: tuple[float, ...]
    x_label: str
    y_label: str
    step: float = 1.0
    marks: tuple[float, ...] = ()
    mark_label: str = ""


@dataclass(frozen=True, slots=True)
class Film:
    """A film with the picture that stands for it until it plays."""

    film: str
    poster: str
    caption: str = ""


Block: TypeAlias = Pictures | Sheet | Table | Chart | Film


@dataclass(slots=True)
class Section:
    """One part of the page, filled while it is worked on, so that what is done survives an interruption.

    Attributes:
        name: the key in the report and the anchor in the page.
        intro: what is looked at and how it is judged, for people.
        figures: everything measured, for programs; JSON values only.
    """

    name: str
    title: str
    intro: str
    checks: list[Check] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def check(self, name: str, verdict: Verdict, words: str) -> None:
        """Add a check."""
        self.checks.append(Check(name, verdict, words))


@dataclass(slots=True)
class Report:
    """All that was found.

    Attributes:
        facts: version, machine, effect and date, as people read them.
        shows: a sentence that says of what the pictures are.
        state: ``running``, ``complete`` or ``cancelled``.
    """

    facts: dict[str, str]
    shows: str
    state: str = "running"
    sections: list[Section] = field(default_factory=list)

    @property
    def checks(self) -> list[Check]:
        """The checks of all sections."""
        return [check for section in self.sections for check in section.checks]

    def counts(self) -> dict[Verdict, int]:
        """Return how many checks have each verdict."""
        verdicts = [check.verdict for check in self.checks]
        return {verdict: verdicts.count(verdict) for verdict in Verdict}

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "state": self.state,
            "facts": self.facts,
            "shows": self.shows,
            "counts": {str(verdict): count for verdict, count in self.counts().items()},
            "sections": {section.name: _section_dict(section) for section in self.sections},
        }


def _section_dict(section: Section) -> dict[str, Any]:
    checks = [{"name": c.name, "verdict": str(c.verdict), "words": c.words} for c in section.checks]
    return {"title": section.title, "checks": checks, "figures": section.figures}
