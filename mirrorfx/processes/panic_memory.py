"""Panic orders past the engine: a little memory of the launcher's between the monitor and the wall, without a lock.

The monitor writes orders, the wall reads them at each tick and writes back what is on. So a phone or the desk can black
the wall while the engine hangs, and a wall that is started again knows what was on.
"""

from __future__ import annotations

import struct
import zlib
from typing import Self

from mirrorfx.processes.memory import Block, attach_block, create_block
from mirrorfx.safety.panic import Panic, PanicState

__all__ = ["PanicMemory"]

_ORDERS = 16
_STATES = 2
_PLACE = struct.Struct("=4q")
_WORDS = _PLACE.size // 8
_CHECKED = struct.Struct("=3q")


class _Places:
    """Records of two numbers each, written in turn and numbered from 1 by one writer; a torn one counts as none.

    Each has a checksum, so a reader needs no lock, and a writer that was killed half-way has written nothing: its
    record's predecessor lies in another place, and the next writer takes the same number again.
    """

    def __init__(self, words: memoryview, count: int) -> None:
        self._words = words
        self._bytes = words.cast("B")
        self._count = count

    def put(self, number: int, first: int, second: int) -> None:
        """Write record `number`; its number comes last. Realtime: yes."""
        at = number % self._count * _WORDS
        words = self._words
        words[at + 1], words[at + 2] = first, second
        words[at + 3] = zlib.crc32(_CHECKED.pack(number, first, second))
        words[at] = number

    def number_at_place_of(self, number: int) -> int:
        """Return which record, whole or not, lies where `number` belongs. Realtime: yes."""
        return int(self._words[number % self._count * _WORDS])

    def since(self, number: int) -> list[tuple[int, int, int]]:
        """Return the whole records after `number` that are still there, oldest first: number, first, second."""
        found = []
        for place in range(self._count):
            *record, check = _PLACE.unpack_from(self._bytes, place * _PLACE.size)
            if record[0] > number and check == zlib.crc32(_CHECKED.pack(*record)):
                found.append((record[0], record[1], record[2]))
        return sorted(found)

    def newest(self) -> tuple[int, int, int]:
        """Return the newest whole record; zeros before the first."""
        return max(self.since(0), default=(0, 0, 0))

    def close(self) -> None:
        """Look no longer into the memory. Safe to call twice."""
        self._bytes.release()
        self._words.release()


class PanicMemory:
    """Sixteen orders that the monitor writes in turn, and two places for the state that the wall tells.

    Of more orders than places between two ticks the newest sixteen count. Threads: one writer of orders, the monitor's;
    one writer of states, the wall's; any number of readers, in any processes.
    """

    def __init__(self, block: Block) -> None:
        self._block = block
        with block.buffer as memory, memory.cast("q") as words:
            self._orders = _Places(words[: _ORDERS * _WORDS], _ORDERS)
            self._states = _Places(words[_ORDERS * _WORDS : (_ORDERS + _STATES) * _WORDS], _STATES)
        self._ordered = self._orders.newest()[0]
        self._told, _, self._obeyed = self._states.newest()

    @classmethod
    def create(cls) -> Self:
        """Make it; this process owns the memory."""
        return cls(create_block((_ORDERS + _STATES) * _PLACE.size))

    @classmethod
    def attach(cls, handle: str) -> Self:
        """Map what another process made, and go on where the writer before this one ended.

        Raises:
            ProcessFailed: its owner is gone.
        """
        return cls(attach_block(handle))

    @property
    def handle(self) -> str:
        """What another process needs to attach it."""
        return self._block.handle

    # The monitor's side

    def order(self, what: Panic, *, on: bool) -> int:
        """Have the wall switch that on or off at its next tick; return the order's number."""
        self._ordered += 1
        self._orders.put(self._ordered, int(what), int(on))
        return self._ordered

    @property
    def obeyed(self) -> int:
        """The number of the last order that the wall has taken."""
        return self._states.newest()[2]

    @property
    def state(self) -> PanicState:
        """What is on, as the wall last told; at a wall's start, what was on before."""
        told = self._states.newest()[1]
        return PanicState(bool(told & 1), Panic(told >> 1) if told >> 1 else None)

    # The wall's side

    def take_orders(self) -> list[tuple[Panic, bool]]:
        """Return the orders since the last time, oldest first: what, and whether on. Realtime: yes."""
        if self._orders.number_at_place_of(self._obeyed + 1) <= self._obeyed:
            return []
        orders = self._orders.since(self._obeyed)
        if orders:
            self._obeyed = orders[-1][0]
        return [(Panic(what), bool(on)) for _, what, on in orders]

    def tell(self, state: PanicState) -> None:
        """Tell what is on, and that all orders which were taken are obeyed. Realtime: yes."""
        self._told += 1
        self._states.put(self._told, int(state.blackout) | (state.below or 0) << 1, self._obeyed)

    def close(self) -> None:
        """Let go. Safe to call twice."""
        self._orders.close()
        self._states.close()
        self._block.close()
