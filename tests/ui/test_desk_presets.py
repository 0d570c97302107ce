"""The desk's preset library through its real widgets: clicks, keys, typing."""

from __future__ import annotations

import gc
import weakref

import pytest
from fake_presets import TOML, preset
from PyQt6.QtCore import QObject, QPoint, Qt
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QApplication, QFileDialog, QLineEdit

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
Key, Control, Shift = Qt.Key, Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
NAMES = ["Amber", "Basalt", "Cedar", "Dune", "Ember", "Frost", "Glass", "Harbour", "Ink", "Jade", "Kelp", "Lava"]


@pytest.fixture
def panel(desk, engine, qtbot):
    """The panel of a desk on a wall with Ember, twelve built-in presets of two categories and one of the user's own."""
    known = [preset(name, "earth" if name < "G" else "water", builtin=True, fade_s=4.0) for name in NAMES]
    engine.publish_state(presets=[*known, preset("My own", fade_s=2.0)], preset="Ember", dirty=False, cue=None)
    qtbot.waitUntil(lambda: len(desk.presets.list.presets) == 13)
    desk.activateWindow()
    qtbot.waitUntil(desk.isActiveWindow)
    desk.presets.grid.setFocus()
    desk.resize(1280, 800)
    return desk.presets


def place(panel, name):
    """Where a preset is in the grid, scrolled to."""
    index = panel.list.index_of(name)
    assert index.isValid(), f"{name} is not shown"
    panel.grid.scrollTo(index)
    return panel.grid.visualRect(index).center()


def click(panel, qtbot, name):
    at = place(panel, name)
    qtbot.mouseClick(panel.grid.viewport(), LEFT, pos=at)


def key(panel, qtbot, which, modifier=Qt.KeyboardModifier.NoModifier):
    qtbot.keyClick(QApplication.focusWidget() or panel.window(), which, modifier)


def shown(panel):
    rows = [panel.list.row(panel.list.index(number)) for number in range(panel.list.rowCount())]
    return [f"[{row.text}]" if row.heading else row.text for row in rows]


def spoken(panel, name):
    return panel.list.index_of(name).data(Qt.ItemDataRole.AccessibleTextRole)


def asked(engine, qtbot, do):
    qtbot.waitUntil(lambda: any(verb == do for verb, _ in engine.asked))
    return [arguments for verb, arguments in engine.asked if verb == do]


def selected(panel):
    row = panel.grid.selected
    return row.text if row else None


def choose(panel, text):
    """Choose from the menu what begins with `text`."""
    menu = panel.make_menu()
    (action,) = [a for a in menu.findChildren(QAction) if a.text().startswith(text)]
    action.trigger()
    menu.deleteLater()


# What is shown


def test_presets_stand_under_their_categories_the_own_one_first(panel):
    assert shown(panel) == ["[Your own]", "My own", "[Earth]", *NAMES[:6], "[Water]", *NAMES[6:]]


def test_numbers_in_names_count(panel, engine, qtbot):
    engine.publish_state(presets=[preset(f"Scene {n}") for n in (10, 9, 100, 1)])
    qtbot.waitUntil(lambda: shown(panel)[1:] == ["Scene 1", "Scene 9", "Scene 10", "Scene 100"])


def test_what_is_on_the_wall_and_what_is_next_is_said_in_words(panel, engine, qtbot):
    assert spoken(panel, "Ember") == "Ember, on the wall, key 6"
    assert spoken(panel, "My own") == "My own, your own, key 1"
    assert spoken(panel, "Kelp") == "Kelp"
    engine.publish_state(dirty=True, cue="Ember")
    qtbot.waitUntil(lambda: spoken(panel, "Ember") == "Ember, on the wall, edited, next, key 6")
    assert panel.wall.text() == "• Ember, edited"
    assert panel.go.button.text() == "GO → Ember, over 4 s · takes the edits back"


