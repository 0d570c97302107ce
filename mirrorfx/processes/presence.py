"""The presence process: looks at the camera's small picture and says whether somebody is there.

It reads the camera's tap, so nothing waits for it. No picture leaves it: only a word.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mirrorfx.clock import MS, SECOND, Clock
from mirrorfx.errors import MirrorFXError
from mirrorfx.processes.channel import Channel
from mirrorfx.processes.messages import Failed, Say, Stop
from mirrorfx.processes.spawn import CLOCK
from mirrorfx.processes.taps import Tap
from mirrorfx.show.motion import Motion
from mirrorfx.show.person_detector import PersonDetector, regions_of
from mirrorfx.show.presence import Presence, PresenceRules

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from mirrorfx.frame import Image
    from mirrorfx.processes.memory import RingSpec
    from mirrorfx.show.person_detector import Region

__all__ = ["PRESENCE_FPS", "PresenceProcess", "PresenceSetup", "Watch", "presence_main"]

PRESENCE_FPS = 10
"""How many pictures a second it wants of the camera."""
_LISTEN_NS = 20 * MS
_TELL_NS = SECOND
_LOOK_IDLE_NS, _LOOK_SURE_NS = 200 * MS, 400 * MS
_FAILED_CODE = 1


@dataclass(frozen=True, slots=True)
class PresenceSetup:
    """What the presence process is told."""

    tap: RingSpec
    rules: PresenceRules


class Watch:
    """Turns pictures into presence: compares each with those before, and looks at one region at a time.

    Where a person was found last is looked at every other time. Who is not yet there is looked for five times a
    second, who is there two and a half times; what has just moved, at once.

    Args:
        look: finds a person in a region of a picture; None where motion alone decides.
    """

    def __init__(
        self, rules: PresenceRules, size: tuple[int, int], look: Callable[[Image, Region], bool] | None, now_ns: int
    ) -> None:
        self.presence = Presence(rules, now_ns)
        self._motion = Motion()
        self._look = look
        self._regions = regions_of(size)
        self._turn = 0
        self._last: Region | None = None
        self._next_look_ns = now_ns

    def saw(self, picture: Image, t_ns: int) -> None:
        """Take a new picture, ``uint8[H, W, 4]`` BGRX."""
        self.presence.saw_motion(self._motion.share(picture), t_ns)

    def look(self, picture: Image, now_ns: int) -> None:
        """Look at the picture's next region, if it is time."""
        if self._look is None or (now_ns < self._next_look_ns and not self.presence.doubts):
            return
        self._next_look_ns = now_ns + (_LOOK_SURE_NS if self.presence.somebody else _LOOK_IDLE_NS)
        region = self._next_region()
        found = self._look(picture, region)
        if found:
            self._last = region
        elif region is self._last:
            self._last = None
        self.presence.looked(now_ns, found=found)

    def _next_region(self) -> Region:
        self._turn += 1
        if self._last is not None and self._turn % 2:
            return self._last
        return self._regions[self._turn // (1 if self._last is None else 2) % len(self._regions)]


class PresenceProcess:
    """Reads the tap and tells the engine what has been decided: at once when that changes, and each second."""

    def __init__(self, channel: Channel, setup: PresenceSetup, clock: Clock) -> None:
        import numpy as np

        self._channel = channel
        self._clock = clock
        self._tap = Tap.attach(setup.tap)
        width, height = self._tap.size
        self._picture: Image = np.zeros((height, width, 4), np.uint8)
        look = None if setup.rules.by_motion else PersonDetector().look
        self._watch = Watch(setup.rules, self._tap.size, look, clock.now_ns())
        self._number = self._tap.number
        self._told = (False, 0)
        self._stopping = False

    def run(self) -> None:
        """Watch until told to stop, or the engine is gone."""
        while not self._stopping:
            self._channel.wait_for(_LISTEN_NS)
            self._stopping = any(isinstance(said, Stop) for said in self._channel.receive_all())
            self._stopping |= not self._channel.alive
            self._step(self._clock.now_ns())
        self._tap.close()

    def _step(self, now_ns: int) -> None:
        self._tap.want(now_ns)
        taken = self._tap.take(self._picture) if self._tap.number != self._number else None
        if taken is not None:
            self._number, t_ns = taken
            self._watch.saw(self._picture, t_ns)
            self._tell(now_ns)
            self._watch.look(self._picture, self._clock.now_ns())
        self._watch.presence.mind(now_ns)
        self._tell(now_ns)

    def _tell(self, now_ns: int) -> None:
        presence = self._watch.presence
        somebody, t_told_ns = self._told
        if t_told_ns and presence.somebody is somebody and now_ns - t_told_ns < _TELL_NS:
            return
        self._told = (presence.somebody, now_ns)
        told = {"somebody": presence.somebody, "since_ns": presence.since_ns}
        self._channel.send(Say(json.dumps(told).encode()))


def presence_main(connection: Connection, setup: PresenceSetup) -> None:
    """Run the presence process."""
    import cv2

    cv2.setNumThreads(1)
    channel = Channel(connection)
    try:
        PresenceProcess(channel, setup, CLOCK).run()
    except MirrorFXError as error:
        channel.send(Failed(True, str(error).encode()))
        os._exit(_FAILED_CODE)
