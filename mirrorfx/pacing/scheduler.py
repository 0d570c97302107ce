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

A worker that overlaps frames is given the next one shortly before it should be done with the one it has, so that its
device goes over from one to the next without a pause; only then is the frame chosen (late latch), so it is as new as
one for an idle worker. Measured on the virtual clock with 2 ms of transport a frame and 2 × 72 ms (ideal: 27.78 new
frames a second): given when done 27.0 at a mean latency of 99.1 ms; 2 ms ahead 27.7 at 98.7; 4 ms ahead 27.8 at 101.0;
as far ahead as the workers' own reports of coming late ask for, within 1 and 6 ms, 27.75 at 99.4. Ahead of what? Of the
median service time; where the times vary widely, of their p90 less 3 ms, for a frame that is sent too soon grows old at
the worker, and the delay on the wall follows the oldest (five workers of 120–220 ms: by the mean 27.5 new frames a
second at 249 ms, by the p90 27.0 at 233, next to what they do without overlapping).

Two policies decide *who* takes it: ALTERNATE goes round (0, 1, 0, 1 with two equal GPUs), ADAPTIVE takes the fastest
that is idle. With unequal or missing workers ALTERNATE turns into ADAPTIVE by itself, and back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from mirrorfx.clock import MS, SECOND
from mirrorfx.pacing.camera import CameraRhythm
from mirrorfx.pacing.chooser import Mode, Rhythm
from mirrorfx.pacing.quantiles import SlidingQuantile

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["ASIDE", "Flight", "Mode", "Policy", "Scheduler"]

ASIDE = 1 << 63
"""Flights numbered from here on are no part of the program: a preview's. Their numbers have no gaps either."""


class Policy(StrEnum):
    """Who takes the next frame."""

    ALTERNATE = "alternate"
    ADAPTIVE = "adaptive"


@dataclass(frozen=True, slots=True)
class Flight:
    """One frame at one worker.

    Attributes:
        worker: who has it.
        generation: which life of the worker; a result from an earlier life is worthless.
        seq: the frame's number, given at dispatch, without gaps.
        t_dispatch_ns: when it was given.
        t_capture_ns: when the camera saw it.
        target_ns: the display tick that it is made for (LOCK); 0 when paced, and when aside.
    """

    worker: int
    generation: int
    seq: int
    t_dispatch_ns: int
    t_capture_ns: int
    target_ns: int = 0

    @property
    def aside(self) -> bool:
        """Whether it is no part of the program."""
        return self.seq >= ASIDE


