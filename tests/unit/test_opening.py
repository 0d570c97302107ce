"""Opening hours: the engine's part on fake clocks, the curtain, and what the presenter shows of it."""

from __future__ import annotations

import time
from datetime import datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from mirrorfx.clock import SECOND, FakeClock
from mirrorfx.errors import ControlError, InvalidValue
from mirrorfx.mirror import Mirror
from mirrorfx.processes.curtain import Curtain
from mirrorfx.processes.intake import Intake, Waiting
from mirrorfx.processes.messages import CurtainIs, Release, Switch
from mirrorfx.processes.opening import FADE_NS, Opening
from mirrorfx.processes.report import Counts
from mirrorfx.processes.settings import MirrorSettings
from mirrorfx.processes.stations import StationState
from mirrorfx.safety.panic import Panic

from .presenter_stage import HZ, PresenterStage

ZONE = "Europe/Berlin"
HOURS = "mon-fri 10:00-18:00"
SIZE = (256, 256)


@pytest.fixture(autouse=True)
def local_time(monkeypatch):
    monkeypatch.setenv("TZ", ZONE)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


# The engine's part


class Engine:
    """As much of an engine as opening hours need, with a wall that remembers what it was told."""

    def __init__(self, local, hours=HOURS, *, wall=True):
        self.clock = FakeClock(500 * SECOND)
        self.local_s = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(ZONE)).timestamp()
        self.settings = MirrorSettings(hours=hours)
        self.told, self.notices, self.camera = [], [], []
        self.wall = SimpleNamespace(send=self.told.append) if wall else None
        self.intake = SimpleNamespace(
            rest=lambda: self.camera.append("rest"), wake=lambda _now: self.camera.append("wake")
        )
        self.opening = Opening(self, lambda: self.local_s)

    def notice(self, text, level="info"):
        self.notices.append(text)

    def pass_by(self, seconds, step=0.5):
        """Let time pass; return when something changed for clients, in seconds from now."""
        changes = []
        for number in range(1, round(seconds / step) + 1):
            self.clock.advance_ns(round(step * SECOND))
            self.local_s += step
            if self.opening.mind(self.clock.now_ns()):
                changes.append(number * step)
        return changes

    def set_clock(self, seconds):
        """Somebody sets the machine's date; the monotonic clock doesn't notice."""
        self.local_s += seconds


def test_it_closes_with_a_fade_then_rests_and_opens_again():
    engine = Engine("2026-06-01T17:59:50")
    assert engine.pass_by(9.5) == [0.5]
    assert engine.told == []
    assert engine.opening.figures() == {
        "hours": HOURS,
        "open": True,
        "until": "18:00",
        "by_hand": False,
        "resting": False,
    }
    engine.pass_by(0.5)
    assert engine.told == [CurtainIs(1, FADE_NS)]
    assert not engine.opening.resting
    engine.pass_by(2)
    assert not engine.opening.resting
    assert engine.camera == []
    engine.pass_by(0.5)
    assert engine.opening.resting
    assert engine.camera == ["rest"]
    assert engine.opening.figures()["until"] == "10:00"
    assert engine.notices == ["Closed until 10:00."]
    engine.pass_by(16 * 3600 - 3.5, step=60)
    engine.pass_by(60, step=1)
    assert engine.told[-1] == CurtainIs(0, FADE_NS)
    assert engine.camera == ["rest", "wake"]
    assert not engine.opening.resting


def test_a_mirror_that_starts_while_closed_is_black_at_once():
    engine = Engine("2026-06-06T12:00:00")
    engine.opening.new_wall()
    assert engine.told[0] == CurtainIs(1, 0)
    engine.pass_by(0.5)
    assert engine.opening.resting
    assert engine.opening.figures()["until"] == "Mon 10:00"


def test_a_new_wall_is_told_while_closed():
    engine = Engine("2026-06-06T12:00:00")
    engine.pass_by(1)
    engine.told.clear()
    engine.opening.new_wall()
    assert engine.told == [CurtainIs(1, 0)]


def test_without_hours_nothing_happens():
    engine = Engine("2026-06-06T12:00:00", hours="")
    engine.opening.new_wall()
    assert engine.pass_by(10) == []
    assert engine.told == []


@pytest.mark.parametrize(("jump_s", "is_open"), [(3600, False), (-3600, True), (-10 * 3600, False)])
def test_a_clock_that_is_set_moves_the_hours_only(jump_s, is_open):
    engine = Engine("2026-06-01T17:30:00")
    engine.pass_by(2)
    engine.set_clock(jump_s)
    engine.pass_by(5)
    assert engine.opening.figures()["open"] is is_open
    assert engine.opening.resting is not is_open


def test_a_jump_to_another_day_says_the_new_end():
    engine = Engine("2026-06-01T12:00:00", hours="mon 10:00-18:00; tue 11:00-20:00")
    engine.pass_by(1)
    assert engine.opening.figures()["until"] == "18:00"
    engine.set_clock(24 * 3600)
    assert engine.pass_by(1) == [0.5]
    assert engine.opening.figures()["until"] == "20:00"


