import itertools

import pytest

from mirrorfx.clock import MS, SECOND
from mirrorfx.pacing.scheduler import Flight, Mode, Policy, Scheduler


class Pool:
    """A scheduler with workers of fixed service times and a frame that always waits; time moves by 1 ms."""

    def __init__(self, *services_ms, scheduler=None, camera_ms=None):
        self.scheduler = scheduler or Scheduler(expected_service_ns=72 * MS)
        self.services_ms = dict(enumerate(services_ms))
        self.camera_ms = camera_ms
        self.now_ms = 0
        self.flights = []
        self.due = {}
        self.dead = set()
        for worker in self.services_ms:
            self.scheduler.add(worker, 0)

    def run(self, milliseconds):
        for _ in range(milliseconds):
            self.now_ms += 1
            now_ns = self.now_ms * MS
            for worker, (at_ms, flight) in list(self.due.items()):
                if at_ms <= self.now_ms and worker not in self.dead:
                    del self.due[worker]
                    assert self.scheduler.done(worker, flight.generation, flight.seq, now_ns) == flight
            captured_ms = self.now_ms if self.camera_ms is None else self.now_ms // self.camera_ms * self.camera_ms
            if flight := self.scheduler.poll(now_ns, captured_ms * MS):
                self.flights.append(flight)
                self.due[flight.worker] = (self.now_ms + self.services_ms[flight.worker], flight)
        return self

    def order(self):
        return [flight.worker for flight in self.flights]

    def gaps_ms(self):
        times = [flight.t_dispatch_ns // MS for flight in self.flights]
        return [b - a for a, b in itertools.pairwise(times)]


def one_frame(pool, *, every_ms):
    """Let a slow camera's frame come, and then none until it is time for the next."""
    pool.run(1)
    pool.scheduler.poll = lambda *_: None
    pool.run(every_ms - 1)
    del pool.scheduler.poll


def test_equal_workers_take_turns():
    order = Pool(72, 72).run(3000).order()
    assert len(order) > 70
    assert order == [index % 2 for index in range(len(order))]


@pytest.mark.parametrize("count", [1, 3, 4, 8])
def test_any_number_of_equal_workers_goes_round(count):
    order = Pool(*[72] * count).run(3000).order()
    assert order == [index % count for index in range(len(order))]


def test_turns_go_on_when_the_camera_is_so_slow_that_all_are_idle():
    pool = Pool(10, 10)
    for _ in range(20):
        one_frame(pool, every_ms=51)
    assert pool.order() == [0, 1] * 10


def test_frames_are_numbered_at_dispatch_without_gaps():
    flights = Pool(72, 50, 31).run(2000).flights
    assert [flight.seq for flight in flights] == list(range(len(flights)))


def test_the_period_is_that_of_the_whole_pool():
    scheduler = Pool(72, 72).run(2000).scheduler
    assert scheduler.period_ns == pytest.approx(36 * MS, rel=0.02)
    assert scheduler.service_ns(0) == pytest.approx(72 * MS, rel=0.02)
    scheduler.lost(1, 2000 * MS)
    assert scheduler.period_ns == pytest.approx(72 * MS, rel=0.02)
    scheduler.lost(0, 2000 * MS)
    assert scheduler.period_ns == 0
    assert not scheduler.ready


def test_no_two_frames_leave_closer_than_nine_tenths_of_the_period():
    pool = Pool(72, 72).run(3000)
    assert min(pool.gaps_ms()[5:]) >= 0.9 * 36 - 1


def test_no_burst_after_a_pause():
    pool = Pool(72, 72, 72, 72).run(1000)
    pool.now_ms += 5000
    before = len(pool.flights)
    pool.run(300)
    after = pool.gaps_ms()[before:]
    assert min(after) >= 0.9 * 18 - 1


def test_the_next_poll_is_at_the_gate_and_none_while_all_are_busy():
    scheduler = Scheduler(expected_service_ns=100 * MS)
    assert scheduler.next_poll_ns(0) is None
    scheduler.add(0, 0)
    scheduler.add(1, 0)
    assert scheduler.next_poll_ns(5) == 5
    scheduler.poll(0, 0)
    gate_ns = scheduler.next_poll_ns(1)
    assert gate_ns == 45 * MS
    assert scheduler.poll(gate_ns - 1, 0) is None
    assert scheduler.poll(gate_ns, 1) is not None
    assert scheduler.next_poll_ns(gate_ns) is None
    assert scheduler.next_deadline_ns() == SECOND


def test_unequal_workers_switch_to_the_fastest_that_is_idle_and_back():
    pool = Pool(72, 144).run(8000)
    assert pool.scheduler.effective_policy is Policy.ADAPTIVE
    assert pool.order().count(0) > 1.6 * pool.order().count(1)
    pool.services_ms[1] = 76
    pool.run(6000)
    assert pool.scheduler.effective_policy is Policy.ALTERNATE


def test_a_worker_whose_first_frames_were_slow_is_not_passed_over_for_good():
    pool = Pool(100, 160)
    for frame in range(60):
        pool.services_ms[1] = 160 if frame < 6 else 100
        one_frame(pool, every_ms=167)
    assert pool.scheduler.effective_policy is Policy.ALTERNATE
    late = pool.order()[-20:]
    assert abs(late.count(0) - late.count(1)) <= 2, "a camera that one of them could keep up with still has both"


def test_the_policy_does_not_flap_between_its_two_bounds():
    pool = Pool(72, 85).run(5000)
    assert pool.scheduler.effective_policy is Policy.ALTERNATE
    pool.services_ms[1] = 120
    pool.run(4000)
    assert pool.scheduler.effective_policy is Policy.ADAPTIVE
    pool.services_ms[1] = 85
    pool.run(8000)
    assert pool.scheduler.effective_policy is Policy.ADAPTIVE


def test_a_lost_worker_means_adaptive_until_it_is_back_or_forgotten():
    scheduler = Scheduler()
    for worker in range(3):
        scheduler.add(worker, 0)
    assert scheduler.effective_policy is Policy.ALTERNATE
    scheduler.lost(2, 0)
    assert scheduler.workers == (0, 1)
    assert scheduler.effective_policy is Policy.ADAPTIVE
    scheduler.add(2, 0)
    assert scheduler.effective_policy is Policy.ALTERNATE
    scheduler.lost(1, 0)
    scheduler.forget(1)
    assert scheduler.effective_policy is Policy.ALTERNATE


def test_a_worker_that_has_not_finished_a_frame_is_taken_for_as_fast_as_the_others():
    scheduler = Scheduler(expected_service_ns=72 * MS)
    scheduler.add(0, 0)
    scheduler.add(1, 0)
    flight = scheduler.poll(0, 0)
    scheduler.done(0, flight.generation, flight.seq, 10 * MS)
    assert scheduler.service_ns(1) == 10 * MS
    assert scheduler.effective_policy is Policy.ALTERNATE
    assert scheduler.poll(100 * MS, 100 * MS).worker == 1


def test_adaptive_takes_the_fastest_idle():
    pool = Pool(144, 40, scheduler=Scheduler(Policy.ADAPTIVE)).run(2000)
    scheduler = pool.scheduler
    while scheduler.flight(0) or scheduler.flight(1):
        pool.scheduler.poll = lambda *_: None
        pool.run(1)
    del pool.scheduler.poll
    assert scheduler.poll((pool.now_ms + 100) * MS, pool.now_ms * MS).worker == 1


def test_losing_one_worker_discards_its_frame_alone():
    scheduler = Scheduler(expected_service_ns=72 * MS)
    scheduler.add(0, 0)
    scheduler.add(1, 0)
    first = scheduler.poll(0, 0)
    second = scheduler.poll(40 * MS, 40 * MS)
    assert scheduler.lost(first.worker, 50 * MS) == (first,)
    assert scheduler.generation(first.worker) == 1
    assert scheduler.generation(second.worker) == 0
    assert scheduler.flight(second.worker) == second
    assert scheduler.done(first.worker, first.generation, first.seq, 72 * MS) is None
    assert scheduler.done(second.worker, second.generation, second.seq, 112 * MS) == second
    assert scheduler.lost(7, 0) == ()


def test_results_of_an_earlier_life_are_stale():
    scheduler = Scheduler()
    scheduler.add(0, 0)
    old = scheduler.poll(0, 0)
    scheduler.lost(0, 1)
    scheduler.add(0, 2)
    new = scheduler.poll(SECOND, SECOND)
    assert new.generation == old.generation + 1
    assert new.seq == old.seq + 1
    assert scheduler.done(0, old.generation, old.seq, SECOND + 1) is None
    assert scheduler.done(0, new.generation, old.seq, SECOND + 1) is None
    assert scheduler.done(0, new.generation, new.seq, SECOND + 2) == new
    assert scheduler.done(0, new.generation, new.seq, SECOND + 3) is None


def test_a_worker_hangs_after_a_second_or_five_times_its_p95():
    scheduler = Scheduler(expected_service_ns=72 * MS)
    scheduler.add(0, 0)
    assert scheduler.next_deadline_ns() is None
    scheduler.poll(0, 0)
    assert scheduler.next_deadline_ns() == SECOND
    assert scheduler.overdue(SECOND - 1) == []
    assert scheduler.overdue(SECOND) == [0]
    slow = Pool(400).run(4100)
    slow.scheduler.flight(0)
    dispatched_ns = slow.scheduler.flight(0).t_dispatch_ns
    assert slow.scheduler.next_deadline_ns() == dispatched_ns + 5 * 400 * MS


def test_a_rare_spike_neither_moves_the_p95_nor_makes_workers_unequal():
    pool = Pool(72, 72).run(3000)
    pool.services_ms[0] = 300
    while pool.order()[-1] != 0 or pool.due[0][0] < pool.now_ms + 290:
        pool.run(1)
    pool.services_ms[0] = 72
    before = pool.scheduler.longest_ns
    pool.run(310)
    assert 72 * MS < pool.scheduler.service_ns(0) < 74 * MS
    pool.run(400)
    assert pool.scheduler.longest_ns == before
    assert pool.scheduler.effective_policy is Policy.ALTERNATE


def test_a_frame_captured_right_after_the_last_one_waits_for_the_next():
    """Three workers make a frame every 33 ms; a 60 fps camera's frames then go out two apart, never one."""
    pool = Pool(99, 99, 99, camera_ms=16).run(4000)
    captures = [flight.t_capture_ns // MS for flight in pool.flights[40:]]
    assert {b - a for a, b in itertools.pairwise(captures)} <= {32, 48}


def test_a_flight_carries_what_the_wall_and_the_report_need():
    scheduler = Scheduler()
    scheduler.add(3, 0)
    assert scheduler.poll(10 * MS, 4 * MS) == Flight(3, 0, 0, 10 * MS, 4 * MS, 0)


# ---- LOCK


def locked_pool(*services_ms, display_ns=20 * MS):
    pool = Pool(*services_ms, scheduler=Scheduler(mode=Mode.LOCK, expected_service_ns=72 * MS))
    pool.scheduler.vsync(0, display_ns)
    pool.run(1500)
    pool.flights.clear()
    return pool


def test_lock_paces_until_the_display_and_the_workers_are_known():
    pool = Pool(72, 72, scheduler=Scheduler(mode=Mode.LOCK))
    assert all(flight.target_ns == 0 for flight in pool.run(500).flights)
    assert pool.scheduler.lock_ticks == 0
    pool.scheduler.vsync(500 * MS, 20 * MS)
    pool.flights.clear()
    assert all(flight.target_ns for flight in pool.run(500).flights)


def test_lock_makes_a_frame_for_every_second_tick_of_50_hz_with_two_workers_of_72_ms():
    pool = locked_pool(72, 72).run(4000)
    targets = [flight.target_ns for flight in pool.flights]
    assert pool.scheduler.lock_ticks == 2
    assert {b - a for a, b in itertools.pairwise(targets)} == {40 * MS}
    assert {target % (20 * MS) for target in targets} == {0}
    assert set(pool.gaps_ms()) == {40}
    assert all(flight.target_ns - flight.t_dispatch_ns >= 72 * MS for flight in pool.flights)


def test_lock_needs_more_ticks_with_fewer_workers():
    scheduler = locked_pool(72, 72).scheduler
    scheduler.lost(1, 0)
    scheduler.vsync(1500 * MS, 20 * MS)
    assert scheduler.lock_ticks == 4


def test_lock_slips_by_whole_ticks_when_nobody_is_idle():
    pool = locked_pool(72, 72).run(4000)
    pool.services_ms[0] = 250
    pool.run(200)
    pool.services_ms[0] = 72
    pool.run(1500)
    targets = [flight.target_ns for flight in pool.flights]
    steps = [b - a for a, b in itertools.pairwise(targets)]
    assert max(steps) > 40 * MS
    assert all(step >= 40 * MS and step % (20 * MS) == 0 for step in steps)
    assert set(steps[-10:]) == {40 * MS}


def test_lock_does_not_catch_up_after_a_pause():
    pool = locked_pool(72, 72).run(400)
    pool.now_ms += 3000
    before = len(pool.flights)
    pool.run(400)
    later = [flight.target_ns for flight in pool.flights[before:]]
    assert later[0] >= pool.flights[before].t_dispatch_ns + 72 * MS
    assert all(b - a == 40 * MS for a, b in itertools.pairwise(later))


def test_lock_follows_a_display_whose_ticks_drift():
    pool = locked_pool(72, 72)
    for step in range(1, 101):
        pool.scheduler.vsync(1500 * MS + step * 20_010_000, 20_010_000)
        pool.run(20)
    assert pool.flights[-1].target_ns % 20_010_000 == pytest.approx((1500 * MS) % 20_010_000, abs=5 * 20_010_000 // 100)


def test_the_number_of_ticks_does_not_flap_at_its_bound():
    pool = locked_pool(77, 77)
    assert pool.scheduler.lock_ticks == 2
    pool.services_ms = {0: 79, 1: 79}
    for at_ms in range(1500, 9500, 200):
        pool.scheduler.vsync(at_ms * MS, 20 * MS)
        pool.run(200)
    assert pool.scheduler.lock_ticks == 3
    pool.services_ms = {0: 77, 1: 77}
    for at_ms in range(9500, 29500, 200):
        pool.scheduler.vsync(at_ms * MS, 20 * MS)
        pool.run(200)
    assert pool.scheduler.lock_ticks == 3
    pool.services_ms = {0: 70, 1: 70}
    for at_ms in range(29500, 49500, 200):
        pool.scheduler.vsync(at_ms * MS, 20 * MS)
        pool.run(200)
    assert pool.scheduler.lock_ticks == 2


def test_back_to_paced_frames_have_no_target():
    pool = locked_pool(72, 72).run(200)
    pool.scheduler.set_mode(Mode.PACED)
    pool.flights.clear()
    assert {flight.target_ns for flight in pool.run(500).flights} == {0}


def test_a_worker_that_leaves_gets_no_more_frames_and_those_it_has_still_count():
    pool = Pool(72, 72).run(1000)
    left_ms = pool.now_ms
    flight = pool.scheduler.flight(1)
    pool.scheduler.leave(1)
    pool.run(500)
    assert flight is not None, "and Pool.run has seen it accepted"
    assert pool.scheduler.flight(1) is None
    assert {f.worker for f in pool.flights if f.t_dispatch_ns > left_ms * MS} == {0}
    pool.scheduler.add(1, pool.now_ms * MS)
    pool.run(500)
    assert pool.order()[-4:] in ([0, 1, 0, 1], [1, 0, 1, 0])