def test_the_whole_grid_can_be_drawn_with_and_without_pictures(panel, tmp_path, monkeypatch, engine, qtbot):
    from PyQt6.QtGui import QColor, QPixmap

    from mirrorfx.resources import thumbnail_path

    monkeypatch.setenv("MIRRORFX_CACHE_DIR", str(tmp_path / "cache"))
    red = QPixmap(256, 256)
    red.fill(QColor("#ff0000"))
    path = thumbnail_path(77, "style", 256)
    path.parent.mkdir(parents=True)
    red.save(str(path))
    before = panel.grid.grab().toImage().pixelColor(place(panel, "My own"))
    one = preset("My own", fade_s=2.0, stamp=77)
    engine.publish_state(presets=[*[p for p in engine.state["presets"] if p["name"] != "My own"], one], dirty=True)
    qtbot.waitUntil(lambda: panel.list.find("My own").stamp == 77)
    after = panel.grid.grab().toImage().pixelColor(place(panel, "My own"))
    assert before != after
    assert after.red() > 200 > after.green()


def test_the_keys_begin_at_what_is_on_the_wall(desk, qtbot):
    qtbot.waitUntil(lambda: selected(desk.presets) == "Ember")
    assert desk.focusWidget() is desk.presets.grid


# Search


def test_typing_filters_and_escape_clears(panel, qtbot):
    key(panel, qtbot, Key.Key_F, Control)
    assert panel.search.hasFocus()
    qtbot.keyClicks(panel.search, "wat l")
    assert shown(panel) == ["[Water]", "Glass", "Kelp", "Lava"]
    qtbot.keyClicks(panel.search, "zz")
    assert shown(panel) == []
    assert "wat lzz" in panel.empty.text()
    assert panel.empty.isVisible()
    key(panel, qtbot, Key.Key_Escape)
    assert len(shown(panel)) == 16
    assert not panel.empty.isVisible()


def test_the_keyboard_goes_from_the_search_to_the_wall(panel, engine, qtbot):
    key(panel, qtbot, Key.Key_F, Control)
    qtbot.keyClicks(panel.search, "ink")
    key(panel, qtbot, Key.Key_Return)
    assert panel.grid.hasFocus()
    key(panel, qtbot, Key.Key_Return)
    assert asked(engine, qtbot, "cue") == [{"name": "Ink"}]
    qtbot.waitUntil(panel.go.button.isEnabled)
    key(panel, qtbot, Key.Key_Space)
    assert asked(engine, qtbot, "go") == [{}]


def test_a_category_filters_and_so_do_ones_own(panel):
    for text, expected in (("Water", NAMES[6:]), ("Your own", ["My own"])):
        panel.category.setCurrentIndex(panel.category.findText(text))
        assert [name for name in shown(panel) if not name.startswith("[")] == expected


def test_number_keys_keep_their_presets_while_something_is_searched(panel, engine, qtbot):
    panel.category.setCurrentIndex(panel.category.findText("Water"))
    key(panel, qtbot, Key.Key_2)
    assert asked(engine, qtbot, "preset") == [{"name": "Amber"}]


# The show


def test_a_click_cues_and_a_heading_does_nothing(panel, engine, qtbot):
    heading = panel.grid.visualRect(panel.list.index(0)).center()
    qtbot.mouseClick(panel.grid.viewport(), LEFT, pos=heading)
    click(panel, qtbot, "Frost")
    assert asked(engine, qtbot, "cue") == [{"name": "Frost"}]
    qtbot.waitUntil(lambda: "next" in spoken(panel, "Frost"))
    assert panel.go.button.text() == "GO → Frost, over 4 s"
    assert engine.state["preset"] == "Ember"


