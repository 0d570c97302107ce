"""The desk's params beyond their values: locks, menus, earlier prompts, the drift's picture."""

from __future__ import annotations

import itertools
import json

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QContextMenuEvent, QGuiApplication
from PyQt6.QtWidgets import QApplication, QMenu

from mirrorfx.resources import config_dir
from mirrorfx_ui.desk.drift_walk import DriftWalk, height_at

LEFT = Qt.MouseButton.LeftButton
ALT = Qt.KeyboardModifier.AltModifier


def control(desk, name):
    return desk.params.controls[name]


def settled(desk, qtbot):
    qtbot.waitUntil(lambda: not desk.params._edits.busy)


# Locks


def test_a_lock_is_asked_for_and_shown(desk, engine, qtbot):
    seed = control(desk, "seed")
    assert seed.lock.accessibleName() == "Lock Seed"
    qtbot.mouseClick(seed.lock, LEFT)
    qtbot.waitUntil(lambda: seed.locked)
    assert engine.asked == [("lock", {"params": ["seed"]})]
    assert seed.lock.accessibleName() == "Unlock Seed"
    assert not any(part.isEnabled() for part in seed.parts())
    qtbot.mouseClick(control(desk, "prompt").lock, LEFT)
    qtbot.waitUntil(lambda: control(desk, "prompt").locked)
    assert engine.state["locked"] == ["prompt", "seed"]
    qtbot.mouseClick(seed.lock, LEFT)
    qtbot.waitUntil(lambda: not seed.locked)
    assert all(part.isEnabled() for part in seed.parts())


def test_undo_leaves_a_locked_param_alone(desk, engine, bridge, qtbot):
    control(desk, "strength").fader._go(0.9)
    settled(desk, qtbot)
    bridge.ask("preset", name="Charcoal")
    qtbot.waitUntil(lambda: desk.params.steps.undo_label == "Preset Charcoal")
    engine.publish_state(locked=["strokes"])
    qtbot.waitUntil(lambda: control(desk, "strokes").locked)
    qtbot.keyClick(desk, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    settled(desk, qtbot)
    assert engine.state["values"]["strokes"] == 5
    engine.publish_state(locked=["strength"])
    qtbot.waitUntil(lambda: desk.params.steps.undo_label is None)
    assert not desk.undo.undo.isEnabled()


def test_a_double_click_on_a_locked_name_does_nothing(desk, engine, qtbot):
    engine.publish_state(locked=["strength"])
    strength = control(desk, "strength")
    qtbot.waitUntil(lambda: strength.locked)
    qtbot.mouseDClick(strength.name_label, LEFT)
    engine.publish_state(locked=[])
    qtbot.waitUntil(lambda: not strength.locked)
    qtbot.mouseDClick(strength.name_label, LEFT)
    qtbot.waitUntil(lambda: bool(engine.asked))
    assert len(engine.asked) == 1


# The menu


def right_click(widget):
    """Open the row's menu as a right click on `widget` does; return its actions by text."""
    at = QPoint(5, 5)
    QApplication.sendEvent(widget, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, widget.mapToGlobal(at)))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    return {action.text(): action for action in menu.actions()}


@pytest.mark.parametrize("part", ["fader", "box", "name_label"])
def test_a_right_click_copies_the_osc_address(desk, qtbot, part):
    actions = right_click(getattr(control(desk, "strength"), part))
    actions["Copy OSC address /mirrorfx/effect/strength"].trigger()
    assert QGuiApplication.clipboard().text() == "/mirrorfx/effect/strength"
    assert desk.notices.text.text() == "Copied: /mirrorfx/effect/strength"
    QApplication.activePopupWidget().close()


def test_a_right_click_resets_and_locks(desk, engine, qtbot):
    engine.publish_values(strength=0.1)
    strength = control(desk, "strength")
    qtbot.waitUntil(lambda: strength.box.value() == pytest.approx(0.1))
    actions = right_click(strength.fader)
    actions["Reset to its default"].trigger()
    actions["Lock"].trigger()
    QApplication.activePopupWidget().close()
    qtbot.waitUntil(lambda: strength.locked)
    assert engine.state["values"]["strength"] == 0.6
    actions = right_click(strength)
    assert not actions["Reset to its default"].isEnabled()
    assert "Unlock" in actions
    QApplication.activePopupWidget().close()


# Earlier prompts


