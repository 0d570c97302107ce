"""The desk against a real control server with a scripted engine behind it."""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path

import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtWidgets import QApplication

from mirrorfx.control.protocol import Reply
from mirrorfx_ui.desk.bridge import Bridge, Link
from mirrorfx_ui.desk.main import main
from mirrorfx_ui.desk.window import DeskWindow

sys.path.insert(0, str(Path(__file__).parent))
from fake_engine import FIGURES, PARAMS, FakeEngine, worker

LEFT = Qt.MouseButton.LeftButton


def control(desk, name):
    return desk.params.controls[name]


def asked(engine, qtbot, count=1):
    qtbot.waitUntil(lambda: len(engine.asked) >= count)
    return engine.asked


# Params


def test_there_is_a_control_for_every_param_and_it_shows_the_engines_value(desk):
    assert list(desk.params.controls) == [p["name"] for p in PARAMS]
    assert control(desk, "prompt").editor.toPlainText() == "amber light"
    assert control(desk, "strength").box.value() == pytest.approx(0.6)
    assert control(desk, "strength").fader.position() == pytest.approx(0.6)
    assert control(desk, "seed").box.value() == 7
    assert control(desk, "drift").fader.position() == pytest.approx((4 / 60) ** 0.5, abs=1e-3), "bent by its curve"
    assert control(desk, "strength").fader.accessibleName() == "Strength"


def test_showing_the_engines_values_asks_for_nothing(desk, engine, qtbot):
    engine.publish_values(
        prompt="frost", strength=0.2, seed=2**32 - 1, drift=9.0, strokes=5, relief=False, brush="flat"
    )
    qtbot.waitUntil(lambda: control(desk, "prompt").editor.toPlainText() == "frost")
    assert control(desk, "strength").box.value() == pytest.approx(0.2)
    assert control(desk, "seed").box.value() == 2**32 - 1
    assert control(desk, "strokes").box.value() == 5
    assert control(desk, "relief")._box.text() == "off"
    assert control(desk, "brush")._box.currentText() == "flat"
    engine.notice("done")
    qtbot.waitUntil(lambda: desk.notices.text.text() == "done")
    assert engine.asked == []


def test_a_dragged_fader_sets_its_param_with_a_short_fade(desk, engine, qtbot):
    fader = control(desk, "strength").fader
    middle = fader.height() // 2
    qtbot.mousePress(fader, LEFT, pos=QPoint(11, middle))
    qtbot.mouseMove(fader, QPoint(fader.width() - 11, middle))
    qtbot.mouseRelease(fader, LEFT)
    qtbot.waitUntil(lambda: bool(engine.asked) and engine.asked[-1][1]["params"] == {"strength": 1.0})
    do, arguments = engine.asked[-1]
    assert do == "set"
    assert 0 < arguments["fade_s"] < 0.3
    assert engine.asked[0][1]["params"] == {"strength": 0.0}, "a press jumps there at once"


def test_a_fader_tells_what_its_value_also_means(desk, engine, qtbot):
    readout = {"text": "timestep {}", "factor": 1000.0, "offset": -1}
    params = [p | {"readout": readout} if p["name"] == "strength" else p for p in PARAMS]
    engine.publish_state(params=params)
    qtbot.waitUntil(lambda: control(desk, "strength").name_label.note.text() == "timestep 599")
    assert control(desk, "drift").name_label.note.text() == "keyframes/min"
    control(desk, "strength").fader._go(0.25)
    assert control(desk, "strength").name_label.note.text() == "timestep 249", "at once, not when the engine answers"
    qtbot.waitUntil(lambda: not desk.params._edits.is_on_its_way("strength"))
    engine.publish_values(strength=0.0)
    qtbot.waitUntil(lambda: control(desk, "strength").name_label.note.text() == "timestep 0")


def test_a_worker_card_tells_what_its_effect_wants_known(desk, engine, qtbot):
    engine.publish_figures(workers=[worker(0, details={"notice": "The tiny model paints noise."}), worker(1)])
    qtbot.waitUntil(lambda: len(desk.figures.workers.cards) == 2)
    first, second = desk.figures.workers.cards
    assert first.notice.text() == "The tiny model paints noise."
    assert first.notice.isVisibleTo(first)
    assert not second.notice.isVisibleTo(second)


