"""Weeks in minutes: a mirror whose processes are killed and stopped at random, and what grows meanwhile.

    python scripts/soak.py --minutes 8 --seed 1            # add --window for a wall with a window (it needs a display)

A mirror with real processes and the effect ``sleep`` runs beside this program. Presets and prompts change every few
seconds. For the first part of the time nothing is broken, so that what a process gathers can be seen; then every few
seconds one of them is killed (SIGKILL) or stopped for a while (SIGSTOP), drawn by a seeded generator, none of them more
than four times in ten minutes: five are allowed before a process is set aside. The launcher is never hit: a service
manager starts it again.

Each second every process is sampled. Told are slopes over the undisturbed part, what the launcher gathered over
all of it, and how long the wall had no new frame after each blow. It ends with 1 when something grows without bound or
the mirror does not come back.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from mirrorfx.clock import SECOND, MonotonicClock
from mirrorfx.control.client import ControlClient
from mirrorfx.errors import ControlError, MirrorFXError

if TYPE_CHECKING:
    from mirrorfx.control.protocol import Event

_CHILD = "import json, sys; from mirrorfx.mirror import Mirror; Mirror(**json.loads(sys.argv[1])).run()"
_PRESETS = ("Ice", "Lava", "Jade", "Stained glass")
_VICTIMS = ("engine", "wall", "camera", "worker-0", "worker-1", "monitor")
_HITS_MOST = 4
_WARM_UP_S = 60.0
_EDIT_S = 3.0
_BACK_S = 45.0
_LIMITS = {"private_mb": (2.0, 6.0), "fds": (0.5, 2), "threads": (0.5, 2)}
"""What may grow: so much a minute and, from the first to the last third, so much in all. Both over is a leak."""
_STATE_MOST_MB = 12.0

_clock = MonotonicClock()


def now_s() -> float:
    """Return the monotonic time in seconds."""
    return _clock.now_ns() / SECOND


def rest(seconds: float) -> None:
    """Sleep."""
    _clock.sleep_until_ns(_clock.now_ns() + round(seconds * SECOND))


@dataclass
class Blow:
    """What was done to a process, and how the wall took it.

    Attributes:
        t_s: when.
        victim: whom.
        how: ``killed`` or ``stopped for 3.2 s``.
        gap_s: the longest time without a new frame from then to the next blow, as the wall told it.
    """

    t_s: float
    victim: str
    how: str
    gap_s: float = 0.0


@dataclass
class Wall:
    """The wall as the engine's figures tell of it: when new frames were shown."""

    shown_s: list[float] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    quarantined: set[str] = field(default_factory=set)

    def heard(self, event: Event) -> None:
        """Take an event of the control server."""
        if event.event == "notice":
            self.notices.append(event.data["text"])
        if event.event != "figures":
            return
        rows = event.data["frames_shown"]
        at = rows["fields"].index("t_ns")
        self.shown_s += [row[at] / SECOND for row in rows["rows"]]
        self.quarantined |= {w["name"] for w in event.data["workers"] if w["state"] == "quarantined"}

    def longest_gap_s(self, from_s: float, to_s: float) -> float:
        """Return the longest time without a new frame that ended between two times, or was still going on."""
        before = max((t for t in self.shown_s if t < from_s), default=from_s)
        times = [before, *sorted(t for t in self.shown_s if from_s <= t <= to_s), to_s]
        return max(later - earlier for earlier, later in itertools.pairwise(times))


