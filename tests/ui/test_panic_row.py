"""The desk's panic row: what it asks for, and what it shows, through real widgets and keys."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication

from mirrorfx.safety.panic import Panic, PanicState
from mirrorfx_ui.desk.bridge import Link

LEFT = Qt.MouseButton.LeftButton
ALT = Qt.KeyboardModifier.AltModifier


def asked(engine, qtbot, count=1):
    def panics():
        return [(given["what"], given["on"]) for do, given in engine.asked if do == "panic"]

    qtbot.waitUntil(lambda: len(panics()) >= count)
    return panics()


def wall_says(desk, engine, qtbot, *, blackout=False, below=None):
    engine.publish_state(panic=PanicState(blackout, below).as_dict())
    on = {what: what is below or (blackout and what is Panic.BLACKOUT) for what in Panic}
    qtbot.waitUntil(lambda: {what: button.property("on") for what, button in desk.panic.buttons.items()} == on)


@pytest.mark.parametrize(
    ("what", "key"),
    [
        (Panic.BLACKOUT, Qt.Key.Key_B),
        (Panic.FREEZE, Qt.Key.Key_F),
        (Panic.BYPASS, Qt.Key.Key_Y),
        (Panic.SAFE, Qt.Key.Key_S),
    ],
)
def test_a_key_or_a_click_switches_it_on_and_again_off(desk, engine, qtbot, what, key):
    qtbot.keyClick(desk.presets.grid, key)
    assert asked(engine, qtbot) == [(what.label, True)]
    below = None if what is Panic.BLACKOUT else what
    wall_says(desk, engine, qtbot, blackout=what is Panic.BLACKOUT, below=below)
    qtbot.mouseClick(desk.panic.buttons[what], LEFT)
    assert asked(engine, qtbot, 2)[1] == (what.label, False)


def test_letters_are_typed_in_text_and_alt_makes_them_keys(desk, engine, qtbot):
    editor = desk.params.controls["prompt"].editor
    editor.setFocus()
    qtbot.waitUntil(editor.hasFocus)
    qtbot.keyClick(editor, Qt.Key.Key_B)
    assert "b" in editor.toPlainText()
    qtbot.keyClick(editor, Qt.Key.Key_F, ALT)
    assert asked(engine, qtbot) == [("freeze", True)]
    assert "f" not in editor.toPlainText()


def test_in_a_number_they_are_keys(desk, engine, qtbot):
    box = desk.params.controls["strength"].box
    box.setFocus()
    qtbot.waitUntil(box.hasFocus)
    qtbot.keyClick(box, Qt.Key.Key_B)
    assert asked(engine, qtbot) == [("blackout", True)]


def test_the_state_is_told_in_words(desk, engine, qtbot):
    wall_says(desk, engine, qtbot, blackout=True, below=Panic.FREEZE)
    buttons = desk.panic.buttons
    assert buttons[Panic.BLACKOUT].accessibleName() == "BLACKOUT: on"
    assert buttons[Panic.BLACKOUT].state.text() == "ON  ·  B ends it"
    assert buttons[Panic.FREEZE].state.text() == "ON, below BLACKOUT"
    assert buttons[Panic.SAFE].accessibleName() == "SAFE PRESET: off"


def test_a_click_leaves_the_keyboard_where_it_was(desk, qtbot):
    desk.presets.grid.setFocus()
    qtbot.mouseClick(desk.panic.buttons[Panic.FREEZE], LEFT)
    assert QApplication.focusWidget() is desk.presets.grid


def test_without_an_answer_nothing_is_sent_and_the_walls_keys_are_named(desk, bridge, engine, qtbot):
    bridge.link = Link.SILENT
    bridge.link_changed.emit(Link.SILENT)
    assert "B, F, Y and S" in desk.panic.advice.text()
    assert desk.panic.advice.isVisible()
    assert not desk.panic.buttons[Panic.BLACKOUT].isEnabled()
    qtbot.keyClick(desk.presets.grid, Qt.Key.Key_B)
    bridge.link = Link.CONNECTED
    bridge.link_changed.emit(Link.CONNECTED)
    qtbot.keyClick(desk.presets.grid, Qt.Key.Key_F)
    assert asked(engine, qtbot) == [("freeze", True)]
