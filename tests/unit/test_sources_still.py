import cv2
import numpy as np
import pytest

from mirrorfx.clock import SECOND, FakeClock
from mirrorfx.errors import SourceNotFound, SourceUnreadable
from mirrorfx.sources.memory import MemorySource
from mirrorfx.sources.still import StillImage

GRADIENT = np.ascontiguousarray(np.tile(np.arange(64, dtype=np.uint8)[:, None, None], (1, 48, 3)))


def shades(count):
    return [np.full((8, 10, 3), shade, np.uint8) for shade in range(count)]


@pytest.fixture
def clock():
    return FakeClock(SECOND)


def test_a_picture_is_given_again_and_again(tmp_path, clock):
    cv2.imwrite(str(tmp_path / "a.png"), GRADIENT)
    with StillImage(tmp_path / "a.png", clock=clock) as source:
        frames = [source.read() for _ in range(4)]
    assert all(np.array_equal(frame.pixels, GRADIENT) for frame in frames)
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert frames[3].t_capture_ns == clock.now_ns() == SECOND + SECOND // 10


@pytest.mark.parametrize(
    "pixels",
    [GRADIENT[..., 0], np.dstack([GRADIENT, GRADIENT[..., :1]]), GRADIENT.astype(np.uint16) * 257],
    ids=["grey", "alpha", "16 bit"],
)
def test_other_kinds_of_pixels_become_bgr(tmp_path, clock, pixels):
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    with StillImage(tmp_path / "a.png", clock=clock) as source:
        assert np.array_equal(source.read().pixels, GRADIENT)


def test_a_photo_is_turned_as_its_exif_data_says(tmp_path, clock):
    pixels = np.zeros((64, 96, 3), np.uint8)
    pixels[:16, :16] = 255
    _, jpeg = cv2.imencode(".jpg", pixels)
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    exif = b"\xff\xe1" + (8 + len(tiff)).to_bytes(2, "big") + b"Exif\0\0" + tiff
    (tmp_path / "a.jpg").write_bytes(jpeg.tobytes()[:2] + exif + jpeg.tobytes()[2:])
    with StillImage(tmp_path / "a.jpg", clock=clock) as source:
        frame = source.read()
    assert frame.size == (64, 96)
    assert frame.pixels[:16, -16:].mean() > 240


@pytest.mark.parametrize("content", [b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(50)], ids=["words", "broken"])
def test_a_bad_file_is_refused_without_printing(tmp_path, clock, content, capfd):
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(SourceUnreadable, match=r"bad\.png can't be read as a picture"):
        StillImage(tmp_path / "bad.png", clock=clock).open()
    assert "".join(capfd.readouterr()) == ""


def test_an_empty_file_is_refused(tmp_path, clock):
    (tmp_path / "void.png").touch()
    with pytest.raises(SourceUnreadable, match="empty"):
        StillImage(tmp_path / "void.png", clock=clock).open()


def test_a_missing_file_is_not_found(tmp_path, clock):
    with pytest.raises(SourceNotFound, match="There is no file"):
        StillImage(tmp_path / "gone.png", clock=clock).open()


def test_memory_gives_each_picture_once_and_ends(clock):
    with MemorySource(shades(3), clock=clock) as source:
        seen = [(frame.index, frame.pixels[0, 0, 0]) for frame in iter(source.read, None)]
        assert source.read() is None
    assert seen == [(0, 0), (1, 1), (2, 2)]


def test_memory_loops_and_a_late_reader_skips(clock):
    with MemorySource(shades(3), clock=clock, rate_fps=10, loop=True) as source:
        source.read()
        clock.advance_ns(SECOND // 2)
        frames = [source.read(), source.read()]
    assert [(frame.index, frame.pixels[0, 0, 0]) for frame in frames] == [(5, 2), (6, 0)]


def test_memory_takes_an_iterator_without_reading_ahead(clock):
    made = []

    def pictures():
        for picture in shades(5):
            made.append(picture)
            yield picture

    with MemorySource(pictures(), clock=clock) as source:
        source.read()
        source.read()
    assert len(made) == 2


def test_memory_ends_for_a_reader_that_comes_after_the_last(clock):
    with MemorySource(shades(3), clock=clock) as source:
        clock.advance_ns(SECOND)
        assert source.read() is None


@pytest.mark.parametrize("pictures", [[], [np.zeros((4, 4), np.uint8)], [np.zeros((4, 4, 3), np.float32)]])
def test_memory_refuses_what_is_no_picture(clock, pictures):
    with pytest.raises(SourceUnreadable):
        MemorySource(pictures, clock=clock).open()
