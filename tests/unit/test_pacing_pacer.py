import itertools
import random

import pytest

from mirrorfx.clock import MS, SECOND
from mirrorfx.pacing.chooser import Rhythm, rounding_error_ns
from mirrorfx.pacing.pacer import Mode, ModeChooser, Pacer, Ready

TICK = 16 * MS


def ready(seq, captured_ms, ready_ms, target_ms=0):
    return Ready(f"frame {seq}", seq, round(captured_ms * MS), round(target_ms * MS), round(ready_ms * MS))


def shown(pacer, v_ms):
    tick = pacer.on_vsync(round(v_ms * MS))
    return None if tick.show is None else tick.show.seq


def settled_pacer(wait_ms=80, tick_ns=TICK):
    """A pacer that has shown frame 0, with D at `wait_ms` + 1 ms."""
    pacer = Pacer(tick_ns)
    pacer.add(ready(0, 0, wait_ms))
    assert shown(pacer, 200) == 0
    return pacer


def test_a_frame_is_shown_when_it_is_d_old_and_not_before():
    pacer = settled_pacer()
    assert pacer.delay_ns == 81 * MS
    pacer.add(ready(1, 300, 380))
    assert shown(pacer, 374) is None
    assert pacer.pending == 1
    assert shown(pacer, 390) == 1
    assert shown(pacer, 406) is None
    assert pacer.pending == 0


def test_the_newest_due_frame_is_shown_and_older_ones_are_given_back():
    pacer = settled_pacer()
    for seq in (1, 2, 3):
        pacer.add(ready(seq, 300 + seq, 381 + seq))
    tick = pacer.on_vsync(385 * MS)
    assert tick.show.seq == 3
    assert [late.seq for late in tick.late] == [1, 2]
    assert pacer.frames_late == 2


def test_an_older_frame_never_follows_a_newer_one():
    pacer = settled_pacer()
    pacer.add(ready(2, 340, 420))
    assert shown(pacer, 430) == 2
    assert pacer.add(ready(1, 300, 431)) is False
    assert pacer.pending == 0
    assert pacer.frames_late == 1


def test_frames_that_arrive_out_of_order_are_shown_in_order():
    pacer = settled_pacer()
    pacer.add(ready(2, 340, 400))
    pacer.add(ready(1, 300, 401))
    assert shown(pacer, 410) == 1
    assert shown(pacer, 442) == 2


def test_a_missing_frame_is_not_waited_for():
    pacer = settled_pacer()
    pacer.add(ready(5, 340, 420))
    assert shown(pacer, 430) == 5


def test_a_late_frame_is_still_shown_while_none_newer_is():
    pacer = settled_pacer()
    pacer.add(ready(1, 300, 600))
    assert shown(pacer, 601) == 1


def test_random_frames_are_shown_in_order_each_at_most_once():
    source, pacer, order, handed_back = random.Random(1), Pacer(TICK), [], []
    events = sorted((seq * 20 + source.uniform(50, 250), seq) for seq in range(500))
    for v_ms in range(0, 12_000, 16):
        while events and events[0][0] <= v_ms:
            at_ms, seq = events.pop(0)
            if not pacer.add(ready(seq, seq * 20, at_ms)):
                handed_back.append(seq)
        tick = pacer.on_vsync(v_ms * MS)
        handed_back += [late.seq for late in tick.late]
        if tick.show:
            order.append(tick.show.seq)
    assert order == sorted(set(order))
    assert sorted(order + handed_back) == list(range(500))
    assert pacer.frames_late == len(handed_back)


def test_the_delay_starts_where_it_belongs():
    pacer = Pacer(TICK)
    assert pacer.delay_ns == 0
    assert shown(pacer, 0) is None
    pacer.add(ready(0, 0, 120))
    assert pacer.delay_ns == 121 * MS


