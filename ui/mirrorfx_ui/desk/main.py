"""The desk process. Loads Qt only when it runs: the launcher imports this module to name it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["main"]


def main(connection: Connection | None, url: str, screen: str | None = None) -> None:
    """Show the desk until its window is closed, or the launcher says anything or is gone.

    Args:
        connection: to the launcher that started it; None for a desk that was opened by hand.
        url: of the engine's control server, the token included.
        screen: the name of the screen to fill, whenever it is there; None is a window.

    Raises:
        SystemExit: with status 1 when the screen's server went away, so that the launcher opens another.
    """
    from PyQt6.QtCore import QSocketNotifier
    from PyQt6.sip import voidptr

    from mirrorfx_ui.application import make_application, report_defects
    from mirrorfx_ui.desk.bridge import Bridge
    from mirrorfx_ui.desk.theme import apply_theme
    from mirrorfx_ui.desk.window import DeskWindow
    from mirrorfx_ui.follower import ScreenFollower

    app = make_application("mirrorfx-desk")
    apply_theme(app)
    bridge = Bridge(url)
    window = DeskWindow(bridge)
    report_defects(lambda text: window.notices.add("error", window.tr("A defect in the desk: ") + text))
    if connection is not None:
        launcher = QSocketNotifier(voidptr(connection.fileno()), QSocketNotifier.Type.Read, app)
        launcher.activated.connect(lambda: launcher.setEnabled(False))  # once is enough: it is not read
        launcher.activated.connect(app.quit)
    window.presets.thumbnails.allow()
    bridge.start()
    if screen is None:
        window.show()
    else:
        ScreenFollower(window, screen).place()
    status = app.exec()
    window.hide()
    window.pictures.close_stream()
    bridge.close()
    if status:
        sys.exit(status)