def test_edits_do_not_pile_up_while_the_engine_is_slow(desk, engine, qtbot):
    engine.hangs = True
    fader = control(desk, "strength").fader
    fader._go(0.0)
    asked(engine, qtbot)
    for step in range(1, 101):
        fader._go(step / 100)
    engine.notice("still here")
    qtbot.waitUntil(lambda: desk.notices.text.text() == "still here")
    assert len(engine.asked) == 1
    engine.hangs = False
    assert asked(engine, qtbot, 2)[1][1]["params"] == {"strength": 1.0}
    qtbot.waitUntil(lambda: not desk.params._edits.is_on_its_way("strength"))
    assert len(engine.asked) == 2


def test_others_edits_do_not_move_a_fader_that_is_held(desk, engine, qtbot):
    strength = control(desk, "strength")
    qtbot.mousePress(strength.fader, LEFT, pos=QPoint(11, 10))
    asked(engine, qtbot)
    qtbot.waitUntil(lambda: not desk.params._edits.is_on_its_way("strength"))
    engine.publish_values(strength=0.9, drift=30.0)
    qtbot.waitUntil(lambda: control(desk, "drift").box.value() == 30.0)
    assert strength.box.value() == 0.0
    qtbot.mouseRelease(strength.fader, LEFT)
    qtbot.waitUntil(lambda: strength.box.value() == pytest.approx(0.9))


def test_a_double_click_takes_the_default(desk, engine, qtbot):
    engine.publish_values(strength=0.1)
    strength = control(desk, "strength")
    qtbot.waitUntil(lambda: strength.box.value() == pytest.approx(0.1))
    qtbot.mouseDClick(strength.fader, LEFT)
    qtbot.waitUntil(lambda: bool(engine.asked) and engine.asked[-1][1]["params"] == {"strength": 0.6})


def test_shift_drags_finely(desk, engine, qtbot):
    fader = control(desk, "strength").fader
    shift = Qt.KeyboardModifier.ShiftModifier
    qtbot.mousePress(fader, LEFT, shift, QPoint(50, 10))
    assert fader.position() == pytest.approx(0.6), "it doesn't jump"
    span = fader.width() - 22
    from PyQt6.QtCore import QEvent
    from PyQt6.QtGui import QMouseEvent

    to = QPointF(50 + span / 2, 10)
    QApplication.sendEvent(fader, QMouseEvent(QEvent.Type.MouseMove, to, fader.mapToGlobal(to), LEFT, LEFT, shift))
    assert fader.position() == pytest.approx(0.65, abs=0.002)
    qtbot.mouseRelease(fader, LEFT)