class Mirror:
    """A mirror beside this program, in folders of its own."""

    def __init__(self, folder: Path, asked: argparse.Namespace) -> None:
        token = secrets.token_urlsafe(16)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings: dict[str, Any] = {
            "source": "pattern:30",
            "effect": "sleep",
            "effect_options": [["service_ms", "40"], ["jitter_ms", "4"]],
            "size": [asked.size, asked.size],
            "workers": 2,
            "preset": _PRESETS[0],
            "control_port": port,
            "control_token": token,
            "status_port": 0,
            "screen": "wall" if asked.window else None,
        }
        self.url = f"ws://127.0.0.1:{port}/control?token={token}"
        self.state = folder / "state"
        own = {f"MIRRORFX_{kind}_DIR": str(folder / kind.lower()) for kind in ("STATE", "CONFIG", "CACHE", "DATA")}
        self._log = (folder / "log").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-c", _CHILD, json.dumps(settings)], env=os.environ | own, stderr=self._log
        )
        self._launcher = psutil.Process(self.process.pid)

    def family(self) -> dict[str, psutil.Process]:
        """Return its living processes by their names without ``mfx-``."""
        found = {"launcher": self._launcher}
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in self._launcher.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    name = process.name()
                    if name.startswith("mfx-") and process.status() != psutil.STATUS_ZOMBIE:
                        found[name.removeprefix("mfx-")] = process
        return found

    def zombies(self) -> int:
        """Return how many children have ended and were not cleared away."""
        count = 0
        for process in self._launcher.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                count += process.status() == psutil.STATUS_ZOMBIE
        return count

    def end(self) -> str:
        """End it in order; return why that did not work, or nothing."""
        left = list(self.family().values())
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "it did not end within a minute"
        _gone, alive = psutil.wait_procs(left, 5)
        if alive:
            return f"left behind: {', '.join(str(process.pid) for process in alive)}"
        return f"it ended with {code}" if code else ""

    def last_words(self) -> str:
        """Return the end of what it has said."""
        self._log.flush()
        self._log.seek(0)
        return "".join(self._log.readlines()[-15:])


@dataclass(frozen=True, slots=True)
class Sample:
    """One process in one second."""

    t_s: float
    pid: int
    rss_mb: float
    private_mb: float
    fds: int
    threads: int


