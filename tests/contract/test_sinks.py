"""What every sink must do."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from mirrorfx.errors import InvalidValue, SinkFailed
from mirrorfx.frame import Frame
from mirrorfx.sinks import MemorySink, NullSink, Recorder, Sink

SIZE = (320, 256)
STEP_NS = 33_333_333

FACTORIES = {
    "null": lambda _path: NullSink(),
    "memory": lambda _path: MemorySink(limit=8),
    "recorder": lambda path: Recorder(path / "film.mp4"),
}


@pytest.fixture(params=FACTORIES)
def sink(request, tmp_path):
    before = set(threading.enumerate())
    made = FACTORIES[request.param](tmp_path)
    yield made
    made.close()
    assert set(threading.enumerate()) <= before, "a sink left a thread behind"


def picture(value: int = 90) -> Frame:
    return Frame(np.full((SIZE[1], SIZE[0], 4), value, np.uint8), t_capture_ns=0)


def test_is_a_sink_with_a_kind(sink):
    assert isinstance(sink, Sink)
    assert sink.kind == next(name for name in FACTORIES if name == sink.kind)


def test_takes_pictures_and_leaves_them_alone(sink):
    frame = picture()
    untouched = frame.pixels.copy()
    frame.pixels.setflags(write=False)
    sink.open(SIZE, 60)
    for step in range(4):
        sink.put(frame, step * STEP_NS)
    sink.close()
    np.testing.assert_array_equal(frame.pixels, untouched)


def test_lets_go_of_the_pixels_it_was_given(sink):
    """The pixels live in a shared slot that is unmapped afterwards: a sink that keeps a view would hold it."""
    memory = bytearray(SIZE[0] * SIZE[1] * 4)
    sink.open(SIZE, 60)
    for step in range(4):
        pixels = np.frombuffer(memory, np.uint8).reshape(SIZE[1], SIZE[0], 4)
        sink.put(Frame(pixels, t_capture_ns=0), step * STEP_NS)
        del pixels
    memory.clear()  # raises BufferError while anybody holds a view


def test_is_safe_to_close_twice_and_before_opening(sink):
    sink.close()
    sink.open(SIZE, 60)
    sink.close()
    sink.close()


def test_opens_again_after_closing(sink):
    for _ in range(2):
        sink.open(SIZE, 60)
        sink.put(picture(), 0)
        sink.close()


def test_says_so_when_it_is_not_open(sink):
    with pytest.raises(SinkFailed, match="open"):
        sink.put(picture(), 0)
    sink.open(SIZE, 60)
    sink.close()
    with pytest.raises(SinkFailed, match="open"):
        sink.put(picture(), 0)


@pytest.mark.parametrize("shape", [(256, 320, 3), (256, 320)])
def test_refuses_what_is_not_bgrx(sink, shape):
    sink.open(SIZE, 60)
    with pytest.raises(InvalidValue, match="BGRX"):
        sink.put(Frame(np.zeros(shape, np.uint8), t_capture_ns=0), 0)


def test_is_a_context_manager(sink):
    with sink:
        sink.open(SIZE, 60)
    with pytest.raises(SinkFailed):
        sink.put(picture(), 0)
