"""The recorder against real encodes; time comes from the pictures' own stamps, so nothing waits for a clock."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import textwrap
import threading
from contextlib import contextmanager
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mirrorfx.clock import MS, SECOND, FakeClock
from mirrorfx.errors import SinkFailed, SinkUnavailable
from mirrorfx.frame import Frame
from mirrorfx.sinks import ENCODERS, Encoder, Recorder
from mirrorfx.sinks import film as film_module
from mirrorfx.sinks.film import Film, check_film_path
from mirrorfx.sinks.fragments import FragmentFile

X264 = (ENCODERS[-1],)
SIZE = (256, 256)


def flat(value: int, size=SIZE) -> Frame:
    return Frame(np.full((size[1], size[0], 4), value, np.uint8), t_capture_ns=0)


def noise(seed: int, size=SIZE) -> Frame:
    """A picture that costs the encoder many bytes."""
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 4), np.uint8)
    return Frame(pixels, t_capture_ns=0)


def record(path, frames_at, size=SIZE, **options):
    """Record (frame, seconds) pairs, every one of them, and return the closed recorder."""
    recorder = Recorder(path, encoders=X264, wait=True, **options)
    recorder.open(size, 60)
    for frame, time_s in frames_at:
        recorder.put(frame, round(time_s * SECOND))
    recorder.close()
    return recorder


def put_all(recorder, frames) -> list[str]:
    """Put frames on the film's beat; return what the recorder complained of."""
    told = []
    for step, frame in enumerate(frames):
        try:
            recorder.put(frame, step * SECOND // 30)
        except SinkFailed as error:
            told.append(str(error))
    return told


def decode(path) -> list[np.ndarray]:
    with av.open(str(path)) as film:
        return [picture.to_ndarray(format="bgr24") for picture in film.decode(video=0)]


def levels(path) -> list[int]:
    return [round(float(picture.mean()) / 10) * 10 for picture in decode(path)]


@contextmanager
def largest_file(size_bytes: int):
    """Let the kernel refuse to write past `size_bytes`, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def stuck_encoder(monkeypatch):
    """Hold every write until the test lets go; yields (entered, let_go)."""
    entered, let_go = threading.Event(), threading.Event()
    write = Film.write

    def held(self, *args, **kwargs):
        entered.set()
        let_go.wait()
        write(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Film, "write", held)
        try:
            yield entered, let_go
        finally:
            let_go.set()


def test_a_picture_that_stays_is_repeated_and_of_two_in_a_step_the_newer_wins(tmp_path):
    shown = [(flat(20), 0.0), (flat(200), 0.1), (flat(100), 0.11), (flat(60), 0.2)]
    recorder = record(tmp_path / "a.mp4", shown, rate_fps=30)
    assert levels(tmp_path / "a.mp4") == [20, 20, 20, 100, 100, 100, 60]
    assert (recorder.written, recorder.repeated, recorder.dropped) == (7, 4, 0)


@pytest.mark.parametrize("wall_hz", [25, 50, 59.95, 120])
def test_lasts_as_long_as_the_show(tmp_path, wall_hz):
    times = [n / wall_hz for n in range(round(3 * wall_hz))]
    record(tmp_path / "a.mp4", [(flat(50), time_s) for time_s in times])
    with av.open(str(tmp_path / "a.mp4")) as film:
        assert film.duration / 1e6 == pytest.approx(3, abs=1 / 30)
        assert film.streams.video[0].average_rate == 30


def test_the_last_picture_put_ends_the_film(tmp_path):
    record(tmp_path / "a.mp4", [(flat(50), 0), (flat(50), 2.0)], rate_fps=25)
    assert len(decode(tmp_path / "a.mp4")) == 51


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov"])
def test_pixels_come_back_right_and_tagged(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    across = np.linspace(0, 255, 512)
    known = np.stack(
        np.broadcast_arrays(across[None], across[::-1][None], 128 + 90 * np.sin(across / 30)[:, None]), axis=2
    )
    bgr = known.astype(np.uint8)
    bgrx = np.dstack([bgr, np.zeros(bgr.shape[:2], np.uint8)])
    record(path, [(Frame(bgrx, 0), n / 30) for n in range(3)], size=(512, 512))
    for back in decode(path):
        assert cv2.PSNR(back, bgr) > 36
        assert abs(back.astype(int) - bgr).mean(axis=(0, 1)).max() < 4
    with av.open(str(path)) as film:
        video = film.streams.video[0].codec_context
        assert video.pix_fmt == "yuv420p"
        assert (video.colorspace, video.color_primaries, video.color_trc, video.color_range) == (1, 1, 1, 1)


@pytest.mark.parametrize("bgr", [(0, 0, 255), (0, 255, 0), (255, 0, 0), (255, 255, 255), (40, 90, 200)])
def test_colours_are_right_in_another_decoder(tmp_path, bgr):
    pixels = np.full((256, 256, 4), (*bgr, 255), np.uint8)
    record(tmp_path / "a.mp4", [(Frame(pixels, 0), 0)])
    _, back = cv2.VideoCapture(str(tmp_path / "a.mp4")).read()
    assert np.abs(back[100, 100].astype(int) - bgr).max() <= 4


@pytest.mark.parametrize(("size", "film_size"), [((257, 255), (256, 254)), ((832, 1216), (832, 1216))])
def test_any_size(tmp_path, size, film_size):
    record(tmp_path / "a.mp4", [(flat(90, size), 0)], size=size)
    assert decode(tmp_path / "a.mp4")[0].shape == (film_size[1], film_size[0], 3)


def test_a_picture_of_another_size_is_scaled(tmp_path):
    record(tmp_path / "a.mp4", [(flat(20), 0), (flat(200, (512, 320)), 1 / 30), (flat(100), 2 / 30)])
    assert levels(tmp_path / "a.mp4") == [20, 200, 100]


def test_a_slow_encoder_costs_the_film_pictures_and_never_blocks_the_wall(tmp_path, monkeypatch):
    recorder = Recorder(tmp_path / "a.mp4", encoders=X264)
    recorder.open(SIZE, 30)
    with stuck_encoder(monkeypatch) as (entered, let_go):
        for step in range(60):
            recorder.put(flat(step * 4), step * SECOND // 30)
        assert entered.wait(30)
        assert recorder.dropped >= 50
        kept = 60 - recorder.dropped
        let_go.set()
        recorder.close()
    assert recorder.written == 60, "the film lasts as long as the show all the same"
    assert len(set(levels(tmp_path / "a.mp4"))) <= kept


def test_waits_for_a_slow_encoder_when_told_to(tmp_path, monkeypatch):
    with stuck_encoder(monkeypatch) as (entered, let_go):
        starter = threading.Thread(target=lambda: (entered.wait(30), let_go.set()))
        starter.start()
        recorder = record(tmp_path / "a.mp4", [(flat(step), step / 30) for step in range(40)])
        starter.join()
    assert (recorder.written, recorder.dropped) == (40, 0)


def test_a_killed_recording_plays_up_to_its_last_second(tmp_path):
    path = tmp_path / "a.mp4"
    program = """
        import sys, numpy as np
        from mirrorfx.clock import MonotonicClock, SECOND
        from mirrorfx.frame import Frame
        from mirrorfx.sinks import ENCODERS, Recorder
        recorder = Recorder(sys.argv[1], encoders=ENCODERS[-1:], wait=True)
        recorder.open((256, 256), 30)
        for step in range(10**6):
            recorder.put(Frame(np.full((256, 256, 4), step % 200, np.uint8), 0), step * SECOND // 30)
            if recorder.written >= 100:
                print(recorder.written, flush=True)
                MonotonicClock().sleep_until_ns(2**62)
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), str(path)], stdout=subprocess.PIPE, text=True
    )
    with child:
        written = int(child.stdout.readline())
        child.kill()
    assert len(decode(path)) >= written - 30


