import itertools
import queue
import sys
import threading
from collections import deque
from dataclasses import replace

import cv2
import numpy as np
import pytest

from mirrorfx.clock import MS, SECOND, FakeClock
from mirrorfx.errors import SourceLost, SourceNotFound, SourceUnreadable
from mirrorfx.sources import CameraInfo
from mirrorfx.sources.camera import Camera, CameraSettings
from mirrorfx.sources.picture_watch import PictureWatch

NOW_NS = 100 * SECOND
UNPLUGGED = object()
PATIENT = CameraSettings(timeout_s=20.0, first_picture_s=20.0)


class FakeCapture:
    """A driver that gives what the test puts into `pictures`, and knows fewer modes than are asked for."""

    def __init__(self, pictures, *, opens=True, stamps=None, modes=None):
        self.pictures = pictures
        self.opens = opens
        self.stamps = stamps
        self.modes = {cv2.CAP_PROP_FPS: 30.0} | (modes or {})
        self.asked = []
        self.values = {}
        self.released = False

    def isOpened(self):  # noqa: N802
        return self.opens

    def grab(self):
        try:
            self.current = self.pictures.get(timeout=0.02)
        except queue.Empty:
            self.current = None
            return True
        return self.current is not UNPLUGGED

    def retrieve(self):
        return self.current is not None, self.current

    def get(self, prop):
        if prop == cv2.CAP_PROP_POS_MSEC:
            return self.stamps() / MS if self.stamps else 0.0
        return self.modes.get(prop, self.values.get(prop, 0.0))

    def set(self, prop, value):
        self.asked.append((prop, value))
        self.values[prop] = value
        return True

    def getBackendName(self):  # noqa: N802
        return "FAKE"

    def release(self):
        self.released = True


class Bench:
    """A camera on fake drivers: every `open` makes a new capture on the same queue of pictures."""

    def __init__(self, settings=PATIENT, cameras=None, **capture):
        self.clock = FakeClock(NOW_NS)
        self.pictures = queue.Queue()
        self.captures = []
        self.capture = capture
        self.cameras = [CameraInfo(0, "C920", "usb-C920")] if cameras is None else cameras
        self.camera = Camera(
            "c920",
            clock=self.clock,
            settings=settings,
            capture=self._capture,
            cameras=lambda: self.cameras,
        )

    def _capture(self, index):
        self.captures.append(FakeCapture(self.pictures, **self.capture))
        self.captures[-1].index = index
        return self.captures[-1]

    def open(self):
        self.camera.close()
        self.give(0)
        info = self.camera.open()
        self.camera.read()
        return info

    def give(self, shade, then_ns=33 * MS):
        self.clock.advance_ns(then_ns)
        self.pictures.put(noisy(shade) if isinstance(shade, int) else shade)

    def read(self, shade, then_ns=33 * MS):
        self.give(shade, then_ns)
        return self.camera.read()


def noisy(seed, level=90):
    return np.random.default_rng(seed).integers(level, level + 9, (48, 64, 3), dtype=np.uint8)


@pytest.fixture
def bench():
    made = []

    def make(*args, **kwargs):
        made.append(Bench(*args, **kwargs))
        return made[-1]

    yield make
    for each in made:
        each.camera.close()
        assert all(capture.released for capture in each.captures)


def test_the_mode_is_asked_for_in_the_drivers_order_and_read_back(bench):
    modes = {cv2.CAP_PROP_FRAME_WIDTH: 640.0, cv2.CAP_PROP_FPS: 15.0, cv2.CAP_PROP_FOURCC: 0x56595559}
    rig = bench(modes=modes)
    info = rig.open()
    assert [prop for prop, _ in rig.captures[0].asked[:4]] == [
        cv2.CAP_PROP_FOURCC,
        cv2.CAP_PROP_FRAME_WIDTH,
        cv2.CAP_PROP_FRAME_HEIGHT,
        cv2.CAP_PROP_FPS,
    ]
    details = dict(info.details)
    assert details["size"] == "640x720 (asked for 1280x720)"
    assert details["rate"] == "15 fps (asked for 30 fps)"
    assert details["format"] == "YUYV (asked for MJPG)"
    assert (info.size, info.rate_fps, info.live, info.name) == ((64, 48), 15.0, True, "C920")


def test_a_mode_that_was_granted_is_told_plainly(bench):
    details = dict(bench().open().details)
    assert (details["size"], details["rate"], details["format"]) == ("1280x720", "30 fps", "MJPG")


