"""What clients ask about sound, and params that follow it, without a sound process."""

from __future__ import annotations

import json
from itertools import pairwise
from types import SimpleNamespace

import pytest

from mirrorfx.clock import MS, SECOND, FakeClock
from mirrorfx.errors import ControlError, InvalidValue, UnknownName
from mirrorfx.processes.messages import Heard, Say
from mirrorfx.processes.stations import StationState

from .sounds import tone, write_wav
from .test_engine_verbs import SETTINGS, Engine


class Process:
    """A sound process as its station shows it."""

    def __init__(self, verbs):
        self.orders, self.news = [], []
        self.station = verbs.station
        self.station.start = self.start
        self.station.send = lambda message: self.orders.append(json.loads(message.text))
        self.station.receive = self.receive
        self.starts = 0

    def start(self, now_ns):
        self.starts += 1
        self.station.child = SimpleNamespace(kill=lambda: None)
        self.station.state = StationState.STARTING
        self.station.t_restart_ns = None

    def receive(self):
        news, self.news = self.news, []
        return news

    def die(self, now_ns):
        self.station.child, self.station.state = None, StationState.WAITING
        self.station.reason = "mfx-sound was ended by SIGKILL"
        self.station.t_restart_ns = now_ns

    def said(self, key):
        return [order[key] for order in self.orders if key in order]


@pytest.fixture
def engine():
    return with_process(Engine())


def with_process(made):
    made.sound = made.commands.sound
    made.process = Process(made.sound)
    made.published = []
    made.commands.publish = lambda name, data, keep=True: made.published.append((name, data))
    return made


@pytest.fixture
def song(tmp_path):
    return str(write_wav(tmp_path / "song.wav", tone(1000, 0.1)))


def hear(engine, **levels):
    if engine.process.station.child is None:
        engine.process.start(engine.clock.now_ns())
    heard = {"level": 0.0, "low": 0.0, "mid": 0.0, "high": 0.0, "onset": 0.0} | levels
    engine.process.news.append(Heard(**heard))
    engine.sound.hear(engine.clock.now_ns())


def say(engine, **what):
    engine.process.news.append(Say(json.dumps(what).encode()))
    engine.sound.hear(engine.clock.now_ns())


def status(**more):
    return {"ok": True, "reason": "", "fix": "", "devices": ["A"], "inputs": ["M"], "duration_s": 10.0} | more


def frame(engine, after_ms=20, **levels):
    """Let a frame be given away while this is heard; return its params."""
    engine.clock.advance_ns(after_ms * MS)
    if levels:
        hear(engine, **levels)
    engine.sound.modulate(engine.clock.now_ns())
    return engine.editor.state.at(engine.clock.now_ns())


# The process


def test_nobody_asked_nothing_runs(engine):
    engine.wait(10)
    assert engine.process.starts == 0
    assert engine.state["sound"]["ok"] is None


def test_asking_starts_it_and_tells_it_all(engine, song):
    engine.ask("sound", file=song, volume=0.5, loop=False, device="A", play=True)
    assert engine.process.starts == 1
    (wish, *_) = engine.process.said("wish")
    assert wish["file"] == song
    assert engine.process.said("delay_ns")[-1] == 100 * MS
    assert engine.process.said("start_ns")[-1] == engine.clock.now_ns()
    say(engine, status=status())
    told = engine.state["sound"]
    assert (told["ok"], told["playing"], told["volume"], told["duration_s"]) == (True, True, 0.5, 10.0)


def test_it_comes_back_and_goes_on_where_it_would_stand(engine, song):
    engine.ask("sound", file=song, play=True)
    start_ns = engine.clock.now_ns()
    engine.wait(3)
    engine.process.die(engine.clock.now_ns())
    assert "SIGKILL" in engine.state["sound"]["reason"]
    assert engine.state["sound"]["ok"] is False
    engine.process.orders.clear()
    engine.station_was = engine.process.starts
    engine.process.station.restart_if_due = lambda now_ns: (engine.process.start(now_ns), True)[1]
    engine.wait(1)
    assert engine.process.said("start_ns") == [start_ns]


def test_one_that_hangs_is_ended_and_started_again(engine, song):
    engine.ask("sound", file=song)
    killed = []
    engine.process.station.lost = lambda now_ns, reason: killed.append(reason)
    for _ in range(3):
        engine.wait(4)
        say(engine, alive=True)
    assert killed == []
    engine.wait(7)
    assert killed == []
    engine.wait(2)
    assert killed == ["no sign of life: the sound driver hangs"]


