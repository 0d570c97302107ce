"""The soundtrack: each sample at its time, without clicks, whatever the wall's delay does."""

from __future__ import annotations

import av
import numpy as np
import pytest

from mirrorfx.clock import MS, SECOND
from mirrorfx.errors import SoundError
from mirrorfx.sound.devices import BlockClock
from mirrorfx.sound.player import Player
from mirrorfx.sound.tape import Tape, decode

from .sounds import RATE, tone, write_wav

BLOCK = 480


def ramp(seconds, rate=RATE):
    """A sound of which each sample tells its own place."""
    samples = np.arange(round(seconds * rate)) % 30000 + 1
    return np.stack([samples, -samples], axis=1).astype(np.int16)


def tape(samples, rate=RATE):
    made = Tape(rate)
    made.append(samples)
    made.finish()
    return made


def places(block):
    return np.round(block[:, 0] * 32768).astype(int) - 1


class Device:
    """Asks a player for blocks, one after the other."""

    def __init__(self, player, t_ns=0):
        self.player, self.t_ns, self.blocks = player, t_ns, []

    def run(self, seconds):
        for _ in range(round(seconds * RATE / BLOCK)):
            self.blocks.append(self.player.render(BLOCK, self.t_ns))
            self.t_ns += BLOCK * SECOND // RATE
        return np.concatenate(self.blocks)


def biggest_step(sound):
    return float(np.abs(np.diff(sound[:, 0])).max())


# When


@pytest.mark.parametrize("delay_ms", [0, 3, 97, 400])
def test_a_start_is_heard_at_the_cue_and_the_delay_to_the_sample(delay_ms):
    player = Player(RATE)
    player.delay_ns = delay_ms * MS
    device = Device(player)
    device.run(0.1)
    player.start(tape(ramp(0.5)), 200 * MS)
    sound = device.run(1.0)
    first = np.flatnonzero(sound[:, 0])[0]
    assert first == round((0.2 + delay_ms / 1000) * RATE)
    assert list(places(sound[first : first + 3])) == [0, 1, 2]
    assert np.count_nonzero(sound[:, 0]) == RATE // 2


def test_a_little_late_begins_at_the_beginning_and_catches_up():
    player = Player(RATE)
    device = Device(player, t_ns=40 * MS)
    player.start(tape(tone(440, 40)), 0)
    device.run(30)
    (voice,) = player._voices
    assert places(device.blocks[0])[1] > places(device.blocks[0])[0]
    assert abs(device.t_ns - voice.place / RATE * SECOND) <= 1.1 * MS


def test_what_is_later_joins_where_it_should_be_and_fades_in():
    player = Player(RATE)
    player.start(tape(tone(440, 10)), 0)
    sound = Device(player, t_ns=3 * SECOND).run(0.1)
    assert np.abs(sound[:48]).max() < 0.05  # it fades in: no click
    assert player._voices[0].place == 3 * RATE + len(sound)


def test_a_new_start_takes_over_at_its_time_without_a_click():
    player = Player(RATE)
    device = Device(player)
    player.start(tape(tone(220, 5)), 0)
    device.run(1.0)
    player.start(tape(tone(220, 5)), SECOND + 300 * MS)
    sound = device.run(1.0)
    one = tone(220, 1)[:, :1] / 32768
    assert biggest_step(sound) < 2.2 * biggest_step(one)
    assert len(player._voices) == 1


def test_a_stop_fades_out_at_its_time_and_the_delay():
    player = Player(RATE)
    player.delay_ns = 100 * MS
    device = Device(player)
    player.start(tape(tone(1000, 10)), 0)
    device.run(1.0)
    player.stop(SECOND)
    sound = np.abs(device.run(1.0)[:, 0])
    loudest = [sound[round(at * RATE) : round((at + 0.01) * RATE)].max() for at in (1.05, 1.35, 1.58, 1.61)]
    assert loudest == pytest.approx([0.5, 0.25, 0.02, 0.0], abs=0.015)
    assert player.silent


def test_stopped_before_it_was_heard_it_is_never_heard():
    player = Player(RATE)
    player.delay_ns = 200 * MS
    device = Device(player)
    player.start(tape(ramp(1)), 100 * MS)
    player.stop(50 * MS)
    assert not device.run(1.0).any()


# The loop


