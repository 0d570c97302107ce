"""Frames that are finished beside the thread that began them."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from mirrorfx.clock import MS, FakeClock
from mirrorfx.errors import EffectFailed
from mirrorfx.frame import Frame
from mirrorfx.processes.finisher import Finisher, UnderWay
from mirrorfx.processes.messages import Dispatch

PIXELS = np.zeros((2, 2, 4), np.uint8)


def under_way(seq: int, finish, start_ns: int = 0, begun_ns: int = 0) -> UnderWay:
    order = Dispatch(0, 0, 3, seq, seq, 0, 0)
    return UnderWay(order, Frame(PIXELS[..., :3], 0, seq=seq), PIXELS, finish, start_ns, begun_ns)


@pytest.fixture
def clock():
    return FakeClock(100 * MS)


@pytest.fixture
def finisher(clock):
    made = Finisher(clock)
    yield made
    made.close()
    assert not made._thread.is_alive()


def collect(finisher, count):
    """Wait as the worker does, and return the news of so many frames."""
    news = []
    while len(news) < count:
        assert finisher.woken.poll(5), "nobody woke the worker"
        news += [done for _, done in finisher.collect()]
    return news


def test_finishes_in_the_order_of_the_starts_in_another_thread(finisher):
    threads = []
    for seq in range(2):
        finisher.finish(under_way(seq, lambda: threads.append(threading.current_thread())))
    assert [done.seq for done in collect(finisher, 2)] == [0, 1]
    assert threads[0] is threads[1] is not threading.current_thread()
    assert not finisher.woken.poll()


def test_nothing_is_collected_before_it_is_finished(finisher):
    gate = threading.Event()
    finisher.finish(under_way(0, lambda: gate.wait(5)))
    assert list(finisher.collect()) == []
    gate.set()
    assert len(collect(finisher, 1)) == 1


def test_a_frame_counts_from_its_start_or_from_the_end_of_the_one_before(finisher, clock):
    finisher.finish(under_way(0, lambda: clock.advance_ns(70 * MS), 90 * MS, 95 * MS))
    finisher.finish(under_way(1, lambda: clock.advance_ns(72 * MS), 165 * MS, 167 * MS))
    finisher.finish(under_way(2, lambda: clock.advance_ns(72 * MS), 300 * MS, 301 * MS))
    first, second, third = collect(finisher, 3)
    assert (first.t_start_ns, first.t_end_ns) == (90 * MS, 170 * MS)
    assert (second.t_start_ns, second.t_end_ns, second.early_ns) == (170 * MS, 242 * MS, 3 * MS)
    assert (third.t_start_ns, third.t_end_ns, third.early_ns) == (300 * MS, 314 * MS, -59 * MS)


def test_an_error_is_raised_in_its_frames_turn(finisher):
    def fail():
        raise EffectFailed("no memory")

    finisher.finish(under_way(0, lambda: None))
    finisher.finish(under_way(1, fail))
    news = finisher.drain()
    assert next(news)[1].seq == 0
    with pytest.raises(EffectFailed, match="no memory"):
        next(news)


def test_draining_waits_for_all_that_is_under_way(finisher):
    gate = threading.Event()
    for seq in range(2):
        finisher.finish(under_way(seq, lambda: gate.wait(5)))
    threading.Timer(0.02, gate.set).start()
    assert [done.seq for _, done in finisher.drain()] == [0, 1]
    assert list(finisher.drain()) == []


def test_closing_finishes_what_is_under_way(clock):
    finished = []
    finisher = Finisher(clock)
    finisher.finish(under_way(0, lambda: finished.append(0)))
    finisher.close()
    assert finished == [0]
