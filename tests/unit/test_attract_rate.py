"""Attract mode's rate of frames: few while nobody is there, all at once when somebody comes, and no word of lag."""

from __future__ import annotations

import itertools

import pytest

from mirrorfx.clock import MS, SECOND
from mirrorfx.errors import InvalidValue
from mirrorfx.mirror import Mirror
from mirrorfx.pacing.scenarios import POOLS, Scenario
from mirrorfx.pacing.scheduler import Mode
from mirrorfx.pacing.simulation import Contender, Simulation
from mirrorfx.processes.engine import Engine
from mirrorfx.processes.messages import NewBeat, PanicIs
from mirrorfx.safety.panic import Panic

from .presenter_stage import PERIOD_NS, PresenterStage
from .test_attract import Show

POOL = {pool.name: pool for pool in POOLS}
SLOW_NS = 100 * MS
FULL_S, SLOW_S = 20.0, 40.0


class Evening(Simulation):
    """A mirror on the virtual clock: twenty seconds of show, twenty of an empty room, the show again."""

    def __init__(self, pool, contender, camera_fps=60.0, display_hz=59.95, slow_ns=SLOW_NS):
        super().__init__(Scenario(POOL[pool], camera_fps, display_hz), contender, seed=3)
        self.flights, self.estimates, self.late = [], {}, 0
        poll = self.scheduler.poll

        def polled(now_ns, t_capture_ns, aside=()):
            flight = poll(now_ns, t_capture_ns, aside)
            if flight:
                self.flights.append(flight)
            return flight

        self.scheduler.poll = polled
        self._after(round(FULL_S * SECOND), self._space, slow_ns)
        self._after(round(SLOW_S * SECOND), self._space, 0)

    def _space(self, least_ns):
        scheduler = self.scheduler
        self.estimates[least_ns] = (
            scheduler.period_ns,
            scheduler.longest_ns,
            scheduler.lock_ticks,
            self.pacer.delay_ns,
        )
        self.late = self.statistics.frames_late
        scheduler.space(least_ns)
        self._dispatch()

    def gaps_ms(self, from_s, to_s):
        times = [f.t_dispatch_ns for f in self.flights if from_s * SECOND <= f.t_dispatch_ns < to_s * SECOND]
        return [(b - a) / MS for a, b in itertools.pairwise(times)]

    def rate(self, from_s, to_s):
        return 1000 * len(self.gaps_ms(from_s, to_s)) / sum(self.gaps_ms(from_s, to_s))


@pytest.mark.parametrize("contender", [Contender.PACED, Contender.LOCK])
@pytest.mark.parametrize("pool", ["2x4090", "2x72-spiky", "5xA100"])
def test_frames_are_few_meanwhile_and_all_there_again_at_once(pool, contender):
    evening = Evening(pool, contender)
    evening.run(SLOW_S + 20)
    full = evening.rate(5, FULL_S)
    assert evening.rate(FULL_S + 0.3, SLOW_S) == pytest.approx(10, rel=0.03)
    assert min(evening.gaps_ms(FULL_S + 0.3, SLOW_S)) > 80
    assert evening.rate(SLOW_S + 0.3, SLOW_S + 15) == pytest.approx(full, rel=0.05)
    back = next(f for f in evening.flights if f.t_dispatch_ns >= SLOW_S * SECOND)
    assert back.t_dispatch_ns - SLOW_S * SECOND < 60 * MS


@pytest.mark.parametrize("contender", [Contender.PACED, Contender.LOCK])
def test_what_the_scheduler_knows_of_the_workers_does_not_suffer(contender):
    evening = Evening("2x4090", contender)
    evening.run(SLOW_S + 5)
    before, after = evening.estimates[SLOW_NS], evening.estimates[0]
    assert after[0] == pytest.approx(before[0], rel=0.05)
    assert after[1] == pytest.approx(before[1], rel=0.05)
    assert after[2] == before[2]
    assert after[3] <= before[3] * 1.02
    assert evening.pacer.delay_ns == pytest.approx(before[3], rel=0.03), "the wall's delay is the show's again"
    assert evening.statistics.frames_late == evening.late == 0


@pytest.mark.parametrize("display_hz", [50.0, 59.95, 60.0, 144.0])
def test_lock_keeps_to_the_screens_ticks_and_to_each_frames_own(display_hz):
    evening = Evening("2x4090", Contender.LOCK, display_hz=display_hz)
    evening.run(SLOW_S + 20)
    targets = [flight.target_ns for flight in evening.flights if flight.target_ns]
    ticks = [(b - a) * display_hz / SECOND for a, b in itertools.pairwise(targets)]
    assert all(count == pytest.approx(round(count), abs=0.05) and count > 0.9 for count in ticks)
    slow = [f.target_ns for f in evening.flights if (FULL_S + 0.5) * SECOND < f.t_dispatch_ns < SLOW_S * SECOND]
    assert {round((b - a) / MS, -1) for a, b in itertools.pairwise(slow)} == {100}
    assert evening.statistics.frames_late == 0


