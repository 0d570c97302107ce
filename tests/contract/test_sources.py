"""What every source does, whatever it is made of."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from mirrorfx.clock import MS, SECOND, FakeClock
from mirrorfx.sources import CameraInfo, SourceInfo, open_spec
from mirrorfx.sources.base import Source
from mirrorfx.sources.camera import Camera
from mirrorfx.sources.memory import MemorySource

START_NS = 50 * SECOND
SIZE = (320, 256)
KINDS = ("video", "still", "pattern", "memory", "camera")


@dataclass
class Rig:
    source: Source
    clock: FakeClock
    pass_time: Callable[[int], None]


class SharedClock(FakeClock):
    """A fake clock that the camera's thread and the test may move at the same time."""

    def __init__(self, now_ns):
        super().__init__(now_ns)
        self._lock = threading.Lock()

    def advance_ns(self, by_ns):
        with self._lock:
            super().advance_ns(by_ns)

    def sleep_until_ns(self, deadline_ns):
        with self._lock:
            super().sleep_until_ns(deadline_ns)


class Webcam:
    """A driver that has a new picture every 40 ms of the fake clock."""

    def __init__(self, clock):
        self.clock = clock
        self.taken_ns = clock.now_ns()
        self.pause = threading.Event()

    def isOpened(self):  # noqa: N802
        return True

    def grab(self):
        self.pause.wait(0.001)
        self.clock.sleep_until_ns(self.taken_ns + 40 * MS)
        self.taken_ns = self.clock.now_ns()
        return True

    def retrieve(self):
        return True, np.random.default_rng(self.taken_ns).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)

    def get(self, prop):
        return {cv2.CAP_PROP_FPS: 25.0, cv2.CAP_PROP_POS_MSEC: self.taken_ns / MS}.get(prop, 0.0)

    def set(self, _prop, _value):
        return True

    def getBackendName(self):  # noqa: N802
        return "FAKE"

    def release(self):
        pass


def write_video(path):
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height = SIZE
        for index in range(8):
            frame = av.VideoFrame.from_ndarray(np.full((SIZE[1], SIZE[0], 3), index * 30, np.uint8), format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    return path


@pytest.fixture(params=KINDS)
def rig(request, tmp_path):
    clock = SharedClock(START_NS)
    if request.param == "memory":
        pictures = [np.full((SIZE[1], SIZE[0], 3), shade, np.uint8) for shade in range(9)]
        source = MemorySource(pictures, clock=clock, loop=True)
    elif request.param == "camera":
        source = Camera("0", clock=clock, capture=lambda _: Webcam(clock), cameras=lambda: [CameraInfo(0, "fake")])
    else:
        spec = request.param
        if spec == "video":
            spec = str(write_video(tmp_path / "clip.mp4"))
        elif spec == "still":
            spec = str(tmp_path / "photo.png")
            cv2.imwrite(spec, np.full((SIZE[1], SIZE[0], 3), 99, np.uint8))
        source = open_spec(spec, clock=clock, size=SIZE)
    yield Rig(source, clock, clock.advance_ns)
    source.close()


def test_it_says_what_it_is(rig):
    info = rig.source.open()
    assert isinstance(info, SourceInfo)
    assert info.name
    assert info.size == SIZE
    assert 20 <= info.rate_fps <= 60
    assert info.live == (rig.source.kind == "camera")
    assert rig.source.kind in KINDS


def test_frames_have_the_announced_size_and_are_contiguous_bgr(rig):
    info = rig.source.open()
    for _ in range(20):
        frame = rig.source.read()
        assert frame.size == info.size
        assert frame.pixels.dtype == np.uint8
        assert frame.pixels.shape == (info.size[1], info.size[0], 3)
        assert frame.pixels.flags.c_contiguous
        assert (frame.seq, frame.revision) == (-1, -1)


def test_stamps_and_numbers_only_go_up_and_no_frame_comes_before_its_time(rig):
    rig.source.open()
    frames = []
    for _ in range(20):
        frames.append(rig.source.read())
        assert START_NS <= frames[-1].t_capture_ns <= rig.clock.now_ns()
    for before, after in itertools.pairwise(frames):
        assert after.t_capture_ns > before.t_capture_ns
        assert after.index > before.index


def test_a_late_reader_gets_a_fresh_frame_and_the_numbers_show_the_gap(rig):
    rig.source.open()
    before = rig.source.read()
    rig.pass_time(500 * MS)
    asked_ns = rig.clock.now_ns()
    rig.source.read()
    after = rig.source.read()
    assert after.t_capture_ns > asked_ns - 50 * MS
    if rig.source.kind != "camera":
        assert after.index - before.index > 10


def test_numbers_start_at_nought_again_after_opening_again(rig):
    for _ in range(2):
        rig.source.open()
        numbers = [rig.source.read().index for _ in range(3)]
        rig.source.close()
        # A camera counts in a thread of its own, which may be ahead of its reader by any number.
        assert numbers == [0, 1, 2] or rig.source.kind == "camera"


def test_it_can_be_closed_twice_and_opened_again(rig):
    for _ in range(2):
        rig.source.open()
        assert rig.source.read() is not None
        rig.source.close()
        rig.source.close()


def test_opening_an_open_one_starts_it_anew(rig):
    rig.source.open()
    rig.source.read()
    assert rig.source.open().size == SIZE
    assert rig.source.read() is not None


def test_a_closed_one_gives_nothing(rig):
    rig.source.close()
    assert rig.source.read() is None
    with rig.source:
        assert rig.source.read() is not None
    assert rig.source.read() is None