@pytest.mark.parametrize("day", ["2026-03-28", "2026-10-24"])
def test_over_the_night_when_the_clocks_change_it_opens_by_the_local_clock(day):
    engine = Engine(f"{day}T19:00:00", hours="10:00-18:00")
    engine.pass_by(5)
    assert engine.opening.figures()["until"] == "10:00"
    while not engine.opening.figures()["open"]:
        engine.pass_by(60, step=60)
    local = datetime.fromtimestamp(engine.local_s, ZoneInfo(ZONE))
    assert (local.hour, local.minute) == (10, 0)


def test_what_it_says_of_its_end_knows_that_the_clocks_change():
    engine = Engine("2026-03-28T23:00:00", hours="02:30-05:00")
    engine.pass_by(1)
    assert engine.opening.figures()["until"] == "03:00", "02:30 is left out"


def test_closed_on_a_date_says_when_it_is_over():
    engine = Engine("2026-12-23T18:00:00", hours="10:00-18:00; 12-24..01-09 closed")
    engine.pass_by(5)
    assert engine.opening.resting
    assert engine.opening.figures()["until"] == "Sun 2027-01-10 10:00"


def test_by_hand_until_the_hours_change_next():
    engine = Engine("2026-06-01T12:00:00")
    engine.pass_by(1)
    request = engine.opening.verbs()["opening"]
    request({"open": False})
    engine.pass_by(3)
    assert engine.opening.resting
    assert engine.opening.figures()["by_hand"]
    request({"open": None})
    assert engine.opening.figures()["open"]
    request({"open": False})
    engine.pass_by(22 * 3600 + 60, step=60)
    assert engine.opening.figures()["open"]
    assert not engine.opening.figures()["by_hand"]
    with pytest.raises(ControlError, match="true, false"):
        request({"open": "yes"})


def test_by_hand_where_there_are_no_hours():
    engine = Engine("2026-06-01T12:00:00", hours="")
    engine.pass_by(1)
    engine.opening.verbs()["opening"]({"open": False})
    assert engine.told == [CurtainIs(1, FADE_NS)]
    engine.pass_by(100)
    assert engine.opening.resting
    assert engine.opening.figures()["until"] is None
    engine.opening.verbs()["opening"]({"open": None})
    assert not engine.opening.resting


def test_a_fade_that_is_taken_back_never_rests():
    engine = Engine("2026-06-01T12:00:00")
    engine.pass_by(1)
    request = engine.opening.verbs()["opening"]
    request({"open": False})
    engine.pass_by(1)
    request({"open": True})
    engine.pass_by(10)
    assert engine.camera == []
    assert engine.told == [CurtainIs(1, FADE_NS), CurtainIs(0, FADE_NS)]


def test_hours_that_cannot_be_read_are_refused_before_anything_starts():
    with pytest.raises(InvalidValue, match="can't be read"):
        Mirror(source="pattern", effect="passthrough", hours="whenever")


# The camera


class Camera:
    """A station whose process ends when it was asked to."""

    def __init__(self):
        self.child, self.state, self.starts = SimpleNamespace(kill=lambda: None, running=False), None, 0

    def start(self, now_ns):
        self.starts += 1
        self.child, self.state = SimpleNamespace(kill=lambda: None, running=False), StationState.STARTING

    def retire(self):
        self.state = StationState.OFF

    def end(self):
        self.child = None

    def send(self, message):
        """It is not listened to."""

    def receive(self):
        return []


@pytest.fixture
def intake():
    engine = SimpleNamespace(setup=SimpleNamespace(frames=SimpleNamespace(slots=4)), poller=None, counts=Counts())
    made = Intake(engine, 0)
    made.station = Camera()
    made.start(0)
    return made


def test_resting_lets_go_of_what_the_camera_has_seen(intake):
    intake._captured(Waiting(2, 1, 0))
    assert intake.mailbox.full
    intake.rest()
    assert not intake.mailbox.full
    intake._captured(Waiting(3, 2, 0))
    assert not intake.mailbox.full
    intake.ended(SECOND, ended=True)
    assert intake.says == {"state": "off"}
    assert intake.frames.free == 4
    intake.wake(2 * SECOND)
    assert intake.station.starts == 2


def test_woken_while_its_process_still_ends_it_starts_when_that_has(intake):
    intake.rest()
    intake.wake(SECOND)
    assert intake.station.starts == 1
    intake.ended(2 * SECOND, ended=True)
    assert intake.station.starts == 2


# The curtain


def plain(value):
    picture = np.full((SIZE[1], SIZE[0], 4), value, np.uint8)
    picture[..., 3] = 255
    return picture


def test_open_it_passes_pictures_on_untouched():
    curtain, picture = Curtain(SIZE), plain(200)
    assert curtain.draw(picture, fresh=True, now_ns=0)[0] is picture
    assert curtain.draw(picture, fresh=False, now_ns=1) == (picture, False)
    assert curtain.draw(None, fresh=False, now_ns=2) == (None, False)


