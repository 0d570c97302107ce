"""The fake GPU: it takes exactly the time it was given, on any clock."""

from __future__ import annotations

import numpy as np
import pytest

from mirrorfx.clock import MS, FakeClock
from mirrorfx.effects import EffectContext
from mirrorfx.effects.sleep import Sleep
from mirrorfx.errors import EffectFailed, InvalidValue
from mirrorfx.frame import Frame
from mirrorfx.params import Params

CLOCK_START_NS = 5 * MS


def sleep(clock: FakeClock, **options: object) -> Sleep:
    effect = Sleep(clock)
    effect.open(EffectContext((256, 256), options=tuple((name, str(value)) for name, value in options.items())))
    return effect


def render(effect: Sleep, seq: int = 0) -> np.ndarray:
    out = np.zeros((8, 8, 4), np.uint8)
    effect.render(Frame(np.full((8, 8, 3), 9, np.uint8), 0, seq=seq), Params({}), out)
    return out


def took_ms(effect: Sleep, clock: FakeClock, seq: int) -> float:
    start = clock.now_ns()
    render(effect, seq)
    return (clock.now_ns() - start) / MS


def test_takes_the_service_time_and_passes_the_picture():
    clock = FakeClock(CLOCK_START_NS)
    effect = sleep(clock, service_ms=40)
    assert render(effect).tolist() == [[[9, 9, 9, 255]] * 8] * 8
    assert clock.now_ns() == CLOCK_START_NS + 40 * MS


def test_is_a_4090_unless_told_otherwise():
    clock = FakeClock()
    assert took_ms(sleep(clock), clock, 0) == 72


def test_jitter_stays_in_its_range_and_hangs_on_the_number_alone():
    clock = FakeClock()
    effect, other = (sleep(clock, service_ms=72, jitter_ms=6) for _ in range(2))
    times = [took_ms(effect, clock, seq) for seq in range(300)]
    assert [took_ms(other, clock, seq) for seq in reversed(range(300))] == times[::-1]
    assert 66 <= min(times) < 68
    assert 76 < max(times) <= 78
    assert sum(times) / len(times) == pytest.approx(72, abs=0.7)


def test_fails_at_the_frame_it_is_told_to():
    effect = sleep(FakeClock(), fail_at=3)
    render(effect, seq=2)
    with pytest.raises(EffectFailed, match="frame 3"):
        render(effect, seq=3)
    render(effect, seq=4)


def test_hangs_at_the_frame_it_is_told_to():
    clock = FakeClock()
    effect = sleep(clock, hang_at=3)
    assert took_ms(effect, clock, 2) == 72
    assert took_ms(effect, clock, 3) > 3_600_000


@pytest.mark.parametrize("text", ["fast", "-3", "nan", "inf"])
def test_a_service_time_that_is_none_is_refused(text):
    with pytest.raises(InvalidValue, match=r"service_ms is .*zero or more"):
        sleep(FakeClock(), service_ms=text)


def test_where_frames_overlap_the_device_goes_over_from_one_to_the_next():
    clock = FakeClock(CLOCK_START_NS)
    effect = sleep(clock, service_ms=40, overlap=1)
    assert effect.overlaps
    outs = [np.zeros((256, 256, 4), np.uint8) for _ in range(3)]
    finishes = [effect.start(_frame(seq), Params({}), outs[seq]) for seq in range(2)]
    assert clock.now_ns() == CLOCK_START_NS
    finishes[0]()
    assert clock.now_ns() == CLOCK_START_NS + 40 * MS
    finishes.append(effect.start(_frame(2), Params({}), outs[2]))
    for number in (1, 2):
        finishes[number]()
        assert clock.now_ns() == CLOCK_START_NS + 40 * (number + 1) * MS
    assert [int(out[0, 0, 0]) for out in outs] == [1, 2, 3]


def test_a_frame_that_overlaps_is_copied_away_at_its_start():
    effect = sleep(FakeClock(), overlap=1)
    frame, out = _frame(0), np.zeros((256, 256, 4), np.uint8)
    finish = effect.start(frame, Params({}), out)
    frame.pixels[:] = 99
    finish()
    assert (out[..., :3] == 1).all()


def test_does_not_overlap_unless_asked_to():
    assert not sleep(FakeClock()).overlaps
    clock = FakeClock()
    finish = sleep(clock, service_ms=40).start(_frame(0), Params({}), np.zeros((256, 256, 4), np.uint8))
    clock.advance_ns(100 * MS)
    finish()
    assert clock.now_ns() == 140 * MS


def test_a_frame_that_overlaps_fails_at_its_finish():
    effect = sleep(FakeClock(), overlap=1, fail_at=3)
    finish = effect.start(_frame(3), Params({}), np.zeros((256, 256, 4), np.uint8))
    with pytest.raises(EffectFailed, match="frame 3"):
        finish()


def _frame(seq: int) -> Frame:
    return Frame(np.full((256, 256, 3), seq + 1, np.uint8), 0, seq=seq)