def test_a_disk_that_fills_ends_the_recording_only(tmp_path):
    path = tmp_path / "a.mp4"
    recorder = Recorder(path, encoders=X264, wait=True)
    with largest_file(1_000_000):
        recorder.open(SIZE, 30)
        told = put_all(recorder, map(noise, range(200)))
        recorder.close()
    assert len(told) == 1, "said once, then silent"
    assert str(path) in told[0]
    assert "largest size allowed" in told[0]
    assert recorder.failed == told[0]
    assert 1 <= len(decode(path)) < 200, "what was written before plays"


def test_a_disk_that_fills_at_the_very_end_leaves_the_film_playing(tmp_path):
    path = tmp_path / "a.mp4"
    shown = [(noise(step), step / 30) for step in range(45)]
    record(path, shown)
    with largest_file(path.stat().st_size - 200):
        recorder = record(path, shown)
    assert "could not be finished" in recorder.failed
    assert len(decode(path)) >= 30


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_disk_full_from_the_start_is_said_at_once(tmp_path):
    (tmp_path / "a.mp4").symlink_to("/dev/full")
    with pytest.raises(SinkUnavailable, match="the disk is full"):
        Recorder(tmp_path / "a.mp4", encoders=X264).open(SIZE, 30)


def test_an_encoder_that_breaks_ends_the_recording_only(tmp_path, monkeypatch):
    recorder = Recorder(tmp_path / "a.mp4", encoders=X264, wait=True)
    recorder.open(SIZE, 30)
    recorder.put(flat(10), 0)

    def broken(*_args, **_kwargs):
        raise RuntimeError("the card fell off the bus")

    monkeypatch.setattr(Film, "write", broken)
    told = put_all(recorder, [flat(20)] * 50)
    recorder.close()
    assert len(told) == 1
    assert "fell off the bus" in recorder.failed


