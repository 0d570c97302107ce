"""The wall's window, asked with a fake presenter."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, QRect, QSize, Qt
from PyQt6.QtGui import QColor, QGuiApplication, QKeyEvent

from mirrorfx.clock import MS, SECOND, FakeClock, MonotonicClock
from mirrorfx.geometry import OutputGeometry, save_screen
from mirrorfx.safety import Panic
from mirrorfx_ui.wall.canvas import fitted
from mirrorfx_ui.wall.screens import display_period_ns, find_screen, unknown_screen
from mirrorfx_ui.wall.ticker import Ticker
from mirrorfx_ui.wall.window import WallWindow

WIDTH, HEIGHT = 320, 256


class FakePresenter:
    """Shows the pictures it is given, one a tick."""

    def __init__(self, *pictures):
        self.pictures = list(pictures)
        self.picture = None
        self.stopping = False
        self.calls = []
        self.wishes = []
        self.told = []
        self.period_ns = None

    def set_period(self, period_ns):
        self.period_ns = period_ns

    def pump(self):
        self.calls.append("pump")

    def tick(self, v_ns):
        new = self.pictures.pop(0) if self.pictures else None
        if new is not None:
            self.picture = new
        self.calls.append("new" if new is not None else "repeat")
        return new

    def presented(self, t_ns):
        self.calls.append("presented")

    def take_wishes(self):
        wishes, self.wishes = self.wishes, []
        return wishes

    def tell_of_window(self, state):
        self.told.append(state)

    def press(self, key):
        self.calls.append(key)

    def ticks(self):
        return self.calls.count("presented")


def quartered():
    """A picture whose quarters are blue, green, red and grey, in BGRX; read-only as a ring's slot is."""
    pixels = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    pixels[..., 3] = 255
    half_y, half_x = HEIGHT // 2, WIDTH // 2
    pixels[:half_y, :half_x, 0] = 250
    pixels[:half_y, half_x:, 1] = 240
    pixels[half_y:, :half_x, 2] = 230
    pixels[half_y:, half_x:, :3] = (10, 20, 30)
    pixels.flags.writeable = False
    return pixels


def plain(bgr):
    pixels = np.empty((HEIGHT, WIDTH, 4), np.uint8)
    pixels[...] = (*bgr, 255)
    return pixels


@pytest.fixture
def make_window(qtbot):
    def make(*pictures, fullscreen=None):
        presenter = FakePresenter(*pictures)
        window = WallWindow(presenter, MonotonicClock(), (WIDTH, HEIGHT))
        qtbot.addWidget(window)
        window.open(fullscreen)
        qtbot.waitUntil(lambda: presenter.ticks() > len(pictures))
        return window, presenter

    return make


def colour(window, x, y):
    return window.grab().toImage().pixelColor(x, y).getRgb()[:3]


def test_it_shows_every_pixel_as_it_is(make_window):
    window, _ = make_window(quartered())
    assert window.size() == QSize(WIDTH, HEIGHT)
    assert colour(window, 10, 10) == (0, 0, 250), "blue comes first in BGRX"
    assert colour(window, WIDTH - 10, 10) == (0, 240, 0)
    assert colour(window, 10, HEIGHT - 10) == (230, 0, 0)
    assert colour(window, WIDTH - 10, HEIGHT - 10) == (30, 20, 10)
    grabbed = window.grab().toImage().convertToFormat(quartered_format())
    bits = np.frombuffer(grabbed.constBits().asarray(grabbed.sizeInBytes()), np.uint8)
    assert np.array_equal(bits.reshape(HEIGHT, WIDTH, 4)[..., :3], quartered()[..., :3])


def quartered_format():
    from PyQt6.QtGui import QImage

    return QImage.Format.Format_RGB32


def test_every_tick_is_pumped_asked_and_told_in_this_order(make_window):
    _, presenter = make_window(plain((1, 2, 3)), plain((4, 5, 6)))
    assert presenter.calls[:9] == ["pump", "new", "presented"] * 2 + ["pump", "repeat", "presented"]
    assert presenter.period_ns == display_period_ns(QGuiApplication.primaryScreen())