def run_frames(pacer, start_ms, end_ms, wait_ms):
    """Frames every 40 ms that take `wait_ms`, ticks in between; the delay after each."""
    delays = []
    for seq, at_ms in enumerate(range(start_ms, end_ms, 40), start=start_ms):
        pacer.add(ready(seq, at_ms - wait_ms, at_ms))
        pacer.on_vsync(at_ms * MS)
        delays.append(pacer.delay_ns)
    return delays


def test_the_delay_follows_the_95th_percentile_up_at_100_and_down_at_20_ms_a_second():
    pacer = Pacer(TICK)
    run_frames(pacer, 1000, 12_000, 80)
    assert pacer.delay_ns == 81 * MS
    up = run_frames(pacer, 12_000, 25_000, 150)
    steps = [b - a for a, b in itertools.pairwise(up)]
    assert max(steps) == pytest.approx(4 * MS, abs=2)
    assert up[-1] == 151 * MS
    down = run_frames(pacer, 25_000, 48_000, 100)
    steps = [b - a for a, b in itertools.pairwise(down)]
    assert min(steps) == pytest.approx(-0.8 * MS, abs=2)
    assert down[-1] == 101 * MS


def test_rare_spikes_do_not_move_the_delay():
    pacer = Pacer(TICK)
    for index in range(20):
        run_frames(pacer, 1000 + index * 1000, 1960 + index * 1000, 80)
        pacer.add(ready(10**6 + index, 0, 1980 + index * 1000))
    assert pacer.delay_ns == 81 * MS


def test_the_delay_is_at_most_400_ms():
    pacer = Pacer(TICK)
    pacer.add(ready(0, 0, 3000))
    assert pacer.delay_ns == 400 * MS


def test_a_pause_does_not_make_the_delay_leap():
    pacer = settled_pacer()
    pacer.add(ready(1, 60_000, 60_300))
    pacer.on_vsync(60_300 * MS)
    pacer.on_vsync(60_310 * MS)
    assert pacer.delay_ns <= 301 * MS


def test_a_frame_may_come_early_only_to_keep_its_distance_to_the_last():
    """Frame 0 was shown at 200, captured at 0; D is 81 ms and a tick 16 ms, so early means at most 6.4 ms."""
    steady, apart = settled_pacer(), settled_pacer()
    steady.add(ready(1, 200, 280))
    apart.add(ready(1, 200, 280))
    # 5 ms early, at the distance of 80 ms where 200 ms would be right: the next tick comes nearer.
    assert shown(steady, 276) is None
    pacer = settled_pacer()
    pacer.add(ready(1, 400, 480))
    assert shown(pacer, 481) == 1
    pacer.add(ready(2, 432, 512))
    # Captured 32 ms apart and 3 ms early at a display distance of 29 ms; a tick later would be 13 ms too far.
    assert shown(pacer, 510) == 2
    pacer.add(ready(3, 464, 544))
    assert shown(pacer, 538) is None
    assert shown(pacer, 539) == 3


def test_in_lock_a_frame_is_shown_at_its_tick():
    pacer = Pacer(20 * MS, Mode.LOCK)
    pacer.add(ready(0, 0, 60, target_ms=100))
    assert shown(pacer, 80) is None
    assert shown(pacer, 100) == 0
    pacer.add(ready(1, 40, 90, target_ms=140))
    assert shown(pacer, 120) is None
    assert shown(pacer, 139.5) == 1


def test_in_lock_a_late_frame_is_shown_at_the_next_tick_unless_a_newer_is_due():
    pacer = Pacer(20 * MS, Mode.LOCK)
    pacer.add(ready(0, 0, 110, target_ms=100))
    assert shown(pacer, 120) == 0
    pacer.add(ready(1, 40, 180, target_ms=140))
    pacer.add(ready(2, 80, 179, target_ms=180))
    assert shown(pacer, 180) == 2
    assert pacer.frames_late == 1