@pytest.mark.parametrize(("modifiers", "expected"), [("NoModifier", 0.61), ("ShiftModifier", 0.601)])
def test_the_wheel(desk, qtbot, modifiers, expected):
    fader = control(desk, "strength").fader
    at = QPointF(30, 10)
    turned = QWheelEvent(
        at,
        fader.mapToGlobal(at),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier[modifiers],
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(fader, turned)
    assert fader.position() == pytest.approx(0.6), "elsewhere the wheel scrolls"
    assert not turned.isAccepted()
    fader.setFocus()
    QApplication.sendEvent(fader, turned)
    assert fader.position() == pytest.approx(expected)


def test_a_typed_number_is_set_when_it_is_entered(desk, engine, qtbot):
    box = control(desk, "drift").box
    box.selectAll()
    qtbot.keyClicks(box, "12.5")
    assert engine.asked == []
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert asked(engine, qtbot)[0][1]["params"] == {"drift": 12.5}
    assert control(desk, "drift").fader.position() == pytest.approx((12.5 / 60) ** 0.5, abs=1e-3)


def test_whole_numbers_are_sent_as_such(desk, engine, qtbot):
    control(desk, "strokes").fader._go(1.0)
    value = asked(engine, qtbot)[0][1]["params"]["strokes"]
    assert value == 9
    assert isinstance(value, int)


def test_the_dice_and_the_neighbours_of_a_seed(desk, engine, qtbot):
    seed = control(desk, "seed")
    qtbot.mouseClick(seed.up, LEFT)
    assert asked(engine, qtbot)[0][1]["params"] == {"seed": 8}
    qtbot.mouseClick(seed.dice, LEFT)
    rolled = asked(engine, qtbot, 2)[1][1]["params"]["seed"]
    assert isinstance(rolled, int)
    assert rolled != 8
    assert seed.box.value() == rolled


def test_switch_and_choice(desk, engine, qtbot):
    qtbot.mouseClick(control(desk, "relief")._box, LEFT, pos=QPoint(8, control(desk, "relief")._box.height() // 2))
    assert asked(engine, qtbot)[0][1]["params"] == {"relief": False}
    box = control(desk, "brush")._box
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert asked(engine, qtbot, 2)[1][1]["params"] == {"brush": "flat"}


def test_a_refused_edit_is_shown_and_taken_back(desk, engine, qtbot):
    engine.refusal = "strength is 1.0; it must be at most 0.9."
    control(desk, "strength").fader._go(1.0)
    qtbot.waitUntil(lambda: desk.notices.text.text() == engine.refusal)
    qtbot.waitUntil(lambda: control(desk, "strength").box.value() == pytest.approx(0.6))


def test_another_effects_params_replace_what_differs_and_keep_the_rest(desk, engine, qtbot):
    prompt = control(desk, "prompt")
    prompt.editor.setPlainText("half a sent")
    engine.publish_state(params=[p for p in PARAMS if p["name"] in ("prompt", "strength")])
    qtbot.waitUntil(lambda: list(desk.params.controls) == ["prompt", "strength"])
    assert control(desk, "prompt") is prompt
    assert prompt.editor.toPlainText() == "half a sent"


# Prompt


def type_prompt(desk, text):
    editor = control(desk, "prompt").editor
    editor.selectAll()
    editor.insertPlainText(text)
    return editor


def test_control_enter_applies_the_prompt(desk, engine, qtbot):
    editor = type_prompt(desk, "snow\nat night")
    assert engine.asked == []
    assert "not applied" in control(desk, "prompt").status.text()
    qtbot.keyClick(editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert asked(engine, qtbot)[0][1]["params"] == {"prompt": "snow at night"}
    qtbot.waitUntil(lambda: not desk.params._edits.is_on_its_way("prompt"))
    assert editor.toPlainText() == "snow\nat night", "the engine keeps one line; the editor's lines stay"
    assert control(desk, "prompt").status.text() == "applied"


def test_a_pause_in_typing_applies_the_prompt(desk, engine, qtbot):
    control(desk, "prompt")._pause.setInterval(1)
    type_prompt(desk, "snow")
    assert asked(engine, qtbot)[0][1]["params"] == {"prompt": "snow"}


def test_others_edits_do_not_overwrite_what_is_being_typed(desk, engine, qtbot):
    editor = type_prompt(desk, "my unfinished")
    engine.publish_values(prompt="theirs", strength=0.3)
    qtbot.waitUntil(lambda: control(desk, "strength").box.value() == pytest.approx(0.3))
    assert editor.toPlainText() == "my unfinished"


def test_undo_reaches_back_over_anothers_prompt(desk, engine, qtbot):
    editor = control(desk, "prompt").editor
    engine.publish_values(prompt="theirs")
    qtbot.waitUntil(lambda: editor.toPlainText() == "theirs")
    editor.undo()
    assert editor.toPlainText() == "amber light"


def test_a_refused_prompt_stays_in_the_editor(desk, engine, qtbot):
    engine.refusal = "prompt has 3000 characters; 2000 are the most."
    editor = type_prompt(desk, "far too long")
    control(desk, "prompt").apply()
    qtbot.waitUntil(lambda: desk.notices.text.text() == engine.refusal)
    assert editor.toPlainText() == "far too long"
    assert "not taken" in control(desk, "prompt").status.text()
    engine.refusal = ""
    control(desk, "prompt").apply()
    assert asked(engine, qtbot, 2)[1][1]["params"] == {"prompt": "far too long"}
    qtbot.waitUntil(lambda: control(desk, "prompt").status.text() == "applied")


# Effects


def test_an_effect_that_cannot_run_says_why_and_cannot_be_chosen(desk):
    box = desk.effects.box
    index = box.findData("turbo", Qt.ItemDataRole.UserRole)
    assert not box.model().item(index).isEnabled()
    assert "can't run" in box.itemText(index)
    assert box.itemData(index, Qt.ItemDataRole.ToolTipRole) == "torch is missing. pip install -e '.[diffusion]'"


def test_choosing_an_effect(desk, engine, qtbot):
    box = desk.effects.box
    assert "not its meaning" in desk.effects.note.text()
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Up)
    assert asked(engine, qtbot) == [("effect", {"name": "paint"})]
    engine.publish_state(switching_to="paint")
    qtbot.waitUntil(lambda: not box.isEnabled())
    assert desk.effects.note.text() == "Getting paint ready; style paints until then."
    engine.publish_state(effect="paint", switching_to=None)
    qtbot.waitUntil(box.isEnabled)
    assert box.currentText() == "paint"
    assert not desk.effects.note.isVisible()


def test_what_carries_the_wall_is_told_until_the_wanted_effect_is_ready(desk, engine, qtbot):
    engine.publish_state(effect="turbo", carried_by="style")
    note = desk.effects.note
    qtbot.waitUntil(lambda: note.text() == "style carries the wall until turbo is ready.")
    assert note.isVisible()
    assert desk.effects.box.isEnabled(), "another effect can be chosen meanwhile"
    engine.publish_state(effect="paint", switching_to="turbo", carried_by="style")
    qtbot.waitUntil(lambda: not desk.effects.box.isEnabled())
    assert note.text() == "style carries the wall until turbo is ready."
    engine.publish_state(effect="turbo", switching_to=None, carried_by=None)
    qtbot.waitUntil(desk.effects.box.isEnabled)
    assert not note.isVisible()


# Figures and notices


def test_figures(desk, engine, qtbot):
    engine.publish_figures()
    qtbot.waitUntil(lambda: desk.figures.fps.text() == "27.0")
    figures = desk.figures
    assert figures.delay.value.text() == "97 ms"
    assert figures.beat.value.text() == "± 7.1 ms"
    assert figures.freezes.value.text() == "2"
    assert figures.engine.value.text() == "0.42 ms"
    assert figures.wall.value.text() == "59.95 Hz"
    assert [t.value.text() for t in (figures.newer, figures.late, figures.lost)] == ["214", "3", "1"]
    assert figures.fallback.isHidden()
    assert [card.times.text() for card in figures.workers.cards] == ["71 ms", "71 ms"]


def test_each_worker_shows_how_far_it_is_while_another_carries(desk, engine, qtbot):
    loading = worker(0, state="starting", frames=0, progress={"what": "loading the UNet", "share": 0.45})
    swapping = worker(1, progress={"what": "changing its networks", "share": 0.0})
    carrier = worker(2, name="carrier")
    engine.publish_figures(workers=[loading, swapping, carrier])
    qtbot.waitUntil(lambda: len(desk.figures.workers.cards) == 3)
    first, second, third = desk.figures.workers.cards
    assert first.state.text() == "loading the UNet · 45 %"
    qtbot.waitUntil(first.progress.isVisible)
    assert (first.progress.isVisible(), first.progress.value()) == (True, 45)
    assert second.state.text() == "changing its networks"
    assert not second.progress.isVisible(), "nobody knows how far it is"
    assert third.name.text() == "carrier · cpu"
    assert (third.state.text(), third.progress.isVisible()) == ("ready", False)


def test_workers_tell_their_state_in_words(desk, engine, qtbot):
    warming = worker(0, state="starting", frames=0, progress={"what": "loading", "share": 0.45})
    dead = worker(1, state="waiting to restart", restarts=2, reason="out of memory; lower --size")
    engine.publish_figures(workers=[warming, dead])
    qtbot.waitUntil(lambda: len(desk.figures.workers.cards) == 2)
    first, second = desk.figures.workers.cards
    assert first.state.text() == "loading · 45 %"
    assert first.progress.value() == 45
    assert not first.progress.isHidden()
    assert first.times.text() == "–"
    assert second.state.text() == "waiting to restart"
    assert second.restarts.text() == "2 restarts"
    assert second.reason.text() == "out of memory; lower --size"
    engine.publish_figures(workers=[worker(0)])
    qtbot.waitUntil(lambda: len(desk.figures.workers.cards) == 1)
    assert desk.figures.workers.cards[0].progress.isHidden()


def test_the_fallback_scene_is_warned_of_with_its_reason(desk, engine, qtbot):
    engine.publish_figures(showing="fallback", camera={"state": "lost", "reason": "unplugged"})
    qtbot.waitUntil(lambda: desk.figures.fallback.isVisible())
    assert "fallback" in desk.figures.fallback.text.text()
    assert "unplugged" in desk.figures.fallback.text.text()


def test_before_the_first_picture_no_figure_is_made_up(desk, engine, qtbot):
    empty = {"fps": 0.0, "latency_ms": {}, "interval_ms": {}, "freezes": 0}
    frames = FIGURES["frames"] | {"shown": 0}
    engine.publish_figures(frames=frames, recent=None, display_hz=None, **empty)
    qtbot.waitUntil(lambda: len(desk.figures.workers.cards) == 2)
    texts = {
        desk.figures.fps.text(),
        *(t.value.text() for t in (desk.figures.delay, desk.figures.beat, desk.figures.wall)),
    }
    assert texts == {"–"}


def test_notices_are_kept_in_the_log(desk, engine, qtbot):
    engine.notice("worker-1 is gone: killed", "error")
    qtbot.waitUntil(lambda: desk.notices.text.text() == "worker-1 is gone: killed")
    qtbot.mouseClick(desk.notices.more, LEFT)
    assert desk.notices.log.isVisible()
    assert "worker-1" in desk.notices.log.item(desk.notices.log.count() - 1).text()


def test_standing_problems_are_told_once(desk, engine, qtbot):
    engine.publish_state(problems=["night.toml was set aside as night.toml.bad"])
    engine.publish_figures(problems=["The film ended: the disk is full"])
    engine.publish_figures(problems=["The film ended: the disk is full"])
    engine.notice("last")
    qtbot.waitUntil(lambda: desk.notices.text.text() == "last")
    texts = [desk.notices.log.item(row).text() for row in range(desk.notices.log.count())]
    assert sum("night.toml.bad" in text for text in texts) == 1
    assert sum("disk is full" in text for text in texts) == 1


# Connection


def test_without_an_engine_it_says_so_and_nothing_can_be_edited(qtbot):
    bridge = Bridge("ws://127.0.0.1:1/control?token=x")
    window = DeskWindow(bridge)
    qtbot.addWidget(window)
    assert window.link.text() == "Connecting …"
    assert not window.params.isEnabled()
    bridge.ask("preset", name="Ember")
    assert "No engine is connected" in window.notices.text.text()
    bridge.close()


def test_it_connects_again_when_the_engine_is_restarted(desk, engine, bridge, qtbot):
    port = engine.server.port
    engine.close()
    qtbot.waitUntil(lambda: bridge.link is Link.LOST)
    assert desk.link.text() == "The engine is being restarted …"
    assert not desk.params.isEnabled()
    successor = FakeEngine(port)
    successor.state["values"]["strength"] = 0.25
    successor.start()
    qtbot.waitUntil(lambda: bridge.link is Link.CONNECTED)
    qtbot.waitUntil(lambda: control(desk, "strength").box.value() == pytest.approx(0.25))
    assert desk.params.isEnabled()
    bridge.close()
    successor.close()


def test_an_engine_that_says_nothing_is_noticed(desk, engine, bridge, qtbot):
    bridge._silence.stop()
    bridge._silence.setInterval(1)
    engine.publish_figures()
    qtbot.waitUntil(lambda: bridge.link is Link.SILENT)
    assert desk.link.text() == "The engine does not answer"
    bridge._silence.setInterval(60_000)
    engine.publish_figures()
    qtbot.waitUntil(lambda: bridge.link is Link.CONNECTED)


def test_an_edit_while_the_engine_is_away_is_refused_without_a_wait(desk, engine, bridge, qtbot):
    engine.close()
    qtbot.waitUntil(lambda: bridge.link is Link.LOST)
    control(desk, "strength").fader._go(1.0)
    assert "No engine is connected" in desk.notices.text.text()
    assert control(desk, "strength").box.value() == pytest.approx(0.6)


def test_it_closes_while_the_engine_hangs(desk, engine, bridge, qtbot):
    engine.hangs = True
    control(desk, "strength").fader._go(1.0)
    asked(engine, qtbot)
    desk.close()
    bridge.close()
    assert not bridge._client._thread.is_alive()


def test_another_protocol_is_told(desk, bridge):
    bridge._on_hello(Reply(1, ok=True, result={"protocol": 99}))
    assert "version 99" in desk.notices.text.text()


@pytest.mark.process
def test_the_desk_process_ends_with_its_launcher(qapp, engine):
    """Its end of the channel becomes readable: whatever that means, it goes, with status 0."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=main, args=(theirs, engine.server.url))
    process.start()
    theirs.close()
    ours.close()
    process.join(60)
    assert process.exitcode == 0
