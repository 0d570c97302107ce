"""The preview's lane: its turns, who may paint them, what they cost, and when it ends. Without processes."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest

from mirrorfx.clock import MS, SECOND, FakeClock
from mirrorfx.effects import param_registry
from mirrorfx.errors import ControlError, PresetNotFound
from mirrorfx.pacing.scheduler import ASIDE, Mode, Scheduler
from mirrorfx.params import Offset
from mirrorfx.processes.param_editor import ParamEditor
from mirrorfx.processes.preset_verbs import PresetVerbs
from mirrorfx.processes.preview_verbs import PreviewVerbs
from mirrorfx.processes.taps import Taps

PERIOD_NS = 10 * MS

# The scheduler's side


class Pool:
    """Two workers of equal speed before a camera that always has a new frame."""

    SERVICE_NS = 20 * MS

    def __init__(self):
        self.scheduler = Scheduler(expected_service_ns=self.SERVICE_NS)
        self.scheduler.add(0, 0)
        self.scheduler.add(1, 0)
        self._now_ns = SECOND
        self._busy = {}

    def run(self, turns, takers=lambda _turn: ()):
        """Return so many flights; `takers` names the workers that may take a turn aside."""
        flights = []
        while len(flights) < turns:
            for worker, (flight, done_ns) in list(self._busy.items()):
                if done_ns <= self._now_ns:
                    assert self.scheduler.done(worker, flight.generation, flight.seq, self._now_ns) is flight
                    del self._busy[worker]
            flight = self.scheduler.poll(self._now_ns, self._now_ns - MS, takers(len(flights)))
            if flight:
                flights.append(flight)
                self._busy[flight.worker] = (flight, self._now_ns + self.SERVICE_NS)
            self._now_ns += MS
        return flights


@pytest.fixture
def pool():
    return Pool()


def every_fifth(turn):
    return (0, 1) if turn % 5 == 4 else ()


def test_turns_aside_have_numbers_of_their_own_and_the_program_has_no_gap(pool):
    flights = pool.run(60, every_fifth)
    assert [flight.aside for flight in flights] == [turn % 5 == 4 for turn in range(60)]
    assert [flight.seq for flight in flights if not flight.aside] == list(range(48))
    assert [flight.seq for flight in flights if flight.aside] == list(range(ASIDE, ASIDE + 12))
    assert pool.scheduler.next_seq == 48, "so many were dispatched"


def test_workers_take_turns_with_or_without_a_preview(pool):
    assert [flight.worker for flight in pool.run(40, every_fifth)] == [0, 1] * 20


def test_a_turn_aside_delays_the_program_by_no_more_than_itself(pool):
    flights = pool.run(60, every_fifth)
    gaps = {b.t_dispatch_ns - a.t_dispatch_ns for a, b in itertools.pairwise(flights[10:])}
    plain = Pool().run(60)
    assert gaps == {b.t_dispatch_ns - a.t_dispatch_ns for a, b in itertools.pairwise(plain[10:])}


def test_a_worker_that_may_not_paint_the_preview_paints_the_program(pool):
    flights = pool.run(40, lambda _turn: (1,))
    assert {flight.worker for flight in flights if flight.aside} == {1}
    assert {flight.worker for flight in flights if not flight.aside} == {0}


def test_in_lock_a_turn_aside_leaves_its_tick_out(pool):
    pool.scheduler.vsync(0, PERIOD_NS)
    pool.run(20)
    pool.scheduler.set_mode(Mode.LOCK)
    pool.run(10)
    flights = pool.run(20, every_fifth)
    assert all(flight.target_ns == 0 for flight in flights if flight.aside)
    targets = [flight.target_ns for flight in flights if not flight.aside]
    steps = [b - a for a, b in itertools.pairwise(targets)]
    usual = pool.scheduler.lock_ticks * PERIOD_NS
    assert steps[:3] == [usual] * 3
    assert steps[3] == 2 * usual


# The verb


class Worker:
    def __init__(self, number):
        self.number = number
        self.asked = []

    def preview(self, ticket, state):
        self.asked.append((ticket, state))


class Engine:
    def __init__(self, effect="passthrough"):
        self.clock = FakeClock(1000 * SECOND)
        self.taps = Taps.create((64, 64))
        self.setup = SimpleNamespace(taps=self.taps.specs)
        registry = param_registry(effect)
        self.editor = ParamEditor(registry, {}, self.clock.now_ns())
        self.notices, self.published = [], 0
        self.locked = set()
        locks = SimpleNamespace(left_free=lambda values: {n: v for n, v in values.items() if n not in self.locked})
        self.commands = SimpleNamespace(publish_state=self._publish, locks=locks, edit=self._edit)
        self.painters = [Worker(0), Worker(1)]
        in_force = SimpleNamespace(in_force=lambda _effect: "")
        self.crew = SimpleNamespace(effect=effect, carried_by=None, painters=self.painters, swaps=in_force)
        self.scheduler = Scheduler()
        for worker in self.painters:
            self.scheduler.add(worker.number, 0)
        self.presets = PresetVerbs(self)
        self.preview = PreviewVerbs(self, self.presets)

    def _publish(self):
        self.published += 1

    def _edit(self, changes, fade_s):
        self.editor.edit(changes, fade_s, self.clock.now_ns(), [])

    def notice(self, text, level="info"):
        self.notices.append((level, text))

    def ask(self, **arguments):
        return self.preview.verbs()["preview"](arguments)

    @property
    def told(self):
        return self.preview.state()["preview"]

    def wait(self, seconds=1.0):
        self.clock.advance_ns(round(seconds * SECOND))
        return self.preview.mind(self.clock.now_ns())

    def prepare(self, *numbers):
        for worker in self.painters:
            if worker.number in numbers or not numbers:
                assert self.preview.prepared(worker.number, worker.asked[-1][0], "")

    def look(self):
        self.taps.preview.want(self.clock.now_ns())


@pytest.fixture
def engine():
    made = Engine()
    yield made
    if made.preview._demand:
        made.preview._demand.close()
    made.taps.close()


def turns(engine, number):
    """Say which of so many turns are the preview's: those of a worker that may take it."""
    aside = []
    for turn in range(number):
        aside.append(turn % 2 in engine.preview.takers())
        engine.preview.dispatched(aside=aside[-1])
    return aside


