"""The desk's page for the wall, through real widgets."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import QEvent, QPoint, QPointF, QSize, Qt
from PyQt6.QtGui import QMouseEvent
from PyQt6.QtWidgets import QApplication

from mirrorfx.geometry import UNIT_SQUARE, OutputGeometry
from mirrorfx_ui.desk.corner_pad import CornerPad

LEFT = Qt.MouseButton.LeftButton
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def panel(desk, qtbot):
    desk.tabs.setCurrentWidget(desk.tabs.widget(2))
    qtbot.waitUntil(desk.wall.isVisible)
    return desk.wall


def asked(engine, qtbot, count=1):
    qtbot.waitUntil(lambda: len(engine.asked) >= count)
    return engine.asked


def settled(panel, qtbot):
    qtbot.waitUntil(lambda: not panel._edits.busy)


def test_screens_are_chosen_by_name(panel, engine, qtbot):
    assert panel.where_to.currentText() == "Fills 2  ·  HDMI-1  ·  1920 × 1080"
    panel.where_to.setFocus()
    qtbot.keyClick(panel.where_to, Qt.Key.Key_Up)
    assert asked(engine, qtbot)[0] == ("wall", {"fullscreen": "eDP-1"})
    qtbot.waitUntil(lambda: panel.where_to.currentText().startswith("Fills 1"))
    qtbot.keyClick(panel.where_to, Qt.Key.Key_Up)
    assert asked(engine, qtbot, 2)[1] == ("wall", {"fullscreen": None})
    qtbot.waitUntil(lambda: panel.where_to.currentText() == "In a window")


def test_a_screen_that_is_refused_is_not_shown_as_chosen(panel, engine, desk, qtbot):
    engine.refusal = "A kiosk's wall stays on its screen."
    panel.where_to.setFocus()
    qtbot.keyClick(panel.where_to, Qt.Key.Key_Up)
    qtbot.waitUntil(lambda: desk.notices.text.text() == engine.refusal)
    assert panel.where_to.currentText().startswith("Fills 2")


def test_identify_grid_and_dragging_on_the_wall(panel, engine, qtbot):
    for button, wanted in ((panel.identify, "identify"), (panel.grid, "grid"), (panel.edit, "edit")):
        before = len(engine.asked)
        qtbot.mouseClick(button, LEFT)
        assert asked(engine, qtbot, before + 1)[-1] == ("wall", {wanted: True})
    qtbot.waitUntil(lambda: panel.edit.isChecked() and not panel.edit.icon().isNull())
    qtbot.mouseClick(panel.grid, LEFT)
    assert asked(engine, qtbot, 4)[-1] == ("wall", {"grid": False})
    engine.publish_state(wall=engine.state["wall"] | {"edit": False})
    qtbot.waitUntil(lambda: not panel.edit.isChecked())


def test_a_refused_switch_does_not_look_switched(panel, engine, desk, qtbot):
    engine.refusal = "no"
    qtbot.mouseClick(panel.grid, LEFT)
    qtbot.waitUntil(lambda: desk.notices.text.text() == "no")
    assert not panel.grid.isChecked()


def corner_at(pad, number):
    return pad._place(pad.corners[number]).toPoint()


def test_a_corner_is_dragged_in_small(panel, engine, qtbot):
    pad = panel.pad
    start = corner_at(pad, 1)
    qtbot.mousePress(pad, LEFT, pos=start)
    qtbot.mouseMove(pad, start + QPoint(-10, 6))
    qtbot.mouseMove(pad, start + QPoint(-20, 12))
    qtbot.mouseRelease(pad, LEFT)
    settled(panel, qtbot)
    frame = pad._frame()
    x, y = engine.state["wall"]["corners"][1]
    assert x == pytest.approx(1 - 20 / frame.width(), abs=1e-4)
    assert y == pytest.approx(12 / frame.height(), abs=1e-4)
    assert engine.state["wall"]["corners"][0] == [0.0, 0.0]
    assert panel.where.text().startswith("Corner 2: -")
    assert panel.reset.isEnabled()
    qtbot.mouseClick(panel.reset, LEFT)
    settled(panel, qtbot)
    assert engine.asked[-1] == ("wall", {"corners": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]})
    assert pad.corners == UNIT_SQUARE


def test_keys_choose_and_nudge_by_pixels_of_the_wall(panel, engine, qtbot):
    pad = panel.pad
    pad.setFocus()
    qtbot.keyClick(pad, Qt.Key.Key_3)
    qtbot.keyClick(pad, Qt.Key.Key_Left)
    qtbot.keyClick(pad, Qt.Key.Key_Up, SHIFT)
    settled(panel, qtbot)
    x, y = engine.state["wall"]["corners"][2]
    assert (round((x - 1) * 1920), round((y - 1) * 1080)) == (-1, -10)
    assert panel.where.text() == "Corner 3: -1 px across, -10 px down"
    assert pad.accessibleDescription() == panel.where.text()


def test_others_corners_are_shown_but_not_into_a_hand(panel, engine, qtbot):
    pad = panel.pad
    qtbot.mousePress(pad, LEFT, pos=corner_at(pad, 0))
    pulled = [[0.1, 0.1], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
    engine.publish_state(wall=engine.state["wall"] | {"corners": pulled, "grid": True})
    qtbot.waitUntil(panel.grid.isChecked)
    assert pad.corners == UNIT_SQUARE
    qtbot.mouseRelease(pad, LEFT)
    assert pad.corners[0] == (0.1, 0.1)
    assert engine.asked == []


def test_without_a_window_it_says_so(panel, engine, qtbot):
    engine.publish_state(wall=None)
    qtbot.waitUntil(panel.note.isVisible)
    assert not any(w.isEnabled() for w in (panel.where_to, panel.identify, panel.grid, panel.edit, panel.pad))


@pytest.fixture
def pad(qtbot):
    made = CornerPad()
    qtbot.addWidget(made)
    made.resize(500, made.height())
    made.show_corners(UNIT_SQUARE, QSize(1000, 1000))
    made.show()
    return made


def test_shift_drags_finely(pad, qtbot):
    start = corner_at(pad, 0)
    qtbot.mousePress(pad, LEFT, pos=start)
    to = QPointF(start) + QPointF(20, 0)
    move = QMouseEvent(QEvent.Type.MouseMove, to, pad.mapToGlobal(to), LEFT, LEFT, SHIFT)
    QApplication.sendEvent(pad, move)
    assert pad.corners[0][0] == pytest.approx(2 / pad._frame().width(), abs=0.005)


def test_a_corner_never_folds_the_picture(pad, qtbot):
    start = corner_at(pad, 0)
    qtbot.mousePress(pad, LEFT, pos=start)
    for step in range(1, 60):
        qtbot.mouseMove(pad, start + QPoint(8 * step, 8 * step))
    qtbot.mouseRelease(pad, LEFT)
    OutputGeometry(keystone=pad.corners)


def test_a_press_beside_the_corners_takes_none(pad, qtbot):
    qtbot.mousePress(pad, LEFT, pos=pad.rect().center())
    qtbot.mouseMove(pad, pad.rect().center() + QPoint(20, 20))
    assert pad.corners == UNIT_SQUARE
    assert not pad.held


def test_other_keys_are_left_to_the_window(pad, qtbot):
    qtbot.keyClick(pad, Qt.Key.Key_X)
    assert pad.corners == UNIT_SQUARE
