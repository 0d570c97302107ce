"""The desk's window: presets left, picture and params in the middle, figures right; panic row and notices below."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from mirrorfx_ui.desk.bridge import Link
from mirrorfx_ui.desk.camera_panel import CameraPanel
from mirrorfx_ui.desk.effects import EffectPanel
from mirrorfx_ui.desk.figures import FiguresPanel
from mirrorfx_ui.desk.notices import NoticePanel
from mirrorfx_ui.desk.panic_line import PanicLine
from mirrorfx_ui.desk.panic_row import PanicRow
from mirrorfx_ui.desk.params import ParamPanel
from mirrorfx_ui.desk.pictures import PicturesPanel
from mirrorfx_ui.desk.presets import PresetPanel
from mirrorfx_ui.desk.session import SessionBanner
from mirrorfx_ui.desk.show_panel import ShowPanel
from mirrorfx_ui.desk.signs import Sign, pixmap
from mirrorfx_ui.desk.sound_panel import SoundPanel
from mirrorfx_ui.desk.steps import Steps
from mirrorfx_ui.desk.tab_order import order_tabs
from mirrorfx_ui.desk.tabs import Tabs
from mirrorfx_ui.desk.theme import label
from mirrorfx_ui.desk.undo_buttons import UndoButtons
from mirrorfx_ui.desk.wall_panel import WallPanel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mirrorfx_ui.desk.bridge import Bridge

__all__ = ["DeskWindow"]

_SIZE = (1280, 800)
_LEFT_PX, _LEFT_MOST_PX, _LEFT_SHARE = 316, 560, 32
_RIGHT_PX, _RIGHT_MOST_PX, _RIGHT_SHARE = 366, 620, 28
_GAP_PX = 14
_PICTURES = 33
"""Percent of the middle column, until somebody drags the border below the pictures."""


class DeskWindow(QWidget):
    """Where the operator works. It is one client of the control protocol among others."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self.setObjectName("desk")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setWindowTitle(self.tr("MirrorFX – desk"))
        self.resize(*_SIZE)
        self.setMinimumSize(1080, 640)
        self.presets = PresetPanel(bridge)
        self.effects = EffectPanel(bridge)
        steps = Steps(bridge, self)
        self.params = ParamPanel(bridge, steps)
        self.camera = CameraPanel(bridge, steps)
        self.sound = SoundPanel(bridge, steps)
        self.show_page = ShowPanel(bridge)
        self.wall = WallPanel(bridge, steps)
        self.pictures = PicturesPanel(bridge)
        self.figures = FiguresPanel(bridge)
        self.panic_line = PanicLine(bridge, self.pictures.stream, self)
        self.panic = PanicRow(self.panic_line, self)
        self.notices = NoticePanel()
        self.session = SessionBanner(bridge)
        self.tabs = Tabs()
        self.undo = UndoButtons(steps, self)
        self.what = label("", "muted")
        self.link_sign = QLabel()
        self.link = QLabel()
        self.link.setAccessibleName(self.tr("Connection"))
        self._lay_out()
        for panel in (self.params, self.sound.routes):
            panel.rebuilt.connect(lambda: order_tabs(self))
        order_tabs(self)
        bridge.link_changed.connect(self.show_link)
        bridge.state_changed.connect(self.show_state)
        bridge.figures_changed.connect(lambda report: self.notices.add_problems(report.get("problems", [])))
        bridge.noticed.connect(self.notices.add)
        self.panic_line.state_changed.connect(self.pictures.show_panic)
        self.panic_line.refused.connect(lambda text: self.notices.add("error", text))
        self.figures.export.said.connect(self.notices.add)
        self.show_link(bridge.link)

    def show_link(self, link: Link) -> None:
        """Show how the desk stands with the engine; without it nothing can be edited."""
        sign, text = {
            Link.CONNECTING: (Sign.BUSY, self.tr("Connecting …")),
            Link.CONNECTED: (Sign.GOOD, self.tr("Connected")),
            Link.LOST: (Sign.WARNING, self.tr("The engine is being restarted …")),
            Link.SILENT: (Sign.WARNING, self.tr("The engine does not answer")),
        }[link]
        self.link_sign.setPixmap(pixmap(sign, 18))
        self.link.setText(text)
        for panel in (self.presets, self.effects, self.params, self.camera, self.wall, self.sound, self.show_page):
            panel.setEnabled(link in (Link.CONNECTED, Link.SILENT))
        self.figures.setEnabled(link is Link.CONNECTED)  # grey: those are old

    def show_state(self, state: Mapping[str, Any]) -> None:
        """Show what is seen, and what is wrong with what was saved."""
        width, height = state["size"]
        source = str(state["source"])
        name = PurePath(source).name or source
        self.what.setText(f"{name}  ·  {width} × {height}")
        self.what.setToolTip(source)
        self.notices.add_problems(state.get("problems", []))

    # Layout

    def _lay_out(self) -> None:
        left = _panel(self.presets)
        left.setMinimumWidth(_LEFT_PX)
        left.setMaximumWidth(_LEFT_MOST_PX)
        right = _panel(self.figures)
        right.setMinimumWidth(_RIGHT_PX)
        right.setMaximumWidth(_RIGHT_MOST_PX)
        panels = QHBoxLayout()
        panels.setSpacing(_GAP_PX)
        panels.addWidget(left, _LEFT_SHARE)
        middle = QSplitter(Qt.Orientation.Vertical)
        middle.setHandleWidth(_GAP_PX)
        for share, panel in ((_PICTURES, self.pictures), (100 - _PICTURES, self._middle())):
            middle.addWidget(_panel(panel))
            middle.setStretchFactor(middle.count() - 1, share)
        middle.setSizes([100 * _PICTURES, 100 * (100 - _PICTURES)])
        middle.setChildrenCollapsible(False)
        panels.addWidget(middle, 100 - _LEFT_SHARE)
        panels.addWidget(right, _RIGHT_SHARE)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 12, 20, 16)
        column.setSpacing(_GAP_PX)
        column.addLayout(self._head())
        column.addWidget(self.session)
        column.addLayout(panels, 1)
        column.addWidget(self.panic)
        column.addWidget(self.notices)

    def _head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(6, 0, 6, 0)
        row.setSpacing(14)
        mark = QLabel()
        mark.setPixmap(self.windowIcon().pixmap(30, 30))
        mark.setVisible(not self.windowIcon().isNull())
        row.addWidget(mark)
        row.addWidget(label("MirrorFX", "brand"))
        row.addWidget(self.what, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addStretch()
        row.addWidget(self.undo)
        row.addSpacing(12)
        row.addWidget(self.link_sign)
        row.addWidget(self.link)
        return row

    def _middle(self) -> QWidget:
        self.tabs.add(self.tr("Look"), self.effects, self.params)
        self.tabs.add(self.tr("Camera"), self.camera)
        self.tabs.add(self.tr("Wall"), self.wall)
        self.tabs.add(self.tr("Sound"), self.sound)
        self.tabs.addTab(self.show_page, self.tr("Show"))
        return self.tabs


def _panel(inside: QWidget) -> QFrame:
    frame = QFrame()
    frame.setProperty("role", "panel")
    column = QVBoxLayout(frame)
    column.setContentsMargins(18, 16, 18, 16)
    column.addWidget(inside)
    return frame
