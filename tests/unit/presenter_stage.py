"""A presenter on a fake clock, its launcher and its engine only channels in the test's hands."""

from __future__ import annotations

import multiprocessing

from mirrorfx.clock import MS, SECOND, FakeClock
from mirrorfx.processes.channel import Channel
from mirrorfx.processes.memory import Ring
from mirrorfx.processes.messages import EngineLink, Result
from mirrorfx.processes.presenter import Presenter
from mirrorfx.processes.settings import MirrorSettings, WallSetup

HZ = 50
PERIOD_NS = SECOND // HZ


class PresenterStage:
    """A presenter, its launcher's and its engine's ends, and a ring that the test paints into.

    Args:
        size: of the pictures, width and height in pixels.
        slots: how many pictures the ring holds.
        sinks: where the presenter's pictures go besides the screen.
        memories: further fields of its `WallSetup`.
        settings: of its `MirrorSettings`.
    """

    def __init__(self, size, *, slots=8, sinks=(), memories=None, **settings):
        self.clock = FakeClock(1000 * SECOND)
        self.ring = Ring.create(slots, (size[1], size[0], 4))
        ours, theirs = multiprocessing.Pipe(duplex=True)
        self.launcher = Channel(ours)
        told = MirrorSettings(size=size, display_hz=float(HZ), **settings)
        setup = WallSetup(told, self.ring.spec, **(memories or {}))
        self.presenter = Presenter(Channel(theirs), setup, self.clock, tuple(sinks))
        self.engine = self.link()

    def link(self):
        """Return a new engine's end; the presenter takes its own at its next pump."""
        here, there = multiprocessing.Pipe(duplex=True)
        self.launcher.send(EngineLink(1), end=there)
        there.close()
        return Channel(here)

    def send_picture(self, slot, seq, value, t_capture_ns=None, *, revision=0, look=0):
        """Paint a slot in one value, captured 10 ms ago if not told otherwise, and send it as the engine does."""
        self.ring.view(slot)[:] = value
        t_ns = self.clock.now_ns()
        captured_ns = t_ns - 10 * MS if t_capture_ns is None else t_capture_ns
        self.engine.send(Result(slot, seq, seq, captured_ns, 0, t_ns, revision, look))

    def step(self):
        """One display tick; return the new picture, or None for a repeat."""
        self.clock.advance_ns(PERIOD_NS)
        self.presenter.pump()
        picture = self.presenter.tick(self.clock.now_ns())
        self.presenter.presented(self.clock.now_ns())
        return picture

    def close(self):
        for each in (self.presenter, self.engine, self.launcher, self.ring):
            each.close()
