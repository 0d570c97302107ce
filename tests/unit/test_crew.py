"""Who paints: only wanted workers, or only the carrier, through starts, losses, swaps and changes of the effect."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from mirrorfx.clock import SECOND, FakeClock
from mirrorfx.effects.base import Availability, Effect
from mirrorfx.errors import UnknownName
from mirrorfx.pacing.scheduler import Scheduler
from mirrorfx.params import Kind, Param, ParamRegistry
from mirrorfx.processes import carrier as carrier_module
from mirrorfx.processes import crew as crew_module
from mirrorfx.processes import swap as swap_module
from mirrorfx.processes import switching as switching_module
from mirrorfx.processes.crew import Crew
from mirrorfx.processes.param_editor import ParamEditor
from mirrorfx.processes.settings import MirrorSettings
from mirrorfx.processes.stations import StationState

LORA = Param(name="lora", kind=Kind.TEXT, default="")
DETAIL = Param(name="detail", kind=Kind.FLOAT, default=0.65)


class Style(Effect):
    name = "style"
    params = (DETAIL,)

    def render(self, frame, params, out):
        raise AssertionError


class Turbo(Style):
    name = "turbo"
    params = (LORA,)
    carried_by = "style"

    @classmethod
    def networks(cls, values):
        return str(values.get("lora", ""))


EFFECTS = {"style": Style, "turbo": Turbo, "paint": type("Paint", (Style,), {"name": "paint", "params": ()})}


def effect_of(name):
    if name not in EFFECTS:
        raise UnknownName("effect", name, EFFECTS)
    return EFFECTS[name]


class FakeStation:
    def __init__(self, name):
        self.name = name
        self.state = StationState.OFF
        self.child = None
        self.hopeless = False
        self.reason = ""
        self.t_restart_ns = None

    def retire(self):
        self.state = StationState.OFF

    def end(self):
        self.child = None

    def lost(self, now_ns, reason):
        self.child = None
        self.reason = self.reason or reason or "it ended"
        self.state = StationState.WAITING
        self.t_restart_ns = now_ns

    def outlook(self, _now_ns):
        return "It is started again at once."


class FakeWorker:
    """A worker without a process."""

    overlaps = False

    def __init__(self, number, setup, _poller, name=""):
        self.number = number
        self.setup = setup
        self.station = FakeStation(name or f"worker-{number}")
        self.name = self.station.name
        self.starts = []
        self.asked = []
        self.prepares = []
        self.state = None
        self.jobs = 0

    @property
    def ready(self):
        return self.station.state is StationState.READY

    @property
    def effect(self):
        return self.setup.effect

    def use_effect(self, name):
        self.setup = replace(self.setup, effect=name)

    def start(self, _now_ns, state):
        self.station.child = SimpleNamespace(kill=lambda: None)
        self.station.state = StationState.STARTING
        self.station.t_restart_ns = None
        self.starts.append((self.effect, dict(state.values)))

    def restart_if_due(self, now_ns, state):
        if self.station.t_restart_ns is None:
            return False
        self.start(now_ns, state)
        return True

    def silent_start(self, _now_ns):
        return False

    def drop_jobs(self):
        dropped, self.jobs = self.jobs, 0
        return dropped

    def tell(self, state):
        self.state = state

    def swap(self, ticket, _state):
        self.asked.append(ticket)

    def prepare(self, ticket, _state):
        self.prepares.append(ticket)

    def figures(self):
        return {"name": self.name}


class House:
    """A crew in an engine that is made of what the test looks at."""

    def __init__(self, effect, workers):
        self.clock = FakeClock(100 * SECOND)
        self.settings = MirrorSettings(effect=effect, workers=workers, size=(64, 64))
        self.setup = SimpleNamespace(frames=None, results=None, taps=None)
        self.poller = None
        self.scheduler = Scheduler()
        self.editor = ParamEditor(ParamRegistry(effect_of(effect).params), {}, 0)
        self.counts = SimpleNamespace(worker_lost=0, worker_retired=0, pool_complete=lambda: None)
        self.commands = SimpleNamespace(publish_state=lambda: None)
        self.notices = []
        self.crew = Crew(self)
        self.crew.start(0)

    def notice(self, text, _level="info"):
        self.notices.append(text)

    def free(self, name):
        """No slots here."""

    def tell_hold(self):
        """No wall here."""

    def settle(self):
        self.crew.settle(self.clock.now_ns())
        pool = self.scheduler.workers
        painting = {self.crew.everybody[number].effect for number in pool}
        assert len(painting) <= 1, "never two effects in turn"
        return sorted(self.crew.everybody[number].name for number in pool)

    def ready(self, *names):
        for name in names:
            self.crew.named(name).station.state = StationState.READY
            self.crew.ready()
        return self.settle()

    def lose(self, *names, reason="", hopeless=False):
        for name in names:
            worker = self.crew.named(name)
            worker.station.reason, worker.station.hopeless = reason, hopeless
            self.crew.lost(worker, self.clock.now_ns())
        return self.settle()

    def answer(self, name, problem=""):
        worker = self.crew.named(name)
        self.crew.prepared(worker, worker.asked[-1], problem, self.clock.now_ns())
        return self.settle()

    def edit(self, **changes):
        self.crew.edit(changes, 0.0, self.clock.now_ns())
        return self.settle()


@pytest.fixture
def house(monkeypatch):
    monkeypatch.setattr(crew_module, "Worker", FakeWorker)
    for module in (swap_module, carrier_module):
        monkeypatch.setattr(module, "effect_class", effect_of)
    for module in (carrier_module, switching_module):
        monkeypatch.setattr(module, "availability", lambda *_: Availability())
    for module in (crew_module, switching_module):
        monkeypatch.setattr(module, "param_registry", lambda name: ParamRegistry(effect_of(name).params))
    return House


def state_of(house, name):
    return house.crew.named(name).station.state


# Carrying


def test_the_carrier_paints_from_the_start_until_the_first_wanted_worker_is_ready(house):
    house = house("turbo", 2)
    assert state_of(house, "carrier") is StationState.STARTING
    assert house.settle() == []
    assert house.ready("carrier") == ["carrier"]
    assert house.crew.carried_by == "style"
    carried = house.crew.look
    assert house.ready("worker-1") == ["worker-1"]
    assert house.crew.carried_by is None
    assert house.crew.look != carried
    assert state_of(house, "carrier") is StationState.OFF
    assert house.ready("worker-0") == ["worker-0", "worker-1"]
    assert house.scheduler.effective_policy == "alternate", "the pool is complete without the carrier"
    assert house.notices == [
        "style carries the wall until turbo is ready.",
        "turbo is ready and has taken over from style.",
    ]


def test_a_carrier_that_is_late_never_paints(house):
    house = house("turbo", 2)
    house.ready("worker-0")
    assert state_of(house, "carrier") is StationState.OFF
    assert house.crew.figures() == [{"name": "worker-0"}, {"name": "worker-1"}]


def test_frames_of_a_carrier_that_is_relieved_are_not_lost_and_those_of_a_dead_worker_are(house):
    house = house("turbo", 1)
    house.ready("carrier")
    house.crew.carrier.jobs = 2
    assert house.ready("worker-0") == ["worker-0"]
    assert (house.counts.worker_lost, house.counts.worker_retired) == (0, 2)
    house.crew.named("worker-0").jobs = 1
    house.lose("worker-0")
    assert (house.counts.worker_lost, house.counts.worker_retired) == (1, 2)


def test_the_carrier_has_its_own_params_and_a_cpu(house):
    house = house("turbo", 2)
    ((effect, values),) = house.crew.carrier.starts
    assert effect == "style"
    assert values["detail"] == 0.65
    assert "detail" not in house.editor.registry
    setup = house.crew.carrier.setup
    assert (setup.worker, setup.device, setup.workers) == (2, "cpu", 1)


def test_a_carrier_that_paints_slowly_beside_the_loading_is_not_taken_for_dead(house):
    house = house("turbo", 2)
    house.ready("carrier")
    house.scheduler.poll(100 * SECOND, 100 * SECOND)
    assert house.scheduler.overdue(105 * SECOND) == []
    assert house.scheduler.overdue(107 * SECOND) == [2]
    house.ready("worker-0")
    house.scheduler.poll(200 * SECOND, 200 * SECOND)
    assert house.scheduler.overdue(202 * SECOND) == [0]


def test_one_lost_worker_needs_no_carrier_but_all_lost_do(house):
    house = house("turbo", 2)
    house.ready("worker-0", "worker-1")
    assert house.lose("worker-0") == ["worker-1"]
    assert state_of(house, "carrier") is StationState.OFF
    house.lose("worker-1")
    assert state_of(house, "carrier") is StationState.STARTING
    assert house.ready("carrier") == ["carrier"]
    house.crew.mind(house.clock.now_ns())
    assert house.ready("worker-0") == ["worker-0"]


def test_without_a_carrying_effect_the_wall_just_holds(house):
    house = house("paint", 2)
    house.ready("worker-0", "worker-1")
    house.lose("worker-0", "worker-1")
    assert state_of(house, "carrier") is StationState.OFF


def test_a_hopeless_effect_is_a_standing_problem_until_it_paints(house):
    house = house("turbo", 2)
    house.ready("carrier")
    assert house.lose("worker-0", reason="No GPU. Plug one in.", hopeless=True) == ["carrier"]
    assert house.crew.problem == "The effect turbo can't run here: No GPU. Plug one in. Until then style paints."
    house.crew.mind(house.clock.now_ns())
    house.ready("worker-0")
    assert house.crew.problem == ""


def test_an_edit_while_carried_is_prepared_by_the_carrier_and_then_by_who_was_warming_up(house):
    house = house("turbo", 2)
    house.ready("carrier")
    house.edit(prompt="a marble statue")
    carrier = house.crew.carrier
    house.crew.prepared(carrier, carrier.prepares[-1], "", 0)
    assert house.settle() == ["carrier"]
    assert house.editor.state.values["prompt"] == "a marble statue"
    assert house.ready("worker-0") == ["carrier"], "it has not prepared that edit yet"
    assert house.answer("worker-0") == ["worker-0"]


# Swapping


def test_a_swap_with_two_workers_never_leaves_nobody_and_never_mixes(house):
    house = house("turbo", 2)
    house.ready("worker-0", "worker-1")
    before = house.crew.look
    assert house.edit(lora="ink") == ["worker-0"]
    assert house.crew.look == before
    assert house.answer("worker-1") == ["worker-1"]
    assert house.crew.look != before
    assert house.editor.state.values["lora"] == "ink"
    assert house.answer("worker-0") == ["worker-0", "worker-1"]
    assert not house.crew.holds


def test_the_only_worker_holds_the_picture_and_nothing_carries(house):
    house = house("turbo", 1)
    house.ready("worker-0")
    assert house.edit(lora="ink") == []
    assert house.crew.holds
    assert state_of(house, "carrier") is StationState.OFF
    assert house.answer("worker-0") == ["worker-0"]
    assert not house.crew.holds


def test_a_failing_swap_leaves_everything_as_it_was(house):
    house = house("turbo", 2)
    house.ready("worker-0", "worker-1")
    house.edit(lora="ink")
    assert house.answer("worker-1", "ink doesn't fit. Choose another.") == ["worker-0", "worker-1"]
    assert house.editor.state.values["lora"] == ""
    assert house.notices[-1] == "The edit was not taken: ink doesn't fit. Choose another."


def test_a_follower_that_fails_is_started_anew(house):
    house = house("turbo", 2)
    house.ready("worker-0", "worker-1")
    house.edit(lora="ink")
    house.answer("worker-1")
    assert house.answer("worker-0", "out of memory") == ["worker-1"]
    house.crew.mind(house.clock.now_ns())
    assert house.crew.workers[0].starts[-1][1]["lora"] == "ink"
    assert house.ready("worker-0") == ["worker-0", "worker-1"]


def test_a_leader_that_hangs_is_ended_and_the_edit_dropped(house):
    house = house("turbo", 2)
    house.ready("worker-0", "worker-1")
    house.edit(lora="ink")
    house.clock.advance_ns(120 * SECOND)
    house.crew.mind(house.clock.now_ns())
    assert house.settle() == ["worker-0"]
    assert not house.editor.pending
    assert "The edit was not taken: worker 1 was lost while it changed its networks." in house.notices


def test_a_leader_and_the_only_painter_both_lost_are_carried(house):
    house = house("turbo", 2)
    house.ready("worker-0", "worker-1")
    house.edit(lora="ink")
    house.lose("worker-0")
    assert house.crew.holds, "the leader will be back"
    house.lose("worker-1")
    assert house.ready("carrier") == ["carrier"]
    house.crew.mind(house.clock.now_ns())
    assert house.ready("worker-0", "worker-1") == ["worker-0", "worker-1"]


# Changing the effect


def test_changing_the_effect_goes_on_with_the_old_one(house):
    house = house("paint", 2)
    house.ready("worker-0", "worker-1")
    house.crew.switching.begin("turbo")
    assert house.settle() == ["worker-0"]
    assert state_of(house, "carrier") is StationState.OFF
    assert house.ready("worker-1") == ["worker-1"]
    assert house.crew.effect == "turbo"
    assert house.ready("worker-0") == ["worker-0", "worker-1"]


def test_the_worker_that_paints_is_the_one_that_goes_on(house):
    house = house("paint", 2)
    house.ready("worker-1")
    house.crew.switching.begin("turbo")
    assert house.settle() == ["worker-1"]


def test_with_one_worker_the_carrier_comes_before_it_leaves(house):
    house = house("paint", 1)
    house.ready("worker-0")
    house.crew.switching.begin("turbo")
    assert house.settle() == ["worker-0"]
    assert len(house.crew.workers[0].starts) == 1
    assert house.ready("carrier") == ["carrier"]
    assert house.crew.workers[0].starts[-1][0] == "turbo"
    assert house.ready("worker-0") == ["worker-0"]
    assert (house.crew.effect, house.crew.carried_by) == ("turbo", None)


def test_a_carrier_that_can_not_come_does_not_hold_the_change_up(house):
    house = house("paint", 1)
    house.ready("worker-0")
    house.crew.switching.begin("turbo")
    house.settle()
    house.lose("carrier")
    assert house.crew.workers[0].starts[-1][0] == "turbo"


def test_an_effect_that_turns_out_hopeless_is_given_up_for_the_old_one(house):
    house = house("paint", 1)
    house.ready("worker-0")
    house.crew.switching.begin("turbo")
    house.settle()
    house.ready("carrier")
    house.lose("worker-0", reason="No GPU. Plug one in.", hopeless=True)
    assert house.crew.effect == "paint"
    assert house.crew.switching.to is None
    assert "The effect turbo can't run here: No GPU. Plug one in." in house.notices
    assert house.settle() == ["carrier"], "until the old effect is back"
    assert house.crew.workers[0].starts[-1][0] == "paint"
    assert house.ready("worker-0") == ["worker-0"]
