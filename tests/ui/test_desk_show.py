"""The desk's show page, through real widgets."""

from __future__ import annotations

import json

import pytest
from fake_sound import cue
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QComboBox, QFileDialog, QLineEdit

from mirrorfx_ui.desk.cue_model import Column

LEFT = Qt.MouseButton.LeftButton
CUES = [cue("Ember", fade_s=4.0, note="doors"), cue("Charcoal", follow_s=90.0, sound=True), cue("Gone", missing=True)]


@pytest.fixture
def panel(desk, engine, qtbot):
    engine.publish_state(list={"cues": CUES, "at": -1, "follows_in_s": None})
    desk.tabs.setCurrentWidget(desk.show_page)
    qtbot.waitUntil(lambda: desk.show_page.isVisible() and desk.show_page.model.rowCount() == 3)
    return desk.show_page


def asked(engine, qtbot, count=1):
    qtbot.waitUntil(lambda: len(engine.asked) >= count)
    return engine.asked


def presets(engine):
    return [one["preset"] for one in engine.state["list"]["cues"]]


def place(panel, row, column):
    return panel.table.visualRect(panel.model.index(row, column)).center()


def edit(panel, qtbot, row, column, kind):
    """Open a cell by a double click; return its editor."""
    panel.table.choose(row)
    spot = place(panel, row, column)
    qtbot.mouseClick(panel.table.viewport(), LEFT, pos=spot)
    qtbot.mouseDClick(panel.table.viewport(), LEFT, pos=spot)
    qtbot.waitUntil(lambda: panel.table.viewport().findChild(kind) is not None)
    return panel.table.viewport().findChild(kind)


def text(panel, row, column):
    return panel.model.index(row, column).data()


# What is shown


def test_it_says_what_each_cue_is_and_marks_what_is_missing_in_words(panel):
    assert [text(panel, 0, column) for column in Column] == ["Ember", "4 s", "–", "–", "doors"]
    assert [text(panel, 1, column) for column in Column] == ["Charcoal", "own", "1:30", "starts", ""]
    assert text(panel, 2, Column.PRESET) == "missing: Gone"
    assert "no such preset" in panel.model.index(2, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert panel.now.text() == "The show has not begun."


def test_an_empty_list_says_what_to_do(panel, engine, qtbot):
    engine.publish_state(list={"cues": [], "at": -1, "follows_in_s": None})
    qtbot.waitUntil(panel.empty.isVisible)
    assert not panel.go.isEnabled()
    assert not panel.back.isEnabled()


def test_go_says_what_is_next_and_calls_it(panel, engine, qtbot):
    assert panel.go.text() == "GO → 1  Ember"
    assert panel.go.accessibleName() == "GO calls cue 1, Ember, over 4 s"
    qtbot.mouseClick(panel.go, LEFT)
    assert asked(engine, qtbot) == [("list_go", {})]
    qtbot.waitUntil(lambda: panel.go.text() == "GO → 2  Charcoal")
    assert panel.now.text() == "Cue 1 of 3: Ember. doors"
    assert panel.model.headerData(0, Qt.Orientation.Vertical) == "▶ 1"
    assert panel.model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole) == "Preset: Ember, called last"
    assert not panel.back.isEnabled()


def test_a_long_name_leaves_go_in_sight(panel, engine, qtbot):
    name = "Late evening with very slow drifting clouds of amber over th"
    engine.publish_state(list={"cues": [cue(name)], "at": -1, "follows_in_s": None})
    qtbot.waitUntil(lambda: name in panel.go.text())
    assert panel.go.shown_text.startswith("GO → 1  Late evening")
    assert panel.go.shown_text.endswith("…")
    assert name in panel.go.toolTip()
    assert panel.back.width() > 0.2 * panel.go.width()


def test_the_countdown_to_the_next_cue_can_be_held(panel, engine, qtbot):
    engine.publish_state(list={"cues": CUES, "at": 1, "follows_in_s": 89.6})
    qtbot.waitUntil(lambda: panel.countdown.text() == "next in 1:30")
    assert panel.go.text() == "GO → 3  Gone – missing"
    engine.publish_state(list={"cues": CUES, "at": 1, "follows_in_s": 0.0})
    qtbot.waitUntil(lambda: panel.countdown.text() == "next in 0 s")
    qtbot.mouseClick(panel.hold, LEFT)
    assert asked(engine, qtbot) == [("list_hold", {})]
    qtbot.waitUntil(lambda: not panel.hold.isVisible())
    assert panel.now.text() == "Cue 2 of 3: Charcoal."


