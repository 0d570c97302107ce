"""Workers that take their next frame while they paint one: the scheduler before a device, and whole simulations."""

import functools
import itertools

import pytest

from mirrorfx.clock import MS, SECOND
from mirrorfx.pacing.scenarios import POOLS, Scenario
from mirrorfx.pacing.scheduler import Mode, Scheduler
from mirrorfx.pacing.simulation import Contender, Simulation, mean_figures, simulate

STEP_NS = MS // 10
BACK_NS = MS


class Pool:
    """A scheduler before devices of fixed service times, 1 ms away, and a frame that always waits."""

    def __init__(self, *services_ms, overlaps=True, mode=Mode.PACED, there_ms=1):
        self.scheduler = Scheduler(mode=mode, expected_service_ns=72 * MS)
        self.services_ms = list(services_ms)
        self.free_ns = [0] * len(services_ms)
        self.there_ns = there_ms * MS
        self.now_ns = 0
        self.flights = []
        self.on_the_way = []
        self.idle_ns = 0
        self.early_ns = []
        self.stuck = set()
        for worker in range(len(services_ms)):
            self.scheduler.add(worker, 0, overlaps=overlaps)

    def run(self, milliseconds):
        end_ns = self.now_ns + milliseconds * MS
        while self.now_ns < end_ns:
            self.now_ns += STEP_NS
            self._land()
            if flight := self.scheduler.poll(self.now_ns, self.now_ns):
                self._fly(flight)
            assert all(len(self.scheduler.flights(worker)) <= 2 for worker in self.scheduler.workers)
        return self

    def _fly(self, flight):
        self.flights.append(flight)
        if flight.worker in self.stuck:
            return
        there_ns, free_ns = self.now_ns + self.there_ns, self.free_ns[flight.worker]
        self.early_ns.append(free_ns - there_ns)
        self.idle_ns += max(there_ns - free_ns, 0)
        self.free_ns[flight.worker] = max(there_ns, free_ns) + self.services_ms[flight.worker] * MS
        self.on_the_way.append((self.free_ns[flight.worker] + BACK_NS, flight, free_ns - there_ns))

    def _land(self):
        for landing in [landing for landing in self.on_the_way if landing[0] <= self.now_ns]:
            self.on_the_way.remove(landing)
            _, flight, early_ns = landing
            done = self.scheduler.done(flight.worker, flight.generation, flight.seq, self.now_ns, early_ns)
            assert done == flight

    def order(self):
        return [flight.worker for flight in self.flights]


def overlapping(*services_ms, **settings):
    """A pool that has settled, its idle time counted from now on."""
    pool = Pool(*services_ms, **settings).run(4000)
    pool.flights.clear()
    pool.early_ns.clear()
    pool.idle_ns = 0
    return pool


def test_the_devices_go_over_from_frame_to_frame_without_a_pause():
    plain, pool = overlapping(72, 72, overlaps=False).run(3600), overlapping(72, 72).run(3600)
    assert plain.idle_ns > 95 * 2 * MS
    assert pool.idle_ns < plain.idle_ns / 10
    assert len(pool.flights) == pytest.approx(100, abs=1)
    assert pool.scheduler.period_ns == pytest.approx(36 * MS, rel=0.005)


def test_equal_workers_take_turns():
    order = overlapping(72, 72).run(3000).order()
    assert len(order) > 80
    assert order == [(order[0] + index) % 2 for index in range(len(order))]


def test_turns_go_on_when_several_are_open_and_one_is_a_little_faster():
    pool = overlapping(72, 76)
    for _ in range(10):
        pool.run(1)
        poll, pool.scheduler.poll = pool.scheduler.poll, lambda *_: None
        pool.run(90)
        pool.scheduler.poll = poll
    order = pool.order()
    assert len(order) >= 9
    assert all(a != b for a, b in itertools.pairwise(order))


def test_the_frame_is_chosen_just_before_it_is_needed():
    pool = overlapping(72, 72).run(1000)
    assert len(pool.early_ns) > 20
    assert max(pool.early_ns) < 2 * MS


def test_only_one_frame_waits_at_a_worker_however_long_it_takes():
    pool = overlapping(72)
    pool.services_ms[0] = 900
    pool.run(2000)
    assert len(pool.flights) <= 4


def test_the_next_poll_is_when_a_worker_will_be_nearly_done():
    pool = overlapping(72)
    while len(pool.scheduler.flights(0)) == 2:
        pool.run(1)
    scheduler, now_ns = pool.scheduler, pool.now_ns
    (flight,) = scheduler.flights(0)
    opens_ns = scheduler.next_poll_ns(now_ns)
    assert not scheduler.is_open(now_ns)
    assert scheduler.is_open(opens_ns)
    assert 60 * MS < opens_ns - flight.t_dispatch_ns < 74 * MS
    assert scheduler.poll(opens_ns - 1, opens_ns) is None
    second = scheduler.poll(opens_ns, opens_ns)
    assert scheduler.flights(0) == (flight, second)
    assert scheduler.next_poll_ns(opens_ns + 1) is None
    assert not scheduler.is_open(opens_ns + SECOND)


def test_until_it_is_known_what_a_worker_takes_it_gets_one_frame_at_a_time():
    scheduler = Scheduler(expected_service_ns=10 * MS)
    scheduler.add(0, 0, overlaps=True)
    assert scheduler.poll(0, 0)
    assert scheduler.next_poll_ns(MS) is None
    assert scheduler.poll(500 * MS, 500 * MS) is None


