"""The desk's sound page, through real widgets."""

from __future__ import annotations

import pytest
from fake_sound import SOUND
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QFileDialog

LEFT = Qt.MouseButton.LeftButton
ROUTE = {"source": "low", "param": "strength", "amount": 0.4, "smoothing_s": 0.2}


@pytest.fixture
def panel(desk, engine, qtbot):
    open_page(desk, qtbot)
    qtbot.waitUntil(lambda: engine.state["sound"]["ok"] is True and desk.sound.device.count() == 3)
    engine.asked.clear()
    return desk.sound


def open_page(desk, qtbot):
    desk.tabs.setCurrentIndex(next(n for n in range(desk.tabs.count()) if desk.tabs.tabText(n) == "Sound"))
    qtbot.waitUntil(desk.sound.isVisible)


def asked(engine, qtbot, count=1):
    qtbot.waitUntil(lambda: len(engine.asked) >= count)
    return engine.asked


def publish(engine, **changes):
    engine.publish_state(sound=engine.state["sound"] | changes)


def texts(chooser):
    return [chooser.itemText(n) for n in range(chooser.count())]


def choose(chooser, qtbot, text):
    chooser.setFocus()
    while chooser.currentText() != text:
        before = chooser.currentIndex()
        qtbot.keyClick(chooser, Qt.Key.Key_Down)
        assert chooser.currentIndex() != before, f"{text} is not offered"


# Asking


def test_sound_is_asked_for_when_the_page_is_looked_at_and_only_once(desk, bridge, engine, qtbot):
    bridge.ask("list_hold")
    assert asked(engine, qtbot) == [("list_hold", {})]  # nothing was asked before it
    engine.asked.clear()
    engine.hangs = True
    open_page(desk, qtbot)
    assert asked(engine, qtbot) == [("sound", {})]
    engine.publish_state()
    desk.tabs.setCurrentIndex(0)
    open_page(desk, qtbot)
    qtbot.wait(50)
    assert engine.asked == [("sound", {})]


def test_an_engine_that_was_restarted_is_asked_again(panel, engine, qtbot):
    engine.publish_state(sound=dict(SOUND))
    assert asked(engine, qtbot) == [("sound", {})]


def test_no_portaudio_is_told_with_its_fix_and_the_rest_works(panel, engine, qtbot):
    publish(engine, ok=False, reason="PortAudio can't be loaded.", fix="apt-get install libportaudio2")
    qtbot.waitUntil(panel.trouble.isVisible)
    assert panel.trouble.text.text() == "PortAudio can't be loaded.\nWhat mends it: apt-get install libportaudio2"
    qtbot.mouseClick(panel.routes.add, LEFT)
    assert asked(engine, qtbot)[0][0] == "modulation"
    publish(engine, ok=True)
    qtbot.waitUntil(lambda: not panel.trouble.isVisible())


def test_an_older_engine_greys_the_page(panel, engine, qtbot):
    engine.publish_state(sound=None)
    qtbot.waitUntil(lambda: not panel.isEnabled())


# The soundtrack


def test_a_soundtrack_is_chosen_without_blocking_anything(panel, engine, qtbot):
    assert panel.file.text() == "No soundtrack"
    assert not panel.play.isEnabled()
    qtbot.mouseClick(panel.choose, LEFT)
    dialog = panel.findChild(QFileDialog)
    assert dialog.isVisible()
    assert not dialog.isModal()
    dialog.fileSelected.emit("/music/night walk.flac")
    dialog.close()
    assert asked(engine, qtbot) == [("sound", {"file": "/music/night walk.flac"})]
    qtbot.waitUntil(lambda: panel.file.text() == "night walk.flac")
    assert panel.position.text() == "1:23"


