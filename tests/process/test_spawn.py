"""How a process of the mirror starts: how far it steps back, and with how many threads of NumPy's."""

from __future__ import annotations

import contextlib
import gc
import json
import os
from pathlib import Path

import psutil
import pytest

from mirrorfx.processes import engine, wall
from mirrorfx.processes.channel import Channel
from mirrorfx.processes.messages import Say
from mirrorfx.processes.spawn import spawn

pytestmark = pytest.mark.process

FROZEN = "MIRRORFX_TEST_FROZEN"
BLAS = "OPENBLAS_NUM_THREADS"


def tell(connection):
    import numpy as np

    assert np
    process = psutil.Process()
    told = {"threads": process.num_threads(), "nice": process.nice(), "variable": os.environ.get(BLAS)}
    Channel(connection).send(Say(json.dumps(told).encode()))
    connection.poll(10)  # until it is closed


def told_by(**how):
    child = spawn("probe", tell, **how)
    try:
        while not (messages := child.channel.receive_all()):
            assert child.running
            child.channel.connection.poll(10)
        return json.loads(messages[0].text)
    finally:
        child.channel.close()
        child.end()


def test_numpy_has_one_thread_where_nobody_says_otherwise(monkeypatch):
    monkeypatch.delenv(BLAS, raising=False)
    assert told_by() == {"threads": 1, "nice": psutil.Process().nice(), "variable": None}
    assert BLAS not in os.environ, "it is for that process, not for its children and not for us"


@pytest.mark.parametrize("how", [{}, {"blas_threads": None}])
def test_what_whoever_starts_it_says_wins(monkeypatch, how):
    monkeypatch.setenv(BLAS, "2")
    threads = min(2, os.cpu_count() or 1)  # more than there are processors it does not take
    assert told_by(**how) == {"threads": threads, "nice": psutil.Process().nice(), "variable": "2"}


def test_it_steps_back_from_its_first_moment_on():
    assert told_by(niceness=3)["nice"] == psutil.Process().nice() + 3


def wall_that_tells(connection, setup):
    with tells_whether_frozen("wall"):
        wall.wall_main(connection, setup)


def engine_that_tells(connection, setup):
    with tells_whether_frozen("engine"):
        engine.engine_main(connection, setup)


@contextlib.contextmanager
def tells_whether_frozen(name):
    """Write down, at the end, how many objects the garbage collector passes over."""
    yield
    (Path(os.environ[FROZEN]) / name).write_text(str(gc.get_freeze_count()))


def test_wall_and_engine_are_never_held_up_by_a_look_at_all_that_was_loaded(run_mirror, tmp_path, monkeypatch):
    monkeypatch.setenv(FROZEN, str(tmp_path))
    monkeypatch.setattr("mirrorfx.processes.launcher.wall_main", wall_that_tells)
    monkeypatch.setattr("mirrorfx.processes.launcher.engine_main", engine_that_tells)
    run_mirror(seconds=0.3, effect="passthrough")
    assert {path.name: int(path.read_text()) > 10_000 for path in tmp_path.iterdir()} == {"wall": True, "engine": True}
