"""Whether the wall keeps its beat: a sign, words and a share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtWidgets import QHBoxLayout, QLabel, QWidget

from mirrorfx_ui.desk.signs import Sign, pixmap

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LagLine"]

_SIGNS = {"good": Sign.GOOD, "warning": Sign.WARNING, "bad": Sign.BAD}
_SIGN_PX = 20


class LagLine(QWidget):
    """Warns above 1 % lagged frames of the last ten seconds; above 5 % the show is in trouble."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.level = ""
        self.sign = QLabel()
        self.text = QLabel()
        self.text.setProperty("role", "lag")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self.sign)
        row.addWidget(self.text, 1)
        self.setToolTip(
            self.tr(
                "Lagged: a beat without a new picture, because its frame came too late or none came. The beat is the "
                "usual time between new frames. A picture that stays 1.5 display ticks beyond it lags. Counted over "
                "the last 10 seconds; a warning above 1 %, red above 5 %."
            )
        )
        self.show_lag({"level": "", "share": 0.0})

    def show_lag(self, lag: Mapping[str, Any]) -> None:
        """Show the report's ``lag``."""
        self.level = str(lag["level"])
        share = f"{100 * lag['share']:.1f} %"
        text = {
            "good": self.tr("On the beat · %1 lagged"),
            "warning": self.tr("Lags a little · %1 lagged"),
            "bad": self.tr("Lags badly · %1 lagged"),
        }.get(self.level, self.tr("No beat yet"))
        self.sign.setPixmap(pixmap(_SIGNS.get(self.level, Sign.WAITING), _SIGN_PX))
        self.text.setText(text.replace("%1", share))
        self.setAccessibleName(self.text.text())
        if self.text.property("level") != self.level:
            self.text.setProperty("level", self.level)
            style = self.text.style()
            if style:
                style.polish(self.text)
