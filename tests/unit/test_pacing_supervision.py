from mirrorfx.clock import SECOND
from mirrorfx.pacing.supervision import Backoff


def delays_s(backoff, every_s, count, start_s=0):
    times_s = range(start_s, start_s + every_s * count, every_s)
    return [backoff.failed(at_s * SECOND) // SECOND - at_s for at_s in times_s]


def test_the_delay_doubles_up_to_a_minute():
    assert delays_s(Backoff(), every_s=150, count=9) == [0, 1, 2, 4, 8, 16, 32, 60, 60]


def test_the_sixth_failure_in_ten_minutes_is_quarantine():
    backoff = Backoff()
    assert delays_s(backoff, every_s=5, count=5) == [0, 1, 2, 4, 8]
    assert not backoff.quarantined
    assert delays_s(backoff, every_s=5, count=1, start_s=25) == [600]
    assert backoff.quarantined
    assert backoff.restarts == 6


def test_in_quarantine_it_is_tried_every_ten_minutes():
    backoff = Backoff()
    delays_s(backoff, every_s=5, count=6)
    assert delays_s(backoff, every_s=605, count=3, start_s=700) == [600, 600, 600]
    assert backoff.quarantined


def test_once_it_is_up_it_serves_on_probation():
    backoff = Backoff()
    delays_s(backoff, every_s=5, count=6)
    backoff.succeeded(700 * SECOND)
    assert not backoff.quarantined
    assert delays_s(backoff, every_s=1, count=1, start_s=900) == [600]
    assert backoff.quarantined


def test_ten_minutes_up_and_all_is_forgiven():
    backoff = Backoff()
    delays_s(backoff, every_s=5, count=6)
    backoff.succeeded(700 * SECOND)
    backoff.succeeded(1300 * SECOND)
    assert delays_s(backoff, every_s=1, count=1, start_s=1400) == [0]
    assert not backoff.quarantined


def test_forgiven_too_when_nobody_said_so_in_between():
    backoff = Backoff()
    delays_s(backoff, every_s=5, count=4)
    backoff.succeeded(30 * SECOND)
    assert delays_s(backoff, every_s=1, count=1, start_s=1000) == [0]


def test_a_short_life_is_not_forgiven():
    backoff = Backoff()
    backoff.failed(0)
    backoff.succeeded(SECOND)
    assert delays_s(backoff, every_s=1, count=1, start_s=60) == [1]
