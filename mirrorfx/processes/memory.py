"""Shared memory: rings of slots that several processes see at once.

On Linux a block is a ``memfd``: it has no name, no tracker, and nothing is left after a crash. Elsewhere it is a named
`multiprocessing.shared_memory.SharedMemory`.
"""

from __future__ import annotations

import mmap
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from mirrorfx.errors import ProcessFailed

if TYPE_CHECKING:
    from mirrorfx.frame import Image

__all__ = ["Block", "MemfdBlock", "NamedBlock", "Ring", "RingSpec", "SlotPool", "attach_block", "create_block"]


class Block(Protocol):
    """A piece of memory that other processes can attach by its `handle`."""

    handle: str

    @property
    def buffer(self) -> memoryview:
        """The bytes."""
        ...

    def close(self) -> None:
        """Let go of the memory; its owner also removes it. Safe to call twice."""
        ...


class MemfdBlock:
    """A nameless block (Linux): others open it through ``/proc/<owner>/fd``."""

    def __init__(self, fd: int, length: int, handle: str) -> None:
        self._fd = fd
        self.handle = handle
        self._map = mmap.mmap(fd, length)

    @classmethod
    def create(cls, length: int) -> Self:
        """Make a block of `length` bytes, all zero."""
        fd = os.memfd_create("mirrorfx", os.MFD_CLOEXEC)
        os.ftruncate(fd, length)
        return cls(fd, length, f"memfd:{os.getpid()}:{fd}:{length}")

    @classmethod
    def attach(cls, handle: str) -> Self:
        """Map the block that another process made."""
        _, pid, fd, length = handle.split(":")
        return cls(os.open(f"/proc/{pid}/fd/{fd}", os.O_RDWR | os.O_CLOEXEC), int(length), handle)

    @property
    def buffer(self) -> memoryview:
        """The bytes."""
        return memoryview(self._map)

    def close(self) -> None:
        """Unmap; the memory is gone when the last process has."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        _close_quietly(self._map)


class NamedBlock:
    """A block with a name, for systems without ``memfd_create``."""

    def __init__(self, name: str | None, length: int) -> None:
        from multiprocessing import shared_memory

        self._owner = name is None
        if sys.version_info >= (3, 13):
            self._memory = shared_memory.SharedMemory(name, create=self._owner, size=length, track=self._owner)
        else:
            self._memory = shared_memory.SharedMemory(name, create=self._owner, size=length)
            if not self._owner:
                _untrack(self._memory._name)  # type: ignore[attr-defined]  # noqa: SLF001
        self.handle = f"named:{self._memory.name}:{length}"
        self._open = True

    @classmethod
    def create(cls, length: int) -> Self:
        """Make a block of `length` bytes, all zero."""
        return cls(None, length)

    @classmethod
    def attach(cls, handle: str) -> Self:
        """Map the block that another process made."""
        _, name, length = handle.split(":")
        return cls(name, int(length))

    @property
    def buffer(self) -> memoryview:
        """The bytes."""
        assert self._memory.buf is not None
        return memoryview(self._memory.buf)

    def close(self) -> None:
        """Unmap; the owner also removes the name."""
        if not self._open:
            return
        self._open = False
        _close_quietly(self._memory)
        if self._owner:
            self._memory.unlink()


def create_block(length: int) -> Block:
    """Make a block of `length` zero bytes in the best way this system has."""
    return MemfdBlock.create(length) if hasattr(os, "memfd_create") else NamedBlock.create(length)


def attach_block(handle: str) -> Block:
    """Map the block with that handle.

    Raises:
        ProcessFailed: its owner is gone.
    """
    try:
        return MemfdBlock.attach(handle) if handle.startswith("memfd:") else NamedBlock.attach(handle)
    except OSError as error:
        raise ProcessFailed(f"Shared memory {handle} can't be attached ({error}): its owner has ended.") from error


def _close_quietly(memory: mmap.mmap | object) -> None:
    try:
        memory.close()  # type: ignore[union-attr]
    except BufferError:
        """An array still looks into it; the memory goes with the process."""


def _untrack(name: str) -> None:
    # Before 3.13 a mere user's tracker deletes a live segment: https://github.com/python/cpython/issues/82300
    from multiprocessing import resource_tracker

    resource_tracker.unregister(name, "shared_memory")


@dataclass(frozen=True, slots=True)
class RingSpec:
    """What a process needs to attach a ring.

    Attributes:
        handle: of the block.
        slots: how many pictures fit.
        shape: (height, width, channels) of each.
    """

    handle: str
    slots: int
    shape: tuple[int, int, int]

    @property
    def slot_bytes(self) -> int:
        """Bytes of one slot, rounded up to whole pages."""
        height, width, channels = self.shape
        return -(-height * width * channels // mmap.PAGESIZE) * mmap.PAGESIZE


class Ring:
    """Slots of equal pictures in shared memory. Who may write where is decided by a `SlotPool` in the engine."""

    def __init__(self, spec: RingSpec, block: Block, *, read_only: bool = False) -> None:
        import numpy as np

        self.spec = spec
        self._block = block
        height, width, channels = spec.shape
        count = height * width * channels
        buffer = block.buffer
        self._views = [
            np.frombuffer(buffer, np.uint8, count, slot * spec.slot_bytes).reshape(spec.shape)
            for slot in range(spec.slots)
        ]
        for view in self._views:
            view.flags.writeable = not read_only

    @classmethod
    def create(cls, slots: int, shape: tuple[int, int, int]) -> Self:
        """Make a ring that this process owns."""
        plan = RingSpec("", slots, shape)
        block = create_block(plan.slot_bytes * slots)
        return cls(RingSpec(block.handle, slots, shape), block)

    @classmethod
    def attach(cls, spec: RingSpec, *, read_only: bool = False) -> Self:
        """Map another process's ring; `read_only` makes numpy refuse to write into it."""
        return cls(spec, attach_block(spec.handle), read_only=read_only)

    def view(self, slot: int) -> Image:
        """Return the slot's pixels, ``uint8[H, W, C]``. Realtime: yes."""
        return self._views[slot]

    def close(self) -> None:
        """Let go. Safe to call twice."""
        self._views = []
        self._block.close()


class SlotPool:
    """Who owns which slot: a slot is free or belongs to exactly one owner."""

    def __init__(self, slots: int) -> None:
        self._free = list(range(slots - 1, -1, -1))
        self._owner: dict[int, str] = {}

    @property
    def free(self) -> int:
        """How many slots nobody owns."""
        return len(self._free)

    def acquire(self, owner: str) -> int | None:
        """Give a free slot to `owner`; None when there is none. Realtime: yes."""
        if not self._free:
            return None
        slot = self._free.pop()
        self._owner[slot] = owner
        return slot

    def pass_on(self, slot: int, owner: str) -> None:
        """Make `owner` the slot's owner."""
        self._owner[slot] = owner

    def release(self, slot: int, owner: str) -> bool:
        """Take a slot back from `owner`; False when it isn't (or no longer) theirs."""
        if self._owner.get(slot) != owner:
            return False
        del self._owner[slot]
        self._free.append(slot)
        return True

    def release_all(self, owner: str) -> list[int]:
        """Take back everything that `owner` has: it died."""
        slots = [slot for slot, who in self._owner.items() if who == owner]
        for slot in slots:
            self.release(slot, owner)
        return slots

    def owned(self, owner: str) -> list[int]:
        """Return the slots that `owner` has."""
        return [slot for slot, who in self._owner.items() if who == owner]
