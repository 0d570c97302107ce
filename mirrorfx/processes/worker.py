"""A worker process: owns a GPU (or a share of the CPU) and paints one frame after the other, without memory of them."""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from mirrorfx.effects import effect_class
from mirrorfx.effects.base import EffectContext
from mirrorfx.errors import EffectUnavailable, InvalidValue, SinkError
from mirrorfx.frame import Frame
from mirrorfx.pacing.scheduler import ASIDE
from mirrorfx.params import ParamState
from mirrorfx.processes.channel import Channel
from mirrorfx.processes.finisher import Finisher, UnderWay
from mirrorfx.processes.memory import Ring
from mirrorfx.processes.messages import (
    Dispatch,
    Done,
    Failed,
    ParamsAre,
    Prepare,
    Prepared,
    Preview,
    Progress,
    Ready,
    Say,
    Stop,
    Swap,
)
from mirrorfx.processes.networks import Networks
from mirrorfx.processes.spawn import CLOCK
from mirrorfx.processes.taps import Tap
from mirrorfx.sinks.picture import write_picture

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from mirrorfx.clock import Clock
    from mirrorfx.effects.base import Effect
    from mirrorfx.frame import Image
    from mirrorfx.processes.settings import WorkerSetup

__all__ = ["Preparer", "WorkerProcess", "worker_main"]

_log = logging.getLogger(__name__)
_FAILED_CODE = 70
_HOPELESS_CODE = 69
_LISTEN_NS = 5_000_000


class Preparer:
    """Prepares params in a thread of its own while frames go on.

    Answers are collected by the worker's own thread: a channel belongs to one thread.
    """

    def __init__(self, effect: Effect, clock: Clock) -> None:
        self._effect = effect
        self._clock = clock
        self._asked: queue.SimpleQueue[Prepare | None] = queue.SimpleQueue()
        self.answers: queue.SimpleQueue[Prepared] = queue.SimpleQueue()
        self.waiting = 0
        self._thread = threading.Thread(target=self._work, name="prepare", daemon=True)
        self._thread.start()

    def ask(self, request: Prepare) -> None:
        """Prepare this soon."""
        self.waiting += 1
        self._asked.put(request)

    def collect(self) -> list[Prepared]:
        """Return the answers that are there."""
        answers = []
        while not self.answers.empty():
            answers.append(self.answers.get())
            self.waiting -= 1
        return answers

    def finish(self) -> list[Prepared]:
        """Wait until nothing is being prepared any more, and return the answers."""
        answers = [self.answers.get() for _ in range(self.waiting)]
        self.waiting = 0
        return answers

    def _work(self) -> None:
        while (request := self._asked.get()) is not None:
            state = ParamState.from_json(request.text)
            problem = ""
            try:
                self._effect.prepare(state.settled(self._clock.now_ns()))
            except Exception as error:  # noqa: BLE001  an effect is anybody's code; the engine keeps the old params
                _log.exception("preparing failed")
                problem = f"{type(error).__name__}: {error}"
            self.answers.put(Prepared(request.ticket, problem.encode()))

    def close(self) -> None:
        """End the thread."""
        self._asked.put(None)
        self._thread.join(1.0)


