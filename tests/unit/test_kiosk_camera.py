"""A camera that is away for days: asked for again and again, spoken of once."""

from __future__ import annotations

import json
import threading

import pytest

from mirrorfx.clock import SECOND, MonotonicClock
from mirrorfx.processes import camera
from mirrorfx.processes.camera import CameraProcess
from mirrorfx.processes.channel import Channel
from mirrorfx.processes.memory import Ring
from mirrorfx.processes.messages import Say, Stop
from mirrorfx.processes.settings import CameraSetup, MirrorSettings
from mirrorfx.processes.spawn import pipe

SIZE = (64, 48)


@pytest.fixture
def away(tmp_path, monkeypatch):
    """A camera process in a thread, whose source isn't there; the engine's end."""
    monkeypatch.setattr(camera, "_RETRY_NS", SECOND // 1000)
    ring = Ring.create(2, (SIZE[1], SIZE[0], 3))
    ours, theirs = pipe()
    engine, far = Channel(ours), Channel(theirs)
    settings = MirrorSettings()
    setup = CameraSetup(str(tmp_path / "away.png"), SIZE, settings.geometry, None, settings.camera, ring.spec)
    thread = threading.Thread(target=CameraProcess(far, setup, MonotonicClock()).run)
    thread.start()
    yield engine
    engine.send(Stop())
    thread.join(10)
    assert not thread.is_alive()
    for each in (ring, far, engine):
        each.close()


def test_the_engine_hears_of_it_each_time_the_log_once(away, caplog):
    said = []
    while len(said) < 6:
        away.wait_for(SECOND)
        said += [json.loads(message.text) for message in away.receive_all() if isinstance(message, Say)]
    assert {each["state"] for each in said} == {"lost"}
    logged = (*caplog.get_records("setup"), *caplog.records)  # the camera begins while the test is set up
    assert len([record for record in logged if "away.png" in record.getMessage()]) == 1
