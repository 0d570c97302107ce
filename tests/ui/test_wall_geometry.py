"""The wall's corners dragged on the wall itself, its grid, its screen, and which screen is which."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QGuiApplication
from test_wall import HEIGHT, WIDTH, FakePresenter, plain

from mirrorfx.clock import MonotonicClock
from mirrorfx.geometry import UNIT_SQUARE, OutputGeometry, load_screen, save_screen, screens_file
from mirrorfx_ui.wall.window import WallWindow

LEFT = Qt.MouseButton.LeftButton
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def wall(qtbot):
    """A wall that shows a grey picture at its own size."""
    presenter = FakePresenter(plain((90, 90, 90)))
    window = WallWindow(presenter, MonotonicClock(), (WIDTH, HEIGHT))
    window.presenter = presenter
    qtbot.addWidget(window)
    window.open()
    qtbot.waitUntil(lambda: presenter.ticks() > 1 and bool(presenter.told))
    return window


def wish(wall, qtbot, **what):
    wall.presenter.wishes.append(what)
    qtbot.waitUntil(lambda: not wall.presenter.wishes)


def corners(wall):
    return wall.geometry_on_screen.keystone


def told(wall):
    return wall.presenter.told[-1]


def drag(wall, qtbot, start, *stops):
    qtbot.mousePress(wall, LEFT, pos=QPoint(*start))
    for stop in stops:
        qtbot.mouseMove(wall, QPoint(*stop))
    qtbot.mouseRelease(wall, LEFT, pos=QPoint(*stops[-1]))


def saved():
    return load_screen(QGuiApplication.primaryScreen().name())


def test_it_tells_the_engine_how_it_stands_and_again_only_when_that_is_new(wall, qtbot):
    screen = QGuiApplication.primaryScreen()
    (state,) = wall.presenter.told
    assert state["screen"] == screen.name()
    assert (state["fullscreen"], state["grid"], state["edit"]) == (False, False, False)
    assert state["corners"] == [list(corner) for corner in UNIT_SQUARE]
    described = {one["name"]: one for one in state["screens"]}[screen.name()]
    assert (described["width"], described["height"], described["primary"]) == (
        screen.size().width(),
        screen.size().height(),
        True,
    )
    ticks = wall.presenter.ticks()
    qtbot.waitUntil(lambda: wall.presenter.ticks() > ticks + 3)
    assert len(wall.presenter.told) == 1


def test_a_corner_is_dragged_and_saved_for_the_screen(wall, qtbot):
    wish(wall, qtbot, edit=True)
    drag(wall, qtbot, (20, 20), (30, 25), (36, 30))
    x, y = corners(wall)[0]
    assert x == pytest.approx(16 / WIDTH)
    assert y == pytest.approx(10 / HEIGHT)
    assert corners(wall)[1:] == UNIT_SQUARE[1:]
    qtbot.waitUntil(lambda: saved().keystone[0] == pytest.approx((x, y)))
    qtbot.waitUntil(lambda: told(wall)["corners"][0] == [x, y])
    assert wall.grab().toImage().pixelColor(3, 3).getRgb()[:3] == (0, 0, 0), "the picture has left that corner"


def test_without_editing_a_drag_moves_nothing(wall, qtbot):
    drag(wall, qtbot, (2, 2), (40, 40))
    assert corners(wall) == UNIT_SQUARE


def test_a_press_in_the_middle_takes_no_corner(wall, qtbot):
    wish(wall, qtbot, edit=True)
    drag(wall, qtbot, (WIDTH // 2, HEIGHT // 2), (40, 40))
    assert corners(wall) == UNIT_SQUARE


def test_a_corner_that_would_fold_the_picture_stays_where_it_was(wall, qtbot):
    wish(wall, qtbot, edit=True)
    drag(wall, qtbot, (2, 2), (WIDTH - 3, HEIGHT - 3))
    OutputGeometry(keystone=corners(wall))
    assert corners(wall) == UNIT_SQUARE


def test_keys_nudge_the_chosen_corner_and_end_the_editing(wall, qtbot):
    qtbot.keyClick(wall, Qt.Key.Key_K)
    assert wall._remote.editor.on
    qtbot.keyClick(wall, Qt.Key.Key_Tab)
    qtbot.keyClick(wall, Qt.Key.Key_Left)
    qtbot.keyClick(wall, Qt.Key.Key_Down, SHIFT)
    assert corners(wall)[1] == pytest.approx((1 - 1 / WIDTH, 10 / HEIGHT))
    assert corners(wall)[0] == UNIT_SQUARE[0]
    qtbot.keyClick(wall, Qt.Key.Key_Return)
    assert not wall._remote.editor.on
    before = corners(wall)
    qtbot.keyClick(wall, Qt.Key.Key_Left)
    assert corners(wall) == before
    qtbot.waitUntil(lambda: saved().keystone == before)
    qtbot.waitUntil(lambda: told(wall)["edit"] is False)


def test_escape_ends_the_editing_before_it_leaves_fullscreen(wall, qtbot):
    wish(wall, qtbot, fullscreen="", edit=True)
    qtbot.waitUntil(wall.isFullScreen)
    qtbot.keyClick(wall, Qt.Key.Key_Escape)
    assert wall.isFullScreen()
    assert not wall._remote.editor.on
    qtbot.keyClick(wall, Qt.Key.Key_Escape)
    assert not wall.isFullScreen()


def test_panic_keys_work_while_corners_are_edited(wall, qtbot):
    pressed = []
    wall.presenter.press = pressed.append
    wish(wall, qtbot, edit=True)
    qtbot.keyClick(wall, Qt.Key.Key_B)
    assert len(pressed) == 1


def test_a_double_click_while_editing_does_not_fill_the_screen(wall, qtbot):
    wish(wall, qtbot, edit=True)
    qtbot.mouseDClick(wall, LEFT, pos=QPoint(WIDTH // 2, HEIGHT // 2))
    assert not wall.isFullScreen()


def test_the_desk_sets_corners_and_takes_them_back(wall, qtbot):
    pulled = [[0.1, 0.0], [1.0, 0.1], [0.9, 1.0], [0.0, 1.0]]
    wish(wall, qtbot, corners=pulled)
    assert corners(wall) == tuple(map(tuple, pulled))
    qtbot.waitUntil(lambda: screens_file().exists() and saved().keystone == corners(wall))
    wish(wall, qtbot, corners=None)
    assert corners(wall) == UNIT_SQUARE
    qtbot.waitUntil(lambda: saved().keystone == UNIT_SQUARE)


def test_the_grid_is_shown_and_not_saved(wall, qtbot):
    wish(wall, qtbot, grid=True)
    qtbot.waitUntil(lambda: told(wall)["grid"])
    assert wall.grab().toImage().pixelColor(8, 8).getRgb()[:3] == (240, 80, 80), "red at the top left"
    wish(wall, qtbot, corners=[[0.1, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    qtbot.waitUntil(lambda: screens_file().exists() and saved().keystone == corners(wall))
    assert not saved().test_grid
    qtbot.keyClick(wall, Qt.Key.Key_G)
    qtbot.waitUntil(lambda: not told(wall)["grid"])


def test_a_screen_is_filled_by_name_and_left(wall, qtbot):
    wish(wall, qtbot, fullscreen=QGuiApplication.primaryScreen().name())
    qtbot.waitUntil(lambda: told(wall)["fullscreen"])
    wish(wall, qtbot, fullscreen=None)
    qtbot.waitUntil(lambda: not told(wall)["fullscreen"])


def test_every_screen_says_its_name_for_a_while(wall, qtbot):
    wish(wall, qtbot, identify=True)
    identify = wall._remote.identify
    screens = QGuiApplication.screens()
    assert [card.name for card in identify.cards] == [screen.name() for screen in screens]
    assert all(card.isVisible() for card in identify.cards)
    assert identify.cards[0].accessibleName() == f"1: {screens[0].name()}"
    assert screens[0].geometry().contains(identify.cards[0].geometry())
    identify._end.setInterval(1)
    wish(wall, qtbot, identify=True)
    qtbot.waitUntil(lambda: not identify.cards)


def test_the_corners_are_drawn_over_the_picture(wall, qtbot):
    before = wall.grab().toImage()
    wish(wall, qtbot, edit=True)
    after = wall.grab().toImage()
    assert after != before
    assert after.pixelColor(18 - 14, 18).name() == "#efb366", "a ring around the first corner"


def test_a_disk_that_says_no_is_told(wall, qtbot, monkeypatch):
    from mirrorfx.errors import PresetNotSaved

    def refuse(*_):
        raise PresetNotSaved("The disk is full.")

    monkeypatch.setattr("mirrorfx_ui.wall.geometry_saver.save_screen", refuse)
    wish(wall, qtbot, corners=None)
    qtbot.waitUntil(lambda: told(wall)["problem"] == "The disk is full.")


def test_what_was_saved_is_there_when_the_wall_starts(qtbot):
    pulled = ((0.1, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    save_screen(QGuiApplication.primaryScreen().name(), OutputGeometry(keystone=pulled))
    presenter = FakePresenter(plain((90, 90, 90)))
    window = WallWindow(presenter, MonotonicClock(), (WIDTH, HEIGHT))
    qtbot.addWidget(window)
    window.open()
    qtbot.waitUntil(lambda: bool(presenter.told))
    assert presenter.told[-1]["corners"] == [list(corner) for corner in pulled]


_TWO_SCREENS = """
from PyQt6.QtWidgets import QApplication
from mirrorfx.clock import MonotonicClock
from mirrorfx_ui.wall.window import WallWindow
from tests_fake import FakePresenter

