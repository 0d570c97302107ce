"""The session: what was set when the mirror ended, so that it can go on from there after a crash or a power cut."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from mirrorfx.files import set_aside, write_whole

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Session", "SessionFile"]

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What is set.

    Attributes:
        saved: local date and time, to be read by people.
        clean: whether the mirror ended because somebody wanted it to.
        effect: its name.
        preset: its name, or None.
        values: all params.
        cue_at: where the cue list stood.
        extra: what else is to be as it was (sound, routes), by name.
    """

    saved: str = ""
    clean: bool = False
    effect: str = ""
    preset: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    cue_at: int = -1
    extra: dict[str, Any] = field(default_factory=dict)


class SessionFile:
    """Keeps the session on disk. Threads: one.

    A file that can't be read is set aside as ``.bad``: a mirror always starts.

    Args:
        path: of the file; its folder is made when it is needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = b""
        self.problem = ""
        """Why the last load or save failed, for the operator; empty when it did not."""

    def load(self) -> Session | None:
        """Return the session before this one; None when there is none that can be read."""
        self.problem = ""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self.problem = f"The last session in {self._path} can't be read: {error.strerror or error}."
            return None
        try:
            table = msgspec.json.decode(content)
            if table.pop("format") != _FORMAT:
                raise ValueError("another format")
            return msgspec.convert(table, Session)
        except (msgspec.DecodeError, msgspec.ValidationError, KeyError, ValueError, AttributeError, TypeError) as error:
            self.problem = f"The last session could not be read ({error}); {self._kept()}. The mirror starts afresh."
            return None

    def save(self, session: Session) -> bool:
        """Keep `session`, whole or not at all; say whether it is on disk. Nothing is written when nothing changed."""
        content = msgspec.json.encode({"format": _FORMAT, **asdict(session)})
        if content == self._written:
            return True
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, content)
        except OSError as error:
            self.problem = (
                f"The session can't be kept in {self._path}: {error.strerror or error}. Make room or allow it."
            )
            return False
        self._written, self.problem = content, ""
        return True

    def _kept(self) -> str:
        """Set the damaged file aside; say where it is kept."""
        try:
            return f"it is kept as {set_aside(self._path)}"
        except OSError as error:
            return f"it can't be set aside either ({error.strerror or error}): copy {self._path} to keep it"
