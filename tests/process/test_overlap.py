"""Workers that have two frames under way: real processes, killed and stopped in the middle, and effects that fail."""

from __future__ import annotations

import itertools
import signal

import pytest

from .conftest import Saboteur

pytestmark = pytest.mark.process

OVERLAPPING = (("service_ms", "72"), ("overlap", "1"))


def test_two_overlapping_workers_take_turns_and_nothing_is_lost(run_mirror, tmp_path):
    picture = tmp_path / "before_after.png"
    outcome = run_mirror(effect_options=OVERLAPPING, seconds=4.0, picture=picture)
    report = outcome.report
    first = report["alternation"]["first"]
    assert len(first) == 32
    assert all(a != b for a, b in itertools.pairwise(first))
    frames = report["frames"]
    assert frames["dispatched"] - frames["completed"] <= 4
    assert frames["dropped"]["worker_lost"] == 0
    assert frames["shown"] > 60
    assert all(worker["restarts"] == 0 for worker in report["workers"])
    assert all(worker["service_ms"]["p50"] >= 71 for worker in report["workers"])
    assert outcome.picture == picture
    assert picture.stat().st_size > 1000


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hanging"])
def test_a_lost_worker_is_replaced_while_the_other_carries_the_picture(run_mirror, number):
    saboteur = Saboteur(1.0, "mfx-worker-0", number)
    outcome = run_mirror(saboteur, effect_options=OVERLAPPING, seconds=6.0)
    restarts = {worker["name"]: worker["restarts"] for worker in outcome.report["workers"]}
    assert restarts == {"worker-0": 1, "worker-1": 0}
    assert outcome.report["frames"]["dropped"]["worker_lost"] <= 2
    assert outcome.report["interval_ms"]["max"] < 1500
    assert outcome.report["alternation"]["recent"].count(0) > 8, "the new worker takes its turns again"


def test_a_finish_that_fails_ends_the_worker_with_its_reason(run_mirror, capfd):
    options = (*OVERLAPPING, ("fail_at", "20"))
    outcome = run_mirror(effect_options=options, seconds=3.0)
    assert sum(worker["restarts"] for worker in outcome.report["workers"]) == 1
    assert "is gone: EffectFailed: The sleep effect fails at frame 20" in capfd.readouterr().err
    assert outcome.report["frames"]["dropped"]["worker_lost"] in (1, 2)
