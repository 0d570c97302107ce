"""How a process of the mirror starts: how far it steps back, and with how many threads of NumPy's."""

from __future__ import annotations

import json
import os

import psutil
import pytest

from mirrorfx.processes.channel import Channel
from mirrorfx.processes.messages import Say
from mirrorfx.processes.spawn import spawn

pytestmark = pytest.mark.process

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