def test_go_fades_over_and_says_how_far_it_is(panel, engine, qtbot):
    assert not panel.go.button.isEnabled()
    click(panel, qtbot, "Frost")
    qtbot.waitUntil(panel.go.button.isEnabled)
    qtbot.mouseClick(panel.go.button, LEFT)
    assert asked(engine, qtbot, "go") == [{}]
    qtbot.waitUntil(lambda: panel.go.button.fade_text.startswith("Frost in "))
    assert spoken(panel, "Frost").startswith("Frost, on the wall")
    engine.publish_state(fade=None, preparing=True)
    qtbot.waitUntil(lambda: panel.go.button.fade_text == "Getting Frost ready …")
    engine.publish_state(preparing=False)
    qtbot.waitUntil(lambda: panel.go.button.fade_text == "")


def test_a_double_click_takes_it_at_once(panel, engine, qtbot):
    at = place(panel, "Frost")
    qtbot.mouseClick(panel.grid.viewport(), LEFT, pos=at)
    qtbot.mouseDClick(panel.grid.viewport(), LEFT, pos=at)
    assert asked(engine, qtbot, "preset") == [{"name": "Frost"}]


def test_another_fade_time_holds_until_it_is_emptied(panel, engine, qtbot):
    box = panel.go.fade
    click(panel, qtbot, "Frost")
    qtbot.waitUntil(panel.go.button.isEnabled)
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, "1.5")
    qtbot.keyClick(box, Key.Key_Return)
    assert panel.go.button.text() == "GO → Frost, over 1.5 s"
    qtbot.mouseClick(panel.go.button, LEFT)
    assert asked(engine, qtbot, "go") == [{"fade_s": 1.5}]
    box.setFocus()
    box.selectAll()
    qtbot.keyClick(box, Key.Key_Delete)
    qtbot.keyClick(box, Key.Key_Return)
    assert panel.go.fade_s is None
    assert box.text() == "Preset's own"


def test_number_keys_call_the_first_ten(panel, engine, qtbot):
    for which in (Key.Key_1, Key.Key_3, Key.Key_0):
        key(panel, qtbot, which)
    qtbot.waitUntil(lambda: len(engine.asked) == 3)
    assert [arguments["name"] for _, arguments in engine.asked] == ["My own", "Basalt", "Ink"]


def test_keys_are_letters_where_text_is_typed(panel, desk, engine, qtbot):
    prompt = desk.params.controls["prompt"].editor
    prompt.setFocus()
    qtbot.keyClicks(prompt, "1 2")
    panel.search.setFocus()
    qtbot.keyClicks(panel.search, "3 ")
    box = desk.params.controls["strength"].box
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, "0.4")
    assert "1 2" in prompt.toPlainText()
    assert panel.search.text() == "3 "
    assert box.text().startswith("0.4")
    engine.notice("heard")
    qtbot.waitUntil(lambda: desk.notices.text.text() == "heard")
    assert not [do for do, _ in engine.asked if do in ("preset", "go")]


