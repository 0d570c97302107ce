"""Undo and redo at the desk, through real widgets and keys."""

from __future__ import annotations

import random

import pytest
from PyQt6.QtCore import QEventLoop, QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtWidgets import QApplication

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


def test_turns_of_the_wheel_are_one_step_until_a_pause(desk, engine, qtbot):
    control = strength(desk)
    control.fader.setFocus()
    for _ in range(3):
        wheel(control.fader, 1)
        settled(desk, qtbot)
    assert value(engine) == pytest.approx(0.63)
    control._since_step.invalidate()  # a pause
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


def test_a_thousand_steps_there_and_back(desk, engine, qtbot):
    """The engine's answers come in between as they will; the values at both ends are exact."""
    desk.params._edits._pause.setInterval(0)
    rng = random.Random(3)
    track = [dict(engine.state["values"])]
    while len(track) <= 1000:
        control = desk.params.controls[rng.choice(["strength", "drift", "strokes"])]
        control.begin_gesture()
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