def test_it_gets_every_kth_turn_once_it_is_prepared_and_somebody_looks(engine):
    engine.ask(name="ice", every=3)
    assert engine.told == {"name": "Ice", "every": 3, "cost_share": None}
    engine.look()
    assert not any(turns(engine, 9)), "nobody has prepared it"
    engine.prepare()
    engine.ask(name="Ice", every=3)
    engine.prepare()
    assert turns(engine, 9) == [False, False, True] * 3
    engine.clock.advance_ns(2 * SECOND)
    assert not any(turns(engine, 9)), "nobody looks any more"


def test_the_workers_are_given_what_taking_the_preset_would_show(engine):
    engine.editor.edit({"seed": 11}, 0.0, engine.clock.now_ns(), [])
    engine.editor.state = engine.editor.state.modulated({"strength": Offset(0.2, 0, 1)}, engine.clock.now_ns())
    engine.locked = {"drift"}
    engine.ask(name="Ice")
    (_, state), *_ = engine.painters[0].asked
    assert "glacier" in state.values["prompt"]
    assert state.values["seed"] == 3, "the preset's"
    assert state.values["drift"] == engine.editor.state.values["drift"], "locked"
    assert state.offsets == {}
    assert not state.fading(engine.clock.now_ns())
    assert "glacier" not in engine.editor.state.values["prompt"], "the program is left alone"


