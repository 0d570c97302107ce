"""A real mirror with real windows on a virtual screen."""

from __future__ import annotations

import os
import signal

import pytest

from mirrorfx.clock import MonotonicClock
from mirrorfx.mirror import Mirror
from tests.family import family

pytestmark = pytest.mark.process

SMALL = {"source": "pattern:60", "effect": "sleep", "size": (256, 256), "workers": 1, "mode": "paced"}


class Watcher:
    """Collects what is told, and does something once, as soon as the desk talks to the engine."""

    def __init__(self, do=None):
        self.problems = []
        self.names = set()
        self._do = do

    def starting(self, what, share):
        """The picture is awaited."""

    def running(self, seconds, figures):
        self.names |= set(family())
        if self._do and figures.get("frames", {}).get("shown"):
            do, self._do = self._do, None
            do()

    def problem(self, text):
        self.problems.append(text)


@pytest.fixture
def run_windows(monkeypatch):
    if not os.environ.get("DISPLAY"):
        monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")

    def run(watcher, **settings):
        settings = {"screen": "wall", "desk": True} | SMALL | settings
        return Mirror(clock=MonotonicClock(), **settings).run(watcher)

    yield run
    left = family()
    for process in left.values():
        process.kill()
    assert not left, f"left behind: {sorted(left)}"


def test_wall_and_desk_run_and_end_in_order(run_windows):
    watcher = Watcher()
    outcome = run_windows(watcher, seconds=1.5)
    assert {"mfx-wall", "mfx-desk"} <= watcher.names
    assert watcher.problems == []
    assert outcome.report["frames"]["shown"] > 0
    assert outcome.report["frames"]["repeated"] > 0


def test_a_desk_that_hangs_holds_nothing_up(run_windows):
    def stop_desk():
        family()["mfx-desk"].send_signal(signal.SIGSTOP)

    watcher = Watcher(stop_desk)
    outcome = run_windows(watcher, seconds=2.0)
    assert outcome.report["frames"]["shown"] > 0
    assert not any("wall" in problem or "engine" in problem for problem in watcher.problems)


def test_a_desk_that_is_killed_comes_back_and_the_wall_goes_on(run_windows):
    killed = []

    def kill_desk():
        killed.append(family()["mfx-desk"].pid)
        os.kill(killed[0], signal.SIGKILL)

    watcher = Watcher(kill_desk)
    outcome = run_windows(watcher, seconds=3.0)
    assert killed
    assert [problem for problem in watcher.problems if "desk" in problem]
    assert outcome.report["frames"]["shown"] > 0
    assert not any("wall" in problem or "engine" in problem for problem in watcher.problems)
