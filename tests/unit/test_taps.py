"""Taps: whole pictures without locks, at a modest rate, and nothing while nobody looks."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest

from mirrorfx.clock import MS, SECOND
from mirrorfx.processes.live import LiveFrames
from mirrorfx.processes.taps import Tap, Taps, tap_size
from mirrorfx.safety.panic import Panic

from .presenter_stage import PERIOD_NS, PresenterStage

NOW_NS = 1000 * SECOND


@pytest.fixture
def tap():
    made = Tap.create((64, 48))
    yield made
    made.close()


def picture(value, size=(64, 48), channels=4):
    return np.full((size[1], size[0], channels), value, np.uint8)


def out_for(tap):
    return np.zeros((tap.size[1], tap.size[0], 4), np.uint8)


@pytest.mark.parametrize(
    ("size", "small"),
    [((1024, 1024), (352, 352)), ((832, 1216), (241, 352)), ((256, 128), (256, 128)), ((4096, 4), (352, 1))],
)
def test_the_long_side_is_small_and_the_shape_stays(size, small):
    assert tap_size(size) == small


@pytest.mark.parametrize("channels", [3, 4])
def test_a_reader_gets_the_newest_picture_and_its_time(tap, channels):
    reader = Tap.attach(tap.spec)
    reader.want(NOW_NS)
    tap.put(picture(40, channels=channels), NOW_NS)
    tap.put(picture(41, channels=channels), NOW_NS + MS)
    out = out_for(reader)
    assert reader.take(out) == (2, NOW_NS + MS)
    assert (out[..., :3] == 41).all()
    reader.close()


def test_before_the_first_picture_there_is_none(tap):
    assert tap.number == 0
    assert tap.take(out_for(tap)) is None


def test_the_copy_looks_like_the_picture():
    tap = Tap.create((512, 256))
    big = np.zeros((256, 512, 4), np.uint8)
    big[:, :256] = (200, 100, 50, 0)
    tap.put(big, NOW_NS)
    out = out_for(tap)
    tap.take(out)
    assert out[10, 10, :3].tolist() == [200, 100, 50]
    assert out[10, -10, :3].tolist() == [0, 0, 0]
    tap.close()


def test_nothing_is_due_while_nobody_wants_it(tap):
    assert not tap.due(NOW_NS)
    tap.want(NOW_NS)
    assert tap.due(NOW_NS)
    assert not tap.due(NOW_NS + SECOND), "whoever looks on asks again and again"


def test_five_a_second_at_most(tap):
    put = 0
    for millisecond in range(0, 2000, 10):
        now_ns = NOW_NS + millisecond * MS
        tap.want(now_ns)
        if tap.due(now_ns):
            tap.put(picture(1), now_ns)
            put += 1
    assert put == 10


def test_the_same_picture_is_only_a_sign_of_life(tap):
    tap.want(NOW_NS)
    tap.put(picture(1), NOW_NS)
    later_ns = NOW_NS + 300 * MS
    assert tap.due(later_ns, fresh=True)
    assert not tap.due(later_ns, fresh=False)
    tap.want(NOW_NS + SECOND)
    assert tap.due(NOW_NS + SECOND, fresh=False)


def test_a_writer_that_overtakes_the_reader_voids_the_copy(tap, monkeypatch):
    live = LiveFrames.attach(tap.spec)
    tap.put(picture(7), NOW_NS)
    copy = cv2.cvtColor

    def overtaken(*args, **kwargs):
        for value in (8, 9, 10):
            live.next()[:] = value
            live.publish(NOW_NS)
        return copy(*args, **kwargs)

    monkeypatch.setattr(cv2, "cvtColor", overtaken)
    out = out_for(tap)
    assert tap.take(out) is None, "it would have been picture 10 under the number 7"
    monkeypatch.setattr(cv2, "cvtColor", copy)
    taken = tap.take(out)
    assert taken
    assert taken[0] == tap.number
    live.close()


RESTLESS = """
import sys
from mirrorfx.processes.live import LiveFrames
from mirrorfx.processes.memory import RingSpec

live = LiveFrames.attach(RingSpec(sys.argv[1], 4, (480, 480, 3)))
while True:
    number = live.number + 1
    live.next()[:] = number % 251
    live.publish(number)
"""


def test_a_reader_beside_a_restless_writer_never_sees_two_pictures_in_one():
    live = LiveFrames.create((480, 480))
    reader = Tap(live)
    out = out_for(reader)
    whole = void = 0
    with subprocess.Popen([sys.executable, "-c", RESTLESS, live.spec.handle]) as writer:
        try:
            while whole < 300:
                assert writer.poll() is None
                taken = reader.take(out)
                if taken is None:
                    void += reader.number > 0
                    continue
                number, t_ns = taken
                assert t_ns == number
                assert (out[..., :3] == number % 251).all(), f"torn, after {whole} whole ones and {void} void ones"
                whole += 1
        finally:
            writer.kill()
    live.close()


def test_the_mirrors_taps_are_three_memories():
    ours = Taps.create((64, 64))
    theirs = Taps.attach(ours.specs)
    for value, name in enumerate(("program", "input", "preview"), 1):
        getattr(ours, name).put(picture(value, (64, 64)), NOW_NS)
    for value, name in enumerate(("program", "input", "preview"), 1):
        tap = getattr(theirs, name)
        out = out_for(tap)
        tap.take(out)
        assert out[0, 0, 0] == value
    theirs.close()
    ours.close()


# The wall's tap


class Wall(PresenterStage):
    """A presenter with a tap."""

    def __init__(self):
        self.tap = Tap.create((64, 64))
        super().__init__((64, 64), slots=4, memories={"tap": self.tap.spec})
        self.presenter.pump()
        self._seq = 0

    def paint(self, value):
        self.send_picture(self._seq % 4, self._seq, value)
        self._seq += 1

    def run(self, ticks, *, wanted=True):
        """Tick, and return what the tap holds then and how many pictures it was given."""
        before = self.tap.number
        for _ in range(ticks):
            if wanted:
                self.tap.want(self.clock.now_ns() + PERIOD_NS)
            self.step()
        out = out_for(self.tap)
        self.tap.take(out)
        return int(out[32, 32, 0]), self.tap.number - before

    def close(self):
        super().close()
        self.tap.close()


@pytest.fixture
def wall():
    made = Wall()
    yield made
    made.close()


def test_the_walls_tap_holds_what_the_wall_shows_panic_included(wall):
    wall.paint(120)
    assert wall.run(60)[0] == int(wall.presenter.picture[32, 32, 0]) == 120
    wall.presenter.press(Panic.BLACKOUT)
    assert wall.run(12)[0] == 0
    assert wall.presenter.picture[32, 32, 0] == 0


def test_a_picture_that_stands_still_is_a_sign_of_life_once_a_second(wall):
    wall.paint(120)
    wall.run(60)
    wall.presenter.press(Panic.FREEZE)
    wall.run(50)
    assert wall.run(150)[1] == 3


def test_the_wall_copies_nothing_while_nobody_looks(wall):
    wall.paint(120)
    assert wall.run(100, wanted=False)[1] == 0
    assert wall.run(1)[1] == 1, "and at once when somebody does"
