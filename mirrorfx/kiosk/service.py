"""Talking to systemd as a service of it does: ready, alive, how it goes (sd_notify(3))."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING

from mirrorfx.clock import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Heart", "ServiceManager"]

_FRESH_NS = 10 * SECOND
_FEED_NS = SECOND


class ServiceManager:
    """Sends words to the socket that ``NOTIFY_SOCKET`` names; nobody hears them where there is none.

    Args:
        environment: where to look for the name.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._socket: socket.socket | None = None
        if address and hasattr(socket, "AF_UNIX"):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)
        self._address = f"\0{address[1:]}" if address.startswith("@") else address

    def tell(self, *words: str) -> None:
        """Send lines such as ``READY=1``. Never blocks; what can't be sent is lost."""
        if self._socket:
            with contextlib.suppress(OSError):
                self._socket.sendto("\n".join(words).encode(), self._address)

    def close(self) -> None:
        """Let go of the socket. Safe to call twice."""
        if self._socket:
            self._socket.close()


class Heart:
    """Feeds the service manager's watchdog as long as the wall presents and the engine's heart beats.

    What they show doesn't matter: a frozen, closed or camera-less show is healthy.
    """

    def __init__(self, manager: ServiceManager) -> None:
        self._manager = manager
        self._heard: dict[str, int | None] = {"engine": None, "wall": None}
        self._next_ns = 0
        self._ready = False
        self._status = ""

    def beat(self, who: str, now_ns: int) -> None:
        """The engine or the wall gave a sign of life."""
        self._heard[who] = now_ns

    def mind(self, now_ns: int, status: str = "") -> None:
        """Feed the watchdog if both live; say once that all is up, and `status` whenever it is another."""
        if now_ns < self._next_ns:
            return
        self._next_ns = now_ns + _FEED_NS
        if any(heard is None or now_ns - heard > _FRESH_NS for heard in self._heard.values()):
            return
        words = ["WATCHDOG=1"]
        if not self._ready:
            self._ready = True
            words.insert(0, "READY=1")
        if status and status != self._status:
            self._status = status
            words.append(f"STATUS={status}")
        self._manager.tell(*words)

    def stopping(self) -> None:
        """The mirror ends because somebody wants it to."""
        self._manager.tell("STOPPING=1")
