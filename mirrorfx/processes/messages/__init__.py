"""What processes say to each other: explicit, versioned byte layouts, never pickles.

Every message is ``<BB`` (kind, version), then its fixed fields, then for some a JSON text. Times are int64 nanoseconds
of the monotonic clock. Pixels never travel: a slot's number does.
"""

from mirrorfx.processes.messages.common import Failed, Say, Stop
from mirrorfx.processes.messages.senses import Captured, Grant, Heard
from mirrorfx.processes.messages.wall import (
    CurtainIs,
    EngineLink,
    Figures,
    FramesShown,
    Hold,
    ModeIs,
    NewBeat,
    PanicIs,
    Release,
    Result,
    SafeFrom,
    Switch,
    Vsync,
)
from mirrorfx.processes.messages.wire import Message, pack, unpack
from mirrorfx.processes.messages.worker import (
    Dispatch,
    Done,
    ParamsAre,
    Prepare,
    Prepared,
    Preview,
    Progress,
    Ready,
    Swap,
)

__all__ = [
    "Captured",
    "CurtainIs",
    "Dispatch",
    "Done",
    "EngineLink",
    "Failed",
    "Figures",
    "FramesShown",
    "Grant",
    "Heard",
    "Hold",
    "Message",
    "ModeIs",
    "NewBeat",
    "PanicIs",
    "ParamsAre",
    "Prepare",
    "Prepared",
    "Preview",
    "Progress",
    "Ready",
    "Release",
    "Result",
    "SafeFrom",
    "Say",
    "Stop",
    "Swap",
    "Switch",
    "Vsync",
    "pack",
    "unpack",
]