def test_the_walls_delay_is_told_when_it_changes(engine, song):
    engine.ask("sound", file=song)
    engine.process.orders.clear()
    engine.wait(1)
    assert engine.process.orders == []
    engine.display["delay_ms"] = 130.0
    engine.wait(1)
    assert engine.process.said("delay_ns") == [130 * MS]


# Requests


@pytest.mark.parametrize(
    ("arguments", "error", "word"),
    [
        ({"file": "/no/such/song.wav"}, InvalidValue, "not there"),
        ({"file": "/"}, InvalidValue, "a folder"),
        ({"file": 3}, ControlError, "must be text"),
        ({"loop": "yes"}, ControlError, "true or false"),
        ({"volume": 1.5}, InvalidValue, "from 0 to 1"),
        ({"volume": True}, InvalidValue, "from 0 to 1"),
        ({"play": "now"}, ControlError, "true or false"),
        ({"play": True}, ControlError, "Choose a file first"),
    ],
)
def test_what_can_not_be_is_refused_and_changes_nothing(engine, arguments, error, word):
    before = engine.state["sound"]
    with pytest.raises(error, match=word):
        engine.ask("sound", **arguments)
    assert engine.state["sound"] == before
    assert engine.process.starts == 0


def test_a_file_that_is_no_sound_is_told_and_the_one_before_stays(engine, song, tmp_path):
    engine.ask("sound", file=song)
    say(engine, status=status(loaded=song))
    bad = tmp_path / "bad.txt"
    bad.write_text("la la la")
    engine.ask("sound", file=str(bad))
    say(engine, bad_file=str(bad), problem=f"{bad} can't be played.")
    assert engine.state["sound"]["file"] == song
    assert "can't be played" in engine.notices[-1][1]


def test_no_soundtrack_any_more(engine, song):
    engine.ask("sound", file=song, play=True)
    engine.ask("sound", file=None)
    assert (engine.state["sound"]["file"], engine.state["sound"]["playing"]) == ("", False)


def test_the_end_of_the_file_is_the_end_of_playing(engine, song):
    engine.ask("sound", file=song, loop=False, play=True)
    say(engine, finished_ns=engine.clock.now_ns() - 5)  # an earlier start's
    assert engine.state["sound"]["playing"]
    say(engine, finished_ns=engine.clock.now_ns())
    assert not engine.state["sound"]["playing"]


# Cues


def test_cues_start_and_stop_the_soundtrack(engine, song):
    engine.ask("sound", file=song)
    cues = [{"preset": "Ice", "sound": True}, {"preset": "Lava"}, {"preset": "Ice", "sound": False}]
    engine.ask("list_set", cues=cues)
    engine.wait(1)
    engine.ask("list_go")
    assert engine.process.said("start_ns") == [engine.clock.now_ns()]
    engine.wait(1)
    engine.ask("list_go")
    assert engine.state["sound"]["position_s"] == pytest.approx(0.9)
    engine.ask("list_go")
    assert engine.process.said("stop_ns") == [engine.clock.now_ns()]
    assert not engine.state["sound"]["playing"]


def test_a_cue_without_a_soundtrack_says_so_and_is_called_all_the_same(engine):
    engine.ask("list_set", cues=[{"preset": "Lava", "sound": True}])
    engine.ask("list_go")
    assert engine.state["preset"] == "Lava"
    assert "none is chosen" in engine.notices[-1][1]


def test_a_cue_that_can_not_be_called_starts_no_sound(engine, song):
    engine.ask("sound", file=song)
    engine.ask("list_set", cues=[{"preset": "Nobody made this", "sound": True}])
    with pytest.raises(Exception, match="Nobody made this"):
        engine.ask("list_go")
    assert not engine.state["sound"]["playing"]


# Modulation


def test_a_param_follows_and_its_own_value_stays(engine):
    engine.ask("set", params={"strength": 0.5}, fade_s=0)
    engine.ask("modulation", routes=[{"source": "low", "param": "strength", "amount": 0.4, "smoothing_s": 0}])
    assert frame(engine, low=0.5).strength == pytest.approx(0.7)
    assert frame(engine, low=1.0).strength == pytest.approx(0.9)
    assert engine.value("strength") == 0.5
    assert frame(engine, low=0.0).strength == 0.5
    assert not engine.editor.state.offsets


def test_a_fade_goes_on_under_it(engine):
    engine.ask("set", params={"strength": 0.2}, fade_s=0)
    engine.ask("modulation", routes=[{"source": "level", "param": "strength", "amount": 0.1, "smoothing_s": 0}])
    frame(engine, level=1.0)
    engine.ask("set", params={"strength": 0.8}, fade_s=1.0)
    assert frame(engine, 500, level=1.0).strength == pytest.approx(0.6, abs=0.01)
    assert frame(engine, 600, level=1.0).strength == pytest.approx(0.9)