def test_play_stop_and_loop(panel, engine, qtbot):
    publish(engine, file="/music/walk.wav", duration_s=83.0)
    qtbot.waitUntil(panel.play.isEnabled)
    qtbot.mouseClick(panel.play, LEFT)
    assert asked(engine, qtbot)[-1] == ("sound", {"play": True})
    qtbot.waitUntil(lambda: panel.play.text() == "Stop")
    assert panel.play.accessibleName() == "Stop the soundtrack"
    qtbot.waitUntil(lambda: panel.position.text().endswith(" / 1:23"))
    qtbot.mouseClick(panel.play, LEFT)
    assert asked(engine, qtbot, 2)[-1] == ("sound", {"play": False})
    qtbot.mouseClick(panel.loop, LEFT, pos=QPoint(8, panel.loop.height() // 2))
    assert asked(engine, qtbot, 3)[-1] == ("sound", {"loop": False})
    qtbot.mouseClick(panel.clear, LEFT)
    assert asked(engine, qtbot, 4)[-1] == ("sound", {"file": None})
    qtbot.waitUntil(lambda: panel.file.text() == "No soundtrack")


def test_the_position_goes_on_between_news_and_wraps_with_the_loop(panel, engine, qtbot):
    publish(engine, file="/music/walk.wav", duration_s=83.0, playing=True, position_s=82.7)
    qtbot.waitUntil(lambda: panel.position.text() == "1:22 / 1:23")
    qtbot.waitUntil(lambda: panel.position.text() == "0:00 / 1:23")


def test_the_volume_is_dragged(panel, engine, qtbot):
    fader = panel.volume.fader
    qtbot.mouseClick(fader, LEFT, pos=QPoint(fader.width() // 2, fader.height() // 2))
    do, arguments = asked(engine, qtbot)[0]
    assert do == "sound"
    assert arguments["volume"] == pytest.approx(0.5, abs=0.02)
    qtbot.waitUntil(lambda: not panel._edits.busy)


def test_devices_are_chosen_by_name(panel, engine, qtbot):
    assert texts(panel.device) == ["The usual device", "Speakers", "Headphones"]
    choose(panel.device, qtbot, "Speakers")
    assert asked(engine, qtbot)[-1] == ("sound", {"device": "Speakers"})
    publish(engine, devices=["Headphones"])
    qtbot.waitUntil(lambda: panel.device.currentText() == "Speakers (not there)")


# Listening


def test_what_is_listened_to_is_chosen(panel, engine, qtbot):
    assert texts(panel.input) == ["Nothing", "The soundtrack", "The usual input", "Microphone"]
    assert not panel.meters.isEnabled()
    choose(panel.input, qtbot, "The soundtrack")
    assert asked(engine, qtbot)[-1] == ("sound", {"input": "soundtrack"})
    qtbot.waitUntil(panel.meters.isEnabled)
    choose(panel.input, qtbot, "Microphone")
    assert ("sound", {"input": ""}) in asked(engine, qtbot, 3)
    assert engine.asked[-1] == ("sound", {"input": "Microphone"})


def test_a_refused_input_goes_back(panel, engine, qtbot):
    engine.refusal = "There is no such thing."
    panel.input.setFocus()
    qtbot.keyClick(panel.input, Qt.Key.Key_Down)
    asked(engine, qtbot)
    qtbot.waitUntil(lambda: panel.input.currentText() == "Nothing")


def test_the_meters_move(panel, engine, qtbot):
    publish(engine, input="Microphone")
    qtbot.waitUntil(panel.meters.isEnabled)
    levels = {"level": 0.62, "low": 0.9, "mid": 0.3, "high": 0.1, "onset": 1.0}
    engine.server.publish("levels", levels, keep=False)
    qtbot.waitUntil(lambda: panel.meters.text("low") == "90")
    assert panel.meters.text("level") == "62"
    assert not panel.meters.grab().isNull()
    publish(engine, input=None)
    qtbot.waitUntil(lambda: panel.meters.text("low") == "0")


# Routes


def test_a_route_is_added_changed_and_removed(panel, engine, qtbot):
    assert panel.routes.none.isVisible()
    qtbot.mouseClick(panel.routes.add, LEFT)
    route = {"source": "level", "param": "strength", "amount": 0.25, "smoothing_s": 0.1}
    assert asked(engine, qtbot)[-1] == ("modulation", {"routes": [route]})
    (row,) = panel.routes.rows
    choose(row.source, qtbot, "Onset, a beat")
    assert engine_routes(engine, qtbot, lambda r: r[0]["source"] == "onset")
    row.amount.setFocus()
    row.amount.selectAll()
    qtbot.keyClicks(row.amount, "-40")
    qtbot.keyClick(row.amount, Qt.Key.Key_Return)
    assert engine_routes(engine, qtbot, lambda r: r[0]["amount"] == -0.4)
    row.smoothing.setFocus()
    row.smoothing.selectAll()
    qtbot.keyClicks(row.smoothing, "1.5")
    qtbot.keyClick(row.smoothing, Qt.Key.Key_Return)
    assert engine_routes(engine, qtbot, lambda r: r[0]["smoothing_s"] == 1.5)
    qtbot.mouseClick(panel.routes.add, LEFT)
    assert engine_routes(engine, qtbot, lambda r: [one["param"] for one in r] == ["strength", "drift"])
    qtbot.mouseClick(panel.routes.rows[0].remove, LEFT)
    assert engine_routes(engine, qtbot, lambda r: [one["param"] for one in r] == ["drift"])


def engine_routes(engine, qtbot, check):
    qtbot.waitUntil(lambda: check(engine.state["sound"]["routes"]))
    return True


def test_only_params_that_sound_can_move_are_offered(panel, qtbot):
    qtbot.mouseClick(panel.routes.add, LEFT)
    assert texts(panel.routes.rows[0].param) == ["Strength", "Drift"]


def test_others_routes_are_shown_and_another_effects_param_says_so(panel, engine, qtbot):
    publish(engine, routes=[ROUTE, ROUTE | {"param": "relief_depth"}])
    qtbot.waitUntil(lambda: len(panel.routes.rows) == 2)
    first, second = panel.routes.rows
    assert (first.source.currentText(), first.param.currentText()) == ("Low, to 250 Hz", "Strength")
    assert (first.amount.value(), first.smoothing.value()) == (40, 0.2)
    assert second.param.currentText() == "relief_depth (not here)"
    publish(engine, routes=[])
    qtbot.waitUntil(panel.routes.none.isVisible)
    assert engine.asked == []


def test_a_refused_route_goes_back(panel, engine, qtbot):
    engine.refusal = "33 sound routes were asked for; 32 are the most."
    qtbot.mouseClick(panel.routes.add, LEFT)
    asked(engine, qtbot)
    qtbot.waitUntil(lambda: panel.routes.rows == [])