class Samples:
    """What all processes take, second by second."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self.by_name: dict[str, list[Sample]] = {}
        self.shared_mb: list[tuple[float, float]] = []
        self.state_mb: list[tuple[float, float]] = []
        self.zombies = 0

    def take(self, t_s: float) -> None:
        """Look at all of them."""
        shared: dict[int, int] = {}
        for name, process in self._mirror.family().items():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError):
                memory = process.memory_info()
                private = memory.rss - memory.shared
                sample = Sample(
                    t_s, process.pid, memory.rss / 1e6, private / 1e6, process.num_fds(), process.num_threads()
                )
                self.by_name.setdefault(name, []).append(sample)
                shared |= _shared_blocks(process.pid)
        self.shared_mb.append((t_s, sum(shared.values()) / 1e6))
        files = [path for path in self._mirror.state.rglob("*") if path.is_file()]
        self.state_mb.append((t_s, sum(path.stat().st_size for path in files) / 1e6))
        self.zombies = max(self.zombies, self._mirror.zombies())


def _shared_blocks(pid: int) -> dict[int, int]:
    """Return the shared memory that a process holds open: bytes in use by inode."""
    blocks = {}
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            if "memfd:" in str(link.readlink()):
                status = link.stat()
                blocks[status.st_ino] = status.st_blocks * 512
    return blocks


@dataclass(frozen=True, slots=True)
class Growth:
    """How a figure went over a time: medians of the first and the last third, slope a minute (Theil and Sen)."""

    first: float
    last: float
    slope: float
    seconds: float

    @classmethod
    def of(cls, points: list[tuple[float, float]]) -> Growth:
        """Return it for points of (seconds, value)."""
        third = max(len(points) // 3, 1)
        first, last = (statistics.median(value for _, value in part) for part in (points[:third], points[-third:]))
        thin = points[:: max(len(points) // 100, 1)]
        slopes = [(b - a) / (u - t) for i, (t, a) in enumerate(thin) for u, b in thin[i + 1 :] if u > t]
        return cls(first, last, 60 * statistics.median(slopes) if slopes else 0.0, points[-1][0] - points[0][0])

    def leaks(self, name: str) -> bool:
        """Say whether it is over what may grow."""
        slope, all_of_it = _LIMITS[name]
        return self.slope > slope and self.last - self.first > all_of_it


class Soak:
    """The whole trial."""

    def __init__(self, mirror: Mirror, asked: argparse.Namespace) -> None:
        self._mirror = mirror
        self._random = random.Random(asked.seed)
        self._asked = asked
        self.wall = Wall()
        self.samples = Samples(mirror)
        self.blows: list[Blow] = []
        self.problems: list[str] = []
        self.edits = 0
        self.calm = (0.0, 0.0)
        self._client = ControlClient(mirror.url, self.wall.heard)
        self._stopped: tuple[float, psutil.Process] | None = None

    def run(self) -> None:
        """Run for the minutes asked for."""
        self._client.start()
        self._until(lambda: len(self.wall.shown_s) > 30, "no picture")
        start_s = now_s()
        end_s = start_s + 60 * self._asked.minutes
        calm_s = start_s + 60 * self._asked.minutes * self._asked.calm
        self.calm = (min(start_s + _WARM_UP_S, start_s + (calm_s - start_s) / 3), calm_s)
        next_edit_s = next_sample_s = start_s
        next_blow_s = calm_s
        while now_s() < end_s and self._mirror.process.poll() is None:
            t_s = now_s()
            if t_s >= next_sample_s:
                next_sample_s = t_s + 1
                self.samples.take(t_s)
            if t_s >= next_edit_s:
                next_edit_s = t_s + _EDIT_S
                self._edit()
            if self._stopped and t_s >= self._stopped[0]:
                self._let_go()
            if t_s >= next_blow_s and not self._stopped:
                next_blow_s = t_s + self._random.uniform(0.5, 1.5) * self._asked.every
                self._hit(t_s)
            rest(0.1)
        self._let_go()
        self._look_back()

    def close(self) -> None:
        """Let go of the client."""
        self._client.close()

    def _until(self, check: Any, what: str) -> bool:
        limit_s = now_s() + _BACK_S
        while not check():
            if now_s() > limit_s or self._mirror.process.poll() is not None:
                self.problems.append(f"{what} within {_BACK_S:g} s")
                return False
            rest(0.2)
        return True

    def _edit(self) -> None:
        self.edits += 1
        with contextlib.suppress(ControlError):  # the engine may just have been killed
            if self.edits % 3:
                prompt = f"picture {self.edits} of {self._random.choice(('fire', 'ice', 'wood'))}"
                self._client.post("set", params={"prompt": prompt, "strength": self._random.random()}, fade_s=0.5)
            else:
                self._client.post("preset", name=self._random.choice(_PRESETS), fade_s=1.0)

    def _hit(self, t_s: float) -> None:
        counts = {name: sum(blow.victim == name for blow in self.blows) for name in _VICTIMS}
        family = self._mirror.family()
        there = [name for name in _VICTIMS if name in family and counts[name] < _HITS_MOST]
        if not there:
            return
        victim = self._random.choice(there)
        stops = self._random.random() < 0.4
        seconds = self._random.uniform(0.3, 6.0)
        with contextlib.suppress(psutil.NoSuchProcess):
            if stops:
                family[victim].suspend()
                self._stopped = (t_s + seconds, family[victim])
            else:
                family[victim].kill()
        self.blows.append(Blow(t_s, victim, f"stopped for {seconds:.1f} s" if stops else "killed"))
        print(f"{t_s - self.calm[1]:7.1f} s  {victim:9} {self.blows[-1].how}", flush=True)

    def _let_go(self) -> None:
        if self._stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                self._stopped[1].resume()
            self._stopped = None

    def _look_back(self) -> None:
        """Wait until all is there again, then judge."""
        end_s = now_s()
        wanted = {"launcher", *_VICTIMS}
        self._until(lambda: any(t > end_s + 1 for t in self.wall.shown_s), "the wall did not come back")
        self._until(lambda: wanted <= set(self._mirror.family()), "not all processes came back")
        self.samples.take(now_s())
        ends = [blow.t_s for blow in self.blows[1:]] + [max(self.wall.shown_s, default=end_s)]
        for blow, to_s in zip(self.blows, ends, strict=True):
            blow.gap_s = self.wall.longest_gap_s(blow.t_s, to_s)
            if blow.gap_s > _BACK_S:
                self.problems.append(f"{blow.gap_s:.0f} s without a new frame after {blow.victim} was {blow.how}")
        self.problems += [f"{name} was set aside" for name in sorted(self.wall.quarantined)]
        self._judge_growth()

    def growths(self) -> dict[str, dict[str, Growth]]:
        """Return for each process how its figures went: over the undisturbed part; the launcher's over all of it."""
        found = {}
        for name, samples in self.samples.by_name.items():
            calm = [s for s in samples if self.calm[0] <= s.t_s <= self.calm[1]]
            if len(calm) > 10:
                found[name] = {what: Growth.of([(s.t_s, getattr(s, what)) for s in calm]) for what in _LIMITS}
        later = [s for s in self.samples.by_name["launcher"] if s.t_s > self.calm[1]]
        if len(later) > 10:
            found["launcher, under blows"] = {
                what: Growth.of([(s.t_s, getattr(s, what)) for s in later]) for what in _LIMITS
            }
        return found

    def _judge_growth(self) -> None:
        for name, growths in self.growths().items():
            for what, growth in growths.items():
                if growth.leaks(what):
                    self.problems.append(f"{name}: {what} grows by {growth.slope:.2f} a minute")
        if self.samples.shared_mb and Growth.of(self.samples.shared_mb).slope > 1.0:
            self.problems.append("shared memory grows")
        if self.samples.state_mb and self.samples.state_mb[-1][1] > _STATE_MOST_MB:
            self.problems.append(f"the state folder has {self.samples.state_mb[-1][1]:.1f} MB")
        if self.samples.zombies > len(_VICTIMS):
            self.problems.append(f"{self.samples.zombies} ended processes were not cleared away")


