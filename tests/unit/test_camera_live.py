"""The camera process turns and crops otherwise while it reads."""

from __future__ import annotations

import json
import threading

import cv2
import numpy as np
import pytest

from mirrorfx.clock import SECOND, MonotonicClock
from mirrorfx.processes.camera import CameraProcess
from mirrorfx.processes.channel import Channel
from mirrorfx.processes.memory import Ring
from mirrorfx.processes.messages import Captured, Grant, Say, Stop
from mirrorfx.processes.settings import CameraSetup, MirrorSettings
from mirrorfx.processes.spawn import pipe

SIZE = (64, 48)


@pytest.fixture
def camera(tmp_path):
    """A camera process in a thread, looking at a still whose left half is red; the engine's end and its ring."""
    picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    picture[:, : SIZE[0] // 2, 2] = 250
    cv2.imwrite(str(tmp_path / "still.png"), picture)
    ring = Ring.create(2, (SIZE[1], SIZE[0], 3))
    ours, theirs = pipe()
    settings = MirrorSettings()
    setup = CameraSetup(
        source=str(tmp_path / "still.png"),
        size=SIZE,
        geometry=settings.geometry,
        mirror=None,
        camera=settings.camera,
        ring=ring.spec,
    )
    engine = Channel(ours)
    far = Channel(theirs)
    process = CameraProcess(far, setup, MonotonicClock())
    thread = threading.Thread(target=process.run)
    thread.start()
    engine.send(Grant(bytes([0])))
    yield engine, ring
    engine.send(Stop())
    thread.join(10)
    assert not thread.is_alive()
    ring.close()
    far.close()
    engine.close()


def red_side(engine, ring):
    """Wait for a picture; say where its red is, and let the camera go on."""
    for _ in range(200):
        engine.wait_for(SECOND)
        captured = [message for message in engine.receive_all() if isinstance(message, Captured)]
        if captured:
            red = ring.view(captured[0].slot)[..., 2].astype(float)
            height, width = red.shape
            sides = {
                "left": red[:, : width // 2].mean(),
                "right": red[:, width // 2 :].mean(),
                "top": red[: height // 2].mean(),
                "bottom": red[height // 2 :].mean(),
            }
            engine.send(Grant(bytes([captured[0].slot])))
            return max(sides, key=sides.__getitem__)
    raise AssertionError("no picture came")


def tell(engine, mirror=None, **geometry):
    engine.send(Say(json.dumps({"geometry": geometry, "mirror": mirror, "camera": {"gain": 3.0}}).encode()))


def test_what_is_told_holds_from_one_of_the_next_pictures_on(camera):
    engine, ring = camera
    assert red_side(engine, ring) == "left"
    for side, change in (("right", {"rotation": 180}), ("top", {"rotation": 90}), ("right", {"mirror": True})):
        tell(engine, **change)
        assert any(red_side(engine, ring) == side for _ in range(5))