class WorkerProcess:
    """Opens the effect, says it is ready, and paints what it is given."""

    def __init__(self, channel: Channel, setup: WorkerSetup, clock: Clock) -> None:
        self._channel = channel
        self._setup = setup
        self._clock = clock
        self._frames = Ring.attach(setup.frames, read_only=True)
        self._results = Ring.attach(setup.results)
        self._tap = Tap.attach(setup.tap) if setup.tap else None
        self._state: ParamState | None = None
        self._aside: ParamState | None = None
        self._asides: dict[int, ParamState] = {}
        self._picture: Path | None = None
        self._networks: Networks

    def run(self) -> None:
        """Paint until told to stop or the engine is gone."""
        with effect_class(self._setup.effect)() as effect:
            effect.open(self._context())
            self._networks = Networks(effect)
            self._warm_up(effect)
            self._channel.send(Ready(json.dumps({"details": effect.details(), "overlaps": effect.overlaps}).encode()))
            preparer = Preparer(effect, self._clock)
            finisher = Finisher(self._clock) if effect.overlaps else None
            try:
                self._serve(effect, preparer, finisher)
            finally:
                if finisher:
                    finisher.close()
                preparer.close()

    def _context(self) -> EffectContext:
        setup = self._setup
        return EffectContext(
            size=setup.size,
            device="cuda:0" if setup.device.startswith("cuda") else setup.device,  # the only one that it can see
            threads=setup.threads,
            workers=setup.workers,
            frame_rate=setup.frame_rate,
            progress=self._progress,
            options=setup.options,
        )

    def _progress(self, what: str, share: float) -> None:
        self._channel.send(Progress(share, what.encode()))

    def _warm_up(self, effect: Effect) -> None:
        """Wait for the first params and paint one picture with them into nowhere: the first frame must not be slow."""
        import numpy as np

        while self._state is None and self._channel.alive:
            self._channel.wait_for(None)
            for message in self._channel.receive_all():
                self._control(message)
        if self._state is None:
            raise SystemExit
        width, height = self._setup.size
        params = self._state.at(self._clock.now_ns())
        self._networks.fit(params)
        effect.prepare(params)
        frame = Frame(np.full((height, width, 3), 96, np.uint8), self._clock.now_ns())
        effect.render(frame, params, np.empty((height, width, 4), np.uint8))

    def _serve(self, effect: Effect, preparer: Preparer, finisher: Finisher | None) -> None:
        woken = (finisher.woken,) if finisher else ()
        while True:
            self._channel.wait_for(_LISTEN_NS if preparer.waiting else None, *woken)
            if finisher:
                self._pass_on(finisher)
            for answer in preparer.collect():
                self._prepared(answer)
            for message in self._channel.receive_all():
                if isinstance(message, Dispatch):
                    self._paint(effect, message, finisher)
                elif isinstance(message, Swap):
                    self._swap(message, preparer, finisher)
                elif isinstance(message, Prepare | Preview):
                    self._prepare(message, preparer)
                else:
                    self._control(message)
            if not self._channel.alive:
                return

    def _prepare(self, request: Prepare | Preview, preparer: Preparer) -> None:
        if isinstance(request, Preview):
            self._asides[request.ticket] = ParamState.from_json(request.text)
            request = Prepare(request.ticket, request.text)
        preparer.ask(request)

    def _control(self, message: object) -> None:
        if isinstance(message, ParamsAre):
            self._state = ParamState.from_json(message.text)
        elif isinstance(message, Say):
            self._picture = Path(json.loads(message.text)["picture"])
        elif isinstance(message, Stop):
            raise SystemExit

    def _prepared(self, answer: Prepared) -> None:
        """Say what is prepared; a preview is painted with that from now on."""
        aside = self._asides.pop(answer.ticket, None)
        if aside and not answer.text:
            self._aside = aside
        self._channel.send(answer)

    def _swap(self, request: Swap, preparer: Preparer, finisher: Finisher | None) -> None:
        """Change the networks, with no frame under way and nothing being prepared."""
        assert self._state is not None
        for painted, done in finisher.drain() if finisher else ():
            self._painted(painted.frame, painted.out, done)
        for answer in preparer.finish():
            self._prepared(answer)
        now_ns = self._clock.now_ns()
        wanted = ParamState.from_json(request.text).settled(now_ns)
        problem = self._networks.swap(wanted, self._state.settled(now_ns))
        self._channel.send(Prepared(request.ticket, problem.encode()))

    def _paint(self, effect: Effect, order: Dispatch, finisher: Finisher | None) -> None:
        """Paint a frame and say so; where frames overlap, only begin it."""
        state = self._state if order.seq < ASIDE else self._aside
        assert state is not None
        frame = Frame(self._frames.view(order.frame_slot), order.t_capture_ns, order.index, order.seq, state.revision)
        start_ns = self._clock.now_ns()
        params, out = state.at(order.t_capture_ns), self._results.view(order.result_slot)
        if finisher:
            finish = effect.start(frame, params, out)
            finisher.finish(UnderWay(order, frame, out, finish, start_ns, self._clock.now_ns()))
        else:
            effect.render(frame, params, out)
            self._painted(frame, out, Done(order.generation, order.seq, start_ns, self._clock.now_ns(), 0))

    def _pass_on(self, finisher: Finisher) -> None:
        """Say which frames are finished."""
        for painted, done in finisher.collect():
            self._painted(painted.frame, painted.out, done)

    def _painted(self, frame: Frame, out: Image, done: Done) -> None:
        if done.seq >= ASIDE:
            now_ns = self._clock.now_ns()
            if self._tap and self._tap.due(now_ns):
                self._tap.put(out, now_ns)
        elif self._picture:
            self._write_picture(frame, out)
        self._channel.send(done)

    def _write_picture(self, frame: Frame, painted: Image) -> None:
        """Write the frame and its painting side by side, as somebody has asked."""
        import numpy as np

        assert self._picture
        path, self._picture = self._picture, None
        try:
            write_picture(path, np.hstack([frame.pixels, painted[..., :3]]))
            said = {"picture": str(path)}
        except SinkError as error:
            said = {"picture": "", "problem": str(error)}
        self._channel.send(Say(json.dumps(said).encode()))


def _show_only(device: str) -> None:
    """Hide all GPUs but `device` from this process; must come before torch is imported."""
    if device.startswith("cuda:"):
        os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # the driver's own order, as its thermometers have it
        number = int(device.removeprefix("cuda:"))
        visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
        os.environ["CUDA_VISIBLE_DEVICES"] = visible[number] if number < len(visible) else str(number)


def worker_main(connection: Connection, setup: WorkerSetup) -> None:
    """Run a worker process. A worker that fails says why and exits; the engine starts another."""
    channel = Channel(connection)
    _show_only(setup.device)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin take the cores from the other workers
    try:
        WorkerProcess(channel, setup, CLOCK).run()
    except (EffectUnavailable, InvalidValue) as error:
        channel.send(Failed(True, str(error).encode()))
        os._exit(_HOPELESS_CODE)
    except Exception as error:  # noqa: BLE001  an effect is anybody's code
        traceback.print_exc()
        channel.send(Failed(False, f"{type(error).__name__}: {error}".encode()))
        os._exit(_FAILED_CODE)