def test_encoders_are_tried_in_order_and_the_reasons_kept(tmp_path, monkeypatch):
    tried = []

    def attempt(encoder, size):
        tried.append((encoder.name, size))
        return "" if encoder.name == "libx264" else f"needs {encoder.needs}"

    monkeypatch.setattr(film_module, "try_encoder", attempt)
    recorder = Recorder(tmp_path / "a.mp4")
    recorder.open(SIZE, 30)
    recorder.close()
    assert tried == [(name, SIZE) for name in ("h264_nvenc", "h264_qsv", "h264_amf", "libx264")]
    assert recorder.encoder == "libx264"
    assert list(recorder.skipped) == ["h264_nvenc", "h264_qsv", "h264_amf"]
    assert "NVIDIA" in recorder.skipped["h264_nvenc"]


def test_the_first_encoder_that_really_opens_is_used(tmp_path):
    recorder = Recorder(tmp_path / "a.mp4", encoders=(Encoder("no_such_codec", "magic"), *X264))
    recorder.open(SIZE, 30)
    recorder.close()
    assert recorder.encoder == "libx264"
    assert "magic" in recorder.skipped["no_such_codec"]


def test_no_encoder_at_all_is_an_error_that_names_them(tmp_path):
    with pytest.raises(SinkUnavailable, match=r"no_such_codec.*pip install"):
        Recorder(tmp_path / "a.mp4", encoders=(Encoder("no_such_codec", "magic"),)).open(SIZE, 30)
    assert not (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize("error", [ImportError("no av"), OSError("libX.so.1: cannot open"), SystemError("bad")])
def test_without_pyav_the_message_names_the_command(tmp_path, monkeypatch, error):
    class Broken:
        def find_spec(self, name, *_):
            if name == "av":
                raise error

    monkeypatch.delitem(sys.modules, "av")
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(SinkUnavailable, match=r"pip install av"):
        Recorder(tmp_path / "a.mp4", encoders=X264).open(SIZE, 30)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a.avi", "Name it .*a.mp4"),
        ("a", "Name it .*a.mp4"),
        ("nowhere/a.mp4", "mkdir -p .*nowhere"),
        ("folder.mp4", "it is a folder"),
        ("file.txt/a.mp4", "is not a folder"),
    ],
)
def test_bad_places_are_refused_before_anything_is_written(tmp_path, name, says):
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file.txt").write_text("kept")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SinkUnavailable, match=says):
        Recorder(tmp_path / name, encoders=X264).open(SIZE, 30)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc, where not even root can make files")
def test_a_folder_that_may_not_be_written_is_refused_beforehand():
    with pytest.raises(SinkUnavailable, match="the folder /proc can't be written"):
        check_film_path(Path("/proc/a.mp4"))


def test_a_film_that_may_not_be_overwritten_is_refused_beforehand(tmp_path, monkeypatch):
    (tmp_path / "old.mp4").write_bytes(b"kept")
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(SinkUnavailable, match="can't be overwritten"):
        Recorder(tmp_path / "old.mp4", encoders=X264).open(SIZE, 30)
    assert (tmp_path / "old.mp4").read_bytes() == b"kept"


def test_a_folder_that_refuses_is_named(tmp_path, monkeypatch):
    def refused(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refused)
    with pytest.raises(SinkUnavailable, match=f"{re.escape(str(tmp_path))}.*permission denied"):
        Recorder(tmp_path / "a.mp4", encoders=X264).open(SIZE, 30)


def test_an_existing_film_is_overwritten(tmp_path):
    record(tmp_path / "a.mp4", [(flat(20), 0), (flat(20), 1)])
    record(tmp_path / "a.mp4", [(flat(200), 0)])
    assert levels(tmp_path / "a.mp4") == [200]


def test_a_show_without_a_picture_leaves_an_empty_film_and_no_error(tmp_path):
    recorder = record(tmp_path / "a.mp4", [])
    assert (recorder.written, recorder.failed, recorder.encode_ms) == (0, "", 0.0)


def test_encoding_time_comes_from_the_clock(tmp_path, monkeypatch):
    clock = FakeClock()
    write = Film.write

    def slow(self, *args, **kwargs):
        clock.advance_ns(12 * MS)
        write(self, *args, **kwargs)

    monkeypatch.setattr(Film, "write", slow)
    recorder = record(tmp_path / "a.mp4", [(flat(20), n / 30) for n in range(10)], clock=clock)
    assert recorder.encode_ms == pytest.approx(12)


def test_nothing_reaches_the_disk_after_a_failed_write(tmp_path):
    """The muxer goes on to write its index and to change the head, which would spoil what plays."""
    path = tmp_path / "a.mp4"
    head = (16).to_bytes(4, "big") + b"moov" + b"12345678"
    with largest_file(100):
        file = FragmentFile(path)
        file.write(head)
        with pytest.raises(OSError, match="too large"):
            file.write(b"x" * 200)
        file.seek(0)
        file.write(b"spoilt")
        assert file.tell() == 6
        file.close()
    assert path.read_bytes() == head


def test_a_closed_film_is_a_plain_file_with_an_index(tmp_path):
    """Editing programs seek badly in fragments."""
    record(tmp_path / "a.mp4", [(flat(step), step / 30) for step in range(45)])
    with av.open(str(tmp_path / "a.mp4")) as film:
        assert film.streams.video[0].frames == 45
