"""The monitor as Qt signals: pictures, decoded beside the GUI's thread, of which the newest wins; and panic states."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtGui import QImage

from mirrorfx.control.pictures import PictureClient

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PictureStream"]


class PictureStream(QObject):
    """The monitor, as the desk's widgets see it. A busy GUI finds one picture of each kind afterwards, no more."""

    came = pyqtSignal(str, QImage)
    """(kind, picture): see `mirrorfx.control.pictures`."""
    up_changed = pyqtSignal(bool)
    """The monitor answers, or no longer."""
    panic_told = pyqtSignal(object)
    """dict: which panic states are on, as `mirrorfx.control.pictures.PictureClient` tells it."""
    _news = pyqtSignal()
    _connected = pyqtSignal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.url = ""
        self.up = False
        self._client: PictureClient | None = None
        self._wanted: dict[str, float] = {}
        self._waiting: dict[str, QImage] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._news.connect(self._pass_on)
        self._connected.connect(self._set_up)

    def connect_to(self, url: str) -> None:
        """Get pictures from the monitor at `url`; the same as before changes nothing."""
        if url == self.url or self._closed:
            return
        self._hang_up()
        self.url = url
        if url:
            self._client = PictureClient(url, self._decode, self._tell_up, self._tell_panic)
            self._client.want(self._wanted)
            self._client.start()

    def want(self, rates: Mapping[str, float]) -> None:
        """Ask for so many pictures a second of each kind."""
        if rates == self._wanted:
            return
        self._wanted = dict(rates)
        if self._client:
            self._client.want(self._wanted)

    def press(self, what: str, *, on: bool) -> None:
        """Switch a panic state of the wall, past the engine; only while `up`."""
        if self._client:
            self._client.press(what, on=on)

    def close(self) -> None:
        """Hang up. Safe to call twice."""
        self._closed = True
        self._hang_up()

    def _hang_up(self) -> None:
        if self._client:
            self._client.close()
            self._client = None

    # The client's thread

    def _decode(self, kind: str, jpeg: bytes) -> None:
        image = QImage.fromData(jpeg, "JPEG")
        if image.isNull():
            return
        with self._lock:
            told = bool(self._waiting)
            self._waiting[kind] = image
        if not told and not self._closed:
            self._news.emit()

    def _tell_up(self, up: bool) -> None:  # noqa: FBT001  a callback's argument
        if not self._closed:
            self._connected.emit(up)

    def _tell_panic(self, said: dict[str, Any]) -> None:
        if not self._closed:
            self.panic_told.emit(said)

    # The GUI's thread

    def _pass_on(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for kind, image in waiting.items():
            self.came.emit(kind, image)

    def _set_up(self, up: bool) -> None:  # noqa: FBT001  a signal's argument
        if up is not self.up:
            self.up = up
            self.up_changed.emit(up)
