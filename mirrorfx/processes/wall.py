"""The wall process without a screen: ticks at the display's rate, records, measures."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

from mirrorfx.processes.channel import Channel
from mirrorfx.processes.presenter import Presenter
from mirrorfx.processes.spawn import CLOCK, spare_the_start

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from mirrorfx.clock import Clock
    from mirrorfx.processes.settings import WallSetup
    from mirrorfx.sinks.base import Sink

__all__ = ["make_presenter", "screen_entry_point", "wall_main"]


def make_presenter(connection: Connection, setup: WallSetup) -> Presenter:
    """Return the presenter that a wall process asks, with the sinks of its settings."""
    sinks: tuple[Sink, ...] = ()
    if setup.settings.record:
        from mirrorfx.sinks.recorder import Recorder

        sinks = (Recorder(setup.settings.record),)
    return Presenter(Channel(connection), setup, CLOCK, sinks)


def screen_entry_point(name: str) -> Callable[..., None]:
    """Return the main of a window, registered under ``mirrorfx.screens``: the library itself knows no Qt."""
    (entry,) = importlib.metadata.entry_points(group="mirrorfx.screens", name=name)
    main: Callable[..., None] = entry.load()
    return main


def wall_main(connection: Connection, setup: WallSetup) -> None:
    """Run the wall process: in a window where the settings name one, else without."""
    import cv2

    cv2.setNumThreads(1)  # a picture's work is short, and the workers need the other cores
    if setup.settings.screen:
        screen_entry_point(setup.settings.screen)(connection, setup)
        return
    presenter = make_presenter(connection, setup)
    try:
        spare_the_start()
        _run_headless(presenter, CLOCK)
    finally:
        presenter.close()


def _run_headless(presenter: Presenter, clock: Clock) -> None:
    v_ns = clock.now_ns()
    while not presenter.stopping:
        v_ns += presenter.period_ns
        clock.sleep_until_ns(v_ns)
        if clock.now_ns() - v_ns > presenter.period_ns:
            v_ns = clock.now_ns()  # the machine slept or stood still; missed ticks are gone
        presenter.pump()
        presenter.tick(v_ns)
        presenter.presented(clock.now_ns())
