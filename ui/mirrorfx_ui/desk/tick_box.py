"""A box to tick, large enough to be seen from two metres."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtGui import QPainter
from PyQt6.QtWidgets import QCheckBox, QStyle, QStyleOptionButton
from typing_extensions import override

from mirrorfx_ui.desk.signs import Sign, pixmap

if TYPE_CHECKING:
    from PyQt6.QtGui import QPaintEvent

__all__ = ["TickBox"]

_SIGN_PX = 18
_DISABLED = 0.4


class TickBox(QCheckBox):
    """The sheet draws the box; the tick is the desk's own sign, since a sheet takes pictures only from files."""

    @override
    def paintEvent(self, a0: QPaintEvent | None) -> None:
        super().paintEvent(a0)
        style = self.style()
        if not self.isChecked() or style is None:
            return
        option = QStyleOptionButton()
        self.initStyleOption(option)
        box = style.subElementRect(QStyle.SubElement.SE_CheckBoxIndicator, option, self)
        painter = QPainter(self)
        painter.setOpacity(1.0 if self.isEnabled() else _DISABLED)
        sign = pixmap(Sign.CHOSEN, _SIGN_PX)
        corner = box.center() - sign.rect().center() / sign.devicePixelRatio()
        painter.drawPixmap(corner, sign)
        painter.end()