def test_a_pool_that_is_slower_still_is_not_held_back():
    paced = Evening("5xA100", Contender.PACED, slow_ns=SECOND // 60)
    paced.run(SLOW_S)
    assert paced.rate(FULL_S + 1, SLOW_S) == pytest.approx(paced.rate(5, FULL_S), rel=0.03)


def test_nobody_waits_for_a_frame_that_was_put_off():
    evening = Evening("2x4090", Contender.LOCK)
    evening.run(FULL_S)
    evening.scheduler.set_mode(Mode.PACED)
    evening.scheduler.space(0)
    assert evening.scheduler.next_poll_ns(evening.now_ns) is not None
    assert evening.scheduler.next_poll_ns(evening.now_ns) <= evening.now_ns + 40 * MS


# The wall


class Wall(PresenterStage):
    """A wall of 50 ticks a second that gets a picture at each n-th tick."""

    def __init__(self):
        super().__init__((256, 256))
        self.seq = 0
        self.worst = 0.0

    def pictures(self, seconds, every):
        """Let pictures come; return how many counted as lagging at most, and how many ticks as behind."""
        for tick in range(round(seconds * SECOND / PERIOD_NS)):
            if tick % every == 0:
                self.send_picture(self.seq % 8, self.seq, 100)
                self.seq += 1
            self.step()
            self.engine.receive_all()
            if tick % 20 == 0:  # as often as it tells the engine
                self.worst = max(self.worst, self.presenter.figures()["lag"]["share"])
        return self.presenter.figures()


@pytest.fixture
def wall():
    made = Wall()
    made.pictures(15, every=2)
    yield made
    made.close()


@pytest.mark.parametrize("every", [5, 10, 50], ids=["10 a second", "5 a second", "1 a second"])
def test_a_wall_that_is_told_calls_it_neither_lag_nor_a_freeze(wall, every):
    for each in (every, 2, every, 2):
        wall.engine.send(NewBeat())
        figures = wall.pictures(12, each)
    assert wall.worst == 0
    assert figures["repeats"]["behind"] == 0
    assert figures["freezes"] == 0
    assert figures["showing"] == "picture"


def test_a_wall_that_is_not_told_does(wall):
    wall.pictures(3, every=5)
    assert wall.worst > 0.05


def test_what_really_lags_meanwhile_is_seen(wall):
    wall.engine.send(NewBeat())
    wall.pictures(12, every=5)
    wall.pictures(0.5, every=50)
    figures = wall.pictures(1, every=5)
    assert figures["lag"]["frames"] >= 3
    assert figures["freezes"] == 1


# The engine


def test_few_frames_are_painted_while_nobody_is_there_and_all_as_soon_as_somebody_is():
    show = Show()
    show.visitors(there=True)
    show.wait(50)
    assert show.spaced == []
    show.empties()
    assert show.spaced == [100 * MS]
    assert show.state["attract"]["fps"] == 10
    show.wait(100)
    show.visitors(there=True)
    assert show.spaced == [100 * MS, 0]


@pytest.mark.parametrize("leave", ["request", "edit", "safe", "watcher"])
def test_whatever_ends_it_ends_that_too(leave):
    show = Show()
    show.empties()
    match leave:
        case "request":
            show.request("set", params={"strength": 0.3})
        case "edit":
            show.ask("set", params={"strength": 0.3})
        case "safe":
            show.commands.panic.heard(PanicIs(0, Panic.SAFE))
        case "watcher":
            show.watcher.child = type("Gone", (), {"running": False})()
            show.commands.attract.heard(show.clock.now_ns(), ended=True)
    assert show.state["attract"]["on"] is None
    assert show.spaced == [100 * MS, 0]


def test_at_full_rate_nothing_is_spaced():
    show = Show(attract_fps=0.0)
    show.empties()
    show.visitors(there=True)
    assert show.spaced == []
    assert show.state["attract"]["fps"] is None


def test_the_engine_tells_its_scheduler_and_its_wall():
    class Both:
        def __init__(self):
            self.heard = []
            self.scheduler = self.wall = self

        def space(self, least_ns):
            self.heard.append(least_ns)

        def send(self, message):
            self.heard.append(message)

    both = Both()
    Engine.space_frames(both, SLOW_NS)
    assert both.heard == [SLOW_NS, NewBeat()]
    both.wall = None
    Engine.space_frames(both, 0)
    assert both.heard[-1] == 0


@pytest.mark.parametrize("fps", [0.5, -1, 1000, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(fps):
    with pytest.raises(InvalidValue, match="--attract-fps"):
        Mirror(source="pattern:30", effect="passthrough", attract=("Lava",), attract_by="motion", attract_fps=fps)
