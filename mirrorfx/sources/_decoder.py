"""One pass after another through a video file's pictures, with their time stamps."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from typing import TYPE_CHECKING

from mirrorfx.clock import SECOND
from mirrorfx.errors import SourceUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import av
    import av.container
    import av.packet
    import av.video.frame
    import av.video.stream

    from mirrorfx.frame import Image, Size

__all__ = ["Decoder", "Picture"]

_THREADED_FROM_PX_PER_S = 1920 * 1080 * 45
"""Below this one core decodes in real time, with a fifth less work in all than several threads."""
_UNKNOWN_RATE = Fraction(25)
_NOT_VIDEO = frozenset({"tty", "bin", "xbin", "adf", "idf"})
"""What FFmpeg would paint text files with."""

Picture = tuple["av.video.frame.VideoFrame", int]
"""A decoded picture in the file's own format, and its time in nanoseconds from the first picture."""


class Decoder:
    """Reads the pictures of a file in order; `rewind` starts again. Conversion to BGR is a step of its own.

    Args:
        path: a file that exists.

    Attributes:
        size: (width, height) as it is to be seen: square pixels, turned upright.
        rate_fps: pictures a second as the file says.
        damaged: how many pieces of this pass could not be decoded.
        pass_ns: how long the pass is that just ended, its last picture included.

    Raises:
        SourceUnreadable: nothing in it can be decoded as a picture.
    """

    def __init__(self, path: Path) -> None:
        import av
        from av.video.reformatter import VideoReformatter

        self._path = path
        self._reformatter = VideoReformatter()
        self._container = _open(path)
        self._stream = self._video_stream()
        rate = self._stream.average_rate or self._stream.guessed_rate or _UNKNOWN_RATE
        self.rate_fps = float(rate)
        self._period_ns = round(SECOND / rate)
        self._time_base = self._stream.time_base or Fraction(1, av.time_base)
        self._set_threads()
        self.damaged = 0
        self.pass_ns = 0
        self._first_pts: int | None = None
        self._last_ns = -self._period_ns
        self._frames = self._decode()
        first = self._first_picture()
        self._quarter_turns = round(first.rotation / 90) % 4
        self._square_size = _with_square_pixels(first, self._stream.sample_aspect_ratio)
        width, height = self._square_size
        self.size: Size = (height, width) if self._quarter_turns % 2 else (width, height)
        self.rewind()

    @property
    def codec(self) -> str:
        """The codec's name."""
        return self._stream.codec_context.name

    @property
    def missing_ns(self) -> int:
        """How much shorter the pass was than the file says that it is; 0 where it doesn't say."""
        return max(self._ns(self._stream.duration) - self.pass_ns, 0) if self._stream.duration else 0

    def next(self) -> Picture | None:
        """Return the next picture, or None at the end of the pass."""
        frame = next(self._frames, None)
        if frame is None:
            return None
        t_ns = self._time_of(frame)
        self._last_ns = t_ns
        self.pass_ns = t_ns + (self._ns(frame.duration) if frame.duration else self._period_ns)
        return frame, t_ns

    def rewind(self) -> None:
        """Start again at the first picture.

        Raises:
            SourceUnreadable: the file can't be opened any more.
        """
        import av

        try:
            self._container.seek(self._container.start_time or 0)
        except av.FFmpegError:
            self._container.close()
            self._container = _open(self._path)
            self._stream = self._video_stream()
            self._set_threads()
        self._start_pass()

    def pixels(self, frame: av.video.frame.VideoFrame) -> Image:
        """Convert a picture to ``uint8[H, W, 3]`` BGR, upright and with square pixels."""
        import numpy as np

        width, height = self._square_size
        bgr = self._reformatter.reformat(frame, width, height, "bgr24", interpolation="BICUBIC").to_ndarray()
        return np.ascontiguousarray(np.rot90(bgr, self._quarter_turns), np.uint8)

    def close(self) -> None:
        """Give the file back. Safe to call twice."""
        self._container.close()

    def _start_pass(self) -> None:
        self.damaged = 0
        self.pass_ns = 0
        self._first_pts = None
        self._last_ns = -self._period_ns
        self._frames = self._decode()

    def _decode(self) -> Iterator[av.video.frame.VideoFrame]:
        import av

        for packet in self._packets():
            try:
                frames = self._stream.decode(packet)
            except av.FFmpegError:
                self.damaged += 1
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self.damaged += 1
                else:
                    yield frame

    def _packets(self) -> Iterator[av.packet.Packet[av.video.stream.VideoStream]]:
        import av

        try:
            yield from self._container.demux(self._stream)
        except av.FFmpegError:
            self.damaged += 1

    def _time_of(self, frame: av.video.frame.VideoFrame) -> int:
        """Return the picture's time from the first one; made up from the rate where the file's own doesn't advance."""
        fallback_ns = self._last_ns + self._period_ns
        if frame.pts is None:
            return fallback_ns
        if self._first_pts is None:
            self._first_pts = frame.pts
        t_ns = self._ns(frame.pts - self._first_pts)
        return t_ns if t_ns > self._last_ns else fallback_ns

    def _ns(self, ticks: int) -> int:
        return int(ticks * self._time_base * SECOND)

    def _first_picture(self) -> av.video.frame.VideoFrame:
        import av

        with contextlib.suppress(av.FFmpegError):
            first = next(self._frames, None)
            if first is not None:
                return first
        self._container.close()
        raise _unreadable(self._path, "not one picture in it can be decoded")

    def _video_stream(self) -> av.video.stream.VideoStream:
        from av.stream import Disposition

        for stream in self._container.streams.video:
            if not stream.disposition & Disposition.attached_pic:
                return stream
        self._container.close()
        raise _unreadable(self._path, "it holds no video")

    def _set_threads(self) -> None:
        context = self._stream.codec_context
        many = context.width * context.height * self.rate_fps > _THREADED_FROM_PX_PER_S
        self._stream.thread_type = "AUTO" if many else "NONE"
        context.thread_count = 0 if many else 1


def _open(path: Path) -> av.container.InputContainer:
    import av

    try:
        # Without the prefix, a colon in a name would mean a protocol.
        container = av.open(f"file:{path}")
    except (av.FFmpegError, OSError) as error:
        raise _unreadable(path, (error.strerror or str(error)).lower()) from error
    if container.format.name in _NOT_VIDEO:
        container.close()
        raise _unreadable(path, "it is a text file")
    return container


def _unreadable(path: Path, found: str) -> SourceUnreadable:
    return SourceUnreadable(
        f"{path} can't be read as a video: {found}. It may be damaged, cut off or something else; "
        "copy it again, or convert it to MP4 (H.264)."
    )


def _with_square_pixels(frame: av.video.frame.VideoFrame, aspect: Fraction | None) -> Size:
    return (round(frame.width * aspect) if aspect else frame.width), frame.height