def test_the_loop_has_no_seam():
    player = Player(RATE)
    player.loop = True
    player.start(tape(ramp(0.25)), 0)
    sound = places(Device(player).run(1.1))
    assert list(sound) == [n % (RATE // 4) for n in range(len(sound))]


def test_a_loop_that_is_switched_off_plays_its_pass_to_the_end():
    player = Player(RATE)
    player.loop = True
    device = Device(player)
    player.start(tape(ramp(0.25)), 0)
    device.run(0.6)
    player.loop = False
    sound = device.run(0.6)
    assert np.count_nonzero(sound[:, 0]) == 3 * RATE // 4
    assert player.silent


def test_the_end_of_the_file_is_the_end():
    player = Player(RATE)
    player.start(tape(ramp(0.1)), 0)
    sound = Device(player).run(0.3)
    assert np.count_nonzero(sound[:, 0]) == RATE // 10
    assert player.silent


def test_a_tape_that_still_grows_is_not_at_its_end():
    growing = Tape(RATE)
    growing.append(ramp(0.1))
    player = Player(RATE)
    device = Device(player)
    player.start(growing, 0)
    device.run(0.05)
    growing.append(ramp(0.2)[RATE // 10 :])
    sound = places(device.run(0.1))
    assert list(sound) == list(range(len(sound)))
    device.run(0.1)
    assert not player.silent


def test_a_tape_grows_beyond_what_it_was_made_for():
    growing = Tape(1000)
    for _ in range(70):
        growing.append(ramp(1, 1000))
    assert growing.duration_s == 70
    assert growing.read(69_999, 1)[0, 0] == pytest.approx(1000 / 32768)


# Following


@pytest.mark.parametrize("by_ms", [60, -60])
def test_a_delay_that_changes_is_followed_without_a_click(by_ms):
    player = Player(RATE)
    player.delay_ns = 100 * MS
    player.loop = True
    device = Device(player)
    player.start(tape(tone(440, 10)), 0)
    device.run(1.0)
    player.delay_ns += by_ms * MS
    sound = device.run(40.0)
    off_ns = device.t_ns - player.delay_ns - player._voices[0].t_start_ns - player._voices[0].place / RATE * SECOND
    assert abs(off_ns) <= 1.1 * MS
    assert biggest_step(sound[RATE // 2 :]) < 1.01 * biggest_step(tone(440, 1)[:, :1] / 32768)
    assert player._voices[0].place == int(player._voices[0].place)


def test_a_device_whose_clock_is_not_ours_stays_in_time():
    """100 ppm is 360 ms in an hour."""
    player = Player(RATE)
    player.loop = True
    player.start(tape(tone(440, 7)), 0)
    t_ns = 0.0
    for _ in range(300 * RATE // 4800):
        player.render(4800, round(t_ns))
        t_ns += 4800 / RATE * SECOND * (1 - 100e-6)
    (voice,) = player._voices
    assert abs(t_ns - voice.t_start_ns - voice.place / RATE * SECOND) < 11 * MS


def test_after_a_standstill_it_jumps():
    player = Player(RATE)
    device = Device(player)
    player.start(tape(tone(440, 60)), 0)
    device.run(1)
    device.t_ns += 20 * SECOND
    device.run(0.01)
    assert player._voices[0].place == 21 * RATE + BLOCK


def test_the_volume_changes_smoothly_and_loud_is_clipped_at_full_scale():
    player = Player(RATE)
    device = Device(player)
    player.start(tape(np.full((RATE * 2, 2), 30000, np.int16)), 0)
    device.run(0.5)
    player.volume = 0.0
    sound = device.run(0.5)
    assert biggest_step(sound[BLOCK:]) < 0.001
    assert sound[-1, 0] < 1e-6
    player.volume = 2.0
    assert device.run(0.5).max() == 1.0


# Files


def test_a_file_is_decoded_at_the_devices_rate(tmp_path):
    path = write_wav(tmp_path / "tone.wav", tone(1000, 1.0, rate=44100), rate=44100)
    onto = Tape(RATE)
    decode(str(path), onto)
    assert onto.complete
    assert onto.duration_s == pytest.approx(1.0, abs=0.001)
    spectrum = np.abs(np.fft.rfft(onto.read(1000, 32768)[:, 0]))
    assert np.argmax(spectrum) * RATE / 32768 == pytest.approx(1000, abs=2)


def test_one_channel_becomes_two_and_a_film_has_sound(tmp_path):
    mono = write_wav(tmp_path / "mono.wav", tone(500, 0.2)[:, :1])
    onto = Tape(RATE)
    decode(str(mono), onto)
    block = onto.read(100, 100)
    assert np.array_equal(block[:, 0], block[:, 1])
    assert np.abs(block).max() == pytest.approx(0.5, abs=0.01)


def test_a_film_without_sound_says_so(tmp_path):
    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=10)
        stream.width = stream.height = 64
        for _ in range(3):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="bgr24")))
        film.mux(stream.encode(None))
    with pytest.raises(SoundError, match="has no sound"):
        decode(str(path), Tape(RATE))


@pytest.mark.parametrize("content", [b"", b"this is no sound" * 100, b"RIFF\x24\x00\x00\x00WAVEfmt "])
def test_what_is_no_audio_is_told_and_leaves_the_tape_empty(tmp_path, content):
    path = tmp_path / "notes.mp3"
    path.write_bytes(content)
    onto = Tape(RATE)
    with pytest.raises(SoundError, match=r"notes\.mp3") as told:
        decode(str(path), onto)
    assert "Choose" in str(told.value) or "Copy" in str(told.value)
    assert not onto.complete


def test_a_file_that_is_gone_is_told(tmp_path):
    with pytest.raises(SoundError, match="There is no file"):
        decode(str(tmp_path / "gone.wav"), Tape(RATE))


def test_a_file_that_was_cut_off_plays_as_far_as_it_goes(tmp_path):
    path = write_wav(tmp_path / "cut.wav", tone(440, 2))
    path.write_bytes(path.read_bytes()[: RATE * 4])
    onto = Tape(RATE)
    decode(str(path), onto)
    assert onto.duration_s == pytest.approx(1.0, abs=0.05)


def test_more_than_an_hour_is_refused_before_it_fills_the_memory(tmp_path):
    path = write_wav(tmp_path / "long.wav", np.zeros((3700 * 100, 1), np.int16), rate=100)
    onto = Tape(RATE)
    with pytest.raises(SoundError, match="longer than 60 minutes"):
        decode(str(path), onto)
    assert onto.length == 0


# The device's clock


def test_stamps_that_jitter_give_steady_times():
    rng = np.random.default_rng(1)
    blocks = BlockClock(RATE)
    times = [blocks.block(round(n * 10 * MS + rng.uniform(-8, 8) * MS), 480) for n in range(500)]
    off_ms = (np.array(times[100:]) - np.arange(100, 500) * 10 * MS) / MS
    assert np.abs(off_ms).max() < 3
    assert np.abs(np.diff(off_ms)).max() < 0.4


def test_a_gap_in_the_sound_is_believed_at_once():
    blocks = BlockClock(RATE)
    blocks.block(0, 480)
    assert blocks.block(200 * MS, 480) == 200 * MS