@dataclass(slots=True)
class _Worker:
    """What the scheduler knows of one worker."""

    service_ns: float
    p95_ns: int
    generation: int = 0
    frames: int = 0
    ready: bool = False
    overlaps: bool = False
    patience_ns: int = SECOND
    flights: list[Flight] = field(default_factory=list)
    t_done_ns: int = 0
    wait_ns: int = 0
    lead_ns: float = 0.0
    recent: SlidingQuantile = field(default_factory=lambda: SlidingQuantile(128))
    passages: SlidingQuantile = field(default_factory=lambda: SlidingQuantile(128))

    @property
    def since_ns(self) -> int:
        """Since when it has been busy with its first flight: a frame that waits at the worker takes nothing yet."""
        return max(self.flights[0].t_dispatch_ns, self.t_done_ns)


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
    SMOOTHING = 0.05
    ENOUGH = 5
    KNOWN = 20
    """How many frames of each worker it takes to call them unequal: the first are slow, and who is passed over for good
    never shows that it is not."""
    UNEQUAL = 1.25
    EQUAL = 1.10
    DEADLINE_NS = SECOND
    MARGIN_NS = 2 * MS
    LEAD_NS = 5 * MS // 2
    """How long before a worker that overlaps should be done its next frame leaves, at first."""
    LEADS_NS = (MS, 6 * MS)
    """Between which bounds that is then fitted to the machine: transport and upload take what they take."""
    LEAD_STEP_NS = MS // 5
    TIMELY_NS = MS // 2
    """How long a frame should be there before the one before it is done, whose way back begins a little sooner."""
    TARDY_SHARE = 0.3
    """How many may come later than that: a few do for any lead, and a longer one would make all of them older."""
    EARLINESS_NS = 3 * MS
    """How much sooner than its p90 a frame may be expected; workers that vary by more take the next one when done."""

    def __init__(
        self,
        policy: Policy = Policy.ALTERNATE,
        mode: Mode = Mode.PACED,
        expected_service_ns: int = 50 * MS,
    ) -> None:
        self.policy = policy
        self.mode = mode
        self._expected_ns = expected_service_ns
        self._workers: dict[int, _Worker] = {}
        self._ready: tuple[int, ...] = ()
        self._unequal = False
        self._incomplete = False
        self._period_ns = 0
        self._gate = self.GATE
        self._measured = False
        self._longest_ns = 0
        self._next_seq = 0
        self._next_aside = ASIDE
        self._last_worker = -1
        self._last_ns: int | None = None
        self._last_capture_ns = 0
        self._least_ns = 0
        self._camera = CameraRhythm()
        self._vsync_ns = self._vsync_period_ns = 0
        self._target_ns = 0
        self._ticks_a_frame = 0

    # ---- who is there

    @property
    def workers(self) -> tuple[int, ...]:
        """The ids of the workers that are ready, in order."""
        return self._ready

    @property
    def ready(self) -> bool:
        """Whether any worker is ready."""
        return bool(self._ready)

    @property
    def next_seq(self) -> int:
        """The number that the next frame will get; so many were dispatched."""
        return self._next_seq

    @property
    def effective_policy(self) -> Policy:
        """The policy in force: ADAPTIVE instead of ALTERNATE while workers are unequal or missing.

        Unequal: the slowest takes 1.25 times what the fastest takes; equal again below 1.10.
        """
        if self._unequal or self._incomplete:
            return Policy.ADAPTIVE
        return self.policy

    @property
    def period_ns(self) -> int:
        """T, the time between frames when every ready worker is always busy; 0 when none is ready."""
        return self._period_ns

    def generation(self, worker: int) -> int:
        """Return which life `worker` is in: 0, and one more for each time it was lost."""
        return self._workers[worker].generation if worker in self._workers else 0

    def flight(self, worker: int) -> Flight | None:
        """Return the frame that `worker` has, of two the one that it paints; or None."""
        return flights[0] if (flights := self.flights(worker)) else None

    def flights(self, worker: int) -> tuple[Flight, ...]:
        """Return the frames that `worker` has: the one that it paints, and the one that waits for that."""
        return tuple(self._workers[worker].flights) if worker in self._workers else ()

    def service_ns(self, worker: int) -> int:
        """Return what `worker` takes from dispatch, or from the frame before when that was later, to done, smoothed."""
        return round(self._workers[worker].service_ns) if worker in self._workers else self._expected_ns

    @property
    def longest_ns(self) -> int:
        """S, within which the ready workers finish 95 % of their frames, and 2 ms to spare."""
        return self._longest_ns or self._expected_ns + self.MARGIN_NS

    def add(self, worker: int, now_ns: int, *, overlaps: bool = False, patience_ns: int = DEADLINE_NS) -> None:
        """Take `worker` in: it is ready, for the first time or after it was lost.

        Args:
            worker: its number.
            now_ns: the time.
            overlaps: whether it takes its next frame while it paints one.
            patience_ns: how long a frame may take at least before the worker counts as hanging.
        """
        known = self._workers.get(worker)
        if known is None:
            known = self._workers[worker] = _Worker(float(self._expected_ns), self._expected_ns)
            known.lead_ns = self.LEAD_NS
        if not known.ready:
            known.ready, known.overlaps, known.patience_ns = True, overlaps, patience_ns
            self._pool_changed()

    def lost(self, worker: int, now_ns: int) -> tuple[Flight, ...]:
        """Take `worker` out: it died, hung or left. Return its frames, which are gone; the others keep theirs."""
        known = self._workers.get(worker)
        if known is None:
            return ()
        flights = tuple(known.flights)
        known.flights.clear()
        known.generation += 1
        known.ready = False
        self._pool_changed()
        return flights

    def leave(self, worker: int) -> None:
        """Give `worker` no more frames; those that it has still count. It comes back by `add`."""
        known = self._workers.get(worker)
        if known is not None and known.ready:
            known.ready = False
            self._pool_changed()

    def forget(self, worker: int) -> None:
        """Stop expecting `worker` back: the pool counts as complete without it."""
        if self._workers.pop(worker, None) is not None:
            self._pool_changed()

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
        target_ns, seq = (self._target_ns if self._locked else 0), self._next_seq
        if worker in aside:
            target_ns, seq = 0, self._next_aside
            self._next_aside += 1
        else:
            self._next_seq += 1
        flight = Flight(worker, self._workers[worker].generation, seq, now_ns, t_capture_ns, target_ns)
        self._workers[worker].flights.append(flight)
        self._last_worker, self._last_ns, self._last_capture_ns = worker, now_ns, t_capture_ns
        if self._locked:
            self._target_ns += self._ticks_apart() * self._vsync_period_ns
        return flight

    def next_poll_ns(self, now_ns: int) -> int | None:
        """Return when `poll` could succeed by the passing of time alone; None when only an event can help.

        Where a worker is about to be nearly done, a newer frame may have come by then, so its age is no hindrance yet.
        """
        worker = self._pick(now_ns)
        if worker is not None:
            return max(now_ns, self._not_before_ns(worker, now_ns))
        opens_ns = min((at for w in self._ready if (at := self._open_ns(w)) is not None and at > now_ns), default=None)
        if opens_ns is None or not self._locked:
            return opens_ns
        return max(opens_ns, self._lock_slot_ns(now_ns))

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
        known = self._workers.get(worker)
        if known is None or not known.flights:
            return None
        flight, since_ns = known.flights[0], known.since_ns
        if (flight.generation, flight.seq) != (generation, seq):
            return None
        del known.flights[0]
        if flight.t_dispatch_ns <= known.t_done_ns:
            self._adapt_lead(known, early_ns)
        known.t_done_ns = now_ns
        self._learn(known, now_ns - since_ns, now_ns - flight.t_dispatch_ns)
        return flight

    # ---- deadlines

    def overdue(self, now_ns: int) -> list[int]:
        """Return the workers whose frame takes longer than max(1 s or their patience, 5 × p95): they hang."""
        return [w for w in self._ready if (at := self._deadline_ns(w)) is not None and now_ns >= at]

    def next_deadline_ns(self) -> int | None:
        """Return when the next worker would count as hanging, or None when nothing is in flight."""
        return min((at for w in self._ready if (at := self._deadline_ns(w)) is not None), default=None)

    # ---- the display

    def vsync(self, v_ns: int, period_ns: int) -> None:
        """Take the time of the display's latest tick and its period, for LOCK."""
        self._vsync_ns, self._vsync_period_ns = v_ns, period_ns
        self._ticks_a_frame = self._fitting_ticks()
        self._target_ns = self._on_grid(self._target_ns)

    def set_mode(self, mode: Mode) -> None:
        """Change when frames leave; what is in flight is not touched."""
        if mode is not self.mode:
            self.mode = mode
            self._target_ns = 0

    def space(self, least_ns: int) -> None:
        """Let at least `least_ns` pass between two frames from now on; 0 lets the workers make all they can."""
        before = self._ticks_apart()
        self._least_ns = least_ns
        if self._target_ns:  # counted from the last frame: sooner or later than was thought when it left
            self._target_ns += (self._ticks_apart() - before) * self._vsync_period_ns

    @property
    def lock_ticks(self) -> int:
        """n: in LOCK a frame is shown every n-th tick, the fewest that the workers keep up with; 0 before `vsync`."""
        return self._ticks_a_frame

    def rhythm(self) -> Rhythm | None:
        """Return the beats that a `ModeChooser` weighs, or None while one of them is unknown."""
        camera_ns = self._camera.period_ns
        if camera_ns is None or not self._vsync_period_ns or not self._period_ns:
            return None
        return Rhythm(camera_ns, self._vsync_period_ns, self._period_ns, self.lock_ticks)

    # ---- inside

    @property
    def _locked(self) -> bool:
        return self.mode is Mode.LOCK and self._vsync_period_ns > 0 and self._measured

    def _pick(self, now_ns: int) -> int | None:
        """The worker that takes the next frame, of those that are idle or nearly so."""
        free = [w for w in self._ready if (at := self._open_ns(w)) is not None and at <= now_ns]
        if len(free) < 2:
            return free[0] if free else None
        if self.effective_policy is Policy.ALTERNATE:
            return next((w for w in free if w > self._last_worker), free[0])
        return min(free, key=lambda w: (self._workers[w].service_ns, w))

    def _open_ns(self, worker: int) -> int | None:
        """From when on `worker` may have a frame, 0 while it is idle; None while only its being done can help."""
        known = self._workers[worker]
        if not known.flights:
            return 0
        if not known.overlaps or len(known.flights) > 1 or known.frames < self.ENOUGH:
            return None
        median_ns, p90_ns = known.recent.at(0.5) or 0, known.recent.at(0.9) or 0
        return known.since_ns + max(median_ns, p90_ns - self.EARLINESS_NS) - round(known.lead_ns)

    def _not_before_ns(self, worker: int, now_ns: int) -> int:
        return self._lock_slot_ns(now_ns) if self._locked else self._gate_ns(worker, now_ns)

    def _gate_ns(self, worker: int, now_ns: int) -> int:
        if self._last_ns is None:
            return now_ns
        gate_ns = self._last_ns + max(round(self._gate * self._share_ns(worker)), self._least_ns)
        return max(gate_ns, self._fresh_ns()) if self.CAPTURE_SPACING else gate_ns

    def _share_ns(self, worker: int) -> float:
        """T; in an unequal pool less for the fast: holding back a fast worker costs more frames than a slow one."""
        if not self._unequal:
            return self._period_ns
        return min(self._period_ns, self._workers[worker].service_ns / len(self._ready))

    def _fresh_ns(self) -> int:
        """When the newest frame may leave though the camera took it soon after the one before: T after that at most."""
        camera_ns = self._camera.period_ns
        if camera_ns is None or self._last_ns is None:
            return 0
        periods = int(0.98 * self._period_ns / camera_ns)
        wanted_ns = self._last_capture_ns + periods * camera_ns
        if self._camera.capture_ns >= wanted_ns - 0.3 * camera_ns:
            return 0
        return min(self._last_ns + self._period_ns, wanted_ns + self._camera.lag_ns + MS)

    def _lock_slot_ns(self, now_ns: int) -> int:
        """When the frame for the next target leaves. A slot that was missed slips to the next tick, never bunches."""
        wait_ns = max((self._workers[w].wait_ns for w in self._ready), default=0)
        longest_ns, period_ns = self.longest_ns + wait_ns, self._vsync_period_ns
        earliest_ns = now_ns + longest_ns - self.MARGIN_NS
        if not self._target_ns:
            self._target_ns = self._on_grid(earliest_ns + period_ns // 2)
        if self._target_ns < earliest_ns:
            self._target_ns += -(-(earliest_ns - self._target_ns) // period_ns) * period_ns
        return self._target_ns - longest_ns

    def _on_grid(self, time_ns: int) -> int:
        """The display tick nearest to `time_ns`."""
        if not time_ns:
            return 0
        ticks = round((time_ns - self._vsync_ns) / self._vsync_period_ns)
        return self._vsync_ns + ticks * self._vsync_period_ns

    def _fitting_ticks(self) -> int:
        """The smallest n with n × tick × workers ≥ S; shrinks only with 3 % to spare, so that it does not flap."""
        if not self._vsync_period_ns:
            return 0
        room_ns = self._vsync_period_ns * max(1, len(self._ready))
        fewest = -(-self.longest_ns // room_ns)
        if fewest < self._ticks_a_frame and self.longest_ns > 0.97 * (self._ticks_a_frame - 1) * room_ns:
            return self._ticks_a_frame
        return fewest

    def _ticks_apart(self) -> int:
        """How many ticks lie between two frames' targets: more than the workers need where frames are spaced."""
        if not self._vsync_period_ns:
            return 0
        least_ns = self._least_ns - self._vsync_period_ns // 10  # a display's real rate is never quite its nominal one
        return max(self._ticks_a_frame, -(-least_ns // self._vsync_period_ns))

    def _adapt_lead(self, known: _Worker, early_ns: int) -> None:
        """Move the lead in small steps to where as many frames are tardy as may be (Robbins and Monro, 1951)."""
        tardy = early_ns < self.TIMELY_NS
        known.lead_ns += self.LEAD_STEP_NS * (tardy - self.TARDY_SHARE)
        known.lead_ns = min(max(known.lead_ns, self.LEADS_NS[0]), self.LEADS_NS[1])

    def _learn(self, known: _Worker, took_ns: int, passage_ns: int) -> None:
        known.frames += 1
        known.recent.add(took_ns)
        known.passages.add(passage_ns)
        if known.frames > self.ENOUGH:
            took_ns = min(took_ns, known.p95_ns * 3 // 2)
        known.service_ns += (took_ns - known.service_ns) * max(self.SMOOTHING, 1 / known.frames)
        known.p95_ns = known.recent.at(0.95) or took_ns
        known.wait_ns = (known.passages.at(0.95) or passage_ns) - known.p95_ns
        self._measure_pool()

    def _pool_changed(self) -> None:
        self._ready = tuple(sorted(w for w, known in self._workers.items() if known.ready))
        self._incomplete = len(self._ready) < len(self._workers)
        self._measure_pool()

    def _measure_pool(self) -> None:
        if not self._ready:
            self._period_ns = 0
            return
        self._assume_alike()
        services = [self._workers[w].service_ns for w in self._ready]
        self._period_ns = round(1 / sum(1 / max(s, 1.0) for s in services))
        self._gate = self.GATE - min(self.LOOSEST, self._variation() * self.LOOSENING)
        p95s = [self._workers[w].p95_ns for w in self._ready]
        # Equal workers differ by chance only, and the greatest of five estimates is too great.
        self._longest_ns = self.MARGIN_NS + (max(p95s) if self._unequal else sum(p95s) // len(p95s))
        self._ticks_a_frame = self._fitting_ticks()
        self._measured = all(self._workers[w].frames >= self.ENOUGH for w in self._ready)
        self._unequal = self._are_unequal(services)

    def _are_unequal(self, services: list[float]) -> bool:
        if any(self._workers[w].frames < self.KNOWN for w in self._ready):
            return False
        return max(services) > (self.EQUAL if self._unequal else self.UNEQUAL) * min(services)

    def _assume_alike(self) -> None:
        """Take a worker that has not finished a frame for as fast as those that have; else it might never get one."""
        measured = [known for w in self._ready if (known := self._workers[w]).frames]
        if not measured or len(measured) == len(self._ready):
            return
        service_ns = sum(known.service_ns for known in measured) / len(measured)
        for w in self._ready:
            if not self._workers[w].frames:
                self._workers[w].service_ns = service_ns
                self._workers[w].p95_ns = max(known.p95_ns for known in measured)

    def _variation(self) -> float:
        """By how much the p95 of a service time exceeds its mean, averaged over the pool."""
        excess = sum(self._workers[w].p95_ns / max(self._workers[w].service_ns, 1.0) - 1 for w in self._ready)
        return max(0.0, excess / len(self._ready))

    def _deadline_ns(self, worker: int) -> int | None:
        known = self._workers[worker]
        if not known.flights:
            return None
        return known.since_ns + max(known.patience_ns, 5 * known.p95_ns)
