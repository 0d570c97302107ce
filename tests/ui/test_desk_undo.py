"""Undo and redo at the desk, through real widgets and keys."""

from __future__ import annotations

import random

import pytest
from fake_engine import FakeEngine
from PyQt6.QtCore import QEventLoop, QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtWidgets import QApplication

from mirrorfx_ui.desk.bridge import Link

LEFT = Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def strength(desk):
    return desk.params.controls["strength"]


def settled(desk, qtbot):
    """Wait until the engine has answered to all edits; `waitUntil` looks only every ten milliseconds."""
    for _ in range(100):
        if not desk.params._edits.busy:
            return
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 5)
    qtbot.waitUntil(lambda: not desk.params._edits.busy)


def undo(desk, qtbot):
    qtbot.keyClick(desk, Qt.Key.Key_Z, CONTROL)


def redo(desk, qtbot):
    qtbot.keyClick(desk, Qt.Key.Key_Z, CONTROL | SHIFT)


def drag(fader, qtbot, *positions):
    """Press at the first of these shares of the groove, and let go at the last."""
    places = [QPoint(round(11 + (fader.width() - 22) * share), fader.height() // 2) for share in positions]
    qtbot.mousePress(fader, LEFT, pos=places[0])
    for place in places[1:]:
        qtbot.mouseMove(fader, place)
    qtbot.mouseRelease(fader, LEFT, pos=places[-1])


def wheel(widget, notches):
    at = QPointF(30, 10)
    turn = QPoint(0, 120 * notches)
    none, still = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    plain = Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(widget, QWheelEvent(at, widget.mapToGlobal(at), QPoint(), turn, none, plain, still, False))


def value(engine, name="strength"):
    return engine.state["values"][name]


def test_a_drag_is_one_step_and_is_named(desk, engine, qtbot):
    assert not desk.undo.undo.isEnabled()
    drag(strength(desk).fader, qtbot, 0.2, 0.3, 0.5, 0.9)
    settled(desk, qtbot)
    assert value(engine) == pytest.approx(0.9, abs=0.01)
    assert desk.undo.undo.text() == "Undo Strength"
    assert desk.undo.undo.accessibleName() == "Undo Strength"
    assert "Ctrl+Z" in desk.undo.undo.toolTip()
    qtbot.mouseClick(desk.undo.undo, LEFT)
    settled(desk, qtbot)
    assert value(engine) == 0.6
    assert strength(desk).box.value() == 0.6
    assert (desk.undo.undo.text(), desk.undo.redo.text()) == ("Undo", "Redo Strength")
    qtbot.mouseClick(desk.undo.redo, LEFT)
    settled(desk, qtbot)
    assert value(engine) == pytest.approx(0.9, abs=0.01)


def test_two_drags_are_two_steps(desk, engine, qtbot):
    drag(strength(desk).fader, qtbot, 0.2, 0.3)
    settled(desk, qtbot)
    first = value(engine)
    drag(strength(desk).fader, qtbot, 0.7, 0.8)
    settled(desk, qtbot)
    undo(desk, qtbot)
    settled(desk, qtbot)
    assert value(engine) == first


def test_a_drag_back_to_its_start_is_no_step(desk, engine, qtbot):
    fader = strength(desk).fader
    qtbot.mousePress(fader, LEFT, pos=QPoint(11, 10))
    settled(desk, qtbot)
    strength(desk).fader._go(0.6)
    qtbot.mouseRelease(fader, LEFT)
    settled(desk, qtbot)
    assert desk.params.steps.undo_label is None


def test_a_double_click_takes_the_default_and_one_undo_takes_it_back(desk, engine, qtbot):
    drag(strength(desk).fader, qtbot, 0.9)
    settled(desk, qtbot)
    before = value(engine)
    at = QPoint(20, strength(desk).fader.height() // 2)
    qtbot.mouseClick(strength(desk).fader, LEFT, pos=at)
    qtbot.mouseDClick(strength(desk).fader, LEFT, pos=at)
    settled(desk, qtbot)
    assert value(engine) == 0.6
    undo(desk, qtbot)
    settled(desk, qtbot)
    assert value(engine) == before


def test_turns_of_the_wheel_are_one_step_until_a_pause(desk, engine, qtbot):
    control = strength(desk)
    control.fader.setFocus()
    for _ in range(3):
        wheel(control.fader, 1)
        settled(desk, qtbot)
    assert value(engine) == pytest.approx(0.63)
    control.gesture.begin()  # as after a pause
    wheel(control.fader, -1)
    settled(desk, qtbot)
    undo(desk, qtbot)
    settled(desk, qtbot)
    assert value(engine) == pytest.approx(0.63)
    undo(desk, qtbot)
    settled(desk, qtbot)
    assert value(engine) == 0.6


def test_a_preset_is_one_step_named_after_it_and_is_in_force_again(desk, engine, bridge, qtbot):
    bridge.ask("preset", name="Charcoal")
    qtbot.waitUntil(lambda: desk.undo.undo.text() == "Undo Preset Charcoal")
    assert (value(engine), value(engine, "strokes"), engine.state["preset"]) == (0.9, 5, "Charcoal")
    undo(desk, qtbot)
    settled(desk, qtbot)
    assert (value(engine), value(engine, "strokes"), engine.state["preset"]) == (0.6, 3, "Ember")
    assert desk.undo.redo.text() == "Redo Preset Charcoal"
    qtbot.keyClick(desk, Qt.Key.Key_Y, CONTROL)
    settled(desk, qtbot)
    assert (value(engine), engine.state["preset"]) == (0.9, "Charcoal")


def test_outside_control_is_no_step_and_is_left_alone(desk, engine, bridge, qtbot):
    engine.publish_values(strength=0.1)
    qtbot.waitUntil(lambda: strength(desk).box.value() == pytest.approx(0.1))
    assert desk.params.steps.undo_label is None
    bridge.ask("preset", name="Charcoal")
    qtbot.waitUntil(lambda: desk.params.steps.undo_label == "Preset Charcoal")
    engine.publish_values(strength=0.33)
    qtbot.waitUntil(lambda: strength(desk).box.value() == pytest.approx(0.33))
    undo(desk, qtbot)
    settled(desk, qtbot)
    assert (value(engine), value(engine, "strokes")) == (0.33, 3)


def test_every_request_carries_this_desks_name(desk, engine, bridge, qtbot):
    bridge.ask("preset", name="Charcoal")
    qtbot.waitUntil(lambda: engine.state.get("changed_by") == bridge.origin)
    assert engine.origins == [bridge.origin]


def test_a_refused_edit_is_no_step(desk, engine, qtbot):
    engine.refusal = "no"
    strength(desk).fader._go(1.0)
    settled(desk, qtbot)
    assert desk.params.steps.undo_label is None


def test_an_undo_that_the_engine_refuses_can_be_tried_again(desk, engine, qtbot):
    for place in (0.9, 0.2):
        drag(strength(desk).fader, qtbot, place)
        settled(desk, qtbot)
    last = value(engine)
    engine.refusal = "The workers are busy."
    undo(desk, qtbot)
    settled(desk, qtbot)
    at_rest(desk, qtbot, "Undo Strength")
    assert desk.undo.redo.text() == "Redo"
    assert value(engine) == last
    engine.refusal = ""
    undo(desk, qtbot)
    settled(desk, qtbot)
    assert 0.6 < value(engine) < 1.0, "the drag before, not the one before that"
    at_rest(desk, qtbot, "Undo Strength")
    engine.refusal = "no"
    redo(desk, qtbot)
    settled(desk, qtbot)
    qtbot.waitUntil(lambda: desk.undo.redo.text() == "Redo Strength")
    engine.refusal = ""
    redo(desk, qtbot)
    settled(desk, qtbot)
    assert value(engine) == last


def test_keys_in_a_number_box_undo_at_the_desk_unless_it_is_being_typed_in(desk, engine, qtbot):
    box = strength(desk).box
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, "0.25")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    settled(desk, qtbot)
    qtbot.keyClicks(box, "9")
    qtbot.keyClick(box, Qt.Key.Key_Z, CONTROL)
    assert value(engine) == 0.25, "that took back the digit"
    qtbot.keyClick(box, Qt.Key.Key_Return)
    settled(desk, qtbot)
    qtbot.keyClick(box, Qt.Key.Key_Z, CONTROL)
    settled(desk, qtbot)
    assert value(engine) == 0.6


def test_without_an_engine_nothing_is_undone_and_no_step_is_lost(desk, engine, bridge, qtbot):
    drag(strength(desk).fader, qtbot, 0.9)
    settled(desk, qtbot)
    at_rest(desk, qtbot, "Undo Strength")
    port = engine.server.port
    engine.close()
    qtbot.waitUntil(lambda: bridge.link is Link.LOST)
    assert not desk.undo.undo.isEnabled()
    undo(desk, qtbot)
    successor = FakeEngine(port)
    successor.state["values"]["strength"] = value(engine)
    successor.start()
    at_rest(desk, qtbot, "Undo Strength")
    undo(desk, qtbot)
    qtbot.waitUntil(lambda: value(successor) == 0.6)
    bridge.close()
    successor.close()


def test_undo_right_after_an_edit_waits_for_the_engine_and_takes_that_edit_back(desk, engine, qtbot):
    drag(strength(desk).fader, qtbot, 0.9)
    settled(desk, qtbot)
    before = value(engine)
    engine.hangs = True
    drag(strength(desk).fader, qtbot, 0.2)
    undo(desk, qtbot)
    undo(desk, qtbot)
    engine.hangs = False
    qtbot.waitUntil(lambda: desk.undo.redo.text() == "Redo Strength" and desk.undo.undo.text() == "Undo")
    settled(desk, qtbot)
    assert value(engine) == 0.6
    redo(desk, qtbot)
    settled(desk, qtbot)
    assert value(engine) == before


def test_a_thousand_steps_there_and_back(desk, engine, qtbot):
    """The engine's answers come in between as they will; the values at both ends are exact."""
    desk.params._edits._pause.setInterval(0)
    rng = random.Random(3)
    track = [dict(engine.state["values"])]
    while len(track) <= 1000:
        control = desk.params.controls[rng.choice(["strength", "drift", "strokes"])]
        control.gesture.begin()
        control.fader._go(rng.random())
        settled(desk, qtbot)
        if engine.state["values"] != track[-1]:
            track.append(dict(engine.state["values"]))
    for back in (250, 750):
        for _ in range(back):
            undo(desk, qtbot)
        settled(desk, qtbot)
        assert engine.state["values"] == track[750 if back == 250 else 0]
    assert desk.params.steps.undo_label is None
    for _ in range(1000):
        redo(desk, qtbot)
    settled(desk, qtbot)
    assert engine.state["values"] == track[-1]
    assert desk.params.steps.redo_label is None


# Beside the params: camera, source, wall and sound


CAMERA, WALL, SOUND = 1, 2, 3


def open_page(desk, qtbot, page):
    desk.tabs.setCurrentIndex(page)
    qtbot.waitUntil(desk.tabs.widget(page).isVisible)


def camera(engine):
    return engine.state["camera"]["asked"]


def at_rest(desk, qtbot, label):
    """Wait until undo says this."""
    qtbot.waitUntil(lambda: desk.undo.undo.text() == label)


def test_a_drag_at_the_cameras_zoom_is_one_named_step(desk, engine, qtbot):
    open_page(desk, qtbot, CAMERA)
    drag(desk.camera.controls["zoom"].fader, qtbot, 0.3, 0.5, 0.8)
    qtbot.waitUntil(lambda: not desk.camera._edits.busy)
    zoom = camera(engine)["zoom"]
    assert zoom > 2
    assert desk.undo.undo.text() == "Undo Zoom"
    undo(desk, qtbot)
    qtbot.waitUntil(lambda: camera(engine)["zoom"] == 1.0)
    qtbot.waitUntil(lambda: desk.camera.controls["zoom"].box.value() == 1.0)
    assert (desk.undo.undo.text(), desk.undo.redo.text()) == ("Undo", "Redo Zoom")
    redo(desk, qtbot)
    qtbot.waitUntil(lambda: camera(engine)["zoom"] == zoom)


def test_rotation_mirror_and_a_lock_are_steps_with_their_names(desk, engine, qtbot):
    open_page(desk, qtbot, CAMERA)
    rotation, mirror = (desk.camera.controls[name]._box for name in ("rotation", "mirror"))
    rotation.setFocus()
    qtbot.keyClick(rotation, Qt.Key.Key_Down)
    at_rest(desk, qtbot, "Undo Rotation")
    qtbot.mouseClick(mirror, LEFT, pos=QPoint(8, mirror.height() // 2))
    at_rest(desk, qtbot, "Undo Mirror")
    qtbot.mouseClick(desk.camera.locks["exposure"].lock, LEFT)
    at_rest(desk, qtbot, "Undo Exposure")
    assert (camera(engine)["rotation"], camera(engine)["mirror"], camera(engine)["exposure"]) == (90, False, 156.0)
    for label in ("Undo Mirror", "Undo Rotation", "Undo"):
        qtbot.mouseClick(desk.undo.undo, LEFT)
        at_rest(desk, qtbot, label)
    qtbot.waitUntil(lambda: not desk.camera._edits.busy)
    assert (camera(engine)["rotation"], camera(engine)["mirror"], camera(engine)["exposure"]) == (0, True, None)
    assert desk.camera.locks["exposure"].lock.text() == "Automatic"


def test_what_another_client_did_to_the_camera_is_left_alone(desk, engine, qtbot):
    open_page(desk, qtbot, CAMERA)
    rotation = desk.camera.controls["rotation"]._box
    rotation.setFocus()
    qtbot.keyClick(rotation, Qt.Key.Key_Down)
    at_rest(desk, qtbot, "Undo Rotation")
    drag(strength(desk).fader, qtbot, 0.2, 0.9)
    at_rest(desk, qtbot, "Undo Strength")
    engine.publish_state(camera=engine.state["camera"] | {"asked": camera(engine) | {"rotation": 180, "zoom": 2.0}})
    undo(desk, qtbot)
    qtbot.waitUntil(lambda: value(engine) == 0.6)
    at_rest(desk, qtbot, "Undo")
    undo(desk, qtbot)
    settled(desk, qtbot)
    assert (camera(engine)["rotation"], camera(engine)["zoom"]) == (180, 2.0)


def test_another_source_can_be_taken_back(desk, engine, qtbot):
    open_page(desk, qtbot, CAMERA)
    before = engine.state["source"]
    desk.camera.source.setFocus()
    qtbot.keyClick(desk.camera.source, Qt.Key.Key_Down)
    at_rest(desk, qtbot, "Undo Source")
    assert engine.state["source"] == "demo"
    qtbot.mouseClick(desk.undo.undo, LEFT)
    qtbot.waitUntil(lambda: engine.state["source"] == before)
    assert desk.undo.redo.text() == "Redo Source"


def drag_corner(pad, qtbot, number, *steps):
    start = pad._place(pad.corners[number]).toPoint()
    qtbot.mousePress(pad, LEFT, pos=start)
    for step in steps:
        qtbot.mouseMove(pad, start + step)
    qtbot.mouseRelease(pad, LEFT, pos=start + steps[-1])


def corners(engine):
    return engine.state["wall"]["corners"]


def test_a_dragged_corner_is_one_step_and_so_is_the_reset(desk, engine, qtbot):
    open_page(desk, qtbot, WALL)
    square = corners(engine)
    drag_corner(desk.wall.pad, qtbot, 1, QPoint(-6, 4), QPoint(-12, 8), QPoint(-20, 12))
    qtbot.waitUntil(lambda: not desk.wall._edits.busy)
    pulled = corners(engine)
    assert pulled[1][0] < 1 < 1 + pulled[1][1]
    assert desk.undo.undo.text() == "Undo Corners"
    qtbot.mouseClick(desk.wall.reset, LEFT)
    qtbot.waitUntil(lambda: corners(engine) == square)
    undo(desk, qtbot)
    qtbot.waitUntil(lambda: corners(engine) == pulled)
    undo(desk, qtbot)
    qtbot.waitUntil(lambda: corners(engine) == square)
    at_rest(desk, qtbot, "Undo")
    assert desk.undo.redo.text() == "Redo Corners"


def test_a_wall_that_tells_late_does_not_make_the_corner_jump_nor_lose_the_step(desk, engine, qtbot):
    open_page(desk, qtbot, WALL)
    square, pad = corners(engine), desk.wall.pad
    engine.wall_is_slow = True
    drag_corner(pad, qtbot, 1, QPoint(-6, 4), QPoint(-20, 12))
    qtbot.waitUntil(lambda: not desk.wall._edits.busy)
    assert corners(engine) == square, "the wall has not told yet"
    engine.publish_values(strength=0.2)
    qtbot.waitUntil(lambda: strength(desk).box.value() == pytest.approx(0.2))
    assert pad.corners[1][0] < 1
    assert desk.undo.undo.text() == "Undo Corners"
    engine.wall_tells()
    undo(desk, qtbot)
    qtbot.waitUntil(lambda: not desk.wall._edits.busy)
    engine.wall_tells()
    assert corners(engine) == square


def test_corners_that_the_wall_did_not_take_are_shown_as_they_are(desk, engine, qtbot):
    open_page(desk, qtbot, WALL)
    pad = desk.wall.pad
    engine.wall_is_slow = True
    desk.wall._edits._echo.setInterval(20)
    drag_corner(pad, qtbot, 1, QPoint(-20, 12))
    qtbot.waitUntil(lambda: bool(engine.asked))
    qtbot.waitUntil(lambda: pad.corners[1] == (1.0, 0.0))
    at_rest(desk, qtbot, "Undo")


def test_corners_of_another_screen_are_not_undone(desk, engine, qtbot):
    open_page(desk, qtbot, WALL)
    drag_corner(desk.wall.pad, qtbot, 1, QPoint(-20, 12))
    at_rest(desk, qtbot, "Undo Corners")
    engine.publish_state(wall=engine.state["wall"] | {"screen": "eDP-1"})
    at_rest(desk, qtbot, "Undo")


def test_the_volume_is_a_step(desk, engine, qtbot):
    open_page(desk, qtbot, SOUND)
    before = engine.state["sound"]["volume"]
    drag(desk.sound.volume.fader, qtbot, 0.9, 0.5, 0.2)
    qtbot.waitUntil(lambda: not desk.sound._edits.busy)
    at_rest(desk, qtbot, "Undo Volume")
    assert engine.state["sound"]["volume"] != before
    undo(desk, qtbot)
    qtbot.waitUntil(lambda: engine.state["sound"]["volume"] == before)
