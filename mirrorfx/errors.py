"""Every error that MirrorFX raises on purpose.

    MirrorFXError
    ├── InvalidValue            a value outside what is allowed (also a ValueError)
    │   └── UnknownName         a name that nothing answers to, with the nearest ones
    ├── SourceError
    │   ├── SourceNotFound      no such camera or file
    │   ├── SourceUnreadable    it is there, but it can't be read as pictures
    │   │   └── SourceHung      its driver doesn't answer; only ending the process helps
    │   └── SourceLost          it was being read and went away
    ├── EffectError
    │   ├── EffectUnavailable   it can't run on this machine; the message names the fix
    │   └── EffectFailed        it raised while painting
    ├── PresetError
    │   ├── PresetNotFound
    │   ├── PresetInvalid       the file is not a preset
    │   └── PresetNotSaved      the disk or the folder said no; what was saved before is intact
    ├── SinkError
    │   ├── SinkUnavailable     no encoder, no folder, no permission
    │   └── SinkFailed          it stopped while running (a full disk, for example)
    ├── SoundError              no sound device, no PortAudio, or a soundtrack that is no sound
    ├── PresenceUnavailable     persons can't be detected here; the message names the fix
    ├── ControlError            a command that the engine refuses, or no engine to talk to
    └── ProcessFailed           a process ended that must not end

A message says what was asked, what was found, and what to do. Dropped frames are counters, never exceptions.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ControlError",
    "EffectError",
    "EffectFailed",
    "EffectUnavailable",
    "InvalidValue",
    "MirrorFXError",
    "PresenceUnavailable",
    "PresetError",
    "PresetInvalid",
    "PresetNotFound",
    "PresetNotSaved",
    "ProcessFailed",
    "SinkError",
    "SinkFailed",
    "SinkUnavailable",
    "SoundError",
    "SourceError",
    "SourceHung",
    "SourceLost",
    "SourceNotFound",
    "SourceUnreadable",
    "UnknownName",
    "did_you_mean",
]


class MirrorFXError(Exception):
    """Base of all errors that MirrorFX raises on purpose."""


class InvalidValue(MirrorFXError, ValueError):
    """A value outside what is allowed; the message says what is."""


class UnknownName(InvalidValue):
    """A name that nothing answers to."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        hint = did_you_mean(name, names)
        listing = f" Known: {', '.join(names)}." if names else ""
        super().__init__(f"There is no {kind} called {name!r}.{hint}{listing}")


class SourceError(MirrorFXError):
    """A source can't give pictures."""


class SourceNotFound(SourceError):
    """There is no such camera or file."""


class SourceUnreadable(SourceError):
    """The source is there, but it can't be read as pictures."""


class SourceHung(SourceUnreadable):
    """The source's driver doesn't answer; only ending the process that opened it helps."""


class SourceLost(SourceError):
    """The source was being read and went away."""


class EffectError(MirrorFXError):
    """An effect can't paint."""


class EffectUnavailable(EffectError):
    """The effect can't run on this machine; the message names the fix."""


class EffectFailed(EffectError):
    """The effect raised while painting."""


class PresetError(MirrorFXError):
    """A preset can't be read or kept."""


class PresetNotFound(PresetError):
    """No preset has that name."""


class PresetInvalid(PresetError):
    """The file is not a preset, or something in it is not allowed."""


class PresetNotSaved(PresetError):
    """The disk or the folder said no; what was saved before is intact."""


class SinkError(MirrorFXError):
    """A sink can't take pictures."""


class SinkUnavailable(SinkError):
    """No encoder, no folder or no permission."""


class SinkFailed(SinkError):
    """The sink stopped while running: a full disk, for example."""


class PresenceUnavailable(MirrorFXError):
    """Persons can't be detected on this machine; the message names the fix."""


class SoundError(MirrorFXError):
    """Nothing can be heard or played: no device, no PortAudio, or a file that is no sound.

    Attributes:
        fix: a command that mends it, where one is known; else empty.
    """

    def __init__(self, reason: str, fix: str = "") -> None:
        super().__init__(f"{reason} {fix}".strip())
        self.reason = reason
        self.fix = fix


class ControlError(MirrorFXError):
    """A command that the engine refuses, or no engine to talk to."""


class ProcessFailed(MirrorFXError):
    """A process ended that must not end."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the nearest known name, or an empty string."""
    names = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    return f" Did you mean {names[near[0]]!r}?" if near else ""