def enter(desk, qtbot, text):
    prompt = control(desk, "prompt")
    prompt.editor.selectAll()
    prompt.editor.insertPlainText(text)
    qtbot.keyClick(prompt.editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    settled(desk, qtbot)


def test_alt_and_arrows_go_through_earlier_prompts(desk, engine, qtbot):
    prompt = control(desk, "prompt")
    for text in ("ice", "fire"):
        enter(desk, qtbot, text)
    assert json.loads((config_dir() / "prompts.json").read_text()) == ["ice", "fire"]
    qtbot.keyClick(prompt.editor, Qt.Key.Key_Up, ALT)
    assert prompt.editor.toPlainText() == "ice"
    qtbot.keyClick(prompt.editor, Qt.Key.Key_Up, ALT)
    assert prompt.editor.toPlainText() == "ice", "there is none before"
    qtbot.keyClick(prompt.editor, Qt.Key.Key_Down, ALT)
    assert prompt.editor.toPlainText() == "fire"
    assert len(engine.asked) == 2, "nothing is applied on the way"


def test_an_earlier_prompt_is_chosen_from_the_list(desk, engine, qtbot):
    prompt = control(desk, "prompt")
    for text in ("ice", "fire"):
        enter(desk, qtbot, text)
    qtbot.mouseClick(prompt.earlier, LEFT)
    rows = prompt.prompts
    assert rows.isVisible()
    assert [rows.item(row).text() for row in range(rows.count())] == ["fire", "ice"]
    qtbot.mouseClick(rows.viewport(), LEFT, pos=rows.visualItemRect(rows.item(1)).center())
    settled(desk, qtbot)
    assert not rows.isVisible()
    assert engine.state["values"]["prompt"] == "ice"
    assert desk.params.steps.undo_label == "Prompt"


# The drift's picture


def test_the_path_is_a_pure_function_without_jumps():
    heights = [height_at(7, phase / 100) for phase in range(-300, 900)]
    assert heights == [height_at(7, phase / 100) for phase in range(-300, 900)]
    assert all(0 <= height <= 1 for height in heights)
    assert max(abs(b - a) for a, b in itertools.pairwise(heights)) < 0.02
    assert max(heights) - min(heights) > 0.5
    assert [height_at(8, k) for k in range(9)] != [height_at(7, k) for k in range(9)]


def test_the_walk_goes_on_by_itself_and_tells_in_words_when_the_next_keyframe_comes(desk, engine, qtbot):
    walk = desk.params.walk
    engine.publish_figures(drift={"phase": 12.5, "rate": 6.0})
    qtbot.waitUntil(lambda: walk._tick.isActive())
    phase = walk.phase
    assert phase >= 12.5
    assert walk.words in ("keyframe 13 in 5 s", "keyframe 13 in 4 s")
    qtbot.waitUntil(lambda: walk.phase > phase)
    assert walk.accessibleName().startswith("Drift: keyframe 13")
    engine.publish_figures(drift={"phase": 12.75, "rate": 0.0})
    qtbot.waitUntil(lambda: walk.words == "rests at keyframe 12.75")
    assert not walk._tick.isActive(), "a picture that stands costs nothing"


def test_the_walk_rests_while_it_is_not_seen(desk, engine, qtbot):
    walk = desk.params.walk
    engine.publish_figures(drift={"phase": 1.0, "rate": 6.0})
    qtbot.waitUntil(lambda: walk._tick.isActive())
    desk.hide()
    assert not walk._tick.isActive()
    desk.show()
    assert walk._tick.isActive()


def test_the_walk_is_where_the_drift_is(desk, engine, qtbot):
    column = desk.params._column
    assert column.indexOf(desk.params.walk) == column.indexOf(control(desk, "drift")) + 1
    engine.publish_state(params=[p for p in engine.state["params"] if p["name"] != "drift"])
    qtbot.waitUntil(lambda: not desk.params.walk.isVisible())


def test_the_marker_stands_on_the_path(qtbot):
    walk = DriftWalk()
    qtbot.addWidget(walk)
    walk.resize(600, walk.height())
    walk.show_figures({"drift": {"phase": 3.0, "rate": 0.0}})
    at = walk._point(3.0, 3.0)
    colour = walk.grab().toImage().pixelColor(round(at.x()), round(at.y()))
    assert colour.name() == "#efb366"


def test_prompts_that_can_not_be_kept_are_told_once(desk, qtbot):
    config_dir().parent.mkdir(parents=True, exist_ok=True)
    config_dir().write_text("a file where the folder should be")
    for text in ("ice", "fire"):
        enter(desk, qtbot, text)
    told = [desk.notices.log.item(n).text() for n in range(desk.notices.log.count())]
    assert len([text for text in told if "can't be kept" in text]) == 1
