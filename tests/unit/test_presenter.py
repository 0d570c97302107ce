"""The presenter on a fake clock, with an engine that is only a channel."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from mirrorfx.clock import SECOND
from mirrorfx.errors import SinkFailed, SinkUnavailable
from mirrorfx.processes.messages import Figures, Hold, ModeIs, Release, Result, Say, Stop, Vsync
from mirrorfx.sinks.memory import MemorySink

from .presenter_stage import PERIOD_NS, PresenterStage

SIZE = (256, 256)


class Stage(PresenterStage):
    """A presenter that has its engine, and what that engine heard."""

    def __init__(self, sinks=(), **settings):
        super().__init__(SIZE, sinks=sinks, **settings)
        self.heard = []

    def link(self):
        engine = super().link()
        self.presenter.pump()
        return engine

    def paint(self, slot, seq, value, t_capture_ns=None, look=0):
        self.send_picture(slot, seq, value, t_capture_ns, look=look)

    def tick(self):
        """One display tick; return the new picture's value, or None for a repeat."""
        picture = self.step()
        if self.engine.alive:
            self.heard += self.engine.receive_all()
        return None if picture is None else int(picture[0, 0, 0])

    def released(self):
        return [slot for message in self.heard if isinstance(message, Release) for slot in message.text]

    def said(self):
        return [json.loads(m.text) for m in self.launcher.receive_all() if isinstance(m, Say)]


@pytest.fixture
def stage():
    made = Stage()
    yield made
    made.close()


def show(stage, slot, seq, value, look=0):
    """Paint and tick until it is shown."""
    stage.paint(slot, seq, value, look=look)
    for _ in range(4):
        if stage.tick() == value:
            return
    raise AssertionError(f"picture {seq} was never shown")


def test_a_painted_picture_is_shown_once_and_then_repeated(stage):
    show(stage, 0, 0, 100)
    assert stage.tick() is None
    figures = stage.presenter.figures()
    assert figures["shown"] == 1
    assert figures["repeated"] == 1
    assert figures["showing"] == "picture"


def test_the_slot_being_looked_at_is_kept_and_older_ones_are_given_back(stage):
    for seq in range(5):
        show(stage, seq, seq, 100 + seq)
    assert stage.released() == [0, 1, 2, 3]
    assert 4 not in stage.released()


def test_an_older_picture_never_follows_a_newer_one(stage):
    show(stage, 0, 5, 100)
    stage.paint(1, 4, 50)
    assert [stage.tick() for _ in range(5)] == [None] * 5
    assert stage.presenter.figures()["late"] == 1


def test_without_new_pictures_the_last_one_is_held_for_two_seconds_then_the_scene_comes(stage):
    show(stage, 0, 0, 200)
    held = [stage.tick() for _ in range(int(1.9 * SECOND / PERIOD_NS))]
    assert held == [None] * len(held)
    scene = [stage.tick() for _ in range(50)]
    assert any(value is not None for value in scene)
    assert stage.presenter.figures()["showing"] == "fallback"
    first = next(value for value in scene if value is not None)
    assert abs(first - 200) < 40, "it fades over from the last picture"
    show(stage, 1, 1, 90)
    assert stage.presenter.figures()["showing"] == "picture"


def test_told_to_hold_it_holds_however_long_and_as_usual_afterwards(stage):
    show(stage, 0, 0, 200)
    stage.engine.send(Hold(1))
    assert [stage.tick() for _ in range(200)] == [None] * 200
    stage.engine.send(Hold(0))
    assert [stage.tick() for _ in range(90)] == [None] * 90
    assert any(stage.tick() is not None for _ in range(20))
    stage.engine.send(Hold(1))
    assert any(stage.tick() is not None for _ in range(20)), "the scene goes on breathing"


def test_another_look_dissolves_in_over_a_second(stage):
    show(stage, 0, 0, 200, look=1)
    assert stage.tick() is None
    stage.paint(1, 1, 100, look=2)
    values = [stage.tick() for _ in range(54)]
    while values[0] is None:
        values.pop(0)
    mixed = [value for value in values if value is not None]
    assert mixed[0] == 200
    assert mixed == sorted(mixed, reverse=True)
    assert max(a - b for a, b in itertools.pairwise(mixed)) <= 5
    assert mixed[-1] == 100
    assert 45 <= len(mixed) <= 52, "each of the second's ticks at 50 Hz has a new mixture, then the picture stands"
    assert values[-1] is None
    figures = stage.presenter.figures()
    assert figures["shown"] == 2
    assert figures["repeated"] >= 50, "a mixture is no new frame"


def test_new_pictures_go_on_coming_while_it_dissolves(stage):
    show(stage, 0, 0, 200, look=1)
    stage.paint(1, 1, 0, look=2)
    for _ in range(25):
        stage.tick()
    before = stage.tick()
    stage.paint(2, 2, 100, look=2)
    values = [stage.tick() for _ in range(4)]
    assert before < 130
    assert max(values) > before + 20, "the newest painting is the one that is mixed in"
    assert stage.presenter.figures()["shown"] == 3


def test_a_third_look_sets_out_from_the_mixture_that_is_seen(stage):
    show(stage, 0, 0, 200, look=1)
    stage.paint(1, 1, 100, look=2)
    for _ in range(25):
        value = stage.tick()
    stage.paint(2, 2, 0, look=1)
    assert abs(stage.tick() - value) < 12
    assert abs(stage.tick() - value) < 12


