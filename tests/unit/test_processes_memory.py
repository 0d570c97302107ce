"""Shared memory: rings that two mappings see at once, and slots with exactly one owner."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from mirrorfx.errors import ProcessFailed
from mirrorfx.processes.memory import MemfdBlock, NamedBlock, Ring, RingSpec, SlotPool, attach_block

KINDS = [NamedBlock, *([MemfdBlock] if sys.platform == "linux" else [])]


@pytest.mark.parametrize("kind", KINDS)
def test_a_block_is_the_same_memory_wherever_it_is_mapped(kind):
    owner = kind.create(4096)
    other = attach_block(owner.handle)
    owner.buffer[10] = 77
    assert other.buffer[10] == 77
    other.buffer[11] = 88
    assert owner.buffer[11] == 88
    other.close()
    assert owner.buffer[10] == 77
    owner.close()
    owner.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_block_is_gone_with_its_owner(kind):
    owner = kind.create(4096)
    handle = owner.handle
    owner.close()
    with pytest.raises(ProcessFailed, match="owner has ended"):
        attach_block(handle)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has nameless blocks")
def test_a_nameless_block_leaves_no_name():
    before = set(Path("/dev/shm").iterdir())
    owner = MemfdBlock.create(4096)
    assert set(Path("/dev/shm").iterdir()) == before
    owner.close()


def test_slots_of_a_ring_do_not_touch():
    ring = Ring.create(3, (10, 7, 3))
    other = Ring.attach(ring.spec, read_only=True)
    for slot in range(3):
        ring.view(slot)[:] = slot + 1
    for slot in range(3):
        assert np.array_equal(other.view(slot), np.full((10, 7, 3), slot + 1, np.uint8))
        assert other.view(slot).flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        other.view(0)[0, 0, 0] = 1
    other.close()
    ring.close()
    ring.close()


def test_slots_start_on_pages():
    assert RingSpec("", 2, (1024, 1024, 3)).slot_bytes == 3 * 1024 * 1024
    assert RingSpec("", 2, (10, 7, 3)).slot_bytes == 4096


def test_a_slot_has_one_owner():
    pool = SlotPool(2)
    first, second = pool.acquire("camera"), pool.acquire("camera")
    assert {first, second} == {0, 1}
    assert pool.acquire("camera") is None
    pool.pass_on(first, "worker-0")
    assert not pool.release(first, "camera"), "it is the worker's now"
    assert pool.owned("camera") == [second]
    assert pool.release(first, "worker-0")
    assert not pool.release(first, "worker-0"), "nobody gives a slot back twice"
    assert pool.free == 1


def test_what_a_dead_owner_had_is_free_again():
    pool = SlotPool(4)
    kept = pool.acquire("wall")
    mine = {pool.acquire("worker-0"), pool.acquire("worker-0")}
    assert set(pool.release_all("worker-0")) == mine
    assert pool.free == 3
    assert pool.owned("wall") == [kept]
