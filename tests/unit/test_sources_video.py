import logging
import socket
import threading
import wave
from fractions import Fraction

import av
import numpy as np
import pytest

from mirrorfx.clock import MS, SECOND, FakeClock
from mirrorfx.errors import SourceNotFound, SourceUnreadable
from mirrorfx.sources.pattern_code import read_code, write_code
from mirrorfx.sources.video import VideoFile

SIZE = (320, 320)
START_NS = 77 * SECOND


def picture(index, size=SIZE):
    pixels = np.full((size[1], size[0], 3), 90, np.uint8)
    write_code(pixels, index, 0)
    return pixels


def write_video(path, frames=10, *, ticks=None, size=SIZE, options=None, rotation=None, aspect=None, paint=picture):
    """Write a video of 25 ticks a second; `ticks` are the frames' times."""
    with av.open(str(path), "w", options=options or {}) as film:
        stream = film.add_stream("libx264", rate=25, options={"crf": "10", "preset": "ultrafast", "g": "5"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        for index, tick in enumerate(ticks or range(frames)):
            frame = av.VideoFrame.from_ndarray(paint(index, size), format="bgr24")
            frame.pts, frame.time_base = tick, Fraction(1, 25)
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    return path


def numbers(frames):
    return [read_code(frame.pixels).index for frame in frames]


@pytest.fixture
def clock():
    return FakeClock(START_NS)


@pytest.fixture
def clip(tmp_path):
    return write_video(tmp_path / "clip.mp4")


def test_frames_come_when_the_files_own_time_stamps_say(tmp_path, clock):
    with VideoFile(write_video(tmp_path / "uneven.mp4", ticks=[0, 1, 4, 5]), clock=clock, loop=False) as source:
        arrivals = []
        while (frame := source.read()) is not None:
            assert frame.t_capture_ns == clock.now_ns()
            arrivals.append((frame.t_capture_ns - START_NS) // (40 * MS))
    assert arrivals == [0, 1, 4, 5]


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi", "ts", "mov"])
def test_the_loop_has_no_seam(tmp_path, clock, ending):
    with VideoFile(write_video(tmp_path / f"clip.{ending}"), clock=clock) as source:
        frames = [source.read() for _ in range(35)]
    assert numbers(frames) == [index % 10 for index in range(35)]
    assert [frame.index for frame in frames] == list(range(35))
    steps = np.diff([frame.t_capture_ns for frame in frames])
    assert np.abs(steps - 40 * MS).max() <= MS


def test_a_late_reader_gets_the_newest_frame_and_skipped_ones_are_never_converted(clip, clock, monkeypatch):
    with VideoFile(clip, clock=clock) as source:
        converted = []
        convert = source._decoder.pixels
        monkeypatch.setattr(source._decoder, "pixels", lambda frame: converted.append(frame) or convert(frame))
        first = source.read()
        clock.advance_ns(130 * MS)
        late, then = source.read(), source.read()
    assert numbers([first, late, then]) == [0, 3, 4]
    assert [frame.index for frame in (first, late, then)] == [0, 3, 4]
    assert late.t_capture_ns == START_NS + 120 * MS
    assert then.t_capture_ns == clock.now_ns() == START_NS + 160 * MS
    assert len(converted) == 3


def test_a_late_reader_skips_across_the_seam(clip, clock):
    with VideoFile(clip, clock=clock) as source:
        for _ in range(8):
            source.read()
        clock.advance_ns(200 * MS)
        frame = source.read()
    assert (numbers([frame]), frame.index) == ([2], 12)


def test_after_a_long_absence_the_film_goes_on_where_it_stood(clip, clock):
    with VideoFile(clip, clock=clock) as source:
        source.read()
        clock.advance_ns(3600 * SECOND)
        frame, then = source.read(), source.read()
    assert numbers([frame, then]) == [1, 2]
    assert frame.t_capture_ns == START_NS + 3600 * SECOND
    assert then.t_capture_ns - frame.t_capture_ns == 40 * MS


def test_decoding_slower_than_playing_slows_the_film_instead_of_skipping_ever_more(clip, clock, monkeypatch, caplog):
    with VideoFile(clip, clock=clock) as source:
        decode = source._decoder.next

        def slowly():
            clock.advance_ns(100 * MS)
            return decode()

        monkeypatch.setattr(source._decoder, "next", slowly)
        frames = [source.read() for _ in range(20)]
    skips = np.diff([frame.index for frame in frames])
    assert skips.max() <= 5
    assert (skips[3:] == 1).all()
    assert all(np.diff([frame.t_capture_ns for frame in frames]) > 0)
    assert len([record for record in caplog.records if "more slowly" in record.message]) == 1


def test_a_hiccup_while_decoding_is_made_up_for_by_skipping(clip, clock, monkeypatch, caplog):
    with VideoFile(clip, clock=clock) as source:
        decode = source._decoder.next
        hiccups = iter([150 * MS])
        monkeypatch.setattr(source._decoder, "next", lambda: (clock.advance_ns(next(hiccups, 0)), decode())[1])
        frames = [source.read() for _ in range(4)]
    assert [frame.index for frame in frames] == [0, 3, 4, 5]
    assert frames[-1].t_capture_ns == START_NS + 5 * 40 * MS
    assert not caplog.records


def test_without_looping_it_ends_and_stays_ended(clip, clock):
    with VideoFile(clip, clock=clock, loop=False) as source:
        assert numbers(source.read() for _ in range(10)) == list(range(10))
        assert source.read() is None
        assert source.read() is None


def test_what_is_left_of_a_file_that_was_cut_off_is_played_and_said_once(tmp_path, clock, caplog):
    path = write_video(tmp_path / "cut.mp4", 50, options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with caplog.at_level(logging.WARNING), VideoFile(path, clock=clock) as source:
        seen = numbers(source.read() for _ in range(100))
    length = seen.index(0, 1)
    assert 20 < length < 40
    assert seen == [index % length for index in range(100)]
    assert len(caplog.records) == 1
    assert "cut off" in caplog.text
    assert str(path) in caplog.text


@pytest.mark.parametrize(("ending", "kept"), [("mp4", 45), ("mkv", 45)])
def test_a_damaged_middle_is_played_around(tmp_path, clock, caplog, ending, kept):
    path = write_video(tmp_path / f"hurt.{ending}", 50, options={"movflags": "faststart"} if ending == "mp4" else None)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = np.random.default_rng(0).bytes(4000)
    path.write_bytes(content)
    with VideoFile(path, clock=clock, loop=False) as source:
        frames = list(iter(source.read, None))
    assert len(frames) == kept
    assert numbers([frames[0], frames[-1]]) == [0, 49]
    assert frames[-1].t_capture_ns == START_NS + 49 * 40 * MS
    assert ["damaged" in record.message for record in caplog.records] == [True]


def rewrite(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.mp4", b""),
        ("noise.mp4", bytes(range(256)) * 40),
        ("words.txt", b"hello world\n" * 100),
        ("words.mp4", b"hello world\n" * 100),
    ],
)
def test_what_is_not_a_video_is_refused(tmp_path, clock, name, content):
    path = rewrite(tmp_path / name, content)
    with pytest.raises(SourceUnreadable, match=name):
        VideoFile(path, clock=clock).open()


def test_a_playlist_never_reaches_the_network(tmp_path, clock):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        path = tmp_path / "list.m3u8"
        path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{address}\n#EXT-X-ENDLIST\n")
        opening = threading.Thread(target=pytest.raises, args=(SourceUnreadable, VideoFile(path, clock=clock).open))
        opening.start()
        opening.join(5)
        with pytest.raises(BlockingIOError):
            server.accept()
        server.close()
        opening.join(30)


def test_a_file_without_its_index_is_refused(tmp_path, clock):
    path = write_video(tmp_path / "half.mp4", 50)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SourceUnreadable, match=r"half\.mp4.*copy it again"):
        VideoFile(path, clock=clock).open()


def test_sound_alone_is_refused(tmp_path, clock):
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", "NONE"))
        sound.writeframes(bytes(16000))
    with pytest.raises(SourceUnreadable, match="holds no video"):
        VideoFile(tmp_path / "sound.wav", clock=clock).open()


def test_a_missing_file_names_the_nearest(clip, clock):
    with pytest.raises(SourceNotFound, match=r"clop\.mp4\. Did you mean 'clip\.mp4'\?"):
        VideoFile(clip.with_name("clop.mp4"), clock=clock).open()
    with pytest.raises(SourceNotFound, match=r"folder .*nowhere doesn't exist"):
        VideoFile(clip.parent / "nowhere" / "clip.mp4", clock=clock).open()


def test_a_folder_is_refused(tmp_path, clock):
    with pytest.raises(SourceUnreadable, match="is a folder"):
        VideoFile(tmp_path, clock=clock).open()


@pytest.mark.parametrize("name", ["take:1.mp4", "http:clip.mp4"])
def test_a_colon_in_the_name_is_no_protocol(clip, clock, monkeypatch, name):
    clip.rename(clip.with_name(name))
    monkeypatch.chdir(clip.parent)
    with VideoFile(name, clock=clock) as source:
        assert source.read() is not None


@pytest.mark.parametrize(("rotation", "corner"), [(90, (-1, 0)), (180, (-1, -1)), (-90, (0, -1))])
def test_a_video_filmed_sideways_comes_upright(tmp_path, clock, rotation, corner):
    def mark(_index, size):
        pixels = np.zeros((size[1], size[0], 3), np.uint8)
        pixels[: size[1] // 4, : size[0] // 4] = 255
        return pixels

    path = write_video(tmp_path / "turned.mp4", 2, size=(320, 192), rotation=rotation, paint=mark)
    with VideoFile(path, clock=clock) as source:
        info, frame = source.open(), source.read()
    assert info.size == frame.size == ((320, 192) if rotation == 180 else (192, 320))
    rows, columns = (slice(-20, None) if end else slice(20) for end in corner)
    assert frame.pixels[rows, columns].min() > 200
    assert frame.pixels.mean() < 30


def test_pixels_that_are_not_square_are_made_square(tmp_path, clock):
    path = write_video(tmp_path / "wide.mp4", 2, size=(320, 320), aspect=Fraction(3, 2))
    with VideoFile(path, clock=clock) as source:
        info, frame = source.open(), source.read()
    assert info.size == frame.size == (480, 320)
    assert numbers([frame]) == [0]


def test_colours_come_out_as_they_went_in(tmp_path, clock):
    colour = (40, 90, 200)
    path = write_video(
        tmp_path / "red.mp4", 2, paint=lambda _index, size: np.full((size[1], size[0], 3), colour, np.uint8)
    )
    with VideoFile(path, clock=clock) as source:
        mean = source.read().pixels.mean((0, 1))
    assert np.abs(mean - colour).max() < 4
