"""The wall process with a screen. Loads Qt only when it runs: the launcher imports this module to name it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from mirrorfx.processes.settings import WallSetup

__all__ = ["main"]


def main(connection: Connection, setup: WallSetup) -> None:
    """Show the wall until its window is closed or the launcher says so.

    Raises:
        SystemExit: with status 1 after a defect, so that the launcher starts the wall anew.
    """
    from mirrorfx.processes.spawn import CLOCK, spare_the_start
    from mirrorfx.processes.wall import make_presenter
    from mirrorfx_ui.application import make_application, report_defects
    from mirrorfx_ui.wall.kiosk import KioskWindow
    from mirrorfx_ui.wall.screens import unknown_screen
    from mirrorfx_ui.wall.window import WallWindow

    settings = setup.settings
    app = make_application("mirrorfx-wall")
    presenter = make_presenter(connection, setup)
    try:
        if settings.kiosk:
            window: WallWindow = KioskWindow(presenter, CLOCK, settings.size, settings.kiosk)
        else:
            window = WallWindow(presenter, CLOCK, settings.size)
        report_defects(lambda _text: app.exit(1))
        window.open(settings.fullscreen)
        problem = "" if settings.kiosk else unknown_screen(settings.fullscreen or "")
        if problem:  # a kiosk waits for its screen
            presenter.tell_problem(problem)
        spare_the_start()
        status = app.exec()
    finally:
        presenter.close()
    if status:
        sys.exit(status)
