"""The frames that the wall has shown, one small record each, on their way to those who draw them."""

from __future__ import annotations

import struct
from typing import Any

__all__ = ["FRAME_FIELDS", "FrameLog", "read_frames"]

FRAME_FIELDS = ("seq", "t_ns", "latency_ms", "interval_ms", "worker", "lagged")
"""A row's fields: number at dispatch, when it was shown (monotonic), capture → shown, since the one before (0 for the
first), the number of the worker that painted it, beats without a new frame before it."""

_RECORD = struct.Struct("<QqIIHH")
_MOST = 256
_US_MOST = 2**32 - 1


class FrameLog:
    """Collects records in the wall until they are taken; the oldest go when nobody takes them.

    Threads: one. Realtime: yes.
    """

    __slots__ = ("_last_ns", "_records")

    def __init__(self) -> None:
        self._records = bytearray()
        self._last_ns = 0

    def add(self, seq: int, worker: int, t_capture_ns: int, t_ns: int, lagged: int) -> None:
        """Note a frame shown at `t_ns`."""
        latency_us = _microseconds(t_ns - t_capture_ns)
        interval_us = _microseconds(t_ns - self._last_ns) if self._last_ns else 0
        self._last_ns = t_ns
        if len(self._records) >= _MOST * _RECORD.size:
            del self._records[: _RECORD.size]
        self._records += _RECORD.pack(seq, t_ns, latency_us, interval_us, worker, min(lagged, 0xFFFF))

    def __bool__(self) -> bool:
        return bool(self._records)

    def peek(self) -> bytes:
        """Return the records so far."""
        return bytes(self._records)

    def clear(self) -> None:
        """Forget the records: they were sent, or are of an engine that is gone."""
        self._records.clear()


def read_frames(records: bytes) -> list[list[Any]]:
    """Return a row of `FRAME_FIELDS` for each record."""
    return [
        [seq, t_ns, latency_us / 1000, interval_us / 1000, worker, lagged]
        for seq, t_ns, latency_us, interval_us, worker, lagged in _RECORD.iter_unpack(records)
    ]


def _microseconds(ns: int) -> int:
    return min(max(ns // 1000, 0), _US_MOST)