def test_results_come_in_the_order_of_the_frames():
    pool, scheduler = _two_under_way()
    first, second = scheduler.flights(0)
    assert scheduler.done(0, second.generation, second.seq, pool.now_ns) is None
    assert scheduler.done(0, first.generation, first.seq, pool.now_ns) == first
    assert scheduler.flights(0) == (second,)
    assert scheduler.done(0, second.generation, second.seq, pool.now_ns + 72 * MS) == second


def test_service_is_counted_from_the_frame_before():
    pool, scheduler = _two_under_way()
    for flight in scheduler.flights(0):
        pool.now_ns += 72 * MS
        scheduler.done(0, flight.generation, flight.seq, pool.now_ns)
    assert scheduler.service_ns(0) == pytest.approx(72 * MS, rel=0.03)


def test_losing_a_worker_discards_both_its_frames():
    pool, scheduler = _two_under_way()
    first, second = scheduler.flights(0)
    assert scheduler.lost(0, pool.now_ns) == (first, second)
    assert scheduler.flights(0) == ()
    scheduler.add(0, pool.now_ns, overlaps=True)
    for flight in (first, second):
        assert scheduler.done(0, flight.generation, flight.seq, pool.now_ns) is None
    assert scheduler.poll(pool.now_ns + SECOND, pool.now_ns).generation == first.generation + 1


def test_the_second_frames_deadline_counts_from_the_end_of_the_first():
    _, scheduler = _two_under_way()
    first, second = scheduler.flights(0)
    since_ns = scheduler.next_deadline_ns() - SECOND
    assert first.t_dispatch_ns <= since_ns < second.t_dispatch_ns
    assert scheduler.overdue(since_ns + SECOND) == [0]
    ended_ns = second.t_dispatch_ns + 600 * MS
    scheduler.done(0, first.generation, first.seq, ended_ns)
    assert scheduler.next_deadline_ns() == ended_ns + SECOND
    assert scheduler.overdue(second.t_dispatch_ns + SECOND) == []
    assert scheduler.overdue(ended_ns + SECOND) == [0]


def test_a_worker_that_hangs_does_not_hold_up_the_other():
    pool = overlapping(72, 72)
    pool.stuck.add(1)
    pool.run(900)
    others = [flight for flight in pool.flights if flight.worker == 0]
    assert len(others) >= 12
    assert pool.order().count(1) <= 2


def test_frames_leave_earlier_where_they_need_longer_to_the_worker():
    near, far = overlapping(72), overlapping(72, there_ms=4)
    far.run(720)
    assert far.scheduler._pool.records[0].lead_ns > near.scheduler._pool.records[0].lead_ns + 2 * MS
    assert far.idle_ns < 10 * MS


def test_lock_keeps_its_ticks():
    pool = Pool(72, 72, mode=Mode.LOCK)
    pool.scheduler.vsync(0, 20 * MS)
    pool.run(2000)
    pool.flights.clear()
    pool.run(2000)
    targets = [flight.target_ns for flight in pool.flights]
    assert {b - a for a, b in itertools.pairwise(targets)} == {40 * MS}
    assert all(f.target_ns - f.t_dispatch_ns >= 74 * MS for f in pool.flights)


def _two_under_way():
    pool = overlapping(72)
    while len(pool.scheduler.flights(0)) < 2:
        pool.run(1)
    return pool, pool.scheduler


# ---- whole simulations

BY_NAME = {pool.name: pool for pool in POOLS}


@functools.cache
def figures(pool, contender=Contender.PACED, display_hz=59.95):
    scenario = Scenario(BY_NAME[pool], 60.0, display_hz)
    return mean_figures([simulate(scenario, contender, seed, 60.0) for seed in (1, 2)])


@pytest.mark.parametrize(("pool", "share"), [("2x72", 0.998), ("2x4090", 0.993)])
def test_overlapping_brings_the_pool_to_what_its_devices_can(pool, share):
    ideal_fps = 2 * 1000 / 72
    plain, got = figures(pool), figures(f"{pool}-overlap")
    assert plain["fps"] < 0.975 * ideal_fps
    assert got["fps"] > share * ideal_fps
    assert got["harmonic_fps"] > plain["harmonic_fps"]
    assert got["interval_ms"]["std"] < plain["interval_ms"]["std"]
    assert got["latency_ms"]["mean"] < plain["latency_ms"]["mean"] + 1.2
    assert got["freezes"] == got["frames"]["late"] == 0


def test_workers_that_vary_widely_lose_nothing_by_it():
    plain, got = figures("5xA100"), figures("5xA100-overlap")
    assert got["fps"] > 0.995 * plain["fps"]
    assert got["latency_ms"]["mean"] < 1.02 * plain["latency_ms"]["mean"]


@pytest.mark.parametrize("contender", [Contender.PACED, Contender.LOCK])
def test_a_worker_that_hangs_leaves_no_long_gap_and_takes_two_frames_with_it(contender):
    got = figures("2x72-hanging-overlap", contender, 50.0)
    assert got["frames"]["worker_lost"] in (1.0, 2.0)
    assert got["interval_ms"]["max"] <= 150
    assert got["freezes"] == 0


def test_two_simulated_workers_take_turns():
    simulation = Simulation(Scenario(BY_NAME["2x4090-overlap"], 60.0, 59.95), Contender.PACED, 1)
    simulation.run(30)
    order = simulation.dispatched_to
    assert order == [index % 2 for index in range(len(order))]