def test_back_calls_the_cue_before(panel, engine, qtbot):
    engine.publish_state(list={"cues": CUES, "at": 1, "follows_in_s": None})
    qtbot.waitUntil(panel.back.isEnabled)
    qtbot.mouseClick(panel.back, LEFT)
    assert asked(engine, qtbot) == [("list_back", {})]


def test_a_double_click_on_a_number_calls_that_cue(panel, engine, qtbot):
    header = panel.table.verticalHeader()
    spot = QPoint(10, header.sectionViewportPosition(1) + 10)
    qtbot.mouseClick(header.viewport(), LEFT, pos=spot)
    qtbot.mouseDClick(header.viewport(), LEFT, pos=spot)
    assert asked(engine, qtbot) == [("list_jump", {"index": 1})]


# Editing


def test_add_takes_what_is_cued_and_puts_it_below_the_chosen_cue(panel, engine, qtbot):
    panel.table.choose(0)
    engine.publish_state(cue="Opening night")
    qtbot.waitUntil(lambda: "Opening night" in panel.add.toolTip())
    qtbot.mouseClick(panel.add, LEFT)
    asked(engine, qtbot)
    assert presets(engine) == ["Ember", "Opening night", "Charcoal", "Gone"]
    assert panel.table.row == 1


def test_add_takes_the_preset_in_force_when_none_is_cued(panel, engine, qtbot):
    engine.publish_state(list={"cues": [], "at": -1, "follows_in_s": None}, cue=None)
    qtbot.waitUntil(panel.empty.isVisible)
    qtbot.mouseClick(panel.add, LEFT)
    asked(engine, qtbot)
    assert engine.state["list"]["cues"] == [cue("Ember")]


@pytest.mark.parametrize(
    ("column", "typed", "name", "value", "shown"),
    [
        (Column.FADE, "2.5", "fade_s", 2.5, "2.5 s"),
        (Column.FADE, "", "fade_s", None, "own"),
        (Column.FOLLOW, "1:05", "follow_s", 65.0, "1:05"),
        (Column.FOLLOW, "7,5 s", "follow_s", 7.5, "7.5 s"),
        (Column.NOTE, "lights down", "note", "lights down", "lights down"),
    ],
)
def test_a_cell_is_edited_in_place(panel, engine, qtbot, column, typed, name, value, shown):
    editor = edit(panel, qtbot, 0, column, QLineEdit)
    editor.selectAll()
    qtbot.keyClick(editor, Qt.Key.Key_Delete)
    qtbot.keyClicks(editor, typed)
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    asked(engine, qtbot)
    assert engine.state["list"]["cues"][0][name] == value
    assert text(panel, 0, column) == shown


@pytest.mark.parametrize("typed", ["soon", "-3", "1e9"])
def test_what_is_no_time_is_refused_in_words(panel, engine, qtbot, typed):
    editor = edit(panel, qtbot, 0, Column.FADE, QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, typed)
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(panel.strip.isVisible)
    assert f"“{typed}” is no time" in panel.strip.text.text()
    assert text(panel, 0, Column.FADE) == "4 s"
    assert engine.asked == []


@pytest.mark.parametrize(
    ("column", "index", "name", "value"),
    [(Column.PRESET, 0, "preset", "Charcoal"), (Column.SOUND, 2, "sound", False), (Column.SOUND, 0, "sound", None)],
)
def test_presets_and_sound_are_chosen_from_lists(panel, engine, qtbot, column, index, name, value):
    row = 0 if column is Column.PRESET else 1
    box = edit(panel, qtbot, row, column, QComboBox)
    box.setCurrentIndex(index)
    box.activated.emit(index)
    asked(engine, qtbot)
    assert engine.state["list"]["cues"][row][name] == value


def test_a_missing_preset_can_be_replaced(panel, engine, qtbot):
    box = edit(panel, qtbot, 2, Column.PRESET, QComboBox)
    assert box.currentText() != "Gone"
    box.setCurrentText("Opening night")
    box.activated.emit(box.currentIndex())
    asked(engine, qtbot)
    qtbot.waitUntil(lambda: text(panel, 2, Column.PRESET) == "Opening night")


def test_a_removed_cue_comes_back_where_it_was(panel, engine, qtbot):
    panel.table.setFocus()
    panel.table.choose(1)
    qtbot.keyClick(panel.table, Qt.Key.Key_Delete)
    asked(engine, qtbot)
    assert presets(engine) == ["Ember", "Gone"]
    assert panel.strip.text.text() == "Removed cue 2, “Charcoal”."
    qtbot.mouseClick(panel.strip.button, LEFT)
    asked(engine, qtbot, 2)
    assert presets(engine) == ["Ember", "Charcoal", "Gone"]
    assert engine.state["list"]["cues"][1] == CUES[1]