def test_when_the_sound_is_gone_params_go_back_within_a_second(engine):
    engine.ask("set", params={"strength": 0.5}, fade_s=0)
    engine.ask("modulation", routes=[{"source": "level", "param": "strength", "amount": 0.4, "smoothing_s": 0}])
    frame(engine, level=1.0)
    values = [frame(engine).strength for _ in range(50)]
    assert values[5] == pytest.approx(0.9)
    assert values == sorted(values, reverse=True)
    assert max(before - after for before, after in pairwise(values)) < 0.03
    assert values[-1] == 0.5
    assert not engine.editor.state.offsets


def test_routes_taken_away_leave_nothing(engine):
    engine.ask("modulation", routes=[{"source": "level", "param": "strength", "amount": 0.4, "smoothing_s": 0}])
    frame(engine, level=1.0)
    engine.ask("modulation", routes=[])
    frame(engine, level=1.0)
    assert not engine.editor.state.offsets
    revision = engine.editor.state.revision
    frame(engine, level=0.3)
    assert engine.editor.state.revision == revision


def test_what_nobody_could_see_costs_no_message(engine):
    engine.ask("modulation", routes=[{"source": "level", "param": "strength", "amount": 0.1, "smoothing_s": 0}])
    frame(engine, level=0.5)
    revision = engine.editor.state.revision
    frame(engine, level=0.5001)
    assert engine.editor.state.revision == revision


def test_routes_to_what_is_not_there_are_refused(engine):
    with pytest.raises(UnknownName, match="strenght"):
        engine.ask("modulation", routes=[{"source": "low", "param": "strenght"}])
    with pytest.raises(UnknownName, match="bass"):
        engine.ask("modulation", routes=[{"source": "bass", "param": "strength"}])
    with pytest.raises(ControlError, match="routes"):
        engine.ask("modulation")
    assert engine.state["sound"]["routes"] == []


def test_meters_are_told_while_somebody_looks(engine, song, monkeypatch):
    monkeypatch.setattr(type(engine.commands), "watched", property(lambda _: True))
    engine.ask("sound", input="soundtrack")
    for _ in range(50):
        engine.clock.advance_ns(20 * MS)
        hear(engine, level=0.5)
    levels = [data for name, data in engine.published if name == "levels"]
    assert 10 <= len(levels) <= 16
    assert levels[-1]["level"] == 0.5
    assert engine.sound.figures()["level"] == 0.5


# The session


def restarted(engine, *, run_id=None):
    from dataclasses import replace

    settings = replace(SETTINGS, restore="always", run_id=run_id or engine.settings.run_id)
    return with_process(Engine(settings, engine.clock))


def test_an_engine_that_was_restarted_goes_on_with_the_sound(engine, song):
    routes = [{"source": "low", "param": "strength", "amount": 0.3, "smoothing_s": 0.2}]
    engine.ask("sound", file=song, volume=0.4, input="soundtrack", play=True)
    engine.ask("modulation", routes=routes)
    start_ns = engine.clock.now_ns()
    engine.wait(5)
    again = restarted(engine)
    assert again.state["sound"]["routes"] == routes
    assert (again.state["sound"]["file"], again.state["sound"]["volume"]) == (song, 0.4)
    again.wait(1)
    assert again.process.starts == 1
    assert again.process.said("start_ns") == [start_ns]


def test_after_a_crash_of_the_whole_the_soundtrack_begins_anew(engine, song):
    engine.ask("sound", file=song, play=True)
    engine.wait(5)
    again = restarted(engine, run_id="another")
    again.wait(1)
    assert again.process.said("start_ns")[0] > 4 * SECOND
    assert again.state["sound"]["playing"]


def test_what_sound_added_to_the_drift_is_not_kept(engine):
    engine.ask("modulation", routes=[{"source": "level", "param": "drift", "amount": 0.5, "smoothing_s": 0}])
    frame(engine, level=1.0)
    assert engine.editor.state.drift.rate > engine.value("drift")
    engine.wait(5)
    again = restarted(engine)
    assert again.editor.state.drift.rate == again.value("drift")


def test_a_sound_that_can_not_be_read_is_left_out(engine):
    engine.sound.restore({"wish": {"colour": 3}}, same_run=True)
    assert engine.state["sound"]["ok"] is None
    assert isinstance(engine.clock, FakeClock)
