"""The sound process on a fake clock, with devices that are none."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from mirrorfx.clock import MS, SECOND, FakeClock
from mirrorfx.errors import SoundError
from mirrorfx.processes.messages import Heard, Say, Stop
from mirrorfx.processes.sound import SoundProcess, SoundWish
from mirrorfx.testing import FakeSoundDevices

from .sounds import tone, write_wav


class Wire:
    """The engine's end of the channel."""

    def __init__(self):
        self.inbox, self.said, self.heard = [], [], []
        self.alive = True

    def receive_all(self):
        messages, self.inbox = self.inbox, []
        return messages

    def send(self, message):
        self.said.append(json.loads(message.text))

    def offer(self, message):
        assert isinstance(message, Heard)
        self.heard.append(message)
        return True


class Rig:
    def __init__(self, connect=None, **wish):
        self.clock = FakeClock(10 * SECOND)
        self.devices = FakeSoundDevices(self.clock)
        self.wire = Wire()
        self.process = SoundProcess(self.wire, SoundWish(**wish), self.clock, connect or (lambda: self.devices))

    def order(self, **what):
        self.wire.inbox.append(Say(json.dumps(what).encode()))

    def settle(self):
        """Let the file be decoded to its end, without the clock moving on."""
        limit = time.monotonic() + 20
        self.process.step()
        while self._decodes and time.monotonic() < limit:
            self.process.step()
        self.process.step()

    @property
    def _decodes(self):
        loaded = self.process._loaded
        return self.process.loading or (loaded is not None and loaded.busy)

    def run(self, seconds, heard=None):
        for _ in range(round(seconds * 50)):
            self.devices.run(0.02, heard)
            self.process.step()

    @property
    def status(self):
        return [said["status"] for said in self.wire.said if "status" in said][-1]

    def last(self, key):
        return next((said for said in reversed(self.wire.said) if key in said), None)


@pytest.fixture
def rig():
    made = []

    def make(connect=None, **wish):
        made.append(Rig(connect, **wish))
        return made[-1]

    yield make
    for one in made:
        one.process.close()


@pytest.fixture
def song(tmp_path):
    return str(write_wav(tmp_path / "song.wav", tone(1000, 2.0)))


@pytest.mark.parametrize("delay_ms", [60, 100, 250])
def test_the_soundtrack_begins_within_20_ms_of_the_cue_and_the_walls_delay(rig, song, delay_ms):
    it = rig(file=song, loop=False)
    it.order(delay_ns=delay_ms * MS)
    it.settle()
    it.run(0.5)
    t_cue_ns = it.clock.now_ns()
    it.order(start_ns=t_cue_ns)
    it.run(1.0)
    first_ns = it.devices.first_sound_ns()
    assert abs(first_ns - (t_cue_ns + delay_ms * MS)) < 20 * MS
    assert abs(first_ns - (t_cue_ns + delay_ms * MS)) < 1 * MS  # and in fact to a few samples


def test_a_cue_before_the_file_is_there_is_not_lost(rig, song):
    it = rig()
    it.order(wish={"file": song})
    it.order(start_ns=it.clock.now_ns())
    it.settle()
    it.run(0.3)
    assert np.abs(it.devices.played).max() > 0.4
    assert it.status["playing"]


def test_the_end_of_the_file_is_told_and_a_loop_has_none(rig, song):
    it = rig(file=song, loop=False)
    it.settle()
    start_ns = it.clock.now_ns()
    it.order(start_ns=start_ns)
    it.run(1.9)
    assert it.last("finished_ns") is None
    it.run(0.3)
    assert it.last("finished_ns") == {"finished_ns": start_ns}
    assert not it.status["playing"]
    looped = rig(file=song, loop=True)
    looped.settle()
    looped.order(start_ns=looped.clock.now_ns())
    looped.run(5)
    assert looped.status["playing"]
    assert looped.status["duration_s"] == 2.0


def test_a_bad_file_leaves_the_one_before_playing(rig, song, tmp_path):
    bad = tmp_path / "notes.txt"
    bad.write_text("la la la\n" * 100)
    it = rig(file=song)
    it.settle()
    it.order(start_ns=it.clock.now_ns())
    it.run(0.5)
    it.order(wish={"file": str(bad)})
    it.settle()
    it.run(0.2)
    told = it.last("bad_file")
    assert told["bad_file"] == str(bad)
    assert "Choose an audio file" in told["problem"]
    assert it.status["loaded"] == song
    assert np.abs(it.devices.played[-480:]).max() > 0.4


def test_another_file_ends_the_one_before(rig, song, tmp_path):
    other = str(write_wav(tmp_path / "other.wav", tone(200, 2)))
    it = rig(file=song)
    it.settle()
    it.order(start_ns=it.clock.now_ns())
    it.run(0.5)
    it.order(wish={"file": other})
    it.settle()
    it.run(1.0)
    assert not it.status["playing"]
    assert not it.devices.played[-480:].any()
    it.order(start_ns=it.clock.now_ns())
    it.run(0.2)
    assert it.devices.played[-480:].any()