def test_each_frame_keeps_the_rule_it_was_made_for_when_the_mode_changes():
    pacer = settled_pacer()
    pacer.set_mode(Mode.LOCK)
    pacer.add(ready(1, 300, 380))
    pacer.add(ready(2, 340, 381, target_ms=400))
    assert shown(pacer, 382) == 1
    pacer.set_mode(Mode.PACED)
    assert shown(pacer, 384) is None
    assert shown(pacer, 400) == 2


def test_a_reset_forgets_frames_and_numbers_and_keeps_the_delay():
    pacer = settled_pacer()
    pacer.add(ready(1, 300, 380))
    assert [left.seq for left in pacer.reset()] == [1]
    assert pacer.pending == 0
    assert pacer.delay_ns == 81 * MS
    assert pacer.add(ready(0, 400, 480))
    assert shown(pacer, 500) == 0


def test_memory_is_bounded():
    pacer = Pacer(TICK)
    for index in range(20_000):
        pacer.add(ready(index, index, index + 80))
    assert len(pacer._waits) <= 2048
    pacer.on_vsync(30 * SECOND)
    assert pacer.pending == 0


# ---- PACED or LOCK

CAMERA_60, CAMERA_30 = SECOND // 60, SECOND // 30
AT_50 = Rhythm(CAMERA_60, 20 * MS, 37 * MS, 2)
AT_60 = Rhythm(CAMERA_60, 16_680_567, 37 * MS, 3)


def test_the_rounding_error_is_that_of_a_grid_with_any_phase():
    source = random.Random(5)
    for interval, step in ((40.0, 16.667), (33.3, 20.0), (50.0, 16.667)):
        errors = []
        for _ in range(20_000):
            phase = source.uniform(0, step)
            rounded = ((phase + interval) // step - phase // step) * step
            errors.append(abs(rounded - interval))
        assert sum(errors) / len(errors) == pytest.approx(rounding_error_ns(interval, step), abs=0.15)


def test_the_expected_errors_are_the_published_ones():
    assert AT_50.lock_error_ns() / MS == pytest.approx(8.0, abs=0.05)
    assert Rhythm(CAMERA_30, 20 * MS, 37 * MS, 2).lock_error_ns() / MS == pytest.approx(10.7, abs=0.05)
    assert AT_60.paced_error_ns() / MS < 0.1


def modes_in(rhythm, chooser=None):
    """The modes of a minute in one rhythm."""
    chooser = chooser or ModeChooser()
    return {chooser.choose(at * SECOND, rhythm) for at in range(60)}


def test_lock_is_chosen_at_50_hz_after_a_dwell_and_never_at_60():
    chooser = ModeChooser()
    assert chooser.choose(0, None) is Mode.PACED
    assert chooser.choose(0, AT_50) is Mode.PACED
    assert chooser.choose(4 * SECOND, AT_50) is Mode.PACED
    assert chooser.choose(5 * SECOND, AT_50) is Mode.LOCK
    assert modes_in(AT_60) == {Mode.PACED}


def test_the_dwell_starts_again_when_the_other_mode_was_not_better_throughout():
    chooser = ModeChooser()
    for at in range(0, 40, 4):
        assert chooser.choose(at * SECOND, AT_50) is Mode.PACED
        assert chooser.choose((at + 2) * SECOND, AT_60) is Mode.PACED


def test_a_gain_too_small_to_enter_lock_is_enough_to_stay():
    between = Rhythm(17_800_000, 20 * MS, 37 * MS, 2)
    assert MS / 4 < between.paced_error_ns() - between.lock_error_ns() < MS / 2
    assert modes_in(between) == {Mode.PACED}
    assert modes_in(between, ModeChooser(Mode.LOCK)) == {Mode.LOCK}


def test_lock_may_not_cost_many_frames():
    slow = Rhythm(CAMERA_60, 20 * MS, 35 * MS, 2)
    assert slow.lock_error_ns() < slow.paced_error_ns() - MS / 2
    assert modes_in(slow) == {Mode.PACED}
