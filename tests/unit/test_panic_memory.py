"""Panic orders past the engine: the memory itself, and a wall that reads it, on a fake clock."""

from __future__ import annotations

import json
import struct

import pytest

from mirrorfx.processes.live import LiveFrames
from mirrorfx.processes.memory import attach_block
from mirrorfx.processes.messages import PanicIs, Result, Switch
from mirrorfx.processes.panic_memory import PanicMemory
from mirrorfx.safety import Panic, PanicState

from .presenter_stage import PresenterStage

SIZE = (64, 64)
B, F, Y, S = Panic.BLACKOUT, Panic.FREEZE, Panic.BYPASS, Panic.SAFE
PLACE = 32


@pytest.fixture
def memory():
    made = PanicMemory.create()
    yield made
    made.close()


@pytest.fixture
def attach(memory):
    """Attach the memory as another process does."""
    made = []

    def one_more():
        made.append(PanicMemory.attach(memory.handle))
        return made[-1]

    yield one_more
    for one in made:
        one.close()


def spoil(memory, place, word=1):
    """Do what a writer does that is killed half-way: one number is the new one, its checksum the old."""
    block = attach_block(memory.handle)
    at = place * PLACE + 8 * word
    (before,) = struct.unpack_from("=q", block.buffer, at)
    struct.pack_into("=q", block.buffer, at, before ^ 1)
    block.close()


class TestMemory:
    def test_orders_come_once_and_in_their_order(self, memory, attach):
        monitor, wall = attach(), attach()
        assert wall.take_orders() == []
        assert [monitor.order(F, on=True), monitor.order(B, on=True), monitor.order(F, on=False)] == [1, 2, 3]
        assert wall.take_orders() == [(F, True), (B, True), (F, False)]
        assert wall.take_orders() == []
        monitor.order(B, on=False)
        assert wall.take_orders() == [(B, False)]

    def test_of_too_many_the_newest_count(self, memory, attach):
        monitor, wall = attach(), attach()
        for number in range(1, 41):
            assert monitor.order(B if number % 2 else F, on=number % 3 > 0) == number
        taken = wall.take_orders()
        assert taken == [(B if number % 2 else F, number % 3 > 0) for number in range(25, 41)]
        assert wall.take_orders() == []
        monitor.order(S, on=True)
        assert wall.take_orders() == [(S, True)]

    def test_a_torn_order_is_none_and_comes_once_it_is_whole(self, memory, attach):
        monitor, wall = attach(), attach()
        monitor.order(F, on=True)
        assert wall.take_orders() == [(F, True)]
        monitor.order(B, on=True)
        spoil(memory, 2)
        assert wall.take_orders() == []
        spoil(memory, 2)
        assert wall.take_orders() == [(B, True)]

    @pytest.mark.parametrize("word", range(4))
    def test_a_killed_monitor_leaves_no_half_order_and_the_next_goes_on(self, memory, attach, word):
        wall, dying = attach(), attach()
        dying.order(F, on=True)
        dying.order(B, on=True)
        spoil(memory, 2, word)
        assert wall.take_orders() == [(F, True)]
        assert attach().order(Y, on=True) == 2
        assert wall.take_orders() == [(Y, True)]

    def test_the_state_is_told_with_what_was_obeyed(self, memory, attach):
        monitor, wall = attach(), attach()
        assert (monitor.state, monitor.obeyed) == (PanicState(), 0)
        monitor.order(B, on=True)
        assert monitor.obeyed == 0
        wall.take_orders()
        for state in (PanicState(True), PanicState(True, S), PanicState(False, S), PanicState()):
            wall.tell(state)
            assert (monitor.state, monitor.obeyed) == (state, 1)

    @pytest.mark.parametrize("word", range(4))
    def test_a_wall_that_is_killed_while_it_tells_leaves_what_it_told_before(self, memory, attach, word):
        wall = attach()
        wall.tell(PanicState(True))
        wall.tell(PanicState(True, F))
        spoil(memory, 16 + 0, word)
        later = attach()
        assert later.state == PanicState(True)
        later.tell(PanicState(False, F))
        assert attach().state == PanicState(False, F)

    def test_a_new_wall_obeys_what_came_meanwhile_and_nothing_twice(self, memory, attach):
        monitor, wall = attach(), attach()
        monitor.order(B, on=True)
        wall.take_orders()
        wall.tell(PanicState(True))
        monitor.order(F, on=True)
        later = attach()
        assert later.state == PanicState(True)
        assert later.take_orders() == [(F, True)]