def test_space_is_go_but_for_a_button_that_the_keyboard_walked_to(panel, desk, engine, qtbot):
    engine.publish_state(cue="Frost")
    qtbot.waitUntil(panel.go.button.isEnabled)
    relief = desk.params.controls["relief"]._box
    key(panel, qtbot, Key.Key_Tab)
    qtbot.mouseClick(relief, LEFT, pos=QPoint(8, relief.height() // 2))
    assert relief.hasFocus()
    assert not relief.isChecked()
    key(panel, qtbot, Key.Key_Space)
    assert asked(engine, qtbot, "go") == [{}]
    assert not relief.isChecked(), "the mouse had been there, and Space still is GO"
    panel.grid.setFocus()
    for _ in range(60):
        key(panel, qtbot, Key.Key_Tab)
        if QApplication.focusWidget() is relief:
            break
    key(panel, qtbot, Key.Key_Space)
    assert relief.isChecked()
    assert len(asked(engine, qtbot, "go")) == 1


def test_escape_takes_the_cue_back(panel, engine, qtbot):
    click(panel, qtbot, "Frost")
    asked(engine, qtbot, "cue")
    panel.grid.setFocus()
    key(panel, qtbot, Key.Key_Escape)
    qtbot.waitUntil(lambda: len(asked(engine, qtbot, "cue")) == 2)
    assert asked(engine, qtbot, "cue")[1] == {"name": None}


def test_go_takes_the_lists_next_cue_when_none_is_clicked(panel, engine, qtbot):
    rest = {"fade_s": None, "follow_s": None, "sound": None, "note": "", "missing": False}
    cues = [rest | {"preset": "Ember", "fade_s": 1.0}, rest | {"preset": "Jade"}]
    engine.publish_state(list={"cues": cues, "at": 0, "follows_in_s": None})
    qtbot.waitUntil(lambda: panel.go.button.text() == "GO → Jade, over 4 s · cue 2 of the list")


# Saving and naming


def test_control_s_saves_over_ones_own_without_a_question(panel, engine, qtbot):
    engine.publish_state(preset="My own", dirty=True)
    qtbot.waitUntil(lambda: panel.save.text() == "Save")
    key(panel, qtbot, Key.Key_S, Control)
    assert asked(engine, qtbot, "save") == [{"name": "My own"}]
    qtbot.waitUntil(lambda: panel.strip.text.text() == "Saved “My own”.")
    qtbot.waitUntil(lambda: panel.wall.text() == "My own")


def test_saving_what_came_from_a_built_in_one_asks_for_a_name(panel, desk, engine, qtbot):
    assert panel.save.text() == "Save as …"
    key(panel, qtbot, Key.Key_S, Control)
    line = panel.line
    assert line.isVisible()
    assert line.title.text().startswith("“Ember” is built in and stays as it is.")
    assert line.name.accessibleName() == line.title.text()
    assert "“Ember” is built in" in panel.save.toolTip()
    assert (line.name.text(), line.category.text()) == ("Ember 2", "earth")
    qtbot.keyClicks(line.name, "Mine")
    qtbot.keyClick(line.name, Key.Key_Return)
    assert asked(engine, qtbot, "save") == [{"name": "Mine", "category": "earth"}]
    qtbot.waitUntil(lambda: not line.isVisible())
    qtbot.waitUntil(lambda: selected(panel) == "Mine")
    assert "presets/Mine.toml" in desk.notices.text.text()


def test_a_name_with_a_slash_is_refused_beside_the_name_and_nothing_is_lost(panel, engine, qtbot):
    key(panel, qtbot, Key.Key_S, Control | Shift)
    qtbot.keyClicks(panel.line.name, "a/b")
    qtbot.mouseClick(panel.line.enter, LEFT)
    qtbot.waitUntil(panel.line.error.isVisible)
    assert "slashes" in panel.line.error.text()
    assert panel.line.name.text() == "a/b"
    key(panel, qtbot, Key.Key_Escape)
    assert not panel.line.isVisible()


def test_a_name_that_is_taken_says_replace(panel, qtbot):
    key(panel, qtbot, Key.Key_S, Control | Shift)
    assert panel.line.title.text() == "Save what is set under the name"
    assert panel.line.enter.text() == "Save"
    qtbot.keyClicks(panel.line.name, "my OWN")
    assert panel.line.enter.text() == "Replace"
    panel.line.name.clear()
    assert not panel.line.enter.isEnabled()


def test_duplicate_and_rename(panel, engine, qtbot):
    click(panel, qtbot, "Lava")
    key(panel, qtbot, Key.Key_D, Control)
    assert panel.line.name.text() == "Lava 2"
    key(panel, qtbot, Key.Key_Return)
    qtbot.waitUntil(lambda: selected(panel) == "Lava 2")
    panel.grid.setFocus()
    key(panel, qtbot, Key.Key_F2)
    qtbot.keyClicks(panel.line.name, "My own")
    key(panel, qtbot, Key.Key_Return)
    qtbot.waitUntil(panel.line.error.isVisible)
    assert "already" in panel.line.error.text()
    panel.line.name.selectAll()
    qtbot.keyClicks(panel.line.name, "Magma")
    key(panel, qtbot, Key.Key_Return)
    qtbot.waitUntil(lambda: selected(panel) == "Magma")
    assert asked(engine, qtbot, "rename")[-1] == {"name": "Lava 2", "new_name": "Magma"}
    assert panel.list.find("Lava 2") is None


def test_a_built_in_preset_keeps_its_name_and_stays(panel, engine, qtbot):
    click(panel, qtbot, "Lava")
    panel.grid.setFocus()
    key(panel, qtbot, Key.Key_F2)
    assert "built in" in panel.strip.text.text()
    key(panel, qtbot, Key.Key_Delete)
    assert "can't be deleted" in panel.strip.text.text()
    assert not [do for do, _ in engine.asked if do in ("rename", "delete")]


@pytest.mark.parametrize("how", ["button", "keys"])
def test_a_delete_can_be_taken_back(panel, engine, qtbot, how):
    click(panel, qtbot, "My own")
    panel.grid.setFocus()
    key(panel, qtbot, Key.Key_Delete)
    qtbot.waitUntil(lambda: panel.strip.text.text() == "Deleted “My own”.")
    qtbot.waitUntil(lambda: panel.list.find("My own") is None)
    if how == "button":
        qtbot.mouseClick(panel.strip.button, LEFT)
    else:
        qtbot.waitUntil(lambda: panel.window().undo.undo.text() == "Undo Delete My own")
        key(panel, qtbot, Key.Key_Z, Control)
    assert asked(engine, qtbot, "undelete") == [{"undo": "token-1"}]
    qtbot.waitUntil(lambda: panel.list.find("My own") is not None)
    qtbot.waitUntil(lambda: panel.strip.text.text() == "“My own” is back.")


def test_what_the_engine_refuses_is_said_beside_the_presets(panel, engine, qtbot):
    engine.refusal = "The presets' folder is read-only."
    click(panel, qtbot, "My own")
    panel.grid.setFocus()
    key(panel, qtbot, Key.Key_Delete)
    qtbot.waitUntil(lambda: panel.strip.text.text() == engine.refusal)
    assert panel.list.find("My own")


# Files


def test_importing_gives_the_files_text_to_the_engine(panel, engine, qtbot, tmp_path):
    (tmp_path / "new.toml").write_text(TOML.format(name="Nova"))
    dialog = panel.actions_.choose_import(panel.window())
    assert not dialog.isModal()
    dialog.setDirectory(str(tmp_path))
    dialog.selectFile("new.toml")
    dialog.accept()
    assert asked(engine, qtbot, "import") == [{"toml": TOML.format(name="Nova")}]
    qtbot.waitUntil(lambda: selected(panel) == "Nova")


def test_what_is_no_preset_is_not_imported_and_says_why(panel, engine, qtbot, tmp_path):
    (tmp_path / "film.toml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "large.toml").write_text("#" * 300_000)
    (tmp_path / "broken.toml").write_text("format =")
    for name, words in (("film", "not text"), ("large", "too large"), ("gone", "No such file")):
        panel.actions_.import_files([str(tmp_path / f"{name}.toml")])
        assert words in panel.strip.text.text()
    assert engine.asked == []
    panel.actions_.import_files([str(tmp_path / "broken.toml")])
    qtbot.waitUntil(lambda: "not readable" in panel.strip.text.text())


def test_exporting_writes_the_presets_file(panel, engine, qtbot, tmp_path):
    click(panel, qtbot, "Lava")
    choose(panel, "Export")
    dialogs = lambda: [d for d in panel.window().findChildren(QFileDialog) if d.isVisible()]  # noqa: E731
    qtbot.waitUntil(lambda: bool(dialogs()))
    (dialog,) = dialogs()
    assert not dialog.isModal()
    dialog.findChild(QLineEdit).setText(str(tmp_path / "out"))
    dialog.accept()
    qtbot.waitUntil(lambda: (tmp_path / "out.toml").exists())
    assert (tmp_path / "out.toml").read_text() == TOML.format(name="Lava")
    assert "out.toml" in panel.strip.text.text()
    panel.actions_.write_file(str(tmp_path / "none" / "x.toml"), "text")
    assert "can't be written" in panel.strip.text.text()


def test_the_menu_offers_what_can_be_done(panel, qtbot):
    click(panel, qtbot, "Lava")
    menu = panel.make_menu()
    entries = {action.text(): action.isEnabled() for action in menu.actions() if action.text()}
    assert list(entries) == [
        *("Make it the next", "Fade over to it now", "Save", "Save as …"),
        *("Duplicate …", "Rename …", "Delete", "Import …", "Export …"),
    ]
    assert [text for text, enabled in entries.items() if not enabled] == ["Rename …", "Delete"]
    menu.deleteLater()


# What changes by itself


def test_a_change_on_disk_keeps_what_is_selected_and_how_far_it_is_scrolled(panel, engine, qtbot):
    panel.window().resize(1280, 640)
    click(panel, qtbot, "Kelp")
    scrolled = panel.grid.verticalScrollBar().value()
    assert scrolled > 0
    others = [p | {"stamp": 3} if p["name"] == "Lava" else p for p in engine.state["presets"]]
    engine.publish_state(presets=others)
    qtbot.waitUntil(lambda: panel.list.find("Lava").stamp == 3)
    assert selected(panel) == "Kelp"
    assert panel.grid.verticalScrollBar().value() == scrolled


def test_problems_of_the_library_are_told_in_words(panel, engine, qtbot):
    assert not panel.problems.isVisible()
    engine.publish_state(preset_problems=["a.toml has the name 'Ice', which b.toml has too.", "read-only"])
    qtbot.waitUntil(panel.problems.isVisible)
    assert panel.problems.text() == "2 problems with presets"
    qtbot.mouseClick(panel.problems, LEFT)
    assert panel.problem_text.isVisible()
    assert "b.toml has too" in panel.problem_text.text()
    engine.publish_state(preset_problems=[])
    qtbot.waitUntil(lambda: not panel.problem_text.isVisible())


def test_two_hundred_switches_leave_nothing_behind(panel, desk, engine, qtbot):
    def switch(number):
        name = NAMES[number % len(NAMES)]
        engine.publish_state(preset=name, cue=None, dirty=bool(number % 2), fade={"seconds": 1.0, "left_s": 0.5})
        qtbot.waitUntil(lambda: panel.list.program == name)

    for number in range(12):
        switch(number)
    gc.collect()
    objects = len(desk.findChildren(QObject))
    watched = [weakref.ref(panel.make_menu()) for _ in range(3)]
    for menu in watched:
        menu().aboutToHide.emit()
    for number in range(200):
        switch(number)
    QApplication.sendPostedEvents(None, 52)  # deferred deletes
    gc.collect()
    assert len(desk.findChildren(QObject)) == objects
    assert not any(ref() for ref in watched)


# The session


def test_after_a_crash_it_asks_whether_to_go_on(panel, desk, engine, qtbot):
    banner = desk.session
    assert not banner.isVisible()
    engine.publish_state(session={"offer": {"saved": "2020-03-04 22:31:05", "preset": "Ice", "effect": "style"}})
    qtbot.waitUntil(banner.isVisible)
    assert "(Ice, style, 2020-03-04 22:31)" in banner.text.text()
    qtbot.mouseClick(banner.go_on, LEFT)
    assert asked(engine, qtbot, "session") == [{"restore": True}]
    qtbot.waitUntil(lambda: not banner.isVisible())


def test_or_to_start_afresh(panel, desk, engine, qtbot):
    engine.publish_state(session={"offer": {"saved": "not a time", "preset": None, "effect": "style"}})
    qtbot.waitUntil(desk.session.isVisible)
    assert "(style, not a time)" in desk.session.text.text()
    qtbot.mouseClick(desk.session.afresh, LEFT)
    assert asked(engine, qtbot, "session") == [{"restore": False}]
