from __future__ import annotations

import numpy as np
import pytest

from mirrorfx.errors import InvalidValue
from mirrorfx.frame import Frame
from mirrorfx.sinks import MemorySink, NullSink


def frame(value: int) -> Frame:
    return Frame(np.full((256, 256, 4), value, np.uint8), t_capture_ns=value, seq=value)


def test_keeps_the_newest_with_their_times():
    with MemorySink(limit=3) as sink:
        sink.open((256, 256), 60)
        for value in range(5):
            sink.put(frame(value), 100 + value)
    assert [(kept.seq, time) for kept, time in sink.shown] == [(2, 102), (3, 103), (4, 104)]
    assert [int(kept.pixels[0, 0, 0]) for kept in sink.frames] == [2, 3, 4]
    assert sink.count == 5


def test_keeps_copies():
    sink = MemorySink()
    sink.open((256, 256), 60)
    given = frame(1)
    sink.put(given, 0)
    given.pixels[:] = 99
    assert (sink.frames[0].pixels == 1).all()


def test_starts_again_when_opened_again():
    sink = MemorySink()
    sink.open((256, 256), 60)
    sink.put(frame(1), 0)
    sink.open((256, 256), 60)
    assert sink.frames == []
    assert sink.count == 0


def test_refuses_to_keep_nothing():
    with pytest.raises(InvalidValue, match="at least 1"):
        MemorySink(limit=0)


def test_null_sink_counts():
    sink = NullSink()
    sink.open((256, 256), 60)
    sink.put(frame(1), 0)
    sink.put(frame(1), 1)
    assert sink.count == 2
