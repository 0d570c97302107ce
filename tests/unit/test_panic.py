"""Panic keys and the flash guard in the wall, on a fake clock, with an engine that is only a channel."""

from __future__ import annotations

import numpy as np
import pytest

from mirrorfx.clock import SECOND
from mirrorfx.errors import UnknownName
from mirrorfx.processes.live import LiveFrames
from mirrorfx.processes.messages import PanicIs, Release, SafeFrom, Switch
from mirrorfx.safety import Panic, PanicState, count_flashes
from mirrorfx.sinks.memory import MemorySink

from .presenter_stage import HZ, PresenterStage

SIZE = (256, 256)
B, F, Y, S = Panic.BLACKOUT, Panic.FREEZE, Panic.BYPASS, Panic.SAFE


class TestPanicState:
    def test_a_key_switches_on_and_again_off(self):
        for key in Panic:
            state = PanicState().pressed(key)
            assert state.seen is key
            assert state.pressed(key) == PanicState()

    def test_blackout_lies_over_all_and_only_itself_lifts_it(self):
        state = PanicState().pressed(F).pressed(B)
        for key in (Y, S, F, F):
            state = state.pressed(key)
            assert state.seen is B
        assert state.pressed(B).seen is None
        assert PanicState().pressed(B).pressed(Y).pressed(B).seen is Y

    def test_below_it_the_last_one_counts(self):
        assert PanicState().pressed(F).pressed(Y).seen is Y
        assert PanicState().pressed(F).pressed(Y).pressed(Y).seen is None

    def test_a_client_switches_whatever_it_was(self):
        state = PanicState().switched(B, on=True)
        assert state.switched(B, on=True) == state
        assert state.switched(F, on=False) == state
        assert PanicState(below=Y).switched(F, on=False).below is Y

    def test_names(self):
        assert [Panic.named(panic.label) for panic in Panic] == list(Panic)
        with pytest.raises(UnknownName, match="freeze"):
            Panic.named("freez")
        assert PanicState(True, F).as_dict() == {"blackout": True, "below": "freeze", "seen": "blackout"}


class Wall(PresenterStage):
    """A presenter with an engine's end and a camera's end in the test's hands."""

    def __init__(self, **settings):
        self.live = LiveFrames.create(SIZE)
        self.film = MemorySink()
        super().__init__(SIZE, sinks=[self.film], memories={"live": self.live.spec}, **settings)
        self.heard = []
        self.seq = 0
        self.busy = set()

    def link(self):
        engine = super().link()
        self.presenter.pump()
        return engine

    def paint(self, value, revision=0):
        slot = next(slot for slot in range(8) if slot not in self.busy)
        self.busy.add(slot)
        self.send_picture(slot, self.seq, value, revision=revision)
        self.seq += 1

    def film_live(self, value):
        """What the camera process does when it has a picture."""
        if self.live.wanted(self.clock.now_ns()):
            self.live.next()[:] = value
            self.live.publish(self.clock.now_ns())

    def tick(self):
        """One display tick; return the value that stands on the wall."""
        self.step()
        for message in self.engine.receive_all():
            self.heard.append(message)
            if isinstance(message, Release):
                self.busy -= set(message.text)
        picture = self.presenter.picture
        return None if picture is None else int(picture[100, 100, 0])

    def show(self, value, revision=0):
        self.paint(value, revision)
        for _ in range(4):
            if self.tick() == value:
                return
        raise AssertionError(f"{value} was never shown")

    def told(self):
        return [(bool(m.blackout), m.below) for m in self.heard if isinstance(m, PanicIs)]

    def close(self):
        super().close()
        self.live.close()


@pytest.fixture
def make_wall():
    walls = []

    def make(**settings):
        walls.append(Wall(**settings))
        return walls[-1]

    yield make
    for wall in walls:
        wall.close()


@pytest.fixture
def wall(make_wall):
    return make_wall()


def test_blackout_is_there_at_the_next_tick_and_the_program_goes_on_below(wall):
    wall.show(200)
    wall.presenter.press(B)
    assert wall.tick() == 0
    wall.paint(120)
    assert [wall.tick() for _ in range(5)] == [0] * 5
    assert wall.presenter.figures()["panic"]["seen"] == "blackout"
    wall.presenter.press(B)
    assert wall.tick() == 120, "one flash is within the limits: the way back is at once"
    assert wall.told() == [(True, 0), (False, 0)]


def test_what_is_recorded_is_what_was_seen(wall):
    wall.show(200)
    wall.presenter.press(B)
    wall.tick()
    assert int(wall.film.frames[-1].pixels[100, 100, 0]) == 0


def test_freeze_holds_what_is_seen_while_slots_go_round(wall):
    wall.show(100)
    wall.presenter.press(F)
    wall.tick()
    for value in range(110, 150):
        wall.paint(value)
        assert wall.tick() == 100
    wall.presenter.press(F)
    assert wall.tick() >= 148
    wall.show(160)


def test_freeze_pressed_again_holds_another_picture(wall):
    wall.show(100)
    for value in (100, 104, 108):
        wall.show(value)
        wall.presenter.press(F)
        assert wall.tick() == value
        wall.presenter.press(F)
        wall.tick()


def test_all_keys_work_after_the_engine_has_gone(wall):
    wall.show(90)
    wall.engine.close()
    wall.tick()
    wall.presenter.press(B)
    assert wall.tick() == 0
    wall.presenter.press(B)
    assert wall.tick() == 90
    wall.presenter.press(F)
    assert [wall.tick() for _ in range(3 * HZ)] == [90] * 3 * HZ
    wall.presenter.press(Y)
    wall.tick()
    wall.film_live(80)
    assert wall.tick() == 80


