"""Films: which encoder works here, and a file that stays playable whatever happens to the program."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mirrorfx.errors import SinkError, SinkFailed, SinkUnavailable
from mirrorfx.sinks.fragments import FragmentFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction
    from pathlib import Path

    import av
    from av.container import OutputContainer
    from av.video.stream import VideoStream

    from mirrorfx.frame import Image, Size

__all__ = [
    "ENCODERS",
    "FILM_SUFFIXES",
    "Encoder",
    "Film",
    "check_film_path",
    "import_pyav",
    "pick_encoder",
    "plain_reason",
    "try_encoder",
]

FILM_SUFFIXES = (".mp4", ".m4v", ".mov")

_BT709 = 1
_LIMITED_RANGE = 1
_FRAGMENT_US = 500_000
_WRITE_BUFFER_BYTES = 4 << 20
_PIXELS_PER_THREAD = 1_500_000

# Written as fragments, so that a killed run still plays; a film that is closed becomes a plain file, which editing
# programs read and seek in.
_MUXER_OPTIONS = {
    "movflags": "frag_keyframe+empty_moov+default_base_moof+hybrid_fragmented",
    "frag_duration": str(_FRAGMENT_US),
    "flush_packets": "1",
}

_PLAIN_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file has reached the largest size allowed",
    errno.EIO: "the disk reports an input/output error",
    errno.EACCES: "permission denied",
    errno.EROFS: "the disk is read-only",
}


@dataclass(frozen=True, slots=True)
class Encoder:
    """One H.264 encoder of FFmpeg.

    Attributes:
        name: FFmpeg's name for it.
        needs: what must be there for it, for people.
        options: FFmpeg's private options, tuned for speed at a quality that the eye accepts.
    """

    name: str
    needs: str
    options: tuple[tuple[str, str], ...] = ()


ENCODERS = (
    Encoder("h264_nvenc", "an NVIDIA card and its driver", (("preset", "p3"), ("rc", "vbr"), ("cq", "21"))),
    Encoder("h264_qsv", "an Intel GPU and its media driver", (("preset", "veryfast"), ("global_quality", "21"))),
    Encoder(
        "h264_amf",
        "an AMD GPU and its AMF runtime",
        (("quality", "speed"), ("rc", "cqp"), ("qp_i", "21"), ("qp_p", "23")),
    ),
    Encoder("libx264", "a PyAV with x264", (("preset", "ultrafast"), ("tune", "zerolatency"), ("crf", "20"))),
)
"""In the order they are tried: the GPU's own encoders cost the mirror no CPU."""


def check_film_path(path: Path) -> None:
    """Look whether a film could be written at `path`; nothing is left there.

    Raises:
        SinkUnavailable: it names no film, its folder is not there, or this user may not write there.
    """
    if path.is_dir():
        raise SinkUnavailable(f"{path} can't be recorded: it is a folder. Name a file, such as {path / 'film.mp4'}.")
    if path.suffix.lower() not in FILM_SUFFIXES:
        raise SinkUnavailable(
            f"{path} can't be recorded: MirrorFX writes films that end in {', '.join(FILM_SUFFIXES)}. "
            f"Name it {path.with_suffix('.mp4')}."
        )
    if path.parent.exists() and not path.parent.is_dir():
        raise SinkUnavailable(f"{path} can't be recorded: {path.parent} is not a folder. Choose another place.")
    if not path.parent.exists():
        raise SinkUnavailable(
            f"{path} can't be recorded: the folder {path.parent} doesn't exist. Make it with: mkdir -p {path.parent}"
        )
    reason = _refusal(path)
    if reason:
        raise SinkUnavailable(
            f"{path} can't be recorded: {reason}. Choose a folder of your own, such as --record ~/film.mp4."
        )


def try_encoder(encoder: Encoder, size: Size) -> str:
    """Really encode one black picture of `size` in memory; return why that doesn't work, or an empty string.

    Raises:
        SinkUnavailable: PyAV can't be imported.
    """
    import_pyav()
    from fractions import Fraction

    try:
        film = Film(None, size, Fraction(30), encoder)
        film.write(_black(size), first_step=0, steps=1)
        film.close()
    except SinkError as error:
        return f"needs {encoder.needs} ({error})"
    return ""


def pick_encoder(size: Size, encoders: Iterable[Encoder] = ENCODERS) -> tuple[Encoder, dict[str, str]]:
    """Return the first encoder that works at `size`, and why the ones before it were skipped.

    Raises:
        SinkUnavailable: none works, or PyAV can't be imported; the message has every reason.
    """
    skipped: dict[str, str] = {}
    for encoder in encoders:
        reason = try_encoder(encoder, size)
        if not reason:
            return encoder, skipped
        skipped[encoder.name] = reason
    reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
    raise SinkUnavailable(
        f"No video encoder works at {size[0]}x{size[1]} ({reasons}). Install PyAV again, its wheel has x264: "
        "pip install --force-reinstall av"
    )


def import_pyav() -> None:
    """Make sure that PyAV can be imported.

    Raises:
        SinkUnavailable: it can't; the message names the command that installs it.
    """
    try:
        import av  # noqa: F401
    except (ImportError, OSError, SystemError) as error:
        raise SinkUnavailable(
            f"Recording needs PyAV, which can't be loaded ({error}). Install it: pip install av"
        ) from error