class Wall(PresenterStage):
    """A wall with a panic memory."""

    def __init__(self, memory, **settings):
        self.live = LiveFrames.create(SIZE)
        memories = {"live": self.live.spec, "panic": memory.handle}
        super().__init__(SIZE, slots=4, memories=memories, flash_guard="off", **settings)

    def tick(self):
        self.step()
        picture = self.presenter.picture
        return None if picture is None else int(picture[..., :3].max())

    def show(self, value):
        self.send_picture(0, 0, value, self.clock.now_ns())
        while self.tick() != value:
            """Its time comes."""

    def told(self):
        heard = self.engine.receive_all()
        return [(bool(m.blackout), m.below) for m in heard if isinstance(m, PanicIs)]

    def close(self):
        super().close()
        self.live.close()


@pytest.fixture
def start_wall(memory):
    walls = []

    def start(**settings):
        walls.append(Wall(memory, **settings))
        return walls[-1]

    yield start
    for wall in walls:
        wall.close()


class TestWall:
    def test_an_order_is_seen_at_the_next_tick_and_the_engine_is_told(self, memory, attach, start_wall):
        wall, monitor = start_wall(), attach()
        wall.show(200)
        number = monitor.order(B, on=True)
        assert wall.tick() == 0
        assert wall.told() == [(True, 0)]
        assert (monitor.state, monitor.obeyed) == (PanicState(True), number)
        monitor.order(B, on=False)
        assert wall.tick() == 200

    def test_the_newest_order_wins_wherever_it_comes_from(self, attach, start_wall):
        wall, monitor = start_wall(), attach()
        wall.show(200)
        by = {
            "monitor": lambda on: monitor.order(B, on=on),
            "engine": lambda on: wall.engine.send(Switch(B, int(on))),
            "key": lambda _on: wall.presenter.press(B),
        }
        for first in by:
            for second in by:
                by[first](True)
                assert wall.tick() == 0, first
                assert monitor.state == PanicState(True), first
                by[second](False)
                assert wall.tick() == 200, (first, second)
                assert monitor.state == PanicState(), (first, second)

    def test_an_order_that_changes_nothing_is_obeyed_too(self, attach, start_wall):
        wall, monitor = start_wall(), attach()
        number = monitor.order(F, on=False)
        wall.tick()
        assert monitor.obeyed == number

    def test_a_locked_bypass_stays_locked(self, attach, start_wall):
        wall, monitor = start_wall(allow_bypass=False), attach()
        wall.show(200)
        number = monitor.order(Y, on=True)
        for _ in range(3):
            assert wall.tick() == 200
            assert monitor.state == PanicState()
        assert monitor.obeyed == number

    def test_a_new_wall_that_may_not_bypass_forgets_bypass(self, attach, start_wall):
        attach().tell(PanicState(False, Y))
        wall = start_wall(allow_bypass=False)
        assert wall.presenter.panic == PanicState()

    def test_a_new_wall_is_black_from_its_first_tick(self, attach, start_wall):
        start_wall().presenter.press(B)
        later = start_wall()
        assert later.tick() == 0
        assert later.told() == [(True, 0)], "the engine knows it, too"
        for _ in range(200):
            assert later.tick() == 0
        attach().order(B, on=False)
        assert later.tick() > 0

    def test_a_new_wall_keeps_what_lies_below_black(self, start_wall):
        before = start_wall()
        before.presenter.press(F)
        before.presenter.press(B)
        later = start_wall()
        assert later.presenter.panic == PanicState(True, F)
        later.presenter.press(B)
        assert later.presenter.panic == PanicState(False, F)

    def test_a_new_wall_has_no_frozen_picture_and_shows_the_calm_scene(self, start_wall):
        start_wall().presenter.press(F)
        later = start_wall()
        seen = [later.tick() for _ in range(60)]
        assert 20 < seen[-1] < 110, "the calm scene, dark and there"
        later.engine.send(Result(0, 0, 0, later.clock.now_ns(), 0, later.clock.now_ns(), 0, 0))
        later.ring.view(0)[:] = 250
        for _ in range(20):
            assert later.tick() < 110, "and not the program"

    def test_without_an_order_nothing_is_written(self, memory, start_wall):
        wall, block = start_wall(), attach_block(memory.handle)
        for _ in range(5):
            wall.tick()
        assert not any(block.buffer)
        block.close()

    def test_the_figures_tell_it(self, attach, start_wall):
        wall = start_wall()
        attach().order(S, on=True)
        wall.tick()
        assert json.loads(json.dumps(wall.presenter.figures()))["panic"]["seen"] == "safe"