def test_it_closes_and_opens_evenly():
    curtain, picture = Curtain(SIZE), plain(200)
    curtain.move(shut=True, fade_ns=2 * SECOND, now_ns=0)
    seen = [int(curtain.draw(picture, fresh=False, now_ns=t * SECOND // 4)[0][0, 0, 0]) for t in range(10)]
    assert seen == [200, 175, 150, 125, 100, 75, 50, 25, 0, 0]
    assert curtain.closed
    assert curtain.draw(picture, fresh=True, now_ns=3 * SECOND)[1] is False
    curtain.move(shut=False, fade_ns=2 * SECOND, now_ns=3 * SECOND)
    for t in range(4):
        assert curtain.draw(None, fresh=False, now_ns=(3 + t) * SECOND)[1] is False
    seen = [int(curtain.draw(picture, fresh=True, now_ns=6 * SECOND + t * SECOND // 2)[0][0, 0, 0]) for t in range(6)]
    assert seen == [0, 50, 100, 150, 200, 200]


def test_it_turns_back_from_where_it_is():
    curtain, picture = Curtain(SIZE), plain(200)
    curtain.move(shut=True, fade_ns=2 * SECOND, now_ns=0)
    curtain.draw(picture, fresh=True, now_ns=SECOND)
    curtain.move(shut=False, fade_ns=2 * SECOND, now_ns=SECOND)
    assert int(curtain.draw(picture, fresh=True, now_ns=SECOND)[0][0, 0, 0]) == 100
    assert int(curtain.draw(picture, fresh=True, now_ns=2 * SECOND)[0][0, 0, 0]) == 150


# The presenter


class Stage(PresenterStage):
    """A presenter whose pictures are a new painting each, or none."""

    def __init__(self, **settings):
        super().__init__(SIZE, flash_guard="off", **settings)
        self.seq = 0
        self.released = []

    def run(self, seconds, value=None):
        """Tick on, a new painting of `value` at each tick; return the brightness at each."""
        seen = []
        for _ in range(round(seconds * HZ)):
            if value is not None:
                self.seq += 1
                self.send_picture(self.seq % 8, self.seq, value)
            self.step()
            for message in self.engine.receive_all():
                if isinstance(message, Release):
                    self.released += message.text
            picture = self.presenter.picture
            seen.append(-1 if picture is None else int(picture[..., :3].max()))
        return seen


@pytest.fixture
def stage():
    made = Stage()
    yield made
    made.close()


def test_closing_fades_to_black_and_stays_black(stage):
    assert set(stage.run(1, 200)) <= {200, -1, 0}
    stage.engine.send(CurtainIs(1, FADE_NS))
    seen = stage.run(2.2, 200)
    assert seen == sorted(seen, reverse=True)
    assert 90 <= seen[50] <= 110
    assert seen[-1] == 0
    assert set(stage.run(5)) == {0}, "no fallback scene shines through"
    assert stage.presenter.figures()["curtain"] == "closed"


def test_closed_nothing_is_drawn(stage, monkeypatch):
    stage.run(1, 200)
    stage.engine.send(CurtainIs(1, 0))
    stage.run(0.5)
    monkeypatch.setattr(stage.presenter._program._fallback, "draw", lambda _now: pytest.fail("drawn"))
    stage.run(5)


def test_opening_shows_nothing_of_the_day_before(stage):
    stage.run(1, 200)
    stage.engine.send(CurtainIs(1, 0))
    stage.run(1)
    stage.engine.send(CurtainIs(0, FADE_NS))
    assert set(stage.run(1)) == {0}
    seen = stage.run(2.5, 100)
    assert seen == sorted(seen)
    assert seen[-1] == 100
    assert max(seen) == 100


def test_opening_without_a_camera_shows_the_calm_scene(stage):
    stage.run(1, 200)
    stage.engine.send(CurtainIs(1, 0))
    stage.run(1)
    stage.engine.send(CurtainIs(0, FADE_NS))
    stage.run(9)
    assert stage.presenter.figures()["showing"] == "fallback"
    assert stage.run(1)[-1] > 20


def test_results_that_come_while_closed_are_released(stage):
    stage.run(1, 200)
    stage.engine.send(CurtainIs(1, 0))
    stage.run(1)
    before = len(stage.released)
    assert set(stage.run(1, 150)) == {0}
    assert len(stage.released) - before >= 40


def test_closed_hides_what_panic_keys_show(stage):
    stage.run(1, 200)
    stage.engine.send(CurtainIs(1, 0))
    stage.run(0.5)
    stage.presenter.press(Panic.FREEZE)
    assert set(stage.run(1)) == {0}


def test_bypass_can_be_locked_on_the_wall():
    stage = Stage(allow_bypass=False)
    try:
        stage.run(1, 200)
        stage.presenter.press(Panic.BYPASS)
        assert stage.presenter.panic.seen is None
        stage.engine.send(Switch(Panic.BYPASS, 1))
        stage.run(0.1)
        assert stage.presenter.panic.seen is None
        stage.presenter.press(Panic.BLACKOUT)
        assert stage.presenter.panic.seen is Panic.BLACKOUT
    finally:
        stage.close()
