"""The recorder: what the wall showed, as a film."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mirrorfx.clock import MS, MonotonicClock
from mirrorfx.errors import SinkFailed
from mirrorfx.sinks.base import Sink
from mirrorfx.sinks.film import ENCODERS, Encoder, Film, check_film_path, pick_encoder
from mirrorfx.sinks.grid import ConstantRateGrid
from mirrorfx.sinks.pixels import check_bgrx

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mirrorfx.clock import Clock
    from mirrorfx.frame import Frame, Image, Size

__all__ = ["Recorder"]

_BUFFERS = 5
_CLOSE_TIMEOUT_S = 20.0
_LOOK_AGAIN_S = 0.1
_ENCODER_NICENESS = 5

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Run:
    """One picture of the film and how long it stays."""

    pixels: Image
    first_step: int
    steps: int = 1


class Recorder(Sink):
    """Writes the presented pictures into a constant-rate H.264 film that lasts as long as the show did.

    A picture that stays longer is repeated; of two within one step of the film the newer wins; the film ends with the
    step of the last picture put. An existing file of that name is overwritten. A killed run leaves a film that plays
    up to about its last second (see `Film`). An encoder that can't keep up costs the film pictures (`dropped`; the ones
    before them stay longer), never the show its beat.

    Attributes:
        path: where the film is.
        encoder: FFmpeg's name of the encoder in use; empty before `open`.
        skipped: why each encoder that comes earlier in the order isn't used.
        written: pictures in the film so far, repeats included.
        repeated: how many of these repeat the one before.
        dropped: pictures that are missing in the film because the encoder was late.
        encode_ms: mean time the encoder took for a picture, repeats included; 0 before the first.
    """

    kind: ClassVar[str] = "recorder"

    def __init__(
        self,
        path: str | Path,
        rate_fps: float = 30.0,
        *,
        clock: Clock | None = None,
        encoders: Iterable[Encoder] = ENCODERS,
        wait: bool = False,
    ) -> None:
        """Choose where and how to record; nothing is touched before `open`.

        Args:
            path: a file that ends in .mp4, .m4v or .mov.
            rate_fps: pictures a second in the film.
            clock: measures how long encoding takes.
            encoders: in the order to try them.
            wait: let `put` wait for the encoder rather than drop: for offline rendering, never for a wall.

        Raises:
            InvalidValue: the rate is out of range.
        """
        self.path = Path(path)
        self.encoder = ""
        self.skipped: dict[str, str] = {}
        self.written = self.repeated = self.dropped = 0
        self._rate_fps = rate_fps
        self._grid = ConstantRateGrid(rate_fps)
        self._clock = clock or MonotonicClock()
        self._encoders = tuple(encoders)
        self._wait = wait
        self._encode_ns = 0
        self._failure = ""
        self._failure_told = False
        self._thread: threading.Thread | None = None

    @property
    def failed(self) -> str:
        """Why recording stopped early, or an empty string. Threads: any."""
        return self._failure

    def details(self) -> dict[str, str | int | float]:
        """Return what became of the film so far. Threads: any."""
        return super().details() | {
            "path": str(self.path),
            "encoder": self.encoder,
            "written": self.written,
            "repeated": self.repeated,
            "dropped": self.dropped,
            "encode_ms": round(self.encode_ms, 3),
        }

    @property
    def encode_ms(self) -> float:
        """Mean time the encoder took for a picture, in milliseconds. Threads: any."""
        return self._encode_ns / MS / self.written if self.written else 0.0

    def open(self, size: Size, rate_fps: float) -> None:
        """Find an encoder that works, create the file and start the encoder's thread.

        Raises:
            SinkUnavailable: the path can't be written or no encoder works; the message names the fix.
        """
        del rate_fps  # the film has its own rate
        self.close()
        check_film_path(self.path)
        encoder, self.skipped = pick_encoder(size, self._encoders)
        self._grid = ConstantRateGrid(self._rate_fps)
        film = Film(self.path, size, self._grid.rate, encoder)
        self.encoder = encoder.name
        self._reset(size)
        self._thread = threading.Thread(target=self._encode_all, args=(film,), name="mfx-recorder", daemon=True)
        self._thread.start()

    def put(self, frame: Frame, t_present_ns: int) -> None:
        """Copy the picture for the film.

        Threads: one. Realtime: yes, unless made with `wait`.

        Raises:
            SinkFailed: recording has stopped (said once, after that pictures are ignored), or it isn't open.
            InvalidValue: the pixels are not ``uint8[H, W, 4]``.
        """
        if self._thread is None:
            raise SinkFailed(f"{self.path} isn't being recorded: open the recorder first.")
        if self._failure:
            self._tell_failure_once()
            return
        check_bgrx(frame.pixels)
        self._place(frame.pixels, self._grid.step_at(t_present_ns))

    def close(self) -> None:
        """Finish the film and end the encoder's thread. Safe to call twice.

        A disk that fails now is logged and told by `failed`, not raised.
        """
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._hand_over(self._last_step + 1)
        self._runs.put(None)
        thread.join(_CLOSE_TIMEOUT_S)
        if thread.is_alive():
            self._fail(f"{self.path} could not be finished: the disk hasn't answered for {_CLOSE_TIMEOUT_S:.0f} s.")

    def _reset(self, size: Size) -> None:
        import numpy as np

        self.written = self.repeated = self.dropped = self._encode_ns = 0
        self._failure, self._failure_told = "", False
        self._current: _Run | None = None
        self._last_step = 0
        self._runs: queue.SimpleQueue[_Run | None] = queue.SimpleQueue()
        self._free: queue.SimpleQueue[Image] = queue.SimpleQueue()
        for _ in range(_BUFFERS):
            self._free.put(np.full((size[1], size[0], 4), 255, np.uint8))

    def _place(self, pixels: Image, step: int) -> None:
        self._last_step = max(self._last_step, step)
        if self._current is not None and step <= self._current.first_step:
            self._current.pixels = _copy(pixels, self._current.pixels)
            return
        buffer = self._free_buffer()
        if buffer is None:
            self.dropped += 1
            return
        self._hand_over(step)
        self._current = _Run(_copy(pixels, buffer), step)

    def _free_buffer(self) -> Image | None:
        while True:
            with contextlib.suppress(queue.Empty):
                return self._free.get(block=self._wait, timeout=_LOOK_AGAIN_S)
            if self._failure or not self._wait:
                return None

    def _hand_over(self, end_step: int) -> None:
        """Give the current picture to the encoder, to stay until `end_step`."""
        run, self._current = self._current, None
        if run is not None:
            run.steps = end_step - run.first_step
            self._runs.put(run)

    def _tell_failure_once(self) -> None:
        if not self._failure_told:
            self._failure_told = True
            raise SinkFailed(self._failure)

    def _fail(self, reason: str) -> None:
        self._failure = reason
        _log.error("%s", reason)

    def _encode_all(self, film: Film) -> None:
        """Write runs until None comes. Threads: the encoder's own."""
        _be_nice()
        try:
            while (run := self._runs.get()) is not None:
                self._encode(film, run)
            film.close()
        except SinkFailed as error:
            self._fail(f"{error} What was recorded until then is kept; the mirror goes on without it.")
            film.abandon()
        except Exception as error:  # noqa: BLE001  a recorder never takes the mirror down
            self._fail(f"{self.path} stopped recording: {error!r}.")
            film.abandon()

    def _encode(self, film: Film, run: _Run) -> None:
        started_ns = self._clock.now_ns()
        film.write(run.pixels, run.first_step, run.steps)
        self._encode_ns += self._clock.now_ns() - started_ns
        self.written += run.steps
        self.repeated += run.steps - 1
        self._free.put(run.pixels)


def _copy(pixels: Image, buffer: Image) -> Image:
    """Copy `pixels` into `buffer`, or into a new one when the size has changed, and return it."""
    import numpy as np

    if buffer.shape != pixels.shape:
        buffer = np.empty(pixels.shape, np.uint8)
    np.copyto(buffer, pixels)
    return buffer


def _be_nice() -> None:
    """Give way to the wall and the workers where the system knows priorities of threads (Linux)."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _ENCODER_NICENESS)
