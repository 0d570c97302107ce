"""Saves a screen's geometry beside the wall's loop: a disk may take longer than a display tick."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from mirrorfx.errors import MirrorFXError
from mirrorfx.geometry import save_screen

if TYPE_CHECKING:
    from concurrent.futures import Future

    from mirrorfx.geometry import OutputGeometry

__all__ = ["GeometrySaver"]


class GeometrySaver:
    """One save at a time; of those that wait the newest of a screen counts. Its thread is there only when needed.

    Threads: the one that made it. Realtime: yes, but for `close`.
    """

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._under_way: dict[str, OutputGeometry] = {}
        self._turn = threading.Lock()
        self._problems: queue.SimpleQueue[str] = queue.SimpleQueue()

    def save(self, screen: str, geometry: OutputGeometry) -> None:
        """Save it soon."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, "save-screen")
        with self._turn:
            self._under_way[screen] = geometry
        task: Future[None] = self._pool.submit(self._save, screen)
        del task  # what goes wrong is among the problems

    def under_way(self, screen: str) -> OutputGeometry | None:
        """Return what is being saved for a screen; None when the file has it."""
        return self._under_way.get(screen)

    def problems(self) -> list[str]:
        """Return what went wrong since the last time."""
        found = []
        while not self._problems.empty():
            found.append(self._problems.get())
        return found

    def close(self) -> None:
        """Wait until all is saved. Safe to call twice."""
        if self._pool:
            self._pool.shutdown()
            self._pool = None

    def _save(self, screen: str) -> None:
        geometry = self._under_way.get(screen)
        if geometry is None:
            return  # it was the newest already when the one before was saved
        try:
            save_screen(screen, geometry)
        except MirrorFXError as error:
            self._problems.put(str(error))
        with self._turn:
            if self._under_way.get(screen) is geometry:
                del self._under_way[screen]