app = QApplication([])
presenter = FakePresenter()
window = WallWindow(presenter, MonotonicClock(), (320, 256))
window.open()

def wish(**what):
    presenter.wishes.append(what)
    while presenter.wishes:
        app.processEvents()

for name in ("RIGHT", "LEFT"):
    wish(fullscreen=name, identify=True)
    for _ in range(1000):
        if presenter.told[-1]["screen"] == name:
            break
        wish()
    state = presenter.told[-1]
    print(state["screen"], state["fullscreen"], [screen["name"] for screen in state["screens"]])
cards = window._remote.identify.cards
print([(card.name, card.screen().name()) for card in cards])
wish(corners=[[0.1, 0], [1, 0], [1, 1], [0, 1]])
wish(fullscreen="RIGHT")
print(window.geometry_on_screen.keystone[0])
wish(fullscreen="LEFT")
print(window.geometry_on_screen.keystone[0])
window.close()
"""


def test_each_of_two_screens_has_its_name_and_its_own_corners(tmp_path):
    common = {"physicalWidth": 300, "physicalHeight": 200, "logicalDpi": 96, "dpr": 1}
    screens = [
        {"name": "LEFT", "x": 0, "y": 0, "width": 1280, "height": 800},
        {"name": "RIGHT", "x": 1280, "y": 0, "width": 1080, "height": 1920},
    ]
    config = tmp_path / "screens.json"
    config.write_text(json.dumps({"screens": [screen | common for screen in screens]}))
    (tmp_path / "tests_fake.py").write_text(inspect.getsource(FakePresenter))
    environment = os.environ | {"QT_QPA_PLATFORM": f"offscreen:configfile={config}", "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", _TWO_SCREENS], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.splitlines() == [
        "RIGHT True ['LEFT', 'RIGHT']",
        "LEFT True ['LEFT', 'RIGHT']",
        "[('LEFT', 'LEFT'), ('RIGHT', 'RIGHT')]",
        "(0.0, 0.0)",
        "(0.1, 0.0)",
    ], done.stderr
