"""``mirrorfx bench cadence``: real processes and real frames before fake GPUs of a known speed.

The effect `sleep` takes a given time a frame and the CPU almost nothing, so that what is lost against the ideal rate is
the mirror's own doing.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirrorfx.cli._files import check_writable
from mirrorfx.cli._parser import amount
from mirrorfx.clock import MS, MonotonicClock
from mirrorfx.errors import InvalidValue
from mirrorfx.frame import parse_size

if TYPE_CHECKING:
    import argparse

    from mirrorfx.processes.launcher import Watcher

__all__ = ["add_parser", "run"]


def add_parser(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the bench."""
    parser = benches.add_parser(
        "cadence",
        help="pool benchmark on the wall clock: real processes, fake GPUs",
        description="Real processes and full-size frames before fake GPUs that take --service-ms a frame.",
    )
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="fake GPUs, 1 to 16 (2)")
    parser.add_argument(
        "--service-ms", type=amount, default=72.0, metavar="MS", help="what a fake GPU takes a frame (72)"
    )
    parser.add_argument("--jitter-ms", type=float, default=0.0, metavar="MS", help="and by how much that varies (0)")
    parser.add_argument("--overlap", action="store_true", help="they take the next frame while they paint one")
    parser.add_argument("--seconds", type=amount, default=30.0, metavar="S", help="how long it runs (30)")
    parser.add_argument("--camera-fps", type=float, default=60.0, metavar="FPS", help="frames a second, 1 to 240 (60)")
    parser.add_argument("--display-hz", type=float, default=60.0, metavar="HZ", help="the wall's rate, to 1000 (60)")
    parser.add_argument(
        "--size", default="1024", metavar="WxH", help="of the frames: 1024 (square, default) or 832x1216"
    )
    parser.add_argument(
        "--kill-every", type=amount, metavar="S", help="kill -9 a worker every so many seconds, in turn (never)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there")


def run(args: argparse.Namespace) -> int:
    """Run the pool and compare it with the ideal."""
    from mirrorfx.cli._summary import print_summary
    from mirrorfx.cli._watch import RunWatcher, console
    from mirrorfx.mirror import Mirror

    if args.workers < 1:
        raise InvalidValue(f"--workers is {args.workers}; it must be from 1 to 16.")
    check_writable("--json", args.json)
    mirror = Mirror(
        source=f"pattern:{args.camera_fps:g}",
        effect="sleep",
        size=parse_size(args.size),
        workers=args.workers,
        seconds=args.seconds,
        mode="paced",
        display_hz=args.display_hz,
        effect_options=(
            ("service_ms", f"{args.service_ms:g}"),
            ("jitter_ms", f"{args.jitter_ms:g}"),
            ("overlap", str(int(args.overlap))),
        ),
    )
    with RunWatcher(args.seconds, "starting") as shown:
        watcher = _Killer(shown, args.kill_every, args.workers) if args.kill_every else shown
        outcome = mirror.run(watcher)
    report = _compared(outcome.report, args)
    if isinstance(watcher, _Killer):
        report["kills"] = watcher.results()
    print_summary(mirror, outcome, None)
    out = console()
    ideal, overhead = report["ideal_fps"], report["overhead_ms"]
    out.print(f"  ideal {ideal:.2f} new frames/s, reached {report['fps'] / ideal:.1%}")
    out.print(f"  overhead of a frame: {overhead['p50']:.2f} ms p50, {overhead['p99']:.2f} ms p99")
    out.print(f"  turns: {','.join(map(str, report['alternation']['first'][:16]))}…")
    for kill in report.get("kills", []):
        out.print(f"  {kill['name']} killed: noticed after {kill['noticed_ms']} ms")
    if args.kill_every:
        out.print(f"  longest gap between new frames: {report['interval_ms']['max']:.1f} ms")
    if args.json:
        args.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        out.print(f"  report: [bold]{args.json}[/]")
    return 0


class _Killer:
    """A watcher that kills one worker after the other and looks up when the engine noticed."""

    def __init__(self, inner: Watcher, every_s: float, workers: int) -> None:
        self._inner = inner
        self._every_s = every_s
        self._next_s = every_s
        self._turns = itertools.cycle(range(workers))
        self._clock = MonotonicClock()
        self._kills: list[tuple[str, int]] = []
        self._lost: dict[str, set[int]] = {}

    def starting(self, what: str, share: float) -> None:
        """Pass it on."""
        self._inner.starting(what, share)

    def problem(self, text: str) -> None:
        """Pass it on."""
        self._inner.problem(text)

    def running(self, seconds: float, figures: dict[str, Any]) -> None:
        """Kill the next one when its time has come, if it is there."""
        self._inner.running(seconds, figures)
        for worker in figures.get("workers", []):
            self._lost.setdefault(worker["name"], set()).add(worker["last_lost_ns"])
        if seconds < self._next_s:
            return
        import psutil

        self._next_s += self._every_s
        name = f"mfx-worker-{next(self._turns)}"
        for process in psutil.Process().children(recursive=True):
            if process.name() == name:
                self._kills.append((name.removeprefix("mfx-"), self._clock.now_ns()))
                process.kill()

    def results(self) -> list[dict[str, Any]]:
        """Return for each kill how long the engine took to notice, in milliseconds."""
        results = []
        for name, t_ns in self._kills:
            after = [lost_ns - t_ns for lost_ns in self._lost.get(name, ()) if lost_ns >= t_ns]
            results.append({"name": name, "noticed_ms": round(min(after) / MS, 3) if after else None})
        return results


def _compared(report: dict[str, Any], args: argparse.Namespace) -> dict[str, Any]:
    """Put the ideal and the pool's overhead in front of the report."""
    ideal = min(args.workers * 1000 / args.service_ms, args.camera_fps)
    overheads = [worker["overhead_ms"] for worker in report["workers"] if worker["frames"]]
    worst = {name: max((o[name] for o in overheads), default=0.0) for name in ("p50", "p99")}
    return {"ideal_fps": round(ideal, 3), "overhead_ms": worst, **report}
