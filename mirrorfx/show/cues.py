"""The cue list: presets in an order, each with a fade and perhaps a time after which the next one follows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from mirrorfx.clock import SECOND
from mirrorfx.errors import InvalidValue
from mirrorfx.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["Cue", "CueList", "load_cues", "save_cues"]

_FORMAT = 1
_CUES_MOST = 1000
_SECONDS_MOST = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A preset at a time.

    Attributes:
        preset: its name.
        fade_s: how long the crossfade takes; None takes the preset's own time.
        follow_s: the next cue follows by itself so long after this one was called; None waits for GO.
        sound: whether the soundtrack starts again from its beginning (True), stops (False) or goes on (None).
        note: what the operator wants to read.
    """

    preset: str
    fade_s: float | None = None
    follow_s: float | None = None
    sound: bool | None = None
    note: str = ""

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Cue:
        """Return the cue that a message or a file describes.

        Raises:
            InvalidValue: something is missing, unknown, or outside what is allowed.
        """
        unknown = set(table) - {"preset", "fade_s", "follow_s", "sound", "note"}
        if unknown:
            raise InvalidValue(f"A cue has no {sorted(unknown)[0]!r}; it has preset, fade_s, follow_s, sound and note.")
        preset = table.get("preset")
        if not isinstance(preset, str) or not preset.strip():
            raise InvalidValue(f"A cue needs the name of a preset; this one has {preset!r}.")
        sound = table.get("sound")
        if sound not in (None, True, False):
            raise InvalidValue(f"The cue {preset!r} has sound {sound!r}; it is true, false or nothing.")
        return cls(
            preset=preset.strip(),
            fade_s=_seconds(table.get("fade_s"), "fade_s", preset),
            follow_s=_seconds(table.get("follow_s"), "follow_s", preset),
            sound=sound,
            note=str(table.get("note", "")),
        )


class CueList:
    """Where the show stands. Knows only times, so it runs the same in a test. Threads: one."""

    def __init__(self, cues: Iterable[Cue] = ()) -> None:
        self.cues: tuple[Cue, ...] = tuple(cues)
        self.at = -1
        """The index of the cue that was called last; -1 before the first."""
        self.t_follow_ns: int | None = None
        """When the next cue is called by itself."""

    @property
    def current(self) -> Cue | None:
        """The cue that was called last."""
        return self.cues[self.at] if 0 <= self.at < len(self.cues) else None

    def replace(self, cues: Iterable[Cue]) -> None:
        """Take another list; the show stays at the cue it is at, wherever that stands now."""
        new, current = tuple(cues), self.current
        if len(new) > _CUES_MOST:
            raise InvalidValue(f"The cue list has {len(new)} cues; {_CUES_MOST} are the most.")
        where = new.index(current) if current in new else min(self.at, len(new) - 1)
        if self.at < len(new) and self.at >= 0 and new[self.at] == current:
            where = self.at  # the same cue may be in the list twice
        self.cues, self.at = new, where
        if self.current is None or self.current != current:
            self.t_follow_ns = None

    def go(self, now_ns: int) -> Cue:
        """Call the next cue; after the last comes the first.

        Raises:
            InvalidValue: the list is empty.
        """
        return self.jump((self.at + 1) % max(len(self.cues), 1), now_ns)

    def back(self, now_ns: int) -> Cue:
        """Call the cue before; before the first comes the first.

        Raises:
            InvalidValue: the list is empty.
        """
        return self.jump(max(self.at - 1, 0), now_ns)

    def jump(self, index: int, now_ns: int) -> Cue:
        """Call the cue at `index`.

        Raises:
            InvalidValue: there is none.
        """
        if not self.cues:
            raise InvalidValue("The cue list is empty. Add presets to it first.")
        if not 0 <= index < len(self.cues):
            raise InvalidValue(f"There is no cue {index + 1}; the list has {len(self.cues)}.")
        self.at = index
        cue = self.cues[index]
        self.t_follow_ns = None if cue.follow_s is None else now_ns + round(cue.follow_s * SECOND)
        return cue

    def due(self, now_ns: int) -> Cue | None:
        """Call the next cue if its time has come. Realtime: yes."""
        if self.t_follow_ns is None or now_ns < self.t_follow_ns:
            return None
        # It follows from when it was due, so that a long show doesn't run late by a little at each cue. After a long
        # standstill it goes on from now: a suspended laptop doesn't race through its list.
        late_ns = now_ns - self.t_follow_ns
        return self.go(self.t_follow_ns if late_ns < SECOND else now_ns)

    def hold(self) -> None:
        """Stay at this cue until somebody calls one."""
        self.t_follow_ns = None

    def as_table(self) -> dict[str, Any]:
        """Return the list as it is told to clients and kept in files."""
        return {"cues": [asdict(cue) for cue in self.cues], "at": self.at}


def load_cues(path: Path) -> tuple[Cue, ...]:
    """Return the cues saved at `path`; none when there is no file.

    Raises:
        InvalidValue: the file is no cue list.
        OSError: it can't be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    try:
        table = msgspec.json.decode(content)
        if table["format"] != _FORMAT:
            raise InvalidValue(f"{path} is a cue list of format {table['format']!r}; this version reads {_FORMAT}.")
        return tuple(Cue.from_table(cue) for cue in table["cues"])
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError) as error:
        raise InvalidValue(f"{path} is no cue list ({error}). Delete it, or save the list again.") from error


def save_cues(cues: Iterable[Cue], path: Path) -> None:
    """Keep the cues at `path`, whole or not at all.

    Raises:
        OSError: the disk or the folder said no; what was there is intact.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    table = {"format": _FORMAT, "cues": [asdict(cue) for cue in cues]}
    write_whole(path, msgspec.json.format(msgspec.json.encode(table), indent=2) + b"\n")


def _seconds(value: object, name: str, preset: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _SECONDS_MOST:
        return float(value)
    raise InvalidValue(
        f"The cue {preset!r} has {name} {value!r}; it is seconds from 0 to {_SECONDS_MOST:.0f}, or nothing."
    )
