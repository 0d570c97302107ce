"""Attract mode in a real mirror: the room is empty, somebody comes, stands still, and goes."""

from __future__ import annotations

import os
import signal
import time

import av
import numpy as np
import pytest

from mirrorfx.show.person_detector import detector_state

from .conftest import family
from .test_control import operate, state_of  # noqa: F401  a fixture

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not detector_state().ok, reason=f"no person detector: {detector_state().reason}"),
]

FPS, EMPTY_S, PERSON_S = 15, 4, 6
ATTRACT = {"attract": ("Lava",), "attract_after_s": 1.5, "preset": "Ice", "size": (384, 384)}


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """An empty room for some seconds, then somebody who stands in it and hardly moves; it goes round."""
    import cv2
    from skimage import data

    path = tmp_path_factory.mktemp("film") / "visitor.mp4"
    room = cv2.GaussianBlur(cv2.resize(np.dstack([data.brick()] * 3), (384, 384)), (0, 0), 3)
    person = cv2.resize(data.astronaut(), (180, 180), interpolation=cv2.INTER_AREA)
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "12"})
        stream.width = stream.height = 384
        stream.pix_fmt = "yuv420p"
        for index in range((EMPTY_S + PERSON_S) * FPS):
            picture = room.copy()
            if index >= EMPTY_S * FPS:
                x = 100 + index // 5 % 2  # a breath
                picture[204:384, x : x + 180] = person
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return str(path)


def settled(client, check, seconds=30):
    for _ in range(round(seconds * 20)):
        state = state_of(client)
        if check(state):
            return state
        time.sleep(0.05)
    raise AssertionError(f"never came true: {state['attract']}, {state['presence']}")


def is_attracting(state):
    return state["attract"]["on"] == "Lava"


def test_the_wall_attracts_while_the_room_is_empty_and_is_back_when_somebody_comes(operate, film):  # noqa: F811
    def script(client, events):
        before = state_of(client)["values"]
        settled(client, is_attracting)
        assert state_of(client)["presence"]["somebody"] is False
        state = settled(client, lambda s: s["presence"]["somebody"] and not s["preparing"])
        assert (state["attract"]["on"], state["preset"], state["values"]) == (None, "Ice", before)
        told = [event.data for event in events if event.event == "state"]
        first = next(i for i, data in enumerate(told) if is_attracting(data))
        back = next(d for d in told[first:] if d["attract"]["on"] is None and d["fade"] and not d["preparing"])
        # From the picture that showed somebody to the last frame of the fade, by the stamps of both.
        taken_s = back["presence"]["since_s"] + back["fade"]["left_s"]
        print(f"back after {taken_s:.2f} s")
        assert taken_s < 5.0
        with pytest.raises(AssertionError, match="never came true"):
            settled(client, is_attracting, seconds=PERSON_S - ATTRACT["attract_after_s"] - 1)
        settled(client, is_attracting)  # the film begins again: the room is empty

    outcome = operate(script, source=film, **ATTRACT)
    assert outcome.report["freezes"] <= 2


def test_the_show_goes_on_without_the_presence_process_and_it_comes_back(operate, film):  # noqa: F811
    def script(client, _events):
        settled(client, is_attracting)
        os.kill(family()["mfx-presence"].pid, signal.SIGKILL)
        state = settled(client, lambda s: not s["presence"]["ok"])
        assert (state["attract"]["on"], state["preset"]) == (None, "Ice")
        settled(client, lambda s: s["presence"]["ok"])

    operate(script, source=film, **ATTRACT)