def test_keys_and_buttons_change_the_order(panel, engine, qtbot):
    panel.table.setFocus()
    panel.table.choose(0)
    qtbot.keyClick(panel.table, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    asked(engine, qtbot)
    assert presets(engine) == ["Charcoal", "Ember", "Gone"]
    assert panel.table.row == 1
    qtbot.mouseClick(panel.down, LEFT)
    asked(engine, qtbot, 2)
    assert presets(engine) == ["Charcoal", "Gone", "Ember"]
    assert not panel.down.isEnabled()
    qtbot.mouseClick(panel.up, LEFT)
    asked(engine, qtbot, 3)
    assert presets(engine) == ["Charcoal", "Ember", "Gone"]


def test_dragging_a_number_changes_the_order(panel, engine, qtbot):
    header = panel.table.verticalHeader()

    def at(row, inside):
        return QPoint(12, header.sectionViewportPosition(row) + inside)

    qtbot.mousePress(header.viewport(), LEFT, pos=at(0, 17))
    for step in range(1, 6):
        qtbot.mouseMove(header.viewport(), at(0, 17) + (at(2, 28) - at(0, 17)) * step / 5)
    qtbot.mouseRelease(header.viewport(), LEFT, pos=at(2, 28))
    asked(engine, qtbot)
    assert presets(engine) == ["Charcoal", "Gone", "Ember"]
    assert [header.logicalIndex(n) for n in range(3)] == [0, 1, 2]


def test_others_edits_are_shown_but_not_under_the_hand(panel, engine, qtbot):
    editor = edit(panel, qtbot, 0, Column.NOTE, QLineEdit)
    qtbot.keyClicks(editor, " open")
    engine.publish_state(list={"cues": [*CUES, cue("Ember")], "at": 0, "follows_in_s": None})
    qtbot.waitUntil(lambda: "Cue 1 of 4" in panel.now.text())
    assert editor.isVisible()
    assert panel.model.rowCount() == 3
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    engine.publish_state()
    qtbot.waitUntil(lambda: panel.model.rowCount() == 4)


def test_a_list_that_the_engine_refuses_goes_back(panel, engine, qtbot):
    engine.refusal = "The cue 'Ember' is refused."
    panel.table.choose(0)
    qtbot.mouseClick(panel.remove, LEFT)
    qtbot.waitUntil(lambda: panel.strip.text.text() == engine.refusal)
    assert panel.model.rowCount() == 3


# Files


def test_the_list_goes_out_and_comes_back(panel, engine, qtbot, tmp_path):
    path = tmp_path / "show.json"
    panel.export_file(str(path))
    table = json.loads(path.read_text())
    assert table["format"] == 1
    assert table["cues"][0] == {"preset": "Ember", "fade_s": 4.0, "follow_s": None, "sound": None, "note": "doors"}
    engine.publish_state(list={"cues": [], "at": -1, "follows_in_s": None})
    qtbot.waitUntil(panel.empty.isVisible)
    panel.import_file(str(path))
    qtbot.waitUntil(lambda: panel.strip.text.text() == "Imported 3 cues.")
    assert engine.state["list"]["cues"] == CUES
    qtbot.mouseClick(panel.strip.button, LEFT)
    asked(engine, qtbot, 2)
    assert presets(engine) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe\x00", "is no cue list"),
        (b"{", "not JSON"),
        (b"[1]", "has no “cues”"),
        (b'{"cues": [3]}', "has no “cues”"),
        (b'{"format": 9, "cues": []}', "format 9"),
    ],
)
def test_what_is_no_cue_list_is_told_and_changes_nothing(panel, engine, tmp_path, content, words):
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    panel.import_file(str(path))
    assert words in panel.strip.text.text()
    assert engine.asked == []


def test_a_file_that_can_not_be_written_is_told(panel, tmp_path):
    panel.export_file(str(tmp_path / "no folder" / "show.json"))
    assert "can't be written" in panel.strip.text.text()


def test_the_dialogs_block_nothing(panel, qtbot):
    for button in (panel.import_, panel.export):
        qtbot.mouseClick(button, LEFT)
        dialog = panel.findChild(QFileDialog)
        assert dialog.isVisible()
        assert not dialog.isModal()
        dialog.close()
        qtbot.waitUntil(lambda: panel.findChild(QFileDialog) is None)
