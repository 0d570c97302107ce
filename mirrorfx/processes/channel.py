"""Channels between two processes, and waiting on many of them at once."""

from __future__ import annotations

import os
import selectors
import socket
import struct
import sys
from collections import deque
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import recv_handle, send_handle
from typing import TYPE_CHECKING

from mirrorfx.clock import SECOND
from mirrorfx.processes.messages import EngineLink, Message, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["Channel", "Poller"]

_OUTBOX_BYTES = 1 << 20
_READ_BYTES = 1 << 16
_HAS_END = bytes([EngineLink.KIND])
_POSIX = sys.platform != "win32"
_CONTROL_BYTES = socket.CMSG_SPACE(4 * 4) if _POSIX else 0


class Channel:
    """One end of a pipe to one process. Sending never blocks: what doesn't fit waits in an outbox.

    On POSIX it reads and writes the socket below the connection itself, many messages at a time: with
    `Connection.send_bytes` and `recv_bytes` every message takes five system calls, here one or two.

    Threads: one. Realtime: yes, all methods but `wait_for`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.alive = True
        self._pipe: _SocketPipe | _ConnectionPipe = _SocketPipe(connection) if _POSIX else _ConnectionPipe(connection)

    @property
    def connection(self) -> Connection:
        """The pipe's end, to be waited on."""
        return self._connection

    @property
    def backlog(self) -> int:
        """How many bytes the other end has not taken yet."""
        return self._pipe.backlog

    def send(self, message: Message, *, end: Connection | None = None, pid: int = 0) -> None:
        """Send now if the other end keeps up, else keep it in order for `flush`. A dead end swallows it.

        Args:
            message: what to say.
            end: another channel's end that goes along with the message to the process `pid`; see `take_end`.
            pid: of the process at the other end; needed with `end`.
        """
        if not self.alive:
            return
        try:
            self._pipe.send(pack(message), end, pid)
        except OSError:
            self.alive = False

    def offer(self, message: Message) -> bool:
        """Send only if nothing is waiting for the other end; say whether it went."""
        self.flush()
        if self.backlog or not self.alive:
            return False
        self.send(message)
        return self.alive

    def flush(self) -> None:
        """Send what waits, as far as the other end takes it."""
        if not self.alive:
            return
        try:
            self._pipe.flush()
        except OSError:
            self.alive = False

    def receive_all(self) -> list[Message]:
        """Return all messages that are there. When the other end is gone, `alive` turns false."""
        if not self.alive:
            return []
        try:
            received = self._pipe.receive()
        except (EOFError, OSError):
            self.alive = False
            received = self._pipe.rest()
        return [unpack(data) for data in received]

    def take_end(self) -> Connection:
        """Return the channel's end that came along with the message just received."""
        return self._pipe.take_end()

    def wait_for(self, timeout_ns: int | None, *others: Connection) -> bool:
        """Block until something is there to be received, here or at `others`, an end is gone, or the time is over."""
        return bool(wait([self._connection, *others], None if timeout_ns is None else max(timeout_ns, 0) / SECOND))

    def close(self) -> None:
        """Close this end. Safe to call twice."""
        self.alive = False
        self._pipe.close()
        self._connection.close()


class _SocketPipe:
    """Length-prefixed messages over the connection's own socket, without blocking."""

    _LENGTH = struct.Struct("<I")

    def __init__(self, connection: Connection) -> None:
        self._socket = socket.socket(fileno=os.dup(connection.fileno()))
        self._socket.setblocking(False)
        self._in = bytearray()
        self._out = bytearray()
        self._ends: deque[int] = deque()

    @property
    def backlog(self) -> int:
        return len(self._out)

    def send(self, data: bytes, end: Connection | None, _pid: int) -> None:
        framed = self._LENGTH.pack(len(data)) + data
        if end is not None:
            # Descriptors can't wait in the outbox; the one use for them is a process that was just started.
            socket.send_fds(self._socket, [framed], [end.fileno()])
            return
        sent = 0
        if not self._out:
            try:
                sent = self._socket.send(framed)
            except BlockingIOError:
                """It is full; all of it waits."""
            if sent == len(framed):
                return
        if len(self._out) < _OUTBOX_BYTES:
            self._out += framed[sent:]
        self.flush()

    def flush(self) -> None:
        try:
            while self._out:
                del self._out[: self._socket.send(self._out)]
        except BlockingIOError:
            """It is full; the rest waits."""

    def receive(self) -> list[bytes]:
        try:
            while True:
                data, control, _flags, _address = self._socket.recvmsg(_READ_BYTES, _CONTROL_BYTES)
                if not data:
                    raise EOFError
                self._in += data
                if control:
                    self._take_control(control)
                elif len(data) < _READ_BYTES:
                    break
        except BlockingIOError:
            """That was all."""
        return self.rest()

    def _take_control(self, control: list[tuple[int, int, bytes]]) -> None:
        for level, kind, data in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self._ends.extend(struct.unpack(f"{len(data) // 4}i", data[: len(data) // 4 * 4]))

    def rest(self) -> list[bytes]:
        messages: list[bytes] = []
        at = 0
        while len(self._in) - at >= self._LENGTH.size:
            (length,) = self._LENGTH.unpack_from(self._in, at)
            end = at + self._LENGTH.size + length
            if len(self._in) < end:
                break
            messages.append(bytes(self._in[at + self._LENGTH.size : end]))
            at = end
        del self._in[:at]
        return messages

    def take_end(self) -> Connection:
        return Connection(self._ends.popleft())

    def close(self) -> None:
        self._socket.close()
        while self._ends:
            os.close(self._ends.popleft())


class _ConnectionPipe:
    """The same over the connection's own methods, where there is no socket below (Windows). Untried there so far."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.backlog = 0

    def send(self, data: bytes, end: Connection | None, pid: int) -> None:
        self._connection.send_bytes(data)
        if end is not None:
            send_handle(self._connection, end.fileno(), pid)

    def flush(self) -> None:
        """Nothing waits here."""

    def receive(self) -> list[bytes]:
        messages = []
        while self._connection.poll(0):
            messages.append(self._connection.recv_bytes())
            if messages[-1][:1] == _HAS_END:
                break
        return messages

    def rest(self) -> list[bytes]:
        return []

    def take_end(self) -> Connection:
        return Connection(recv_handle(self._connection))

    def close(self) -> None:
        """The connection is closed by its channel."""


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
