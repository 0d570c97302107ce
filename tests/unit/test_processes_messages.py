"""Messages between processes: every one comes back as it went, and strangers are refused."""

from __future__ import annotations

import dataclasses

import pytest

from mirrorfx.errors import ProcessFailed
from mirrorfx.processes import messages
from mirrorfx.processes.messages import Captured, Dispatch, Message, Release, Say, Stop, pack, unpack, wire

KINDS = [cls for cls, _layout in wire._BY_KIND.values()]
CAPTURED = Captured(1, 2, 3, 4)
SAMPLES = {"int": 7, "float": 0.25, "bool": True, "bytes": b'{"a": 1}'}


@pytest.mark.parametrize("cls", KINDS, ids=lambda cls: cls.__name__)
def test_every_message_comes_back_as_it_went(cls):
    message = cls(*[SAMPLES[field.type] for field in dataclasses.fields(cls)])
    assert unpack(pack(message)) == message


def test_times_and_numbers_keep_their_full_range():
    message = Dispatch(65535, 65535, 2**32 - 1, 2**64 - 1, 2**64 - 1, 2**62, 2**63)
    assert unpack(pack(message)) == message
    assert unpack(pack(Captured(1, 2, -5, 9))) == Captured(1, 2, -5, 9)


def test_a_hot_message_is_small():
    assert len(pack(Dispatch(1, 2, 3, 4, 5, 6, 7))) <= 64


def test_the_kinds_are_distinct_and_listed():
    assert len({cls.KIND for cls in KINDS}) == len(KINDS)
    assert {cls.__name__ for cls in KINDS} <= set(messages.__all__)


@pytest.mark.parametrize(
    "data",
    [b"\xff\x01", b"\x01\x63", pack(CAPTURED)[:-1], pack(Stop()) + b"more", pack(CAPTURED) + b"x"],
    ids=["unknown kind", "other version", "cut off", "too long", "too long with fields"],
)
def test_what_another_release_would_say_is_refused(data):
    with pytest.raises(ProcessFailed):
        unpack(data)


def test_texts_may_be_empty_or_long():
    assert unpack(pack(Say(b""))) == Say(b"")
    assert unpack(pack(Release(bytes(range(200))))).text == bytes(range(200))
    assert isinstance(unpack(pack(Say(b"x" * 100_000))), Message)