def test_bypass_shows_the_cameras_picture_and_asks_for_it_only_then(wall):
    wall.show(100)
    wall.film_live(60)
    assert wall.live.number == 0, "nobody asks: the camera writes nothing"
    wall.presenter.press(Y)
    assert wall.tick() == 100, "held until the camera's first picture"
    for value in range(100, 60, -2):
        wall.film_live(value)
        wall.paint(200)
        assert wall.tick() == value
    wall.presenter.press(Y)
    wall.tick()
    wall.clock.advance_ns(SECOND)
    assert not wall.live.wanted(wall.clock.now_ns())


def test_bypass_without_a_camera_holds_two_seconds_then_the_scene_comes(wall):
    wall.show(200)
    wall.presenter.press(Y)
    wall.tick()
    wall.film_live(190)
    assert wall.tick() == 190
    assert [wall.tick() for _ in range(2 * HZ - 5)] == [190] * (2 * HZ - 5)
    assert [wall.tick() for _ in range(2 * HZ)][-1] < 60
    wall.film_live(50)
    assert wall.tick() == 50


def test_safe_leaves_the_program_at_once_and_waits_for_the_safe_presets_pictures(wall):
    wall.show(220, revision=4)
    wall.presenter.press(S)
    assert wall.tick() < 40
    assert wall.told() == [(False, S)]
    wall.paint(210, revision=4)
    assert max(wall.tick() for _ in range(10)) < 120
    wall.engine.send(SafeFrom(5))
    wall.paint(205, revision=4)
    assert max(wall.tick() for _ in range(10)) < 120, "still of the old preset"
    wall.paint(70, revision=5)
    for _ in range(3):
        wall.tick()
    assert wall.tick() == 70
    assert wall.presenter.panic == PanicState()
    assert wall.told()[-1] == (False, 0)


def test_safe_stays_with_the_scene_as_long_as_no_engine_answers(wall):
    wall.show(220)
    wall.presenter.press(S)
    values = [wall.tick() for _ in range(5 * HZ)]
    assert max(values) < 120
    wall.engine.close()
    wall.tick()
    wall.engine = wall.link()
    wall.tick()
    assert wall.told()[-1] == (False, S), "a new engine is told"


def test_a_client_switches_through_the_engine(wall):
    wall.show(100)
    wall.engine.send(Switch(B, 1))
    assert wall.tick() == 0
    wall.engine.send(Switch(B, 1))
    assert wall.tick() == 0
    wall.engine.send(Switch(B, 0))
    assert wall.tick() == 100
    assert wall.told() == [(True, 0), (False, 0)]


def strobe(wall, ticks):
    seen = []
    for i in range(ticks):
        wall.paint(255 if i // 3 % 2 else 0)
        wall.tick()
        seen.append(wall.presenter.picture.copy())
    return seen


def test_a_flashing_program_is_damped_on_the_wall_and_in_the_film(wall):
    seen = strobe(wall, 3 * HZ)
    assert count_flashes(seen, HZ).general <= 3
    assert count_flashes([frame.pixels for frame in wall.film.frames], HZ).general <= 3
    figures = wall.presenter.figures()["flash_guard"]
    assert figures["damped_ticks"] > HZ
    assert figures["worst"]["general"] <= 3
    assert figures["worst_asked"]["general"] > 3


def test_without_the_guard_it_would_flash(make_wall):
    wall = make_wall(flash_guard="off")
    assert count_flashes(strobe(wall, 2 * HZ), HZ).general > 3
    assert wall.presenter.figures()["flash_guard"] is None


def test_after_flashing_the_picture_comes_back_though_no_new_one_is_painted(wall):
    strobe(wall, HZ)
    wall.paint(140)
    values = [wall.tick() for _ in range(int(1.8 * HZ))]
    while wall.tick() != 140:
        values.append(140)
        assert len(values) < 4 * HZ


def test_blackout_comes_at_once_even_amid_flashing_and_mashing_keys_keeps_the_limits(wall):
    strobe(wall, HZ)
    wall.presenter.press(B)
    assert wall.tick() == 0
    seen = []
    rng = np.random.default_rng(5)
    for _ in range(4 * HZ):
        wall.paint(250)
        if rng.random() < 0.3:
            wall.presenter.press(Panic(int(rng.choice([1, 1, 2, 4]))))
        value = wall.tick()
        assert value == 0 or not wall.presenter.panic.blackout
        seen.append(wall.presenter.picture.copy())
    assert count_flashes(seen, HZ).general <= 3


def test_the_engines_end_amid_flashing_leaves_a_picture_of_the_walls_own(wall):
    strobe(wall, HZ + 7)
    before = wall.tick()
    wall.engine.close()
    wall.presenter.pump()
    for slot in range(8):
        wall.ring.view(slot)[:] = 255 - before
    assert abs(wall.tick() - before) < 60


def test_a_live_picture_that_was_overtaken_is_void():
    live = LiveFrames.create((64, 64))
    out = np.zeros((64, 64, 4), np.uint8)
    for value in (10, 20):
        live.next()[:] = value
        live.publish(value)
    assert live.take(2, out) == 20
    assert out[0, 0, 0] == 20
    assert live.take(1, out) == 10
    live.next()[:] = 30
    live.publish(30)
    assert live.take(1, out) is None, "the camera may be writing there by now"
    live.close()
