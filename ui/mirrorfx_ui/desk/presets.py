"""The preset library: pictures to choose from, what is on the wall and what is next, GO, and all that files need."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QEvent, QSize, Qt
from PyQt6.QtGui import QAction, QKeySequence, QShortcut
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from mirrorfx_ui.desk import theme
from mirrorfx_ui.desk.chooser import Chooser
from mirrorfx_ui.desk.go import GoBar
from mirrorfx_ui.desk.name_line import NameLine
from mirrorfx_ui.desk.preset_actions import PresetActions
from mirrorfx_ui.desk.preset_grid import PresetGrid
from mirrorfx_ui.desk.preset_list import OWN, PresetList
from mirrorfx_ui.desk.signs import Sign, icon
from mirrorfx_ui.desk.strip import Strip
from mirrorfx_ui.desk.thumbnails import EFFECT, Thumbnails

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from PyQt6.QtCore import QPoint
    from PyQt6.QtGui import QHideEvent

    from mirrorfx_ui.desk.bridge import Bridge

__all__ = ["PresetPanel"]

_KEYS = 10
_TYPED = (QLineEdit, QPlainTextEdit, QAbstractSpinBox)


class PresetPanel(QWidget):
    """Presets by category, the user's own without one first. A click makes one the next, GO fades over to it."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = PresetList(self)
        self.thumbnails = Thumbnails(bridge, self)
        self.search = QLineEdit()
        self.category = Chooser()
        self.more = QToolButton()
        self.problems = QToolButton()
        self.problem_text = theme.label("", "muted")
        self.empty = theme.label("", "muted")
        self.grid = PresetGrid(self.list, self.thumbnails.picture, self)
        self.strip = Strip(self.tr("What was done with the presets"))
        self.line = NameLine()
        self.wall = theme.label("", "note")
        self.save = QPushButton(self.tr("Save"))
        self.go = GoBar()
        self.pictures = theme.label("", "muted")
        self.actions_ = PresetActions(bridge, self.list, self.go, self.line, self.strip)
        self._state: Mapping[str, Any] = {}
        self._wanted: str | None = None
        self._dress()
        self._lay_out()
        self._connect()
        self._add_keys()
        bridge.state_changed.connect(self.show_state)

    def show_state(self, state: Mapping[str, Any]) -> None:
        """Show what there is, what is on the wall and what is next."""
        program_before, self._state = self._state.get("preset"), state
        self.list.set_marks(state["preset"], state.get("cue"), dirty=bool(state.get("dirty")))
        self.list.set_presets(state["presets"])
        self.thumbnails.show_presets(state["presets"])
        self.line.set_taken([row.text for row in self.list.presets if row.own])
        self.go.show_state(state, self.list)
        self._show_categories()
        self._show_wall()
        self._show_problems(state.get("preset_problems", []))
        self._show_empty()
        if self._wanted and self.list.find(self._wanted):
            self.grid.select(self._wanted, scroll=True)
            self._wanted = None
        elif state["preset"] != program_before:
            self.grid.bring(state["preset"])
            if self.grid.selected is None:
                self.grid.select(state["preset"])

    @override
    def changeEvent(self, event: QEvent | None) -> None:
        super().changeEvent(event)
        focus = QApplication.focusWidget()
        if event and event.type() == QEvent.Type.EnabledChange and self.isEnabled() and not isinstance(focus, _TYPED):
            self.grid.setFocus(Qt.FocusReason.OtherFocusReason)  # where an operator begins

    def make_menu(self) -> QMenu:
        """Return the menu for the selected preset; it deletes itself when it was used."""
        row, do = self.grid.selected, self.actions_
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        if row:
            self._entry(menu, self.tr("Make it the next"), lambda: do.cue(row.text), "Enter")
            self._entry(menu, self.tr("Fade over to it now"), lambda: do.call(row.text))
            menu.addSeparator()
        self._entry(menu, self.tr("Save"), do.save, "Ctrl+S")
        self._entry(menu, self.tr("Save as …"), lambda: do.save_as(), "Ctrl+Shift+S")
        if row:
            self._entry(menu, self.tr("Duplicate …"), lambda: do.duplicate(row), "Ctrl+D")
            self._entry(menu, self.tr("Rename …"), lambda: do.rename(row), "F2").setEnabled(row.own)
            self._entry(menu, self.tr("Delete"), lambda: do.delete(row), "Del").setEnabled(row.own)
        menu.addSeparator()
        self._entry(menu, self.tr("Import …"), lambda: do.choose_import(self.window() or self))
        if row:
            self._entry(menu, self.tr("Export …"), lambda: do.export(row, self.window() or self))
        return menu

    @override
    def hideEvent(self, event: QHideEvent | None) -> None:
        super().hideEvent(event)
        if not self.window().isVisible():  # type: ignore[union-attr]  # the desk ends
            self.thumbnails.close()

    def _entry(self, menu: QMenu, text: str, do: Callable[[], object], keys: str = "") -> QAction:
        action = QAction(text, menu)
        action.setShortcut(QKeySequence(keys))
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)  # only to be read: the keys are bound below
        action.triggered.connect(lambda: do())
        menu.addAction(action)
        return action

    # What is shown

    def _show_categories(self) -> None:
        box, now = self.category, self.category.currentData()
        wanted = [None, OWN, *self.list.categories] if any(row.own for row in self.list.presets) else []
        wanted = wanted or [None, *self.list.categories]
        if wanted == [box.itemData(number) for number in range(box.count())]:
            return
        box.blockSignals(True)
        box.clear()
        for category in wanted:
            text = {None: self.tr("All"), OWN: self.tr("Your own")}.get(category) or str(category).capitalize()
            box.addItem(text, category)
        box.setCurrentIndex(max(0, wanted.index(now) if now in wanted else 0))
        box.blockSignals(False)
        self._filter()

    def _show_wall(self) -> None:
        program, dirty = self._state["preset"], bool(self._state.get("dirty"))
        text = program or self.tr("no preset")
        if dirty:
            text = self.tr("• %1, edited").replace("%1", text)
        self.wall.setText(text)
        self.wall.setToolTip(self.tr("On the wall: %1").replace("%1", text))
        self.wall.setAccessibleName(self.wall.toolTip())
        row = self.list.find(program)
        self.save.setText(self.tr("Save") if row and row.own else self.tr("Save as …"))
        built_in = self.tr("“%1” is built in: what is set is saved as your own preset  ·  Ctrl+S")
        self.save.setToolTip(built_in.replace("%1", row.text) if row and not row.own else self.tr("Key: Ctrl+S"))

    def _show_problems(self, problems: list[str]) -> None:
        count = len(problems)
        text = self.tr("1 problem with presets") if count == 1 else self.tr("%1 problems with presets")
        self.problems.setText(text.replace("%1", str(count)))
        self.problems.setVisible(bool(problems))
        self.problem_text.setText("\n".join(problems))
        self.problem_text.setVisible(bool(problems) and self.problems.isChecked())

    def _show_empty(self) -> None:
        if not self.list.presets:
            self.empty.setText(self.tr("No presets yet. Set things up as you like, and save them below."))
        else:
            text = self.tr("No preset matches “%1”. Esc in the search shows all.")
            self.empty.setText(text.replace("%1", self.search.text().strip() or self.category.currentText()))
        self.empty.setVisible(not self.list.rowCount())

    def _show_pictures(self) -> None:
        progress, trouble = self.thumbnails.progress, self.thumbnails.trouble
        if progress:
            text = self.tr("Making pictures %1/%2").replace("%1", str(progress[0])).replace("%2", str(progress[1]))
        else:
            text = self.tr("Some pictures are missing") if trouble else ""
        self.pictures.setText(text)
        self.pictures.setVisible(bool(text))
        painted = self.tr("The demo clip, painted by %1 on this machine.").replace("%1", EFFECT)
        self.pictures.setToolTip(trouble or painted)

    def _filter(self) -> None:
        self.list.set_filter(self.search.text(), self.category.currentData())
        self._show_empty()

    # Keys

    def _space(self) -> None:
        """GO, unless the keyboard has walked to a button, which Space presses then."""
        focus, window = QApplication.focusWidget(), self.window()
        walked = window is not None and window.testAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)
        if isinstance(focus, QAbstractButton) and walked:
            focus.click()
        else:
            self.actions_.go()

    def _leave_search(self) -> None:
        if self.search.text():
            self.search.clear()
        else:
            self.grid.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _into_grid(self) -> None:
        """From the search to what it has found; Enter once more makes it the next."""
        found = next((row for row in map(self.list.row, self._indexes()) if row and not row.heading), None)
        if found:
            self.grid.select(found.text, scroll=True)
            self.grid.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _indexes(self) -> list[Any]:
        return [self.list.index(number) for number in range(self.list.rowCount())]

    def _of_selected(self, do: Callable[[Any], object]) -> None:
        row = self.grid.selected
        if row:
            do(row)

    def _add_keys(self) -> None:
        do, here = self.actions_, Qt.ShortcutContext.WidgetShortcut
        self._key("Space", self._space)
        for number in range(1, _KEYS + 1):
            self._key(str(number % _KEYS), partial(do.call_key, number))
        self._key("Ctrl+S", do.save)
        self._key("Ctrl+Shift+S", lambda: do.save_as())
        self._key("Ctrl+F", self._find)
        self._key("Ctrl+D", lambda: self._of_selected(do.duplicate), self.grid, here)
        self._key("F2", lambda: self._of_selected(do.rename), self.grid, here)
        self._key("Del", lambda: self._of_selected(do.delete), self.grid, here)
        self._key("Esc", lambda: do.cue(None), self.grid, here)
        self._key("Esc", self._leave_search, self.search, here)
        self._key("Down", self._into_grid, self.search, here)

    def _key(
        self,
        keys: str,
        do: Callable[[], object],
        where: QWidget | None = None,
        context: Qt.ShortcutContext = Qt.ShortcutContext.WindowShortcut,
    ) -> None:
        shortcut = QShortcut(QKeySequence(keys), where or self)
        shortcut.setContext(context)
        shortcut.setAutoRepeat(False)
        shortcut.activated.connect(lambda: do())

    def _find(self) -> None:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def _menu_at(self, at: QPoint) -> None:
        viewport = self.grid.viewport()
        if viewport:
            self.make_menu().popup(viewport.mapToGlobal(at))

    def _menu_below(self) -> None:
        self.make_menu().popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    # Layout

    def _connect(self) -> None:
        do = self.actions_
        self.grid.chosen.connect(do.cue)
        self.grid.taken.connect(do.call)
        self.grid.customContextMenuRequested.connect(self._menu_at)
        self.search.textChanged.connect(lambda _: self._filter())
        self.search.returnPressed.connect(self._into_grid)
        self.category.currentIndexChanged.connect(lambda _: self._filter())
        self.more.clicked.connect(self._menu_below)
        self.problems.toggled.connect(lambda _: self._show_problems(self._state.get("preset_problems", [])))
        self.save.clicked.connect(do.save)
        self.go.button.clicked.connect(do.go)
        do.made.connect(self._select_soon)
        self.thumbnails.made.connect(self._picture_made)
        self.thumbnails.progress_changed.connect(self._show_pictures)

    def _select_soon(self, name: str) -> None:
        """Select what was just made; its state may come before or after the answer."""
        self._wanted = None if self.list.find(name) else name
        self.grid.select(name, scroll=True)

    def _picture_made(self, stamp: int) -> None:
        for number in self.list.with_stamp(stamp):
            self.list.refresh(number)

    def _dress(self) -> None:
        self.search.setPlaceholderText(self.tr("Search"))
        self.search.setAccessibleName(self.tr("Search presets by name or category"))
        self.search.setToolTip(self.tr("Key: Ctrl+F; Esc clears it"))
        self.search.setClearButtonEnabled(True)
        self.category.setAccessibleName(self.tr("Category"))
        self.category.setProperty("role", "small")
        self.category.setSizeAdjustPolicy(Chooser.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.category.setMinimumContentsLength(6)
        self.more.setIcon(icon(Sign.MORE))
        self.more.setIconSize(QSize(18, 18))
        self.more.setAccessibleName(self.tr("What can be done with presets"))
        self.more.setToolTip(self.tr("Save, rename, delete, import, export …"))
        self.save.setProperty("role", "small")
        self.problems.setProperty("role", "flat")
        self.problems.setIcon(icon(Sign.WARNING))
        self.problems.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.problems.setCheckable(True)
        for text in (self.problem_text, self.empty, self.wall):
            text.setWordWrap(True)
            text.setTextFormat(Qt.TextFormat.PlainText)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.wall.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        for part in (self.problems, self.problem_text, self.pictures):
            part.hide()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(self.search, 3)
        top.addWidget(self.category, 2)
        top.addWidget(self.more)
        column.addLayout(top)
        column.addWidget(self.problems, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.problem_text)
        column.addWidget(self.empty)
        column.addWidget(self.grid, 1)
        column.addWidget(self.strip)
        column.addWidget(self.line)
        row = QHBoxLayout()
        row.addWidget(theme.label(self.tr("On wall"), "muted"))
        row.addWidget(self.wall, 1)
        row.addWidget(self.save)
        column.addLayout(row)
        column.addWidget(self.go)
        column.addWidget(self.pictures)
