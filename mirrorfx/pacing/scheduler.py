"""Who gets the next frame, and when.

The pool of workers makes a frame every T = 1 / Σ(1 / service time). Two rules decide *when* a frame leaves:

- PACED: as soon as a worker is idle, but not sooner than a gate of 0.9 T after the frame before, so that workers that
  happen to finish together do not make pairs of frames with a gap behind them. The gate is adapted in three ways, each
  measured on the virtual clock against 0.9 T for all (3 × 300 s, 59.95 Hz, 60 fps camera). It opens to 0.8 T for
  service times that vary; and a frame that was captured too soon after the last one sent is passed over for the next,
  for at most T (five workers of 120–220 ms: 26.7 → 26.9 new frames a second, harmonic 23.4 → 24.0, interval std 14.0 →
  13.0 ms, mean latency 236 → 233 ms). The faster ones of unequal workers are held back less (72 and 144 ms: 18.4 → 19.8
  new frames a second, harmonic 16.9 → 17.5).
- LOCK: every frame is made for one display tick, n ticks after the one before, and leaves just early enough for it.

How soon before it is done a worker that overlaps frames may have the next is in `worker_record`.

Two policies decide *who* takes it: ALTERNATE goes round (0, 1, 0, 1 with two equal GPUs), ADAPTIVE takes the fastest
that is idle. With unequal or missing workers ALTERNATE turns into ADAPTIVE by itself, and back.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mirrorfx.clock import MS, SECOND
from mirrorfx.pacing.camera import CameraRhythm
from mirrorfx.pacing.chooser import Mode, Rhythm
from mirrorfx.pacing.flight import ASIDE, Flight
from mirrorfx.pacing.lock_targets import LockTargets
from mirrorfx.pacing.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["ASIDE", "Flight", "Mode", "Policy", "Scheduler"]


class Policy(StrEnum):
    """Who takes the next frame."""

    ALTERNATE = "alternate"
    ADAPTIVE = "adaptive"


class Scheduler:
    """Gives frames to workers: one each, and those that overlap one more just before they need it.

    It knows only times, so it runs the same in a simulation and before GPUs.

    Threads: one. Realtime: yes.

    Args:
        policy: Who takes the next frame when all is well.
        mode: When it leaves; LOCK needs `vsync` and five frames of each worker, and paces until then.
        expected_service_ns: What a worker takes, until it has been measured.
    """

    GATE = 0.9
    """How much of T has to pass between two frames, when service times hardly vary."""
    LOOSENING = 0.35
    """How much the gate opens by (p95 / mean - 1) of the service times: idling costs a varying pool more."""
    LOOSEST = 0.2
    """And by how much at most."""
    CAPTURE_SPACING = True
    DEADLINE_NS = SECOND

    def __init__(
        self,
        policy: Policy = Policy.ALTERNATE,
        mode: Mode = Mode.PACED,
        expected_service_ns: int = 50 * MS,
    ) -> None:
        self.policy = policy
        self.mode = mode
        self._pool = Pool(expected_service_ns)
        self._lock = LockTargets()
        self._gate = self.GATE
        self._next_seq = 0
        self._next_aside = ASIDE
        self._last_worker = -1
        self._last_ns: int | None = None
        self._last_capture_ns = 0
        self._camera = CameraRhythm()

    # ---- who is there

    @property
    def workers(self) -> tuple[int, ...]:
        """The ids of the workers that are ready, in order."""
        return self._pool.ready

    @property
    def ready(self) -> bool:
        """Whether any worker is ready."""
        return bool(self._pool.ready)

    @property
    def next_seq(self) -> int:
        """The number that the next frame will get; so many were dispatched."""
        return self._next_seq

    @property
    def effective_policy(self) -> Policy:
        """The policy in force: ADAPTIVE instead of ALTERNATE while workers are unequal or missing.

        Unequal: the slowest takes 1.25 times what the fastest takes; equal again below 1.10.
        """
        if self._pool.unequal or self._pool.incomplete:
            return Policy.ADAPTIVE
        return self.policy

    @property
    def period_ns(self) -> int:
        """T, the time between frames when every ready worker is always busy; 0 when none is ready."""
        return self._pool.period_ns

    def generation(self, worker: int) -> int:
        """Return which life `worker` is in: 0, and one more for each time it was lost."""
        known = self._pool.records.get(worker)
        return known.generation if known else 0

    def flight(self, worker: int) -> Flight | None:
        """Return the frame that `worker` has, of two the one that it paints; or None."""
        return flights[0] if (flights := self.flights(worker)) else None

    def flights(self, worker: int) -> tuple[Flight, ...]:
        """Return the frames that `worker` has: the one that it paints, and the one that waits for that."""
        known = self._pool.records.get(worker)
        return tuple(known.flights) if known else ()

    def service_ns(self, worker: int) -> int:
        """Return what `worker` takes from dispatch, or from the frame before when that was later, to done, smoothed."""
        return round(self._pool.service_ns(worker))

    @property
    def longest_ns(self) -> int:
        """S, within which the ready workers finish 95 % of their frames, and 2 ms to spare."""
        return self._pool.longest_ns

    def add(self, worker: int, now_ns: int, *, overlaps: bool = False, patience_ns: int = DEADLINE_NS) -> None:
        """Take `worker` in: it is ready, for the first time or after it was lost.

        Args:
            worker: its number.
            now_ns: the time.
            overlaps: whether it takes its next frame while it paints one.
            patience_ns: how long a frame may take at least before the worker counts as hanging.
        """
        self._pool.add(worker, overlaps=overlaps, patience_ns=patience_ns)
        self._fit()

    def lost(self, worker: int, now_ns: int) -> tuple[Flight, ...]:
        """Take `worker` out: it died, hung or left. Return its frames, which are gone; the others keep theirs."""
        flights = self._pool.lost(worker)
        self._fit()
        return flights

    def leave(self, worker: int) -> None:
        """Give `worker` no more frames; those that it has still count. It comes back by `add`."""
        self._pool.leave(worker)
        self._fit()

    def forget(self, worker: int) -> None:
        """Stop expecting `worker` back: the pool counts as complete without it."""
        self._pool.forget(worker)
        self._fit()

    # ---- frames out and in

    def captured(self, t_capture_ns: int, t_arrived_ns: int) -> None:
        """Take note of a frame that came, whether or not it will be polled: its beat is the camera's."""
        self._camera.saw(t_capture_ns, t_arrived_ns)

    def poll(self, now_ns: int, t_capture_ns: int, aside: Collection[int] = ()) -> Flight | None:
        """Give the newest frame, captured at `t_capture_ns`, to a worker if it is time; else return None.

        Call it whenever a frame waits in the mailbox: when the camera put one, when a worker is done, and at
        `next_poll_ns`. If the worker whose turn it is belongs to `aside`, the turn is not the program's: the flight has
        a number of its own, and in LOCK the tick that it would have been made for is left out.
        """
        self._camera.saw(t_capture_ns, now_ns)
        worker = self._pick(now_ns)
        if worker is None or now_ns < self._not_before_ns(worker, now_ns):
            return None
        target_ns, seq = (self._lock.take() if self._locked else 0), self._next_seq
        if worker in aside:
            target_ns, seq = 0, self._next_aside
            self._next_aside += 1
        else:
            self._next_seq += 1
        known = self._pool.records[worker]
        flight = Flight(worker, known.generation, seq, now_ns, t_capture_ns, target_ns)
        known.flights.append(flight)
        self._last_worker, self._last_ns, self._last_capture_ns = worker, now_ns, t_capture_ns
        return flight

    def next_poll_ns(self, now_ns: int) -> int | None:
        """Return when `poll` could succeed by the passing of time alone; None when only an event can help.

        Where a worker is about to be nearly done, a newer frame may have come by then, so its age is no hindrance yet.
        """
        worker = self._pick(now_ns)
        if worker is not None:
            return max(now_ns, self._not_before_ns(worker, now_ns))
        records = self._pool.records
        opens = (records[w].open_ns() for w in self._pool.ready)
        opens_ns = min((at for at in opens if at is not None and at > now_ns), default=None)
        if opens_ns is None or not self._locked:
            return opens_ns
        return max(opens_ns, self._lock.leaves_ns(now_ns, self._pool))

    def is_open(self, now_ns: int) -> bool:
        """Say whether any worker may have a frame now, as soon as the gate lets one through. Realtime: yes."""
        return self._pick(now_ns) is not None

    def done(self, worker: int, generation: int, seq: int, now_ns: int, early_ns: int = 0) -> Flight | None:
        """Take note of a result; return its flight, or None when it is stale and has to be discarded.

        Args:
            worker: whose it is.
            generation: of that worker when the frame was given.
            seq: the frame's number.
            now_ns: the time.
            early_ns: for how long the frame had been there when the one before it was done; negative: it came later.
        """
        flight = self._pool.done(worker, generation, seq, now_ns, early_ns)
        if flight is not None:
            self._fit()
        return flight

    # ---- deadlines

    def overdue(self, now_ns: int) -> list[int]:
        """Return the workers whose frame takes longer than max(1 s or their patience, 5 × p95): they hang."""
        records = self._pool.records
        return [w for w in self._pool.ready if (at := records[w].deadline_ns()) is not None and now_ns >= at]

    def next_deadline_ns(self) -> int | None:
        """Return when the next worker would count as hanging, or None when nothing is in flight."""
        records = self._pool.records
        return min((at for w in self._pool.ready if (at := records[w].deadline_ns()) is not None), default=None)

    # ---- the display

    def vsync(self, v_ns: int, period_ns: int) -> None:
        """Take the time of the display's latest tick and its period, for LOCK."""
        self._lock.vsync(v_ns, period_ns, self._pool)

    def set_mode(self, mode: Mode) -> None:
        """Change when frames leave; what is in flight is not touched."""
        if mode is not self.mode:
            self.mode = mode
            self._lock.forget()

    def space(self, least_ns: int) -> None:
        """Let at least `least_ns` pass between two frames from now on; 0 lets the workers make all they can."""
        self._lock.space(least_ns)

    @property
    def lock_ticks(self) -> int:
        """n: in LOCK a frame is shown every n-th tick, the fewest that the workers keep up with; 0 before `vsync`."""
        return self._lock.ticks

    def rhythm(self) -> Rhythm | None:
        """Return the beats that a `ModeChooser` weighs, or None while one of them is unknown."""
        camera_ns = self._camera.period_ns
        if camera_ns is None or not self._lock.period_ns or not self._pool.period_ns:
            return None
        return Rhythm(camera_ns, self._lock.period_ns, self._pool.period_ns, self._lock.ticks)

    # ---- inside

    @property
    def _locked(self) -> bool:
        return self.mode is Mode.LOCK and self._lock.period_ns > 0 and self._pool.measured

    def _pick(self, now_ns: int) -> int | None:
        """The worker that takes the next frame, of those that are idle or nearly so."""
        records = self._pool.records
        free = [w for w in self._pool.ready if (at := records[w].open_ns()) is not None and at <= now_ns]
        if len(free) < 2:
            return free[0] if free else None
        if self.effective_policy is Policy.ALTERNATE:
            return next((w for w in free if w > self._last_worker), free[0])
        return min(free, key=lambda w: (records[w].service_ns, w))

    def _not_before_ns(self, worker: int, now_ns: int) -> int:
        return self._lock.leaves_ns(now_ns, self._pool) if self._locked else self._gate_ns(worker, now_ns)

    def _gate_ns(self, worker: int, now_ns: int) -> int:
        if self._last_ns is None:
            return now_ns
        gate_ns = self._last_ns + max(round(self._gate * self._pool.share_ns(worker)), self._lock.least_ns)
        return max(gate_ns, self._fresh_ns()) if self.CAPTURE_SPACING else gate_ns

    def _fresh_ns(self) -> int:
        """When the newest frame may leave though the camera took it soon after the one before: T after that at most."""
        camera_ns = self._camera.period_ns
        if camera_ns is None or self._last_ns is None:
            return 0
        periods = int(0.98 * self._pool.period_ns / camera_ns)
        wanted_ns = self._last_capture_ns + periods * camera_ns
        if self._camera.capture_ns >= wanted_ns - 0.3 * camera_ns:
            return 0
        return min(self._last_ns + self._pool.period_ns, wanted_ns + self._camera.lag_ns + MS)

    def _fit(self) -> None:
        """Follow the pool's estimates."""
        if self._pool.ready:
            self._gate = self.GATE - min(self.LOOSEST, self._pool.variation() * self.LOOSENING)
            self._lock.fit(self._pool)
