"""The desk's camera page, through real widgets."""

from __future__ import annotations

import copy

import pytest
from PyQt6.QtCore import QPoint, Qt

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def panel(desk, qtbot):
    desk.tabs.setCurrentWidget(desk.tabs.widget(1))
    qtbot.waitUntil(desk.camera.isVisible)
    return desk.camera


def asked(engine, qtbot, count=1):
    qtbot.waitUntil(lambda: len(engine.asked) >= count)
    return engine.asked


def publish(engine, **changes):
    engine.publish_state(camera=copy.deepcopy(engine.state["camera"]) | changes)


def test_it_shows_what_the_camera_is_and_does(panel):
    assert panel.source.currentText() == "HD Pro Webcam C920"
    assert panel.status.text() == "1280 × 720  ·  30 fps"
    assert panel.locks["exposure"].lock.text() == "Automatic"
    assert panel.locks["exposure"].box.value() == 156
    assert not panel.locks["exposure"].box.isEnabled()
    assert panel.locks["white_balance"].lock.text() == "Locked"
    assert panel.locks["white_balance"].note.text() == "The camera has 4600."
    assert panel.locks["white_balance"].lock.accessibleName() == "White balance is locked"


def test_what_the_camera_lacks_is_disabled_and_says_why(panel):
    focus = panel.locks["focus"]
    assert not focus.lock.isEnabled()
    assert focus.note.text() == "The driver of C920 doesn't offer it."


def test_what_is_so_with_all_of_them_is_said_once(panel, engine, qtbot):
    publish(engine, lacks=dict.fromkeys(panel.locks, "Only a camera has this."))
    qtbot.waitUntil(lambda: panel.lacks.text() == "Only a camera has this.")
    assert panel.lacks.isVisibleTo(panel)
    assert not any(row.note.isVisibleTo(panel) or row.lock.isEnabled() for row in panel.locks.values())
    publish(engine, lacks={})
    qtbot.waitUntil(panel.locks["focus"].lock.isEnabled)
    assert not panel.lacks.isVisibleTo(panel)


def test_locking_takes_what_the_camera_has_now(panel, engine, qtbot):
    exposure = panel.locks["exposure"]
    qtbot.mouseClick(exposure.lock, LEFT)
    assert asked(engine, qtbot)[0] == ("camera", {"exposure": 156.0})
    qtbot.waitUntil(exposure.box.isEnabled)
    exposure.box.selectAll()
    qtbot.keyClicks(exposure.box, "80")
    qtbot.keyClick(exposure.box, Qt.Key.Key_Return)
    assert asked(engine, qtbot, 2)[1] == ("camera", {"exposure": 80.0})
    qtbot.waitUntil(lambda: exposure.note.text() == "The camera has 156.")
    qtbot.mouseClick(exposure.lock, LEFT)
    assert asked(engine, qtbot, 3)[2] == ("camera", {"exposure": None})
    qtbot.waitUntil(lambda: exposure.lock.text() == "Automatic")


def test_the_picture_is_turned_mirrored_and_cropped(panel, engine, qtbot):
    rotation = panel.controls["rotation"]._box
    rotation.setFocus()
    qtbot.keyClick(rotation, Qt.Key.Key_Down)
    assert asked(engine, qtbot)[0] == ("camera", {"rotation": 90})
    box = panel.controls["mirror"]._box
    qtbot.mouseClick(box, LEFT, pos=QPoint(8, box.height() // 2))
    assert asked(engine, qtbot, 2)[1] == ("camera", {"mirror": False})
    fader = panel.controls["pan_x"].fader
    qtbot.mouseClick(fader, LEFT, pos=QPoint(fader.width() - 11, fader.height() // 2))
    assert asked(engine, qtbot, 3)[2] == ("camera", {"pan_x": 1.0})
    qtbot.waitUntil(lambda: not panel._edits.busy)
    assert rotation.currentText() == "90°"
    assert engine.state["camera"]["asked"]["mirror"] is False


def test_others_changes_are_shown(panel, engine, qtbot):
    publish(engine, asked=engine.state["camera"]["asked"] | {"zoom": 2.0, "rotation": 270})
    qtbot.waitUntil(lambda: panel.controls["zoom"].box.value() == 2.0)
    assert panel.controls["rotation"]._box.currentText() == "270°"
    assert engine.asked == []


def test_a_source_is_chosen_by_name(panel, engine, qtbot):
    panel.source.setFocus()
    qtbot.keyClick(panel.source, Qt.Key.Key_Down)
    assert asked(engine, qtbot) == [("source", {"name": "demo"})]
    qtbot.waitUntil(lambda: panel.source.currentText() == "Demo clip")


def test_a_source_that_is_refused_is_not_shown_as_chosen(panel, engine, desk, qtbot):
    engine.refusal = "There is no camera 7."
    panel.source.setFocus()
    qtbot.keyClick(panel.source, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: desk.notices.text.text() == engine.refusal)
    assert panel.source.currentText() == "HD Pro Webcam C920"


def test_a_lost_camera_says_why(panel, engine, qtbot):
    publish(engine, state="lost", reason="it was unplugged")
    qtbot.waitUntil(lambda: panel.status.text() == "Lost: it was unplugged")


def test_where_the_picture_is_placed_has_no_osc_address_to_copy(panel):
    menu = panel.controls["zoom"].menu()
    assert [action.text() for action in menu.actions()] == ["Reset to its default"]
    assert not panel.controls["zoom"].lock.isVisible()
    menu.close()


def test_an_engine_without_a_camera_page_greys_it(panel, engine, qtbot):
    engine.publish_state(camera=None)
    qtbot.waitUntil(lambda: not panel.isEnabled())