def test_the_device_is_only_opened_when_there_is_something_to_play(rig, song):
    it = rig()
    it.run(0.1)
    assert it.devices.output is None
    assert it.status["devices"] == ["Speakers", "Headphones"]
    assert it.status["ok"]
    it.order(wish={"file": song, "device": "Headphones"})
    it.settle()
    assert it.devices.output.name == "Headphones"


def test_a_device_of_another_rate_plays_the_same_song_in_tune_and_in_time(rig, song):
    it = rig(file=song)
    it.settle()
    it.order(start_ns=it.clock.now_ns())
    it.run(0.5)
    it.devices.rate_hz = 44100.0
    it.order(wish={"file": song, "device": "Headphones"})
    it.settle()
    it.run(1.0)
    sound = it.devices.played[-32768:, 0]
    assert np.argmax(np.abs(np.fft.rfft(sound))) * 44100 / 32768 == pytest.approx(1000, abs=3)
    (voice,) = it.process._player._voices
    behind_ns = it.clock.now_ns() + 20 * MS - voice.t_start_ns - voice.place / 44100 * SECOND
    assert abs(behind_ns) < 20 * MS


def test_an_unplugged_device_is_told_and_found_again(rig, song):
    it = rig(file=song, device="Headphones")
    it.settle()
    it.order(start_ns=it.clock.now_ns())
    it.run(0.5)
    it.devices.output_names.remove("Headphones")
    it.devices.output.alive = False
    it.run(0.1)
    assert not it.status["ok"]
    assert "Headphones" in it.status["reason"]
    assert it.status["playing"]
    it.devices.output_names.append("Headphones")
    it.run(6)
    assert it.status["ok"]
    assert it.devices.played[-480:].any()


def test_without_portaudio_the_fix_is_told_and_params_still_follow_the_soundtrack(rig, song):
    def connect():
        raise SoundError("PortAudio can't be loaded.", "apt-get install libportaudio2")

    it = rig(connect, file=song, input="soundtrack")
    it.settle()
    it.order(start_ns=it.clock.now_ns())
    it.run(0.5)
    assert (it.status["ok"], it.status["fix"]) == (False, "apt-get install libportaudio2")
    assert it.wire.heard[-1].mid == pytest.approx(1 - 6 / 60, abs=0.02)


def test_the_soundtrack_is_listened_to_ahead_of_the_wall(rig, song):
    """What a frame gets that is captured now is on the wall a delay later: with the sound that is heard then."""
    it = rig(file=song, loop=False, input="soundtrack")
    it.order(delay_ns=300 * MS)
    it.settle()
    it.run(0.2)
    it.order(start_ns=it.clock.now_ns())
    it.run(0.2)
    assert it.devices.first_sound_ns() is None
    assert it.wire.heard[-1].level > 0.8
    it.run(2.0)
    assert it.wire.heard[-1].level == 0.0


@pytest.mark.parametrize(("hz", "band"), [(100, "low"), (1000, "mid"), (5000, "high")])
def test_a_microphone_gives_levels_about_fifty_times_a_second(rig, hz, band):
    it = rig(input="Microphone")
    it.run(1.0, lambda t: 0.5 * np.sin(2 * np.pi * hz * t)[:, None])
    it.wire.heard.clear()
    it.run(1.0, lambda t: 0.5 * np.sin(2 * np.pi * hz * t)[:, None])
    assert 45 <= len(it.wire.heard) <= 51
    levels = it.wire.heard[-1]
    for name in ("low", "mid", "high"):
        assert getattr(levels, name) == pytest.approx(0.9 if name == band else 0.0, abs=0.05)


def test_an_input_that_is_not_there_is_told_and_the_soundtrack_plays_on(rig, song):
    it = rig(file=song, input="Line 3")
    it.settle()
    it.order(start_ns=it.clock.now_ns())
    it.run(0.5)
    assert not it.status["ok"]
    assert "Line 3" in it.status["reason"]
    assert it.devices.played[-480:].any()
    it.order(wish={"file": song, "input": None})
    it.run(0.1)
    assert it.status["ok"]


def test_it_ends_when_told_or_when_the_engine_is_gone(rig):
    told, orphaned = rig(), rig()
    told.wire.inbox.append(Stop())
    told.process.step()
    orphaned.wire.alive = False
    orphaned.process.step()
    assert told.process.stopping
    assert orphaned.process.stopping


def test_the_status_is_told_once_not_all_the_time(rig, song):
    it = rig(file=song)
    it.settle()
    it.order(start_ns=it.clock.now_ns())
    it.run(0.1)
    told = len(it.wire.said)
    it.run(3)
    assert it.wire.said[told:] == [{"alive": True}] * (len(it.wire.said) - told)
    assert 1 <= len(it.wire.said) - told <= 2
