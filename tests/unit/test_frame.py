"""Sizes that a mirror can work at, and the frame itself."""

import dataclasses

import numpy as np
import pytest

from mirrorfx.errors import InvalidValue
from mirrorfx.frame import Frame, check_size, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1024", (1024, 1024)),
        ("832x1216", (832, 1216)),
        (" 512 X 768 ", (512, 768)),
        ("832×1216", (832, 1216)),
        ("256", (256, 256)),
        ("2048x256", (2048, 256)),
    ],
)
def test_a_size_is_read(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("1000", "1024x1024"),
        ("1023", "1024x1024"),
        ("0", "256x256"),
        ("192", "256x256"),
        ("832x1000", "832x1024"),
        ("2112", "2048x2048"),
        ("999999", "2048x2048"),
    ],
)
def test_a_size_that_can_not_be_worked_at_names_the_nearest(text, near):
    with pytest.raises(InvalidValue, match=f"multiple of 64 from 256 to 2048.*The nearest is --size {near}") as error:
        parse_size(text)
    assert parse_size(near)
    assert text.partition("x")[0] in str(error.value)


@pytest.mark.parametrize("text", ["", "big", "-512", "512x", "x512", "512x512x3", "5e2", "512.0", "9" * 400])
def test_what_is_no_size_says_how_to_write_one(text):
    with pytest.raises(InvalidValue, match=r"is not understood: write --size 1024, .*--size 832x1216"):
        parse_size(text)


def test_every_size_in_range_is_worked_at():
    for side in range(256, 2049, 64):
        assert check_size((side, 1024)) == (side, 1024)


def test_a_frame_knows_its_size_as_width_and_height():
    frame = Frame(np.zeros((1216, 832, 3), np.uint8), t_capture_ns=5)
    assert frame.size == (832, 1216)
    assert (frame.index, frame.seq, frame.revision) == (0, -1, -1)


def test_a_frame_can_not_be_changed_only_replaced():
    frame = Frame(np.zeros((64, 64, 3), np.uint8), t_capture_ns=5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        frame.seq = 3
    numbered = dataclasses.replace(frame, seq=3)
    assert (numbered.seq, numbered.t_capture_ns) == (3, 5)
    assert numbered.pixels is frame.pixels