def show(soak: Soak) -> None:
    """Print the tables."""
    print(f"\n{'process':22} {'private MB':>22} {'a minute':>9} {'files':>9} {'threads':>9} {'over':>7}")
    for name, growths in sorted(soak.growths().items()):
        memory, fds, threads = (growths[what] for what in _LIMITS)
        print(
            f"{name:22} {memory.first:9.1f} → {memory.last:8.1f} {memory.slope:+11.2f} "
            f"{fds.first:4.0f}→{fds.last:<4.0f} {threads.first:4.0f}→{threads.last:<4.0f} {memory.seconds:5.0f} s"
        )
    for what, points in (("shared memory", soak.samples.shared_mb), ("state folder", soak.samples.state_mb)):
        print(f"{what:22} {points[0][1]:9.3f} → {points[-1][1]:8.3f} MB, most {max(v for _, v in points):.3f}")
    print(f"\n{'victim':10} {'killed':>7} {'stopped':>8} {'longest time without a new frame':>34}")
    for victim in _VICTIMS:
        blows = [blow for blow in soak.blows if blow.victim == victim]
        killed = sum(blow.how == "killed" for blow in blows)
        gaps = "  ".join(f"{blow.gap_s:.2f}" for blow in blows)
        print(f"{victim:10} {killed:7} {len(blows) - killed:8}   {gaps} s")
    longest = max(soak.blows, key=lambda blow: blow.gap_s, default=None)
    if longest:
        print(f"\nlongest: {longest.gap_s:.2f} s, {longest.victim} {longest.how}; {soak.edits} edits; ", end="")
        calm = soak.wall.longest_gap_s(*soak.calm)
        print(f"undisturbed {calm:.3f} s; at most {soak.samples.zombies} zombies at once")


def main() -> int:
    """Run, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--calm", type=float, default=0.4, help="share of the time in which nothing is broken")
    parser.add_argument("--every", type=float, default=11.0, help="mean seconds between blows")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=256, help="of the pictures, in pixels")
    parser.add_argument("--window", action="store_true", help="a wall with a window, instead of one without a screen")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            mirror = Mirror(Path(folder), asked)
            soak = Soak(mirror, asked)
        except MirrorFXError as error:
            print(error)
            return 1
        try:
            soak.run()
        finally:
            soak.close()
            ended = mirror.end()
        if ended:
            soak.problems.append(ended)
        if soak.samples.by_name:
            show(soak)
        for problem in soak.problems:
            print(f"PROBLEM: {problem}")
        if soak.problems:
            print(f"\nIts last words:\n{mirror.last_words()}")
    return 1 if soak.problems else 0


if __name__ == "__main__":
    sys.exit(main())
