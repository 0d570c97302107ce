"""When an extra worker paints something else: as long as nobody can paint what is wanted."""

from __future__ import annotations

import pytest

from mirrorfx.effects.base import Availability
from mirrorfx.errors import UnknownName
from mirrorfx.processes import carrier
from mirrorfx.processes.carrier import Situation, Step, carrier_threads, carrying_effect, next_step


@pytest.mark.parametrize(
    ("situation", "step"),
    [
        (Situation("style", running=False, ready=0, painting=0), Step.START),
        (Situation("", running=False, ready=0, painting=0), Step.KEEP),
        (Situation("style", running=True, ready=0, painting=0), Step.KEEP),
        (Situation("style", running=True, ready=1, painting=0), Step.KEEP),
        (Situation("style", running=True, ready=1, painting=1), Step.DISMISS),
        (Situation("", running=True, ready=0, painting=0), Step.KEEP),
        (Situation("style", running=False, ready=1, painting=0), Step.KEEP),
        (Situation("style", running=False, ready=2, painting=1), Step.KEEP),
        (Situation("style", running=False, ready=1, painting=1, called=True), Step.START),
        (Situation("style", running=True, ready=1, painting=1, called=True), Step.KEEP),
    ],
    ids=[
        "nobody is ready",
        "and nothing carries",
        "it goes on",
        "also while the first only prepares",
        "until one paints",
        "it goes on even if the effect to come has none",
        "a single worker that swaps holds its picture",
        "one of two is lost",
        "it is called before the only worker leaves",
        "and stays until that has left",
    ],
)
def test_when_it_starts_and_goes(situation, step):
    assert next_step(situation) is step


class Carried:
    carried_by = "style"


def test_only_another_effect_that_can_run_here_carries(monkeypatch):
    monkeypatch.setattr(carrier, "effect_class", lambda _name: Carried)
    monkeypatch.setattr(carrier, "availability", lambda _name: Availability())
    assert carrying_effect("turbo") == "style"
    assert carrying_effect("style") == "", "nothing carries itself"
    monkeypatch.setattr(carrier, "availability", lambda _name: Availability(ok=False, reason="no network files"))
    assert carrying_effect("turbo") == ""

    def unknown(name):
        raise UnknownName("effect", name, ())

    monkeypatch.setattr(carrier, "availability", unknown)
    assert carrying_effect("turbo") == ""


def test_it_leaves_a_core_to_the_others(monkeypatch):
    for cores, threads in ((1, 1), (2, 1), (4, 3), (64, 4)):
        monkeypatch.setattr(carrier.os, "sched_getaffinity", lambda _pid, n=cores: set(range(n)), raising=False)
        assert carrier_threads() == threads
