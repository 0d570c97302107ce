"""Attract mode in a real mirror: the room is empty, somebody comes, stands still, and goes."""

from __future__ import annotations

import os
import signal
import time

import av
import numpy as np
import pytest

from mirrorfx.clock import SECOND
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


def painted(events, check, seconds=30):
    """Return (time in seconds, frames given to workers) of all figures so far, once `check` holds of them."""
    for _ in range(round(seconds * 20)):
        told = [event.data for event in list(events) if event.event == "figures"]
        rows = [(data["t_ns"] / SECOND, data["frames"]["dispatched"]) for data in told]
        if check(rows):
            return rows
        time.sleep(0.05)
    raise AssertionError(f"never came true: {rows[-5:]}")


def test_few_frames_are_painted_meanwhile_and_many_again_when_somebody_comes(operate, tmp_path):  # noqa: F811
    import cv2

    picture = tmp_path / "room.png"
    cv2.imwrite(str(picture), np.full((384, 384, 3), 90, np.uint8))

    def rate(events):
        since = len(painted(events, bool)) + 1
        rows = painted(events, lambda rows: len(rows) > since + 5)[since:]
        (t0_s, first), (t1_s, last) = rows[0], rows[-1]
        return (last - first) / (t1_s - t0_s), t1_s - t0_s

    def script(client, events):
        settled(client, is_attracting)
        rates["attract"] = rate(events)
        client.ask("set", params={"strength": 0.3})  # whoever operates the mirror is somebody, too
        rates["show"] = rate(events)
        lag = [e.data["lag"]["frames"] for e in events if e.event == "figures"]
        notices = [e.data["text"] for e in events if e.event == "notice"]
        print(f"frames that lagged, each time it was told: {lag}; said: {notices}")  # this machine may really lag

    rates = {}
    operate(script, source=str(picture), attract_fps=4.0, attract_by="motion", **(ATTRACT | {"attract_after_s": 5.0}))
    (slow, over_s), (full, _) = rates["attract"], rates["show"]
    print(f"painted: {slow:.2f} a second while nobody is there, {full:.2f} when somebody is")
    assert slow <= 4.0 + 1 / over_s
    assert full > 6.0


def test_the_show_goes_on_without_the_presence_process_and_it_comes_back(operate, film):  # noqa: F811
    def script(client, _events):
        settled(client, is_attracting)
        os.kill(family()["mfx-presence"].pid, signal.SIGKILL)
        state = settled(client, lambda s: not s["presence"]["ok"])
        assert (state["attract"]["on"], state["preset"]) == (None, "Ice")
        settled(client, lambda s: s["presence"]["ok"])

    operate(script, source=film, **ATTRACT)