def test_the_newest_picture_is_on_the_screen(make_window, qtbot):
    window, presenter = make_window(plain((0, 0, 200)))
    presenter.pictures.append(plain((0, 180, 0)))
    qtbot.waitUntil(lambda: not presenter.pictures)
    assert colour(window, 50, 50) == (0, 180, 0)


def test_a_wide_window_has_black_beside_the_picture(make_window):
    window, _ = make_window(plain((0, 0, 200)))
    window.resize(WIDTH * 2, HEIGHT)
    assert colour(window, 5, HEIGHT // 2) == (0, 0, 0)
    assert colour(window, WIDTH * 2 - 5, HEIGHT // 2) == (0, 0, 0)
    assert colour(window, WIDTH, HEIGHT // 2) == (200, 0, 0)


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (QRect(0, 0, 320, 256), QRect(0, 0, 320, 256)),
        (QRect(0, 0, 1000, 256), QRect(340, 0, 320, 256)),
        (QRect(0, 0, 640, 1000), QRect(0, 244, 640, 512)),
    ],
)
def test_fitted(window, expected):
    assert fitted(QSize(320, 256), window) == expected


def test_f11_and_escape(make_window, qtbot):
    window, _ = make_window()
    before = window.geometry()
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert window.isFullScreen()
    qtbot.waitUntil(lambda: window.size() == window.screen().size())
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isFullScreen()
    qtbot.waitUntil(lambda: window.geometry() == before)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert window.isVisible()
    assert not window.isFullScreen()


def test_a_double_click_fills_the_screen_and_goes_back(make_window, qtbot):
    window, _ = make_window()
    qtbot.mouseDClick(window, Qt.MouseButton.LeftButton)
    assert window.isFullScreen()
    qtbot.mouseDClick(window, Qt.MouseButton.LeftButton)
    assert not window.isFullScreen()


def test_the_cursor_hides_only_in_fullscreen_and_comes_back_when_moved(make_window, qtbot):
    window, _ = make_window()
    window._hide_cursor()
    assert window.cursor().shape() != Qt.CursorShape.BlankCursor
    qtbot.keyClick(window, Qt.Key.Key_F11)
    window._idle.setInterval(1)
    window._idle.start()
    qtbot.waitUntil(lambda: window.cursor().shape() == Qt.CursorShape.BlankCursor)
    window._idle.setInterval(60_000)
    qtbot.mouseMove(window, QPoint(30, 30))
    qtbot.mouseMove(window, QPoint(60, 60))
    qtbot.waitUntil(lambda: window.cursor().shape() != Qt.CursorShape.BlankCursor)


def test_it_closes_when_the_launcher_says_so(make_window, qtbot):
    window, presenter = make_window()
    presenter.stopping = True
    qtbot.waitUntil(lambda: not window.isVisible())
    ticks = presenter.ticks()
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert presenter.ticks() == ticks
    assert not window._ticker._timer.isActive()


def test_the_screens_saved_geometry_is_used(make_window, qtbot):
    name = QGuiApplication.primaryScreen().name()
    save_screen(name, OutputGeometry(flip_x=True))
    window, _ = make_window(quartered())
    assert window.geometry_on_screen.flip_x
    assert colour(window, WIDTH - 10, 10) == (0, 0, 250)
    assert colour(window, 10, 10) == (0, 240, 0)


def test_a_spoilt_geometry_is_logged_and_left_out(make_window, tmp_path, caplog):
    folder = tmp_path / "config"
    folder.mkdir(exist_ok=True)
    name = QGuiApplication.primaryScreen().name()
    (folder / "screens.toml").write_text(f'[screens."{name}"]\nrotation = 45\n')
    window, _ = make_window(quartered())
    assert window.geometry_on_screen == OutputGeometry()
    assert "45" in caplog.text


def test_an_unknown_screen_is_told_and_the_primary_one_steps_in(make_window):
    window, _ = make_window(fullscreen="HDMI-99")
    known = QGuiApplication.primaryScreen().name()
    told = unknown_screen("HDMI-99")
    assert "'HDMI-99'" in told
    assert known in told
    assert unknown_screen(known) == unknown_screen("") == ""
    assert window.isFullScreen()
    assert window.screen().name() == known


def test_no_name_means_the_primary_screen():
    assert find_screen("") is QGuiApplication.primaryScreen()


def test_a_screen_without_a_rate_counts_as_60_hz():
    class Virtual:
        def refreshRate(self):  # noqa: N802  Qt's name
            return 0.0

    assert display_period_ns(Virtual()) == round(SECOND / 60)


_TWO_SCREENS = """
import sys
from PyQt6.QtWidgets import QApplication
from mirrorfx.clock import FakeClock
from mirrorfx_ui.wall.window import WallWindow
from tests_fake import FakePresenter
app = QApplication([])
window = WallWindow(FakePresenter(), FakeClock(), (320, 256))
window.open("RIGHT")
print(window.screen().name(), window.isFullScreen(), *window.geometry().getRect())
window.toggle_fullscreen()
print(window.screen().name(), window.isFullScreen())
"""


def test_a_named_screen_is_filled_where_there_are_two(tmp_path):
    screens = [
        {"name": "LEFT", "x": 0, "y": 0, "width": 1280, "height": 720},
        {"name": "RIGHT", "x": 1280, "y": 0, "width": 1080, "height": 1920},
    ]
    common = {"logicalDpi": 96, "logicalBaseDpi": 96, "dpr": 1}
    config = tmp_path / "screens.json"
    config.write_text(json.dumps({"screens": [screen | common for screen in screens]}))
    import inspect

    (tmp_path / "tests_fake.py").write_text(inspect.getsource(FakePresenter))
    environment = os.environ | {"QT_QPA_PLATFORM": f"offscreen:configfile={config}", "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", _TWO_SCREENS], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.splitlines() == ["RIGHT True 1280 0 1080 1920", "RIGHT False"], done.stderr


class SleepyClock(FakeClock):
    """Oversleeps when told."""

    def __init__(self):
        super().__init__(5 * SECOND)
        self.oversleep_ns = 0

    def sleep_until_ns(self, deadline_ns):
        super().sleep_until_ns(deadline_ns)
        self.advance_ns(self.oversleep_ns)
        self.oversleep_ns = 0


def test_ticks_do_not_drift(qtbot):
    clock, seen = SleepyClock(), []
    ticker = Ticker(clock, seen.append)
    period_ns = round(SECOND / 59.95)
    ticker.start(period_ns)
    for late_ms in (0, 3, 0, 9, 0):
        clock.oversleep_ns = late_ms * MS
        ticker._fire()
    ticker.stop()
    assert seen == [5 * SECOND + n * period_ns for n in range(1, 6)]


def test_after_a_long_gap_it_goes_on_from_now(qtbot):
    clock, seen = SleepyClock(), []
    ticker = Ticker(clock, seen.append)
    ticker.start(10 * MS)
    clock.advance_ns(3 * SECOND)
    ticker._fire()
    ticker._fire()
    ticker.stop()
    assert seen == [8 * SECOND, 8 * SECOND + 10 * MS]


def test_a_window_larger_than_the_screen_starts_smaller(qtbot):
    window = WallWindow(FakePresenter(), FakeClock(), (2048, 2048))
    qtbot.addWidget(window)
    window.open()
    room = window.screen().availableGeometry()
    assert window.width() == window.height() <= room.height()
    assert colour(window, 3, 3) == QColor("black").getRgb()[:3]


def test_a_panic_key_hides_the_cursor_of_a_filled_screen_at_once(make_window, qtbot):
    window, _ = make_window(fullscreen="")
    window.unsetCursor()
    qtbot.keyClick(window, Qt.Key.Key_B)
    assert window.cursor().shape() == Qt.CursorShape.BlankCursor


def test_panic_keys_reach_the_presenter_once_and_with_no_other_key_held(make_window, qtbot):
    window, presenter = make_window(plain((1, 2, 3)))
    for key in (Qt.Key.Key_B, Qt.Key.Key_F, Qt.Key.Key_Y, Qt.Key.Key_S):
        qtbot.keyClick(window, key)
    qtbot.keyClick(window, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    held = QKeyEvent(QKeyEvent.Type.KeyPress, Qt.Key.Key_B, Qt.KeyboardModifier.NoModifier, "b", True)
    QGuiApplication.sendEvent(window, held)
    assert [call for call in presenter.calls if isinstance(call, Panic)] == list(Panic)
