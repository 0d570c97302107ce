"""The sound process: plays the soundtrack and listens. A sound driver that hangs or crashes harms nobody else."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mirrorfx.clock import MS, SECOND, Clock
from mirrorfx.errors import SoundError
from mirrorfx.processes.channel import Channel
from mirrorfx.processes.messages import Heard, Say, Stop
from mirrorfx.processes.spawn import CLOCK
from mirrorfx.sound import Analyser
from mirrorfx.sound.player import Player
from mirrorfx.sound.tape import Tape, decode

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from mirrorfx.sound.analysis import Samples
    from mirrorfx.sound.devices import SoundStream, SoundSystem

__all__ = ["SOUNDTRACK", "SoundProcess", "SoundWish", "sound_main"]

_log = logging.getLogger(__name__)

SOUNDTRACK = "soundtrack"
"""The name of the input that is no device but what the soundtrack plays."""

_STEP_NS = 20 * MS
_RETRY_NS = 5 * SECOND
_RATE_WITHOUT_DEVICE_HZ = 48000.0
_ALIVE_NS = 2 * SECOND
_HEAD_S = 0.5
_CATCH_UP_NS = SECOND // 2
_BLOCKS_MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundWish:
    """What is wanted of the sound.

    Attributes:
        file: the soundtrack; "" is none.
        loop: play it again and again.
        volume: 0 to 1.
        device: the name of what plays it; "" is the usual one.
        input: the name of what is listened to: a device, ``soundtrack``, "" for the usual device; None for nothing.
    """

    file: str = ""
    loop: bool = True
    volume: float = 1.0
    device: str = ""
    input: str | None = None


class _Loading:
    """A file on its way onto a tape, in a thread of its own."""

    def __init__(self, file: str, rate_hz: float) -> None:
        self.file = file
        self.tape = Tape(rate_hz)
        self.problem = ""
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mfx-soundtrack", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            decode(self.file, self.tape, self._cancelled.is_set)
        except SoundError as error:
            self.problem = str(error)
        except Exception as error:  # noqa: BLE001  any file may be given; none may end the process
            _log.exception("decoding %s", self.file)
            self.problem = f"{self.file} can't be played: {type(error).__name__}: {error}."

    @property
    def playable(self) -> bool:
        """Whether so much is there that it can be played: decoding is many times faster than playing."""
        return not self.problem and (self.tape.complete or self.tape.duration_s >= _HEAD_S)

    @property
    def busy(self) -> bool:
        """Whether it is still at work."""
        return self._thread.is_alive()

    def cancel(self) -> None:
        """Stop, and wait for that a little."""
        self._cancelled.set()
        self._thread.join(2.0)


class SoundProcess:
    """Follows the engine's wishes.

    Where no device can be had the soundtrack goes on silently, by the clock, so that params can follow it even then.

    Args:
        channel: to the engine.
        wish: what is wanted at the start.
        clock: the machine's.
        connect: returns the sound devices; raises `SoundError` where there can't be any.
    """

    def __init__(self, channel: Channel, wish: SoundWish, clock: Clock, connect: Callable[[], SoundSystem]) -> None:
        self.stopping = False
        self._channel = channel
        self._wish = wish
        self._clock = clock
        self._connect = connect
        self._system: SoundSystem | None = None
        self._output: SoundStream | None = None
        self._input: SoundStream | None = None
        self._troubles: dict[str, SoundError] = {}
        self._retry_ns = 0
        self._player = Player(_RATE_WITHOUT_DEVICE_HZ)
        self._loading: _Loading | None = None
        self._loaded: _Loading | None = None
        self._t_start_ns: int | None = None
        self._started = False
        self._analyser: Analyser | None = None
        self._blocks: deque[Samples] = deque(maxlen=_BLOCKS_MOST)
        self._t_analysed_ns = clock.now_ns()
        self._told = ""
        self._alive_ns = 0
        self._devices: dict[str, list[str]] = {"devices": [], "inputs": []}
        self._take_wish(wish)
        self._look()

    def run(self) -> None:
        """Serve until told to stop or the engine is gone."""
        while not self.stopping:
            self._channel.wait_for(_STEP_NS)
            self.step()
        self.close()

    def step(self) -> None:
        """Do what is to be done now."""
        now_ns = self._clock.now_ns()
        for message in self._channel.receive_all():
            match message:
                case Say(text):
                    self._obey(json.loads(text), now_ns)
                case Stop():
                    self.stopping = True
        if not self._channel.alive:
            self.stopping = True
        self._mind_streams(now_ns)
        self._mind_loading(now_ns)
        self._mind_end(now_ns)
        self._analyse(now_ns)
        self._tell()
        if now_ns >= self._alive_ns:
            self._alive_ns = now_ns + _ALIVE_NS
            self._say(alive=True)

    def close(self) -> None:
        """Let go of the devices. Safe to call twice."""
        self._close_streams()
        if self._loading:
            self._loading.cancel()
        if self._system:
            self._system.close()
            self._system = None

    # Orders

    def _obey(self, order: dict[str, Any], now_ns: int) -> None:
        if "wish" in order:
            self._take_wish(SoundWish(**order["wish"]))
        if "delay_ns" in order:
            self._player.delay_ns = int(order["delay_ns"])
        if order.get("look"):
            self._retry_ns = now_ns
            self._troubles.clear()
            self._look()
        if "start_ns" in order:
            self._t_start_ns, self._started = int(order["start_ns"]), False
            self._start_if_possible()
        if "stop_ns" in order:
            self._t_start_ns = None
            self._player.stop(int(order["stop_ns"]))

    def _take_wish(self, wish: SoundWish) -> None:
        before, self._wish = self._wish, wish
        self._player.loop, self._player.volume = wish.loop, wish.volume
        if (before.device, before.file == "") != (wish.device, wish.file == ""):
            self._close_output()
            self._troubles.pop("output", None)
            self._retry_ns = 0
        if before.input != wish.input:
            self._close_input()
            self._troubles.pop("input", None)
            self._retry_ns = 0
        if before.file != wish.file and not wish.file:
            self._player.stop(self._clock.now_ns())
            self._t_start_ns = self._loaded = None

    # Devices

    def _look(self) -> None:
        """See what devices there are; what was plugged in meanwhile only shows while none is open."""
        try:
            if self._system is None:
                self._system = self._connect()
            elif self._output is None and self._input is None:
                self._system.refresh()
            self._devices = {"devices": self._system.outputs(), "inputs": self._system.inputs()}
            self._troubles.pop("system", None)
        except SoundError as error:
            self._troubles["system"] = error

    def _mind_streams(self, now_ns: int) -> None:
        if self._output and not self._output.alive:
            self._close_output()
            self._troubles["output"] = SoundError("The sound output was lost.", "Plug it in again, or choose another.")
            self._retry_ns = now_ns
        if self._input and not self._input.alive:
            self._close_input()
            self._troubles["input"] = SoundError("The sound input was lost.", "Plug it in again, or choose another.")
            self._retry_ns = now_ns
        if now_ns < self._retry_ns or self._system is None:
            return
        self._retry_ns = now_ns + _RETRY_NS
        if self._troubles:
            self._look()
        if self._wish.file and self._output is None:
            self._try("output", self._open_output)
        if self._wish.input not in (None, SOUNDTRACK) and self._input is None:
            self._try("input", self._open_input)

    def _try(self, what: str, do: Callable[[SoundSystem], None]) -> None:
        assert self._system
        try:
            do(self._system)
            self._troubles.pop(what, None)
        except SoundError as error:
            self._troubles[what] = error

    def _open_output(self, system: SoundSystem) -> None:
        rate_hz = system.output_rate(self._wish.device)
        if rate_hz != self._player.rate_hz:
            old, self._player = self._player, Player(rate_hz)
            self._player.loop, self._player.volume, self._player.delay_ns = old.loop, old.volume, old.delay_ns
            self._started = False
        self._output = system.open_output(self._wish.device, self._player.render)

    def _open_input(self, system: SoundSystem) -> None:
        self._blocks.clear()
        self._input = system.open_input(self._wish.input or "", self._blocks.append)
        self._analyser = Analyser(self._input.rate_hz)

    def _close_output(self) -> None:
        if self._output:
            self._output.close()
            self._output = None

    def _close_input(self) -> None:
        self._analyser = None
        if self._input:
            self._input.close()
            self._input = None

    def _close_streams(self) -> None:
        self._close_output()
        self._close_input()

    # The soundtrack

    @property
    def loading(self) -> bool:
        """Whether a file is being decoded that can't be played yet."""
        return self._loading is not None and not self._loading.problem

    def _mind_loading(self, now_ns: int) -> None:
        self._load_if_needed()
        loading, loaded = self._loading, self._loaded
        if loaded and loaded.problem:  # it was playable at first
            self._say(bad_file=loaded.file, problem=loaded.problem)
            self._player.stop(now_ns)
            self._wish = replace(self._wish, file="")
            self._loaded = self._t_start_ns = None
        if loading is None:
            return
        if loading.problem:
            self._loading = None
            self._say(bad_file=loading.file, problem=loading.problem)
            if self._loaded and self._wish.file == loading.file:
                self._wish = replace(self._wish, file=self._loaded.file)
        elif loading.playable:
            another = self._loaded is not None and self._loaded.file != loading.file
            self._loaded, self._loading = loading, None
            if another and (self._t_start_ns is None or self._started):
                self._t_start_ns = None
                self._player.stop(now_ns)
            self._start_if_possible()

    def _load_if_needed(self) -> None:
        file, rate_hz = self._wish.file, self._player.rate_hz
        newest = self._loading or self._loaded
        if not file or (newest and (newest.file, newest.tape.rate_hz) == (file, rate_hz)):
            return
        if self._loading:
            self._loading.cancel()
        self._loading = _Loading(file, rate_hz)

    def _start_if_possible(self) -> None:
        loaded = self._loaded
        if self._t_start_ns is None or self._started or loaded is None:
            return
        if (loaded.file, loaded.tape.rate_hz) == (self._wish.file, self._player.rate_hz):
            self._player.start(loaded.tape, self._t_start_ns)
            self._started = True

    def _mind_end(self, now_ns: int) -> None:
        """Note when a soundtrack that doesn't loop is over."""
        if self._t_start_ns is None or not self._started or self._wish.loop or not self._loaded:
            return
        tape = self._loaded.tape
        over_ns = self._t_start_ns + self._player.delay_ns + round(tape.duration_s * SECOND)
        if tape.complete and now_ns >= over_ns:
            self._say(finished_ns=self._t_start_ns)
            self._t_start_ns = None

    # Listening

    def _analyse(self, now_ns: int) -> None:
        since_ns, self._t_analysed_ns = self._t_analysed_ns, now_ns
        if self._wish.input == SOUNDTRACK:
            self._follow_soundtrack(max(since_ns, now_ns - _CATCH_UP_NS), now_ns)
        elif self._input and self._analyser and self._blocks:
            blocks = [self._blocks.popleft() for _ in range(len(self._blocks))]
            self._hear(self._analyser, np.concatenate(blocks))

    def _follow_soundtrack(self, since_ns: int, now_ns: int) -> None:
        """Listen to what will be heard once the frame that is captured now stands on the wall."""
        rate_hz = self._player.rate_hz
        if self._analyser is None or self._analyser.rate_hz != rate_hz:
            self._analyser = Analyser(rate_hz)
        origin_ns = self._t_start_ns or 0
        first = round((since_ns - origin_ns) * rate_hz / SECOND)
        count = round((now_ns - origin_ns) * rate_hz / SECOND) - first
        if count <= 0:
            return
        if self._loaded and self._started and self._t_start_ns is not None:
            samples = self._loaded.tape.read(first, count, loop=self._wish.loop)
        else:
            samples = np.zeros((count, 2), np.float32)
        self._hear(self._analyser, samples)

    def _hear(self, analyser: Analyser, samples: Samples) -> None:
        levels = analyser.feed(samples)
        self._channel.offer(Heard(*(levels.named(name) for name in ("level", "low", "mid", "high", "onset"))))

    # Telling

    def _tell(self) -> None:
        trouble = next(iter(self._troubles.values()), None)
        status = self._devices | {
            "ok": trouble is None,
            "reason": trouble.reason if trouble else "",
            "fix": trouble.fix if trouble else "",
            "loaded": self._loaded.file if self._loaded else "",
            "loading": self.loading,
            "duration_s": self._duration_s,
            "playing": self._started and self._t_start_ns is not None,
        }
        text = json.dumps({"status": status})
        if text != self._told:
            self._told = text
            self._channel.send(Say(text.encode()))

    @property
    def _duration_s(self) -> float | None:
        """How long the soundtrack is; None while that is not known."""
        tape = self._loaded.tape if self._loaded else None
        return round(tape.duration_s, 3) if tape and tape.complete else None

    def _say(self, **what: object) -> None:
        self._channel.send(Say(json.dumps(what).encode()))


def sound_main(connection: Connection, wish: SoundWish) -> None:
    """Run the sound process."""
    from mirrorfx.sound.devices import PortAudio

    with contextlib.suppress(OSError, AttributeError):
        os.nice(-10)  # a gap in the sound is heard at once; only some users may do this
    SoundProcess(Channel(connection), wish, CLOCK, lambda: PortAudio(CLOCK)).run()
