"""Who works without a mouse, or without eyes on it: names of all controls, and the way of the Tab key."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from fake_engine import worker
from fake_presets import preset
from PyQt6.QtCore import QPoint, QRect, Qt
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QHeaderView,
    QLineEdit,
    QScrollBar,
    QStackedWidget,
    QTabBar,
    QTableView,
    QWidget,
)

CUE = {"fade_s": None, "follow_s": 20.0, "sound": None, "note": "", "missing": False}
ROUTE = {"source": "level", "param": "strength", "amount": 0.25, "smoothing_s": 0.1}


@pytest.fixture
def full(desk, engine, qtbot):
    """A desk on which everything is there that can be: cues, routes, problems, a question, a preview."""
    engine.publish_state(
        presets=[preset(f"Preset {n}", "earth", builtin=True) for n in range(5)] + [preset("My own")],
        preset="Preset 1",
        cue="Preset 2",
        list={"cues": [CUE | {"preset": f"Preset {n}"} for n in range(3)], "at": 1, "follows_in_s": 12.0},
        preset_problems=["broken.toml is not readable."],
        session={"offer": {"saved": "2020-01-01 20:00:00", "preset": "Ember", "effect": "style"}},
        sound=engine.state["sound"] | {"ok": True, "routes": [ROUTE], "file": "rain.wav"},
    )
    qtbot.waitUntil(lambda: bool(desk.sound.routes.rows) and desk.session.isVisible())
    engine.publish_figures(workers=[worker(0), worker(1)])
    qtbot.waitUntil(desk.figures.export.isEnabled)
    desk.resize(1600, 1400)
    return desk


# Names


def is_part(widget):
    """Whether it is a part of a control, which has the name: a spin box's field, a list's scroll bar."""
    parent = widget.parentWidget()
    inside = (QAbstractSpinBox, QComboBox, QLineEdit, QTabBar, QHeaderView, QTableView)
    opens = parent is not None and parent.metaObject().className() == "QComboBoxPrivateContainer"
    return opens or isinstance(parent, inside) or isinstance(widget, QScrollBar) or widget.focusProxy() is not None


def is_control(widget):
    kinds = (QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, QTabBar)
    takes_keys = widget.focusPolicy() != Qt.FocusPolicy.NoFocus and not widget.objectName().startswith("qt_")
    return (isinstance(widget, kinds) or takes_keys) and not is_part(widget)


def is_put_away(widget, root):
    """Whether it, or what it is in, is hidden; a page that is not in front counts as there."""
    while widget is not root:
        if widget.isHidden() and not isinstance(widget.parentWidget(), QStackedWidget):
            return True
        widget = widget.parentWidget()
    return False


def name(widget):
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    return (widget.accessibleName() or text).strip()


def nameless(root):
    found = [w for w in root.findChildren(QWidget) if is_control(w) and not is_put_away(w, root)]
    assert found
    bad = [w for w in found if not re.search(r"\w\w", name(w))]
    return [f"{type(w).__name__} {name(w)!r} {w.toolTip()!r} in {type(w.parentWidget()).__name__}" for w in bad]


def test_every_control_of_every_page_has_a_name(full):
    assert nameless(full) == []


def test_every_control_has_a_name_while_there_is_nothing_to_show(desk):
    assert nameless(desk) == []


def test_the_lines_and_lists_that_open_have_names(full, qtbot):
    full.presets.actions_.save_as()
    prompt = full.params.controls["prompt"]
    prompt.history.add("ice")
    qtbot.mouseClick(prompt.earlier, Qt.MouseButton.LeftButton)
    assert nameless(full.presets.line) == []
    assert prompt.prompts.accessibleName()
    prompt.prompts.hide()


@pytest.mark.parametrize("which", ["presets", "cues in", "cues out", "sound", "report"])
def test_dialogs_have_titles_and_none_blocks(full, which, qtbot):
    opened = {
        "presets": lambda: full.presets.actions_.choose_import(full),
        "cues in": full.show_page.open_import,
        "cues out": full.show_page.open_export,
        "sound": full.sound.choose_file,
        "report": lambda: (full.figures.export.click(), full.figures.export.dialog)[1],
    }[which]()
    assert isinstance(opened, QDialog)
    assert len(opened.windowTitle()) > 5
    assert not opened.isModal()
    opened.close()


# The way of the Tab key


def walk(desk, qtbot, start):
    """Press Tab until it comes round; return what it went over."""
    start.setFocus(Qt.FocusReason.TabFocusReason)
    seen = []
    for _ in range(300):
        focus = QApplication.focusWidget()
        if focus in seen:
            return seen
        seen.append(focus)
        qtbot.keyClick(focus, Qt.Key.Key_Tab)
    raise AssertionError("Tab never came round")


def reachable(desk):
    """What Tab has to reach: every control in sight that can be used."""
    tab = Qt.FocusPolicy.TabFocus
    controls = [w for w in desk.findChildren(QWidget) if is_control(w)]
    return [w for w in controls if w.isVisible() and w.isEnabled() and w.focusPolicy().value & tab.value]


@pytest.mark.parametrize("page", range(5))
def test_tab_goes_over_all_controls_and_comes_round(full, qtbot, page):
    full.tabs.setCurrentIndex(page)
    qtbot.waitUntil(full.tabs.widget(page).isVisible)
    seen = walk(full, qtbot, full.presets.search)
    missed = [(type(w).__name__, name(w)) for w in reachable(full) if w not in seen]
    assert missed == []
    assert full.tabs.tabBar() in seen
    assert [type(w).__name__ for w in seen if not is_control(w)] == []


def place(desk, widget):
    """The panel that a widget is in, in the order in which the eye goes over them."""
    panels = (
        desk.undo, desk.session, desk.presets, desk.pictures, desk.tabs.tabBar(), desk.tabs, desk.figures,
        desk.panic, desk.notices,
    )  # fmt: skip
    return next(n for n, panel in enumerate(panels) if panel is widget or panel.isAncestorOf(widget))


@pytest.mark.parametrize("page", range(5))
def test_tab_goes_panel_by_panel_as_the_eye_does(full, qtbot, page):
    full.tabs.setCurrentIndex(page)
    qtbot.waitUntil(full.tabs.widget(page).isVisible)
    places = [place(full, widget) for widget in walk(full, qtbot, full.presets.search)]
    first = places.index(min(places))
    turned = places[first:] + places[:first]
    assert turned == sorted(turned)


@pytest.mark.parametrize("page", range(5))
def test_within_a_page_tab_goes_down(full, qtbot, page):
    full.tabs.setCurrentIndex(page)
    qtbot.waitUntil(full.tabs.widget(page).isVisible)
    inside = [w for w in walk(full, qtbot, full.presets.search) if full.tabs.widget(page).isAncestorOf(w)]
    rows = [QRect(w.mapTo(full, QPoint(0, 0)), w.size()) for w in inside]
    up = [(name(inside[n]), name(inside[n + 1])) for n, (a, b) in enumerate(pairwise(rows)) if b.bottom() < a.top()]
    assert up == []


def test_the_tab_key_leaves_the_table_of_cues(full, qtbot):
    full.tabs.setCurrentIndex(4)
    table = full.show_page.table
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Tab)
    assert not table.hasFocus()