def test_the_same_look_of_another_engine_does_not_dissolve(stage):
    show(stage, 0, 7, 100, look=5)
    stage.engine.close()
    stage.tick()
    stage.engine = stage.link()
    show(stage, 0, 0, 55, look=5)
    assert stage.tick() is None


def test_an_engine_that_dies_while_it_dissolves_leaves_the_mixture_standing(stage):
    show(stage, 0, 0, 200, look=1)
    stage.paint(1, 1, 100, look=2)
    for _ in range(25):
        value = stage.tick()
    stage.engine.close()
    assert stage.tick() is None
    stage.ring.view(1)[:] = 1
    assert abs(int(stage.presenter.picture[0, 0, 0]) - value) < 5


def test_before_the_first_picture_the_scene_is_shown_and_not_counted(stage):
    assert any(stage.tick() is not None for _ in range(5))
    figures = stage.presenter.figures()
    assert (figures["shown"], figures["repeated"], figures["duration_s"]) == (0, 0, 0.0)


def test_when_the_engine_dies_the_picture_stays_even_if_its_slot_is_painted_over(stage):
    show(stage, 0, 7, 100)
    stage.engine.close()
    stage.tick()
    stage.ring.view(0)[:] = 1
    assert int(stage.presenter._picture[0, 0, 0]) == 100
    stage.engine = stage.link()
    show(stage, 0, 0, 55)  # a new engine numbers from 0 again


def test_the_launcher_learns_of_the_first_picture_and_the_engine_of_the_ticks(stage):
    show(stage, 0, 0, 100)
    assert [set(said) for said in stage.said()] == [{"first_picture_ns"}]
    stamps = [message for message in stage.heard if isinstance(message, Vsync)]
    assert stamps
    assert stamps[-1].period_ns == PERIOD_NS
    assert any(isinstance(message, Figures) for message in stage.heard)


def test_figures_are_told_at_a_tick_that_repeats_but_not_much_later_than_they_are_due(stage):
    due = round(0.4 * SECOND / PERIOD_NS)
    show(stage, 0, 0, 100)
    stage.heard.clear()
    waited = 0
    for seq in range(1, 2 * due):  # a new picture at every tick
        stage.paint(seq % 8, seq, 100)
        stage.tick()
        waited += 1
        if any(isinstance(message, Figures) for message in stage.heard):
            break
    assert due < waited <= due + round(0.1 * SECOND / PERIOD_NS) + 2
    stage.heard.clear()
    for _ in range(due - 1):
        stage.tick()
    assert not any(isinstance(message, Figures) for message in stage.heard)
    stage.paint(0, 100, 100)
    while stage.tick() is None:
        """Until it is shown."""
    assert not any(isinstance(message, Figures) for message in stage.heard), "a busy tick leaves them to the next"
    stage.tick()
    assert any(isinstance(message, Figures) for message in stage.heard)


def test_in_lock_a_picture_waits_for_the_tick_it_was_made_for(stage):
    stage.engine.send(ModeIs(1))
    stage.tick()
    stage.ring.view(0)[:] = 77
    now_ns = stage.clock.now_ns()
    stage.engine.send(Result(0, 0, 0, now_ns, now_ns + 3 * PERIOD_NS, now_ns, 0, 0))
    values = [stage.tick() for _ in range(4)]
    assert values[2] == 77
    assert 77 not in values[:2]


def test_told_to_stop_or_left_alone_it_stops(stage):
    stage.launcher.send(Stop())
    stage.presenter.pump()
    assert stage.presenter.stopping


def test_it_stops_after_so_many_frames():
    stage = Stage(frames=2)
    show(stage, 0, 0, 10)
    assert not stage.presenter.stopping
    show(stage, 1, 1, 20)
    assert stage.presenter.stopping
    stage.close()


def test_sinks_get_every_tick_from_the_first_picture_on():
    sink = MemorySink()
    stage = Stage(sinks=[sink])
    stage.tick()
    show(stage, 0, 0, 100)
    stage.tick()
    stage.paint(1, 1, 140)
    while stage.tick() != 140:
        pass
    values = [int(frame.pixels[0, 0, 0]) for frame in sink.frames]
    assert values[0] == 100
    assert values[-1] == 140
    assert values == sorted(values)
    assert len(values) >= 3
    stage.close()


class BrokenSink(MemorySink):
    def __init__(self, *, at_open):
        super().__init__()
        self.at_open = at_open

    def open(self, size, rate_fps):
        if self.at_open:
            raise SinkUnavailable("The folder is gone. Name another.")
        super().open(size, rate_fps)

    def put(self, frame, t_present_ns):
        raise SinkFailed("The disk is full. Make room.")


@pytest.mark.parametrize("at_open", [True, False])
def test_a_sink_that_fails_ends_alone(at_open):
    stage = Stage(sinks=[BrokenSink(at_open=at_open)])
    show(stage, 0, 0, 100)
    show(stage, 1, 1, 110)
    problems = [said["problem"] for said in stage.said() if "problem" in said]
    assert len(problems) == 1
    assert "Name another" in problems[0] or "Make room" in problems[0]
    assert stage.presenter.figures()["problems"] == problems
    stage.close()


def test_figures_are_json_with_the_reports_names(stage):
    show(stage, 0, 0, 100)
    show(stage, 1, 1, 110)
    figures = json.loads(json.dumps(stage.presenter.figures()))
    for name in ("fps", "harmonic_fps", "presented_fps", "latency_ms", "interval_ms", "freezes", "delay_ms", "mode"):
        assert name in figures
    assert figures["latency_ms"]["max"] >= 10
    assert isinstance(np.float64(figures["fps"]).item(), float)