class Film:
    """A film being written: BT.709, limited range, yuv420p, constant rate.

    The file is a row of fragments of half a second, each handed to the system when complete, so that whatever ends the
    program leaves a film that plays up to about the last second. `close` turns it into a plain file with an index.
    An existing file is overwritten. Odd sizes lose their last row or column: yuv420p has none.

    Threads: one at a time; opening in one and writing in another is fine.
    """

    def __init__(self, path: Path | None, size: Size, rate: Fraction, encoder: Encoder) -> None:
        """Open the encoder and write the file's head; no path: into memory, to see whether the encoder works.

        Raises:
            SinkUnavailable: the encoder or the file can't be opened.
        """
        import av
        from av.video.reformatter import VideoReformatter

        self._path = path
        self._rate = rate
        self._size = (size[0] // 2 * 2, size[1] // 2 * 2)
        self._reformatter = VideoReformatter()
        self._file: FragmentFile | None = None
        self._container: OutputContainer | None = None
        try:
            self._file = FragmentFile(path) if path else None
            self._container = self._open_container()
            self._stream = self._add_stream(self._container, encoder)
            self._container.start_encoding()
        except (av.FFmpegError, OSError, ValueError) as error:
            self.abandon()
            raise SinkUnavailable(self._explain(error, "can't be opened for recording")) from error

    def write(self, pixels: Image, first_step: int, steps: int) -> None:
        """Put one picture on `steps` steps of the film, from `first_step` on.

        Args:
            pixels: ``uint8[H, W, 4]`` BGRX; another size than the film's is scaled to it. Not needed after the return.
            first_step: position in the film, in pictures from 0; larger than any written before.
            steps: how many pictures long it stays.

        Raises:
            SinkFailed: the disk or the encoder gave up. Call `abandon`.
        """
        import av

        try:
            picture = self._convert(pixels)
            for step in range(first_step, first_step + steps):
                picture.pts = step
                self._mux(picture)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise SinkFailed(self._explain(error, "stopped recording")) from error

    def close(self) -> None:
        """Write what the encoder still holds and the index. Safe to call twice.

        Raises:
            SinkFailed: the disk gave up at the end; what was written before still plays.
        """
        import av

        if self._container is None:
            return
        try:
            self._mux(None)
            self._container.close()
            self._container = None
            if self._file is not None:
                self._file.close()
        except (av.FFmpegError, OSError, ValueError) as error:
            self.abandon()
            raise SinkFailed(self._explain(error, "could not be finished")) from error

    def abandon(self) -> None:
        """Let go of the file as it is, cut to what plays. Safe to call twice."""
        import av

        container, self._container = self._container, None
        with contextlib.suppress(av.FFmpegError, OSError, ValueError):
            if self._file is not None:
                self._file.end_writing()
            if container is not None:
                container.close()
        with contextlib.suppress(OSError):
            if self._file is not None:
                self._file.close()

    def _open_container(self) -> OutputContainer:
        import av

        kind = "mov" if self._path and self._path.suffix.lower() == ".mov" else "mp4"
        # One write to the system for each fragment: a kill can hardly fall into its middle.
        return av.open(
            self._file or io.BytesIO(), "w", format=kind, options=_MUXER_OPTIONS, buffer_size=_WRITE_BUFFER_BYTES
        )

    def _add_stream(self, container: OutputContainer, encoder: Encoder) -> VideoStream:
        stream: Any = container.add_stream(encoder.name, rate=self._rate, options=dict(encoder.options))
        stream.width, stream.height = self._size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.gop_size = max(1, round(self._rate))
        context.max_b_frames = 0
        context.thread_count = _thread_count(self._size)
        context.color_range = _LIMITED_RANGE
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        return stream  # type: ignore[no-any-return]

    def _convert(self, pixels: Image) -> av.VideoFrame:
        from av import VideoFrame

        picture = self._reformatter.reformat(
            VideoFrame.from_numpy_buffer(self._crop_to_even(pixels), "bgra"),
            *self._size,
            "yuv420p",
            dst_colorspace=_BT709,
            dst_color_range=_LIMITED_RANGE,
            threads=1,
        )
        picture.time_base = 1 / self._rate
        picture.color_trc = picture.color_primaries = _BT709
        return picture

    def _crop_to_even(self, pixels: Image) -> Image:
        height, width = pixels.shape[:2]
        if (width // 2 * 2, height // 2 * 2) != self._size:
            return pixels
        return pixels[: self._size[1], : self._size[0]]

    def _mux(self, picture: av.VideoFrame | None) -> None:
        assert self._container is not None, "the film is closed"
        self._container.mux(self._stream.encode(picture))

    def _explain(self, error: Exception, what: str) -> str:
        reason = plain_reason(error)
        return f"{self._path} {what}: {reason}." if self._path else reason


def plain_reason(error: Exception) -> str:
    """Return an error of the system or of FFmpeg in words for people."""
    number = getattr(error, "errno", None)
    if number in _PLAIN_REASONS:
        return _PLAIN_REASONS[number]
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _refusal(path: Path) -> str:
    """Say why `path` can't be written; empty when it can. Nothing stays behind."""
    if path.exists():
        return "" if os.access(path, os.W_OK) else "the file there can't be overwritten by this user"
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        return f"the folder {path.parent} can't be written ({plain_reason(error)})"
    return ""


def _thread_count(size: Size) -> int:
    """One thread up to 1.5 megapixels: the workers need the other cores more."""
    wanted = -(-size[0] * size[1] // _PIXELS_PER_THREAD)
    return max(1, min(wanted, os.cpu_count() or 1))


def _black(size: Size) -> Image:
    import numpy as np

    return np.zeros((size[1], size[0], 4), np.uint8)