def test_locks_switch_the_automatic_off_first_and_are_set_again_at_every_open(bench):
    settings = CameraSettings(exposure=150, gain=20, white_balance=4500, focus=30)
    rig = bench(settings)
    rig.open()
    rig.open()
    for capture in rig.captures:
        order = [prop for prop, _ in capture.asked]
        for automatic, value in (
            (cv2.CAP_PROP_AUTO_EXPOSURE, cv2.CAP_PROP_EXPOSURE),
            (cv2.CAP_PROP_AUTO_WB, cv2.CAP_PROP_WB_TEMPERATURE),
            (cv2.CAP_PROP_AUTOFOCUS, cv2.CAP_PROP_FOCUS),
        ):
            assert order.index(cv2.CAP_PROP_FPS) < order.index(automatic) < order.index(value)
        assert capture.values[cv2.CAP_PROP_EXPOSURE] == 150
        assert capture.values[cv2.CAP_PROP_WB_TEMPERATURE] == 4500
        assert capture.values[cv2.CAP_PROP_FOCUS] == 30
        assert capture.values[cv2.CAP_PROP_GAIN] == 20
    assert len(rig.captures) == 2


def test_without_locks_the_automatics_are_left_alone(bench):
    rig = bench()
    rig.open()
    assert not {cv2.CAP_PROP_EXPOSURE, cv2.CAP_PROP_AUTO_EXPOSURE, cv2.CAP_PROP_AUTO_WB} & rig.captures[0].values.keys()


def test_the_newest_frame_is_given_and_the_index_shows_what_was_missed(bench):
    rig = bench()
    rig.open()
    for seed in range(1, 5):
        rig.pictures.put(noisy(seed))
    wait_until_empty(rig.pictures)
    rig.give(5)
    frame = rig.camera.read()
    while not np.array_equal(frame.pixels, noisy(5)):
        frame = rig.camera.read()
    assert frame.index >= 5


def wait_until_empty(pictures):
    drained = threading.Event()
    while not pictures.empty():
        drained.wait(0.001)


def test_believable_driver_stamps_are_used(bench):
    rig = bench()
    rig.capture["stamps"] = lambda: rig.clock.now_ns() - 20 * MS
    info = rig.open()
    frame = rig.read(1)
    assert dict(info.details)["time stamps"] == "from the driver"
    assert frame.t_capture_ns == pytest.approx(rig.clock.now_ns() - 20 * MS, abs=1000)


@pytest.mark.parametrize("off_ns", [-NOW_NS, -2 * SECOND, SECOND], ids=["since start", "too old", "in the future"])
def test_unbelievable_driver_stamps_are_replaced_by_the_time_of_arrival(bench, off_ns):
    rig = bench()
    rig.capture["stamps"] = lambda: rig.clock.now_ns() + off_ns
    info = rig.open()
    assert dict(info.details)["time stamps"] == "on arrival"
    assert rig.read(1).t_capture_ns == rig.clock.now_ns()


def test_stamps_never_repeat_or_go_back(bench):
    stuck_ns = NOW_NS + 10 * MS
    rig = bench(stamps=lambda: stuck_ns)
    rig.open()
    stamps = [rig.read(seed).t_capture_ns for seed in range(1, 5)]
    assert all(np.diff(stamps) > 0)


def test_stamps_never_repeat_when_the_clock_is_coarse(bench):
    rig = bench()
    rig.open()
    stamps = [rig.read(seed, then_ns=0).t_capture_ns for seed in range(1, 5)]
    assert all(np.diff(stamps) > 0)


def test_an_unplugged_camera_is_lost_and_comes_back_by_opening_it_again(bench):
    rig = bench()
    rig.open()
    for _ in range(3):
        rig.pictures.put(UNPLUGGED)
    with pytest.raises(SourceLost, match=r"C920.* stopped giving pictures"):
        rig.camera.read()
    with pytest.raises(SourceLost):
        rig.camera.read()
    rig.cameras = []
    with pytest.raises(SourceNotFound):
        rig.camera.open()
    rig.cameras = [CameraInfo(4, "C920", "usb-C920")]
    rig.open()
    assert rig.captures[-1].index == 4
    assert rig.read(9) is not None


def test_one_bad_picture_is_passed_over(bench):
    rig = bench()
    rig.open()
    rig.pictures.put(UNPLUGGED)
    assert np.array_equal(rig.read(1).pixels, noisy(1))


def test_a_camera_that_gives_nothing_is_lost_after_the_timeout(bench):
    rig = bench(CameraSettings(timeout_s=0.05))
    rig.give(0)
    rig.camera.open()
    rig.camera.read()
    with pytest.raises(SourceLost, match=r"no picture for 0\.05 s"):
        rig.camera.read()


def test_opencvs_own_errors_are_translated(bench, monkeypatch):
    def fail(_):
        raise cv2.error("out of luck")

    rig = bench()
    rig.open()
    monkeypatch.setattr(FakeCapture, "retrieve", fail)
    rig.give(1)
    with pytest.raises(SourceLost, match="OpenCV failed"):
        rig.camera.read()


def test_a_camera_that_cant_be_opened_says_what_to_do(bench):
    rig = bench(opens=False)
    with pytest.raises(SourceUnreadable, match=r"C920.* Another program .* group video"):
        rig.camera.open()


def test_a_camera_that_opens_but_gives_nothing_is_unreadable(bench):
    rig = bench(CameraSettings(first_picture_s=0.05))
    with pytest.raises(SourceUnreadable, match="was opened, but it has given no picture"):
        rig.camera.open()


