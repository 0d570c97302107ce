"""What a mirror survives: each process killed or stopped while it runs. Bounds: about ten times what was measured."""

from __future__ import annotations

import itertools
import signal

import pytest

from .conftest import Saboteur

pytestmark = pytest.mark.process

FAKE_GPU = (("service_ms", "72"),)


def by_name(outcome):
    return {worker["name"]: worker for worker in outcome.report["workers"]}


def test_two_equal_workers_take_turns_and_nothing_is_lost(run_mirror):
    outcome = run_mirror(effect_options=FAKE_GPU, seconds=4.0)
    report = outcome.report
    first = report["alternation"]["first"]
    assert len(first) == 32
    assert all(a != b for a, b in itertools.pairwise(first))
    assert report["schedule"] == "alternate"
    frames = report["frames"]
    assert frames["dispatched"] - frames["completed"] <= 2
    assert frames["captured"] >= frames["dispatched"] + frames["dropped"]["mailbox"]
    assert frames["shown"] + frames["dropped"]["late"] <= frames["completed"]
    assert 0 < report["latency_ms"]["p50"] < 1500
    assert report["duration_s"] >= 3.5


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hanging"])
def test_a_lost_worker_is_replaced_while_the_other_carries_the_picture(run_mirror, number):
    saboteur = Saboteur(1.0, "mfx-worker-0", number)
    outcome = run_mirror(saboteur, effect_options=FAKE_GPU, seconds=6.0)
    workers = by_name(outcome)
    assert workers["worker-0"]["restarts"] == 1
    assert workers["worker-0"]["state"] in ("ready", "off")
    assert workers["worker-1"]["restarts"] == 0
    assert outcome.report["frames"]["dropped"]["worker_lost"] <= 1
    assert outcome.report["interval_ms"]["max"] < 1500
    assert outcome.report["alternation"]["recent"].count(0) > 8, "the new worker takes its turns again"


def test_a_stopped_engine_leaves_the_wall_alive(run_mirror):
    saboteur = Saboteur(1.0, "mfx-engine", signal.SIGSTOP, then_s=1.0, then=signal.SIGCONT)
    outcome = run_mirror(saboteur, effect_options=FAKE_GPU, seconds=4.0)
    assert outcome.report["presented_fps"] > 30
    assert all(worker["restarts"] == 0 for worker in outcome.report["workers"])


def test_a_killed_engine_is_back_under_the_same_wall(run_mirror):
    saboteur = Saboteur(1.0, "mfx-engine", signal.SIGKILL)
    outcome = run_mirror(saboteur, effect_options=FAKE_GPU, seconds=7.0)
    assert saboteur.problems
    report = outcome.report
    assert report["presented_fps"] > 30, "the wall went on without an engine"
    assert report["frames"]["shown"] > 60, "and got new pictures from the next one"
    assert report["recent"]["fps"] > 0


def test_a_killed_wall_is_back(run_mirror):
    saboteur = Saboteur(1.0, "mfx-wall", signal.SIGKILL)
    outcome = run_mirror(saboteur, effect_options=FAKE_GPU, seconds=5.0)
    assert outcome.report["frames"]["shown"] > 30
    assert all(worker["restarts"] == 0 for worker in outcome.report["workers"])


def test_a_killed_camera_process_is_back(run_mirror):
    saboteur = Saboteur(1.0, "mfx-camera", signal.SIGKILL)
    outcome = run_mirror(saboteur, effect_options=FAKE_GPU, seconds=6.0)
    assert outcome.report["camera"]["restarts"] == 1
    assert outcome.report["camera"]["state"] == "open"
    assert outcome.report["recent"]["fps"] > 5
