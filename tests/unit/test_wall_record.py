"""What the wall keeps account of, and its way to the engine."""

from __future__ import annotations

import time

import pytest

from mirrorfx.clock import MS, SECOND
from mirrorfx.pacing.loop_times import LoopTimes
from mirrorfx.processes.frame_log import FRAME_FIELDS, FrameLog, read_frames
from mirrorfx.processes.messages import FramesShown, Result, pack, unpack
from mirrorfx.processes.wall_record import WallRecord

START_NS = 100 * SECOND


def result(seq, worker, t_capture_ns):
    return Result(0, seq, seq, t_capture_ns, 0, t_capture_ns, 0, 0, worker)


def test_a_shown_frame_tells_who_painted_it_and_how_it_came():
    record = WallRecord(20 * MS)
    record.shown(result(7, 0, START_NS - 90 * MS), START_NS)
    record.shown(result(8, 3, START_NS - 60 * MS), START_NS + 40 * MS)
    rows = read_frames(unpack(pack(FramesShown(record.log.peek()))).text)
    assert [dict(zip(FRAME_FIELDS, row, strict=True)) for row in rows] == [
        {"seq": 7, "t_ns": START_NS, "latency_ms": 90.0, "interval_ms": 0.0, "worker": 0, "lagged": 0},
        {"seq": 8, "t_ns": START_NS + 40 * MS, "latency_ms": 100.0, "interval_ms": 40.0, "worker": 3, "lagged": 0},
    ]


def test_a_log_that_nobody_takes_keeps_the_newest():
    log = FrameLog()
    for seq in range(1000):
        log.add(seq, 0, START_NS, START_NS + seq * MS, 0)
    assert [row[0] for row in read_frames(log.peek())] == list(range(1000 - 256, 1000))
    log.clear()
    assert not log
    log.add(1000, 0, START_NS, START_NS + 1003 * MS, 0)
    assert read_frames(log.peek())[0][3] == 4.0, "the interval goes on over what was taken"


def test_nonsense_times_fit_a_record():
    log = FrameLog()
    log.add(1, 0, START_NS + SECOND, START_NS, 70_000)
    log.add(2, 0, 0, START_NS + 10_000 * SECOND, 1)
    (_, _, latency, _, _, lagged), (*_, interval, _, _) = read_frames(log.peek())
    assert (latency, lagged) == (0.0, 65535)
    assert interval == pytest.approx((2**32 - 1) / 1000)


def test_the_report_has_repeats_by_cause_and_the_lag():
    record = WallRecord(20 * MS)
    t_ns = START_NS
    for seq in range(30):
        record.shown(result(seq, seq % 2, t_ns), t_ns)
        record.repeated(t_ns + 20 * MS, holding=False, panic=seq < 3)
        t_ns += 40 * MS
    record.figures(t_ns)
    record.repeated(t_ns + 200 * MS, holding=False, panic=False)
    record.repeated(t_ns + 220 * MS, holding=True, panic=True)
    record.late(2, t_ns)
    figures = record.figures(t_ns + 220 * MS)
    assert figures["repeats"] == {"beat": 27, "behind": 1, "hold": 1, "panic": 3}
    assert sum(figures["repeats"].values()) == figures["repeated"]
    assert (figures["shown"], figures["late"], figures["lag"]["frames"]) == (30, 2, 2)


def test_a_tick_tells_how_long_it_took_and_how_long_it_ran():
    record = WallRecord(20 * MS)
    record.begins(START_NS)
    record.ends(START_NS + 40 * MS)  # the machine was elsewhere: next to nothing was done meanwhile
    record.begins(START_NS)
    until_ns = time.thread_time_ns() + 3 * MS
    while time.thread_time_ns() < until_ns:
        """Busy."""
    record.ends(START_NS + 3 * MS)
    figures = record.figures(START_NS + SECOND)
    assert (figures["loop_ms"]["counts"]["over_33"], figures["loop_ms"]["counts"]["to_4"]) == (1, 1)
    assert figures["loop_cpu_ms"]["counts"]["over_33"] == 0
    assert figures["loop_cpu_ms"]["max"] >= 3.0


def test_loop_times_are_counted_up_to_and_including_their_edge():
    times = LoopTimes()
    assert times.as_dict()["mean"] == 0.0
    for busy_ms in (0.2, 1, 1.01, 16, 16.01, 400):
        times.add(round(busy_ms * MS))
    told = times.as_dict()
    assert told["counts"] == {"to_1": 2, "to_2": 1, "to_4": 0, "to_8": 0, "to_16": 1, "to_33": 1, "over_33": 1}
    assert (told["mean"], told["max"]) == (72.37, 400.0)
