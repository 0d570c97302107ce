"""What ships in ``assets/`` is what the sources, the wall and the docs count on."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mirrorfx.resources import asset

SECONDS, RATE, SIDE = 10, 30, 1024
SUIT_BGR = (71.4, 108.9, 222.5)


@pytest.fixture(scope="module")
def clip():
    """Return the demo clip's packets (key, pts) and its first and last pictures as BGR."""
    import av

    with av.open(str(asset("demo.mp4"))) as container:
        stream = container.streams.video[0]
        keys = [packet.is_keyframe for packet in container.demux(stream) if packet.size]
        container.seek(0)
        pictures = [
            frame.to_ndarray(format="bgr24") for frame, _ in zip(container.decode(stream), range(3), strict=False)
        ]
        container.seek(int((SECONDS - 0.2) * av.time_base))
        pictures += [frame.to_ndarray(format="bgr24") for frame in container.decode(stream)]
        yield stream, keys, pictures  # a stream is only valid while its container is open


def test_the_clip_is_ten_seconds_at_30_fps_and_small(clip):
    stream, keys, _ = clip
    assert (stream.width, stream.height) == (SIDE, SIDE)
    assert stream.average_rate == RATE
    assert len(keys) == SECONDS * RATE
    assert asset("demo.mp4").stat().st_size < 8e6


def test_the_clip_can_be_entered_every_half_second(clip):
    _, keys, _ = clip
    assert all(keys[::15])


def test_the_clip_says_which_colours_it_means(clip):
    context = clip[0].codec_context
    assert (context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1)
    assert context.color_range == 1


def test_the_clips_colours_come_back_as_they_were_made(clip):
    """The suit, sampled before encoding; read with the wrong matrix or range it is off by ten levels and more."""
    suit = clip[2][0][840:880, 150:200].mean(axis=(0, 1))
    assert suit == pytest.approx(SUIT_BGR, abs=4)


def test_the_clip_loops_without_a_seam(clip):
    _, _, pictures = clip
    steps = [_distance(one, other) for one, other in zip(pictures[3:], [*pictures[4:], pictures[0]], strict=True)]
    assert steps[-1] == pytest.approx(np.median(steps), rel=0.5)


def test_the_icon_and_the_test_card_have_their_sizes():
    assert cv2.imread(str(asset("icon.png")), cv2.IMREAD_UNCHANGED).shape == (256, 256, 4)
    card = cv2.imread(str(asset("test_card.png")))
    assert card.shape == (SIDE, SIDE, 3)
    for edge in (card[0], card[-1], card[:, 0], card[:, -1]):
        assert (edge == 255).all()


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(np.int16) - other).mean())
