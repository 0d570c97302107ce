"""Run a real mirror with a wall window and a desk, take another preset each second, and tell how busy both loops are.

On a machine without a screen::

    xvfb-run -s "-screen 0 2560x1440x24" python scripts/bench_windows.py --seconds 60

The wall's ticks are what its own figures count: from hearing the engine to having painted and told. The desk's figures
are how much later than asked a timer fires in its thread, 200 times a second: what a key or a drag would wait.
"""

from __future__ import annotations

import argparse
import itertools
import re
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import psutil
from PyQt6.QtCore import QObject, Qt, QTimer

from mirrorfx.clock import MS, MonotonicClock
from mirrorfx.pacing.loop_times import LoopTimes
from mirrorfx.processes import niceness
from mirrorfx_ui.application import make_application
from mirrorfx_ui.desk.bridge import Bridge
from mirrorfx_ui.desk.theme import apply_theme
from mirrorfx_ui.desk.window import DeskWindow

if TYPE_CHECKING:
    from collections.abc import Callable

_BEAT_MS = 5
_WARM_UP_MS = 10_000


class LoopWatch(QObject):
    """Measures how late this thread's event loop comes to a timer."""

    def __init__(self) -> None:
        super().__init__()
        self.times = LoopTimes()
        self._clock = MonotonicClock()
        self._due_ns = 0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._fired)

    def start(self) -> None:
        """Begin."""
        self._due_ns = self._clock.now_ns() + _BEAT_MS * MS
        self._timer.start(_BEAT_MS)

    def _fired(self) -> None:
        self.times.add(max(self._clock.now_ns() - self._due_ns, 0))
        self.start()


class Bench(QObject):
    """A desk on a mirror, and what is done with it."""

    def __init__(self, url: str, seconds: float, on_end: Callable[[], object]) -> None:
        super().__init__()
        self.bridge = Bridge(url)
        self.window = DeskWindow(self.bridge)
        self.watch = LoopWatch()
        self.switched = 0
        self._stolen_before_s = 0.0
        self._seconds = seconds
        self._on_end = on_end
        self._names: itertools.cycle[str] | None = None
        self._wall: dict[str, Counter[str]] = {}
        self._before: dict[str, Counter[str]] = {}
        self._switching = QTimer(self)
        self._switching.timeout.connect(self._switch)
        self.bridge.state_changed.connect(self._take_names)
        self.bridge.figures_changed.connect(self._take_figures)

    def start(self, size: tuple[int, int]) -> None:
        """Show the desk; once the mirror has warmed up it is measured."""
        self.window.resize(*size)
        self.window.show()
        self.bridge.start()

    def _take_figures(self, report: dict[str, Any]) -> None:
        if not report["frames"]["shown"]:
            return
        if not self._wall:
            QTimer.singleShot(_WARM_UP_MS, self._measure)
        self._wall = {name: Counter(report[name]["counts"]) for name in ("loop_ms", "loop_cpu_ms")}

    def _measure(self) -> None:
        self._before = self._wall
        self._stolen_before_s = _stolen_s()
        self._switching.start(1000)
        self.watch.start()
        QTimer.singleShot(round(1000 * self._seconds), self._on_end)

    def _take_names(self, state: dict[str, Any]) -> None:
        if self._names is None:
            self._names = itertools.cycle([preset["name"] for preset in state["presets"]])

    def _switch(self) -> None:
        if self._names:
            self.bridge.ask("preset", name=next(self._names))
            self.switched += 1

    def wall_counts(self, what: str) -> dict[str, int]:
        """Return the wall's ticks since the warm-up, by how long they took (``loop_ms``) or ran (``loop_cpu_ms``)."""
        return {name: count - self._before[what][name] for name, count in self._wall[what].items()}

    def stolen_s(self) -> float:
        """Return for how long a virtual machine's host let its processors wait since the warm-up."""
        return _stolen_s() - self._stolen_before_s


def main() -> int:
    """Run, print both histograms."""
    args = _arguments()
    app = make_application("mirrorfx-desk")
    apply_theme(app)
    alone = ("--no-desk", "--control-port", "0", "--restore", "never")  # nobody's session is read or written
    command = [sys.executable, "-m", "mirrorfx", "run", *alone, *args.run]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as mirror:
        psutil.Process().nice(niceness.DESK)  # as the mirror's own desk
        bench = Bench(_url(mirror), args.seconds, app.quit)
        width, _, height = args.desk.partition("x")
        bench.start((int(width), int(height)))
        app.exec()
        stolen_ms = 1000 * bench.stolen_s()
        bench.bridge.close()
        mirror.terminate()
        assert mirror.stdout is not None
        mirror.stdout.read()
    print(f"{args.seconds:g} s, {bench.switched} presets taken, desk {args.desk}, mirror: {' '.join(args.run)}")
    print(f"the host let this machine's processors wait for {stolen_ms:.0f} ms in all")
    _print("wall, ticks by how long they took", bench.wall_counts("loop_ms"))
    _print("wall, ticks by how much CPU time they took", bench.wall_counts("loop_cpu_ms"))
    _print("desk, how late its loop was", bench.watch.times.as_dict()["counts"])
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S")
    parser.add_argument("--desk", default="1280x800", metavar="WxH", help="size of the desk's window")
    parser.add_argument("run", nargs="*", metavar="ARG", help="options of `mirrorfx run`, after --")
    return parser.parse_args()


def _stolen_s() -> float:
    return float(getattr(psutil.cpu_times(), "steal", 0.0))


def _url(mirror: subprocess.Popen[str]) -> str:
    """Return where the engine listens, as the mirror prints it."""
    said = []
    assert mirror.stdout is not None
    for line in mirror.stdout:
        said.append(line)
        found = re.search(r"ws://\S+token=\S+", line)
        if found:
            return found.group()
    raise SystemExit("The mirror did not start:\n" + "".join(said))


def _print(title: str, counts: dict[str, int]) -> None:
    total = sum(counts.values()) or 1
    print(title)
    for name, count in counts.items():
        share = count / total
        print(f"  {name.replace('_', ' '):>8} ms  {count:6d}  {100 * share:6.2f} %  {'#' * round(50 * share)}")


if __name__ == "__main__":
    sys.exit(main())
