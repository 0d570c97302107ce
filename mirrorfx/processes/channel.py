"""Channels between two processes, and waiting on many of them at once."""

from __future__ import annotations

import select
import selectors
import sys
from collections import deque
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from mirrorfx.clock import SECOND
from mirrorfx.processes.messages import Message, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["Channel", "Poller"]

_OUTBOX_MOST = 4096
_POSIX = sys.platform != "win32"


class Channel:
    """One end of a pipe to one process. Sending never blocks: what doesn't fit waits in an outbox.

    Threads: one. Realtime: yes, all methods.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._outbox: deque[bytes] = deque()
        self.alive = True
        if _POSIX:
            self._writable = select.poll()
            self._writable.register(connection.fileno(), select.POLLOUT)
            self._readable = select.poll()
            self._readable.register(connection.fileno(), select.POLLIN)

    @property
    def connection(self) -> Connection:
        """The pipe's end, to be waited on."""
        return self._connection

    @property
    def backlog(self) -> int:
        """How many messages the other end has not taken yet."""
        return len(self._outbox)

    def send(self, message: Message) -> None:
        """Send now if the other end keeps up, else keep it in order for `flush`. A dead end swallows it."""
        if len(self._outbox) < _OUTBOX_MOST:
            self._outbox.append(pack(message))
        self.flush()

    def offer(self, message: Message) -> bool:
        """Send only if nothing is waiting and the other end keeps up; say whether it went."""
        self.flush()
        if self._outbox or not self.alive or not self._can_write():
            return False
        self._outbox.append(pack(message))
        self.flush()
        return True

    def flush(self) -> None:
        """Send what waits, as far as the other end takes it."""
        while self._outbox and self.alive and self._can_write():
            try:
                self._connection.send_bytes(self._outbox[0])
            except OSError:
                self.alive = False
                break
            self._outbox.popleft()
        if not self.alive:
            self._outbox.clear()

    def receive(self) -> Message | None:
        """Return the message that is there, or None. When the other end is gone, `alive` turns false."""
        try:
            if not self._can_read():
                return None
            return unpack(self._connection.recv_bytes())
        except (EOFError, OSError):
            self.alive = False
            return None

    def receive_all(self) -> list[Message]:
        """Return all messages that are there."""
        messages = []
        while self.alive and (message := self.receive()) is not None:
            messages.append(message)
        return messages

    def wait_for(self, timeout_ns: int | None) -> bool:
        """Block until something is there to be received, the other end is gone, or the time is over."""
        return self._connection.poll(None if timeout_ns is None else max(timeout_ns, 0) / SECOND)

    def close(self) -> None:
        """Close this end. Safe to call twice."""
        self.alive = False
        self._connection.close()

    def _can_write(self) -> bool:
        # A small message to a writable socket goes whole: the kernel calls it writable only with room to spare.
        return not _POSIX or bool(self._writable.poll(0))

    def _can_read(self) -> bool:
        return bool(self._readable.poll(0)) if _POSIX else self._connection.poll(0)


class Poller:
    """Waits on channels and process sentinels together. Threads: one."""

    def __init__(self) -> None:
        self._keys: dict[object, Hashable] = {}
        self._selector = selectors.DefaultSelector() if _POSIX else None

    def add(self, waitable: Connection | int, key: Hashable) -> None:
        """Watch a connection or a process sentinel; `wait` answers with `key`."""
        self._keys[waitable] = key
        if self._selector:
            self._selector.register(waitable, selectors.EVENT_READ, key)

    def discard(self, waitable: Connection | int) -> None:
        """Stop watching. Must be called before it is closed."""
        if self._keys.pop(waitable, None) is not None and self._selector:
            self._selector.unregister(waitable)

    def wait(self, timeout_ns: int | None) -> list[Hashable]:
        """Block until one of them is ready or the time is over; return the keys of the ready ones."""
        seconds = None if timeout_ns is None else max(timeout_ns, 0) / SECOND
        if self._selector:
            return [key.data for key, _ in self._selector.select(seconds)]
        return [self._keys[ready] for ready in wait(list(self._keys), seconds)]  # type: ignore[arg-type]

    def close(self) -> None:
        """Give the selector back."""
        if self._selector:
            self._selector.close()
