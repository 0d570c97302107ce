"""The presenter: what the wall shows at each display tick. Knows no Qt; a window or a bare loop asks it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND, Clock
from mirrorfx.pacing.chooser import Mode
from mirrorfx.pacing.pacer import Pacer, Ready
from mirrorfx.processes.channel import Channel
from mirrorfx.processes.curtain import Curtain
from mirrorfx.processes.live import LiveFrames
from mirrorfx.processes.memory import Ring
from mirrorfx.processes.messages import (
    CurtainIs,
    EngineLink,
    Figures,
    FramesShown,
    Hold,
    Message,
    ModeIs,
    NewBeat,
    PanicIs,
    Release,
    Result,
    SafeFrom,
    Say,
    Stop,
    Switch,
    Vsync,
)
from mirrorfx.processes.overlay import Overlay
from mirrorfx.processes.panic_memory import PanicMemory
from mirrorfx.processes.program import Program
from mirrorfx.processes.taps import Tap
from mirrorfx.processes.wall_record import WallRecord
from mirrorfx.processes.wall_sinks import WallSinks
from mirrorfx.safety.guard import FlashGuard
from mirrorfx.safety.limits import STANDARDS
from mirrorfx.safety.panic import Panic, PanicState

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from mirrorfx.frame import Image
    from mirrorfx.processes.settings import WallSetup
    from mirrorfx.sinks.base import Sink

__all__ = ["Presenter"]

_log = logging.getLogger(__name__)
_FIGURES_NS = 2 * SECOND // 5
_FIGURES_WAIT_NS = SECOND // 10
_RELEASES_AT_ONCE = 4


class Presenter:
    """Receives painted pictures, decides at every tick which is due, and counts what was really shown.

    A window calls `pump`, `tick` and, once the picture is on its way to the screen, `presented`. The picture that
    `tick` returned stays valid until the `presented` after the next one.

    Threads: one. Realtime: yes.
    """

    def __init__(self, launcher: Channel, setup: WallSetup, clock: Clock, sinks: tuple[Sink, ...] = ()) -> None:
        settings = setup.settings
        self._launcher = launcher
        self._clock = clock
        self._settings = settings
        self._ring = Ring.attach(setup.results, read_only=True)
        self._engine: Channel | None = None
        self._period_ns = round(SECOND / settings.display_hz)
        self._mode = Mode.LOCK if settings.mode == "lock" else Mode.PACED
        self._pacer: Pacer[Result] = Pacer(self._period_ns, self._mode)
        self._record = WallRecord(self._period_ns)
        self._program = Program(settings.size, self._ring, clock.now_ns())
        self._sinks = WallSinks(sinks, settings.size, settings.display_hz, self.tell_problem)
        self._released: list[int] = []
        self._live = LiveFrames.attach(setup.live) if setup.live else None
        self._overlay = Overlay(settings.size, self._live)
        self._curtain = Curtain(settings.size)
        self._tap = Tap.attach(setup.tap) if setup.tap else None
        self._tapped = False
        standard = STANDARDS.get(settings.flash_guard)
        self._guard = FlashGuard(settings.size, standard) if standard else None
        self._safe_from: int | None = None
        self._picture: Image | None = None
        self._v_ns = clock.now_ns()
        self._t_first_ns: int | None = None
        self._t_last_ns = 0
        self._next_figures_ns = 0
        self._wishes: list[dict[str, Any]] = []
        self._window = b""
        self.stopping = False
        self._orders = PanicMemory.attach(setup.panic) if setup.panic else None
        if self._orders:
            self._switch(self._orders.state)  # what was on when the wall before this one ended

    @property
    def engine_connection(self) -> Connection | None:
        """The engine's channel, to be waited on."""
        return self._engine.connection if self._engine and self._engine.alive else None

    @property
    def launcher_connection(self) -> Connection:
        """The launcher's channel, to be waited on."""
        return self._launcher.connection

    @property
    def period_ns(self) -> int:
        """Time between display ticks."""
        return self._period_ns

    @property
    def picture(self) -> Image | None:
        """What is on the wall, ``uint8[H, W, 4]`` BGRX, for a window that must paint it again; None before the first.

        Changes with `tick`, and with `pump` when the engine went away and took the slots with it.
        """
        return self._picture

    def set_period(self, period_ns: int) -> None:
        """Take the display's real period."""
        self._period_ns = period_ns
        self._pacer.display_period_ns = period_ns
        self._record.set_period(period_ns)

    def pump(self) -> None:
        """Take what the launcher and the engine have sent."""
        self._record.begins(self._clock.now_ns())
        for message in self._launcher.receive_all():
            match message:
                case EngineLink():
                    self._link(self._launcher.take_end())
                case Stop():
                    self.stopping = True
        if not self._launcher.alive:
            self.stopping = True
        if self._engine:
            self._hear_engine(self._engine)

    def tick(self, v_ns: int) -> Image | None:
        """Return the new picture to be shown at the tick `v_ns`, ``uint8[H, W, 4]`` BGRX; None repeats the last."""
        start_ns = self._clock.now_ns()
        picture = self._tick(v_ns)
        self._record.ticks.add(self._clock.now_ns() - start_ns)
        return picture

    def _tick(self, v_ns: int) -> Image | None:
        self._v_ns = v_ns
        self._take_orders()
        fresh = self._tick_program(v_ns)
        urgent = self._overlay.urgent
        wanted, new = self._overlay.draw(self._program.picture, fresh=fresh is not None, now_ns=v_ns)
        wanted, new = self._curtain.draw(wanted, fresh=new, now_ns=v_ns)
        if wanted is None or not (new or (self._guard and not self._guard.settled)):
            return None
        before = self._picture
        if self._guard:
            self._picture = self._guard.force(wanted, v_ns) if urgent else self._guard.show(wanted, v_ns)
        else:
            self._picture = wanted
        if not new and self._picture is before:
            return None
        self._tapped = False
        return self._picture

    @property
    def panic(self) -> PanicState:
        """Which panic states are on."""
        return self._overlay.state

    def press(self, key: Panic) -> None:
        """Obey a panic key from the next tick on; the engine is told, but nobody waits for it. Realtime: yes."""
        self._switch(self._overlay.state.pressed(key))

    def take_wishes(self) -> list[dict[str, Any]]:
        """Return what the engine has asked of the window since the last time. Realtime: yes."""
        wishes, self._wishes = self._wishes, []
        return wishes

    def tell_of_window(self, state: dict[str, Any]) -> None:
        """Tell the engine how the window stands; a later engine is told, too."""
        self._window = json.dumps({"wall": state}).encode()
        if self._engine:
            self._engine.send(Say(self._window))

    def tell_problem(self, text: str) -> None:
        """Tell whoever runs the mirror of something that is survived."""
        self._launcher.send(Say(json.dumps({"problem": text}).encode()))

    def _switch(self, state: PanicState) -> None:
        if state == self._overlay.state or (state.below is Panic.BYPASS and not self._settings.allow_bypass):
            return
        self._safe_from = None
        self._overlay.change(state, self._picture, self._v_ns)
        if self._orders:
            self._orders.tell(state)
        self._tell_panic()

    def _take_orders(self) -> None:
        """Obey what came past the engine."""
        orders = self._orders.take_orders() if self._orders else ()
        for what, on in orders:
            self._switch(self._overlay.state.switched(what, on=on))
        if orders and self._orders:
            self._orders.tell(self._overlay.state)

    def _tell_panic(self) -> None:
        state = self._overlay.state
        if self._engine:
            self._engine.send(PanicIs(int(state.blackout), state.below or 0))

    def _tick_program(self, v_ns: int) -> Image | None:
        due = self._pacer.on_vsync(v_ns)
        for late in due.late:
            self._release(late.item)
        self._record.late(len(due.late), v_ns)
        if due.show:
            return self._show(due.show.item, v_ns)
        return self._program.go_on(v_ns, hidden=self._curtain.closed)

    def presented(self, t_ns: int) -> None:
        """Note that the tick's picture went to the screen at `t_ns`, new or repeated."""
        fresh = self._program.coming is not None
        if self._program.coming:
            self._record.shown(self._program.coming, t_ns)
            before = self._program.presented()
            if before:
                self._release(before)
            if self._t_first_ns is None:
                self._first_picture(t_ns)
        elif not self._program.falling_back:
            holding = self._program.holding or self._curtain.shut
            self._record.repeated(t_ns, holding=holding, panic=self._overlay.state.seen is not None)
        self._t_last_ns = t_ns
        if self._program.frame and self._picture is not None:
            self._sinks.put(self._program.frame, self._picture, t_ns)
        self._feed_tap(t_ns)
        self._tell(t_ns, busy=fresh)
        self._record.ends(self._clock.now_ns())

    def close(self) -> None:
        """Finish the films, tell the last figures, and let go. Safe to call twice."""
        self._sinks.close()
        figures = Figures(json.dumps(self.figures()).encode())
        self._launcher.send(figures)
        if self._engine:
            self._engine.send(figures)
            self._engine.close()
            self._engine = None
        self._launcher.close()
        self._picture = None
        self._program.close()
        self._ring.close()
        if self._live:
            self._live.close()
        if self._tap:
            self._tap.close()
        if self._orders:
            self._orders.close()

    def figures(self) -> dict[str, Any]:
        """Return the wall's part of the report."""
        return {
            **self._record.figures(self._t_last_ns),
            "duration_s": round((self._t_last_ns - self._t_first_ns) / SECOND, 3) if self._t_first_ns else 0.0,
            "delay_ms": round(self._pacer.delay_ns / 1e6, 3),
            "mode": str(self._mode),
            "display_hz": round(SECOND / self._period_ns, 3),
            "showing": "fallback" if self._program.falling_back else "picture",
            "curtain": "closed" if self._curtain.closed else "closing" if self._curtain.shut else "open",
            "panic": self._overlay.state.as_dict(),
            "flash_guard": self._guard.figures() if self._guard else None,
            "sinks": self._sinks.figures(),
            "problems": self._sinks.problems,
        }

    # The engine

    def _link(self, connection: Connection) -> None:
        self._unlink()
        self._engine = Channel(connection)
        if self._overlay.state.seen:
            self._tell_panic()
        if self._window:
            self._engine.send(Say(self._window))

    def _unlink(self) -> None:
        """The engine is gone: keep the picture, whose slot will be written to by the next engine's workers."""
        for _ready in self._pacer.reset():
            """Their slots went with the engine."""
        self._safe_from = None
        seen = self._program.picture
        self._program.let_go()
        if self._picture is seen:
            self._picture = self._program.picture
        if self._guard:
            self._guard.hold(self._picture)
        self._released.clear()
        self._record.log.clear()
        if self._engine:
            self._engine.close()
            self._engine = None

    def _hear_engine(self, engine: Channel) -> None:
        for message in engine.receive_all():
            if isinstance(message, Result):
                ready = Ready(message, message.seq, message.t_capture_ns, message.target_ns, message.t_ready_ns)
                if not self._pacer.add(ready):
                    self._record.late(1, self._v_ns)
                    self._release(message)
            else:
                self._obey(message)
        if not engine.alive:
            _log.warning("the engine is gone; holding the picture")
            self._unlink()

    def _obey(self, message: Message) -> None:
        """Do what the engine asks for besides showing pictures."""
        match message:
            case ModeIs(lock):
                self._mode = Mode.LOCK if lock else Mode.PACED
                self._pacer.set_mode(self._mode)
            case Hold(on):
                self._program.holding = bool(on)
            case NewBeat():
                self._record.new_beat()
            case Switch(what, on):
                self._switch(self._overlay.state.switched(Panic(what), on=bool(on)))
            case CurtainIs(shut, fade_ns):
                self._move_curtain(shut=bool(shut), fade_ns=fade_ns)
            case SafeFrom(revision):
                self._safe_from = revision
            case Say(text):
                self._wishes.append(json.loads(text))

    def _move_curtain(self, *, shut: bool, fade_ns: int) -> None:
        """Close, or open for what comes next: what was painted before closing is never seen again."""
        if self._curtain.closed and not shut:
            self._program.begin_anew(self._v_ns)
        self._curtain.move(shut=shut, fade_ns=fade_ns, now_ns=self._v_ns)

    def _release(self, result: Result) -> None:
        """Give a slot back, a few at once: each message wakes the engine."""
        self._released.append(result.slot)
        if self._engine and len(self._released) >= _RELEASES_AT_ONCE:
            self._engine.send(Release(bytes(self._released)))
            self._released.clear()

    # Pictures

    def _show(self, result: Result, v_ns: int) -> Image:
        if self._program.is_new_look(result):
            self._record.new_look()
        if self._safe_from is not None and result.revision >= self._safe_from:
            self._switch(self._overlay.state.switched(Panic.SAFE, on=False))
        return self._program.show(result, v_ns)

    def _first_picture(self, t_ns: int) -> None:
        self._t_first_ns = t_ns
        self._launcher.send(Say(json.dumps({"first_picture_ns": t_ns}).encode()))

    def _feed_tap(self, t_ns: int) -> None:
        """Let those who look on see what the wall shows."""
        if self._tap and self._picture is not None and self._tap.due(t_ns, fresh=not self._tapped):
            self._tap.put(self._picture, t_ns)
            self._tapped = True

    # Figures

    def _tell(self, t_ns: int, *, busy: bool) -> None:
        """Tell the figures; a tick that is `busy` leaves that to the next, for a while."""
        if self._record.frames_shown == self._settings.frames:
            self.stopping = True
        if t_ns < self._next_figures_ns + (_FIGURES_WAIT_NS if busy else 0):
            return
        self._next_figures_ns = t_ns + _FIGURES_NS
        figures = Figures(json.dumps(self.figures()).encode())
        self._launcher.offer(figures)
        if self._engine:
            self._engine.offer(figures)
            self._engine.offer(Vsync(self._v_ns, self._period_ns))
            if self._record.log and self._engine.offer(FramesShown(self._record.log.peek())):
                self._record.log.clear()
