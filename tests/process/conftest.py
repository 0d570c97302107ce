"""Real mirrors with real processes, for tests that break them."""

from __future__ import annotations

import signal

import pytest

from mirrorfx.clock import MonotonicClock
from mirrorfx.mirror import Mirror
from tests.family import family

SMALL = {"size": (256, 256), "workers": 2, "display_hz": 60.0, "mode": "paced"}


class Saboteur:
    """A watcher that does something to a process once the mirror has run for a while."""

    def __init__(self, at_s: float, name: str, number: int, *, then_s: float = 0.0, then: int | None = None):
        self._plan = [(at_s, name, number)]
        if then is not None:
            self._plan.append((at_s + then_s, name, then))
        self.hit: list[int] = []
        self.problems: list[str] = []
        self.figures: list[dict] = []
        self._victim = None

    def starting(self, what, share):
        pass

    def running(self, seconds, figures):
        self.figures.append(figures)
        while self._plan and seconds >= self._plan[0][0]:
            _, name, number = self._plan.pop(0)
            victim = self._victim if self._victim else family()[name]
            self._victim = victim
            self.hit.append(victim.pid)
            victim.send_signal(number)

    def problem(self, text):
        self.problems.append(text)


@pytest.fixture
def run_mirror():
    """Run a small mirror to its end and return its outcome; nothing of it may be left."""

    def run(watcher=None, **settings):
        mirror = Mirror(clock=MonotonicClock(), **{"source": "pattern:60", "effect": "sleep", **SMALL, **settings})
        return mirror.run(watcher)

    yield run
    left = family()
    for process in left.values():
        process.send_signal(signal.SIGKILL)
    assert not left, f"left behind: {sorted(left)}"
