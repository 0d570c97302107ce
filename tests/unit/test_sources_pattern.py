from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from mirrorfx.clock import MS, SECOND, FakeClock
from mirrorfx.errors import InvalidValue
from mirrorfx.sources.pattern import Pattern, TestCard
from mirrorfx.sources.pattern_code import PatternCode, read_code

SIZES = [(1024, 1024), (832, 1216), (512, 512), (256, 256), (1280, 720)]
CODE = PatternCode(4_000_000_001, 1_234_567_890_123_456_789)


def card(size, code=CODE):
    return TestCard(size).paint(code.index, 12.345, code.t_ns)


def through_h264(image, crf):
    """Encode as the third of five pictures, and decode that one."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = image.shape[1], image.shape[0]
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 30)
    encoder.options = {"crf": str(crf), "preset": "ultrafast", "tune": "zerolatency"}
    decoder = av.CodecContext.create("h264", "r")
    pictures = []
    for index in range(5):
        painted = image if index == 2 else card((image.shape[1], image.shape[0]), PatternCode(index, index))
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(painted), format="bgr24")
        frame.pts = index
        for packet in encoder.encode(frame):
            pictures += decoder.decode(packet)
    pictures += decoder.decode(None)
    return pictures[2].to_ndarray(format="bgr24")


@pytest.mark.parametrize("size", SIZES)
def test_the_code_is_read_back_exactly(size):
    assert read_code(card(size)) == CODE


def test_a_mirrored_picture_is_noticed():
    code = read_code(card((512, 512))[:, ::-1])
    assert code == PatternCode(CODE.index, CODE.t_ns, mirrored=True)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("crf", [23, 35])
def test_the_code_survives_h264(size, crf):
    assert read_code(through_h264(card(size), crf)) == CODE


@pytest.mark.parametrize("to", [(1024, 1024), (700, 700), (333, 517), (1920, 1080), (256, 256)])
@pytest.mark.parametrize("how", [cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC])
def test_the_code_survives_resizing(to, how):
    assert read_code(cv2.resize(card((832, 832)), to, interpolation=how)) == CODE


def test_the_code_survives_resizing_compression_and_four_channels_together():
    small = cv2.resize(through_h264(card((1024, 1024)), 30)[:, ::-1], (512, 512), interpolation=cv2.INTER_AREA)
    bgrx = np.dstack([small, np.zeros((512, 512), np.uint8)])
    assert read_code(bgrx) == PatternCode(CODE.index, CODE.t_ns, mirrored=True)


def test_the_code_survives_a_dim_grey_exposure():
    assert read_code((card((512, 512)) * 0.3 + 60).astype(np.uint8)) == CODE


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((256, 256, 3), np.uint8),
        np.full((256, 256, 3), 255, np.uint8),
        np.zeros((8, 8, 3), np.uint8),
        card((256, 256))[::-1],
        card((256, 256))[:-20],
    ],
)
def test_a_picture_without_a_whole_code_has_none(image):
    assert read_code(image) is None


def test_noise_is_not_taken_for_a_code():
    noise = np.random.default_rng(0).integers(0, 256, (50, 128, 128, 3), dtype=np.uint8)
    assert [read_code(image) for image in noise] == [None] * 50


def test_one_wrong_block_is_noticed():
    image = card((512, 512)).copy()
    image[-32:-24, :16] = 255 - image[-32:-24, :16]
    assert read_code(image) is None


def test_every_picture_is_the_same_whatever_was_painted_before():
    used = TestCard((512, 512))
    for index in range(50):
        used.paint(index, index / 7, index)
    assert np.array_equal(used.paint(9, 0.3, 5), TestCard((512, 512)).paint(9, 0.3, 5))


def test_something_moves_from_picture_to_picture():
    still = TestCard((512, 512))
    one, two = still.paint(0, 0.0, 0).copy(), still.paint(0, 1 / 60, 0)
    assert np.abs(one[:480].astype(int) - two[:480]).max() > 50


def test_frames_come_at_the_rate_and_say_their_number_and_time():
    clock = FakeClock(5 * SECOND)
    with Pattern((256, 256), clock=clock, rate_fps=59.94) as source:
        frames = [(source.read(), clock.now_ns()) for _ in range(3)]
        code = read_code(frames[-1][0].pixels)
    assert [frame.index for frame, _ in frames] == [0, 1, 2]
    assert [frame.t_capture_ns for frame, _ in frames] == [now_ns for _, now_ns in frames]
    assert frames[2][1] - 5 * SECOND == 2 * 1000 * SECOND // 59940
    assert code == PatternCode(2, frames[2][1])


def test_a_late_reader_gets_the_newest_and_a_week_adds_no_drift():
    clock = FakeClock()
    with Pattern((256, 256), clock=clock, rate_fps=30) as source:
        source.read()
        clock.advance_ns(7 * 86400 * SECOND + 10 * MS)
        late, then = source.read(), source.read()
    assert (late.index, late.t_capture_ns) == (7 * 86400 * 30, 7 * 86400 * SECOND)
    assert then.t_capture_ns == clock.now_ns() == 7 * 86400 * SECOND + SECOND // 30


@pytest.mark.parametrize("rate", [0, -1, 1001, float("nan")])
def test_an_impossible_rate_is_refused(rate):
    with pytest.raises(InvalidValue, match="choose from 1 to 1000"):
        Pattern((256, 256), clock=FakeClock(), rate_fps=rate)
