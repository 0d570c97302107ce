"""What the wall and the desk have in common: a Qt application that survives, and reports, what goes wrong in it."""

from __future__ import annotations

import faulthandler
import logging
import sys
from typing import TYPE_CHECKING

from PyQt6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler
from PyQt6.QtGui import QIcon
from PyQt6.QtWidgets import QApplication

from mirrorfx.errors import MirrorFXError
from mirrorfx.resources import asset

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["make_application", "report_defects"]

_log = logging.getLogger(__name__)
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.DEBUG,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def make_application(name: str) -> QApplication:
    """Return this process's Qt application, with the project's icon, its messages going to the log."""
    faulthandler.enable()
    qInstallMessageHandler(_log_qt)
    app = QApplication([name])
    app.setApplicationName("MirrorFX")
    app.setWindowIcon(_icon())
    return app


def report_defects(on_defect: Callable[[str], None]) -> None:
    """Log every exception that leaves a slot, and tell `on_defect`: without a hook PyQt would abort the process."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        _log.critical("a defect in a window", exc_info=(kind, error, trace))
        on_defect(f"{kind.__name__}: {error}")

    sys.excepthook = hook


def _icon() -> QIcon:
    try:
        return QIcon(str(asset("icon.png")))
    except MirrorFXError as error:
        _log.warning("%s", error)
        return QIcon()


def _log_qt(kind: QtMsgType, _context: QMessageLogContext, text: str | None) -> None:
    _log.log(_LEVELS[kind], "Qt: %s", text)