def test_a_worker_that_was_lost_paints_it_again_only_when_it_has_prepared_it_again(engine):
    engine.ask(name="Ice", every=2)
    engine.prepare()
    engine.look()
    engine.preview.dispatched(aside=False)
    assert engine.preview.takers() == {0, 1}
    engine.scheduler.lost(1, 0)
    assert engine.preview.takers() == {0}
    engine.scheduler.add(1, 0)
    assert engine.preview.takers() == {0}
    asked = len(engine.painters[1].asked)
    engine.wait()
    engine.look()
    assert len(engine.painters[0].asked) == 1
    assert len(engine.painters[1].asked) == asked + 1
    engine.prepare(1)
    assert engine.preview.takers() == {0, 1}


def test_while_another_effect_carries_the_wall_nothing_is_previewed(engine):
    engine.ask(name="Ice", every=2)
    engine.prepare()
    engine.look()
    engine.preview.dispatched(aside=False)
    engine.crew.carried_by = "style"
    assert engine.preview.takers() == set()


def test_it_follows_edits_of_what_the_preset_leaves_open(engine):
    engine.locked = {"strength"}
    engine.ask(name="Ice")
    engine.prepare()
    engine.editor.edit({"strength": 0.11}, 0.0, engine.clock.now_ns(), [])
    engine.wait()
    assert engine.painters[0].asked[-1][1].values["strength"] == 0.11
    engine.wait()
    assert len(engine.painters[0].asked) == 2, "asked only when something has changed"


def test_its_cost_is_what_its_turns_take(engine):
    engine.ask(name="Ice", every=5)
    for turn in range(50):
        aside = turn % 5 == 4
        engine.preview.painted(40 * MS if aside else 20 * MS, aside=aside)
    assert engine.wait(), "clients are told"
    assert engine.told["cost_share"] == pytest.approx(40 / (4 * 20 + 40), abs=0.01)
    assert not engine.wait(), "nothing new"


def test_it_ends_when_the_preset_is_taken_and_when_asked_to(engine):
    engine.ask(name="Ice")
    engine.wait()
    assert engine.told
    engine.presets.take("Ice", 0.0)
    assert engine.wait()
    assert engine.told is None
    engine.ask(name="Ice")
    assert not engine.wait(), "it may be looked at again while it is in force"
    assert engine.told
    engine.ask(name=None)
    assert engine.told is None
    assert engine.preview.takers() == set()


def test_a_preset_that_is_gone_ends_its_preview_with_a_notice(engine):
    engine.presets.verbs()["duplicate"]({"name": "Ice", "new_name": "Mine"})
    engine.ask(name="Mine")
    engine.presets.verbs()["delete"]({"name": "Mine"})
    assert engine.wait()
    assert engine.told is None
    assert "The preview has ended" in engine.notices[-1][1]


def test_a_worker_that_can_not_prepare_it_ends_it_with_a_notice(engine):
    engine.ask(name="Ice")
    assert engine.preview.prepared(0, engine.painters[0].asked[0][0], "out of memory")
    assert engine.told is None
    assert engine.notices == [("error", "There is no preview of Ice: out of memory")]
    assert engine.published == 1


def test_tickets_of_others_are_left_to_them(engine):
    engine.ask(name="Ice")
    assert not engine.preview.prepared(0, 999, "")
    assert not Engine().preview.prepared(0, 1, "")


@pytest.mark.parametrize("every", [1, 0, -5, 101, 2.5, "5", True, None])
def test_how_often_must_be_a_whole_number(engine, every):
    with pytest.raises(ControlError, match="from 2 to 100"):
        engine.ask(name="Ice", every=every)
    assert engine.told is None


def test_a_preset_that_is_not_there_leaves_the_preview_as_it_is(engine):
    engine.ask(name="Ice")
    with pytest.raises(PresetNotFound, match="Icee"):
        engine.ask(name="Icee")
    assert engine.told["name"] == "Ice"


def test_other_networks_can_not_be_previewed(engine):
    engine.crew.swaps = SimpleNamespace(in_force=lambda _effect: "other")
    with pytest.raises(ControlError, match="one set"):
        engine.ask(name="Ice")


def test_without_anybody_to_look_there_is_none(engine):
    engine.setup = SimpleNamespace(taps=None)
    with pytest.raises(ControlError, match="no monitor"):
        engine.ask(name="Ice")