def test_a_driver_that_hangs_is_not_waited_for_and_not_opened_again(bench, monkeypatch):
    monkeypatch.setattr("mirrorfx.sources.camera._CLOSE_S", 0.05)
    rig = bench()
    rig.open()
    hang, hanging = threading.Event(), threading.Event()
    monkeypatch.setattr(rig.captures[0], "grab", lambda: (hanging.set(), hang.wait(30), False)[-1])
    hanging.wait(10)
    rig.camera.close()
    with pytest.raises(SourceUnreadable, match="hangs; only ending this process"):
        rig.camera.open()
    hang.set()


def test_a_repeated_picture_is_noticed_within_two_seconds(bench):
    rig = bench()
    rig.open()
    still, start_ns = noisy(1), rig.clock.now_ns()
    with pytest.raises(SourceLost, match="repeated the same picture"):
        deque((rig.read(still) for _ in range(200)), maxlen=0)
    assert rig.clock.now_ns() - start_ns <= 2 * SECOND


def test_the_time_it_took_to_open_again_does_not_count_as_frozen(bench):
    rig = bench()
    rig.open()
    rig.read(1)
    rig.read(1)
    rig.clock.advance_ns(10 * SECOND)
    rig.camera.close()
    rig.give(1)
    rig.camera.open()
    assert rig.camera.read() is not None


class Watched:
    """A watch with a clock that moves on a frame with every picture."""

    def __init__(self):
        self.clock = FakeClock(NOW_NS)
        self.watch = PictureWatch(self.clock)

    def until_said(self, picture, most_s=600):
        """Return after how many seconds something is said of this picture, and what."""
        start_ns = self.clock.now_ns()
        while self.clock.now_ns() - start_ns < most_s * SECOND:
            reason = self.watch.see(picture)
            if reason:
                return (self.clock.now_ns() - start_ns) / SECOND, reason
            self.clock.advance_ns(33 * MS)
        return None


def test_a_living_picture_is_never_complained_of():
    watched = Watched()
    for seed in range(300):
        assert watched.watch.see(noisy(seed)) is None
        watched.clock.advance_ns(33 * MS)


def test_black_is_noticed_within_five_seconds():
    seconds, reason = Watched().until_said(np.zeros((48, 64, 3), np.uint8))
    assert 3 < seconds <= 5
    assert "black" in reason


def test_a_dark_room_with_noise_is_not_black():
    watched = Watched()
    for seed in range(300):
        assert watched.watch.see(noisy(seed, level=4)) is None
        watched.clock.advance_ns(33 * MS)


@pytest.mark.parametrize("picture", [noisy(1), np.zeros((48, 64, 3), np.uint8)], ids=["frozen", "black"])
def test_reopening_that_does_not_help_is_asked_for_ever_more_rarely(picture):
    watched = Watched()
    waits = []
    for _ in range(4):
        waits.append(watched.until_said(picture)[0])
        watched.watch.reopened()
    assert all(later > 1.9 * earlier for earlier, later in itertools.pairwise(waits))
    watched.watch.see(noisy(2))
    assert watched.until_said(picture)[0] == pytest.approx(waits[0], abs=0.1)


def test_time_without_pictures_while_reopening_does_not_count():
    watched = Watched()
    watched.watch.see(noisy(1))
    watched.watch.see(noisy(1))
    watched.clock.advance_ns(10 * SECOND)
    watched.watch.reopened()
    assert watched.watch.see(noisy(1)) is None


def test_locks_change_while_it_runs_and_what_is_freed_gets_its_automatic_back(bench):
    made = bench(replace(PATIENT, exposure=100.0))
    made.open()
    capture = made.captures[0]
    capture.asked.clear()
    made.camera.adjust(replace(PATIENT, focus=30.0))
    made.read(1)
    made.read(2)
    wait_for(lambda: made.camera.controls["focus"] == 30.0)
    on = 3.0 if sys.platform == "linux" else 0.75
    assert capture.asked == [
        (cv2.CAP_PROP_AUTO_EXPOSURE, on),
        (cv2.CAP_PROP_AUTOFOCUS, 0.0),
        (cv2.CAP_PROP_FOCUS, 30.0),
    ]
    made.open()
    assert (cv2.CAP_PROP_FOCUS, 30.0) in made.captures[1].asked, "they hold after it was opened again"


def test_a_control_that_the_driver_lacks_is_none(bench):
    made = bench(modes={cv2.CAP_PROP_FOCUS: -1.0, cv2.CAP_PROP_EXPOSURE: 156.0})
    made.open()
    assert made.camera.controls["exposure"] == 156.0
    assert (made.camera.controls["focus"] is None) is (sys.platform == "linux")


def wait_for(what):
    deadline = threading.Event()
    for _ in range(1000):
        if what():
            return
        deadline.wait(0.01)
    raise AssertionError("it never came")
