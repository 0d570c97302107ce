"""Plugs monitors into an X server and unplugs them: RandR 1.5, spoken on the server's own socket."""

from __future__ import annotations

import socket
import struct

_SET_MONITOR, _DELETE_MONITOR = 43, 44
_INTERN_ATOM, _SEND_EVENT, _QUERY_EXTENSION = 16, 25, 98
_CLIENT_MESSAGE = 33


def _padded(data):
    return data + b"\0" * (-len(data) % 4)


class Monitors:
    """A connection to the X server `display`, such as ``:99``, that asks for no password."""

    def __init__(self, display):
        number = display.partition(":")[2].partition(".")[0]
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(f"/tmp/.X11-unix/X{number}")
        self._socket.sendall(struct.pack("<BxHHHHxx", ord("l"), 11, 0, 0, 0))
        status, words = struct.unpack("<B5xH", self._read(8))
        setup = self._read(4 * words)
        assert status == 1, setup
        vendor, formats = struct.unpack_from("<16xH3xB", setup)[0], setup[21]
        (self._root,) = struct.unpack_from("<I", setup, 32 + vendor + -vendor % 4 + 8 * formats)
        self._randr = self._asked(_QUERY_EXTENSION, 0, b"RANDR")[9]

    def plug(self, name, x, y, width, height):
        """Put a monitor there."""
        info = struct.pack("<IBBHhhHHII", self._atom(name), 0, 0, 0, x, y, width, height, width // 4, height // 4)
        self._send(self._randr, _SET_MONITOR, struct.pack("<I", self._root) + info)

    def unplug(self, name):
        """Take it away."""
        self._send(self._randr, _DELETE_MONITOR, struct.pack("<II", self._root, self._atom(name)))

    def ask_to_close(self, window):
        """Ask a window to close, as the cross in its title bar does."""
        what = self._atom("WM_PROTOCOLS"), self._atom("WM_DELETE_WINDOW"), 0, 0, 0, 0
        event = struct.pack("<BBHI6I", _CLIENT_MESSAGE, 32, 0, window, *what)
        self._send(_SEND_EVENT, 0, struct.pack("<II", window, 0) + event)
        self._atom("WM_PROTOCOLS")  # its answer says that the event is on its way

    def close(self):
        self._socket.close()

    def _atom(self, name):
        return struct.unpack_from("<I", self._asked(_INTERN_ATOM, 0, name.encode()), 8)[0]

    def _asked(self, opcode, flag, name):
        self._send(opcode, flag, struct.pack("<Hxx", len(name)) + _padded(name))
        answer = self._read(32)
        assert answer[0] == 1, answer
        return answer

    def _send(self, opcode, second, body):
        self._socket.sendall(struct.pack("<BBH", opcode, second, 1 + len(body) // 4) + body)

    def _read(self, count):
        data = b""
        while len(data) < count:
            piece = self._socket.recv(count - len(data))
            assert piece, "the X server hung up"
            data += piece
        return data
