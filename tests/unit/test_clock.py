"""Clocks: the real one never goes back, the fake one moves only when told to."""

import ast
import time
from pathlib import Path

import pytest

import mirrorfx
from mirrorfx.clock import MS, SECOND, FakeClock, MonotonicClock, wall_time_s

LIBRARY = Path(mirrorfx.__file__).parent


def test_the_units_are_nanoseconds():
    assert (MS, SECOND) == (10**6, 10**9)


def test_a_fake_clock_stands_still_until_it_is_advanced():
    clock = FakeClock(5)
    assert (clock.now_ns(), clock.now_ns()) == (5, 5)
    clock.advance_ns(10)
    assert clock.now_ns() == 15
    clock.advance_ns(0)
    assert clock.now_ns() == 15


def test_sleeping_on_a_fake_clock_advances_it_but_never_back():
    clock = FakeClock(100)
    clock.sleep_until_ns(SECOND)
    assert clock.now_ns() == SECOND
    clock.sleep_until_ns(50)
    assert clock.now_ns() == SECOND


def test_a_fake_clock_never_goes_back():
    clock = FakeClock()
    with pytest.raises(ValueError, match=r"never goes back \(asked for -1 ns\)"):
        clock.advance_ns(-1)
    assert clock.now_ns() == 0


def test_the_monotonic_clock_is_the_one_that_all_processes_share():
    before = time.monotonic_ns()
    now = MonotonicClock().now_ns()
    assert before <= now <= time.monotonic_ns()


def test_sleeping_on_the_monotonic_clock_is_never_short():
    clock = MonotonicClock()
    deadline = clock.now_ns() + 2 * MS
    clock.sleep_until_ns(deadline)
    assert clock.now_ns() >= deadline


def test_a_deadline_that_is_past_is_no_sleep(monkeypatch):
    def never(_):
        raise AssertionError("slept")

    monkeypatch.setattr(time, "sleep", never)
    clock = MonotonicClock()
    clock.sleep_until_ns(clock.now_ns() - SECOND)
    clock.sleep_until_ns(0)


def test_the_date_is_for_names_only():
    assert wall_time_s() == pytest.approx(time.time(), abs=60)


@pytest.mark.parametrize("path", sorted(LIBRARY.rglob("*.py")), ids=lambda p: str(p.relative_to(LIBRARY)))
def test_only_the_clock_reads_the_time(path):
    """A module that read it by itself could not be tested on a virtual clock."""
    tree = ast.parse(path.read_bytes())
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 0}
    assert "time" not in imported or path == LIBRARY / "clock.py"
