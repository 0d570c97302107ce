"""Whatever makes the wall change counts as a flash: cuts, panic keys, the curtain, the fallback scene, a new engine."""

from __future__ import annotations

import numpy as np
import pytest

from mirrorfx.processes.messages import CurtainIs
from mirrorfx.safety import Panic, count_flashes

from .presenter_stage import HZ, PresenterStage

SIZE = (256, 256)
EVERY = 4
"""Ticks from change to change: 12.5 a second, six flashes and more."""


class Wall(PresenterStage):
    """A presenter that is painted bright at every tick, and all that was seen on it."""

    def __init__(self, **settings):
        super().__init__(SIZE, **settings)
        self.seq = 0
        self.seen = []

    def paint(self, value, look=0):
        self.send_picture(self.seq % 8, self.seq, value, look=look)
        self.seq += 1

    def tick(self):
        self.step()
        picture = self.presenter.picture
        self.seen.append(np.zeros((*SIZE, 4), np.uint8) if picture is None else picture.copy())

    def flashes(self):
        return count_flashes(self.seen, HZ).general


def cut(wall, index):
    """Another preset, without a fade: the look stays, the picture doesn't."""
    wall.paint(240 if index % 2 else 10)


def press_blackout(wall, index):
    wall.paint(240)
    wall.presenter.press(Panic.BLACKOUT)


def press_safe(wall, index):
    wall.paint(240)
    wall.presenter.press(Panic.SAFE)


def move_curtain(wall, index):
    wall.paint(240)
    wall.engine.send(CurtainIs(index % 2, 0))


def lose_the_engine(wall, index):
    """A new engine shows black until the next is lost."""
    wall.engine.close()
    wall.engine = wall.link()
    wall.presenter.pump()
    wall.paint(240 if index % 2 else 10)


def cut_and_press(wall, index):
    cut(wall, index)
    if index % 3 == 0:
        wall.presenter.press(Panic.BLACKOUT)


CHANGES = [cut, press_blackout, press_safe, move_curtain, lose_the_engine, cut_and_press]


def played(change, **settings):
    wall = Wall(**settings)
    try:
        for tick in range(3 * HZ):
            if tick % EVERY == 0:
                change(wall, tick // EVERY)
            wall.tick()
        return wall.flashes()
    finally:
        wall.close()


@pytest.mark.parametrize("change", CHANGES)
def test_however_often_it_changes_the_wall_keeps_the_limit(change):
    assert played(change) <= 3


@pytest.mark.parametrize("change", CHANGES)
def test_without_the_guard_these_changes_flash(change):
    assert played(change, flash_guard="off") > 3
