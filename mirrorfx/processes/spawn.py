"""Starting processes, naming them, and making sure that none outlives its parent."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gc
import importlib
import logging
import multiprocessing
import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import MonotonicClock
from mirrorfx.processes.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

__all__ = ["CLOCK", "Child", "Ending", "cpu_time_s", "enter_child", "pipe", "spare_the_start", "spawn"]

_PR_SET_NAME, _PR_SET_PDEATHSIG = 15, 1
_JOIN_NS = 2_000_000_000
_NICEST = 19
_BLAS_THREADS = "OPENBLAS_NUM_THREADS"
_context = multiprocessing.get_context("spawn")


def pipe() -> tuple[Connection, Connection]:
    """Return the two ends of a new channel."""
    return _context.Pipe(duplex=True)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended."""

    name: str
    code: int | None

    @property
    def was_successful(self) -> bool:
        """Whether it ended by itself with code 0."""
        return self.code == 0

    def __str__(self) -> str:
        if self.code is None:
            return f"{self.name} did not end"
        if self.code >= 0:
            return f"{self.name} ended with code {self.code}"
        try:
            return f"{self.name} was ended by {signal.Signals(-self.code).name}"
        except ValueError:
            return f"{self.name} was ended by signal {-self.code}"


class Child:
    """A spawned process and the channel to it."""

    def __init__(self, name: str, process: SpawnProcess, channel: Channel) -> None:
        self.name = name
        self.channel = channel
        self._process = process

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid or 0

    @property
    def sentinel(self) -> int:
        """Becomes ready when the process has ended; to be given to a `Poller`."""
        return self._process.sentinel

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.is_alive()

    def kill(self) -> None:
        """End it at once (SIGKILL): also works on a stopped one."""
        with contextlib.suppress(OSError, AttributeError):
            self._process.kill()

    def join(self, timeout_ns: int = _JOIN_NS) -> Ending:
        """Wait for its end, at most `timeout_ns`."""
        self._process.join(timeout_ns / 1e9)
        return Ending(self.name, self._process.exitcode)

    def end(self, timeout_ns: int = _JOIN_NS) -> Ending:
        """Wait for its end, then kill it; close the channel. Safe to call twice."""
        ending = self.join(timeout_ns)
        if ending.code is None:
            self.kill()
            ending = self.join()
        self.channel.close()
        return ending


def spawn(name: str, target: Callable[..., None], *args: Any, niceness: int = 0, blas_threads: int | None = 1) -> Child:
    """Start ``target(connection, *args)`` in a new process called ``mfx-<name>``.

    Call it from a thread that lives as long as the child must: on Linux the child dies with that thread.

    Args:
        name: what it is called, after ``mfx-``.
        target: what it runs.
        args: what `target` takes besides its end of the channel.
        niceness: by how much it steps back, from its first moment on, behind this process where cores are scarce.
        blas_threads: how many threads NumPy's linear algebra may have in it; they spin. None leaves that to whoever
            started the mirror, whose ``OPENBLAS_NUM_THREADS`` wins in any case.
    """
    ours, theirs = pipe()
    variables = {} if blas_threads is None or _BLAS_THREADS in os.environ else {_BLAS_THREADS: str(blas_threads)}
    process = _context.Process(
        target=_run, args=(name, os.getpid(), tuple(variables), target, theirs, *args), name=f"mfx-{name}"
    )
    os.environ.update(variables)
    try:
        process.start()
    finally:
        _forget(variables)
    if niceness and process.pid:
        _step_back(process.pid, niceness)
    theirs.close()
    return Child(f"mfx-{name}", process, Channel(ours))


def _step_back(pid: int, niceness: int) -> None:
    import psutil

    with contextlib.suppress(psutil.Error):  # it is gone already, which its parent will see
        process = psutil.Process(pid)
        if sys.platform == "win32":
            process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            process.nice(min(psutil.Process().nice() + niceness, _NICEST))


def enter_child(name: str, parent: int) -> None:
    """Make this process a well-behaved child: named, mortal, deaf to Ctrl-C (the launcher hears it)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    logging.basicConfig(
        level=os.environ.get("MIRRORFX_LOG", "WARNING").upper(),
        format=f"%(asctime)s mfx-{name} %(levelname)s %(message)s",
    )
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_NAME, f"mfx-{name}".encode()[:15], 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def _forget(variables: Iterable[str]) -> None:
    for variable in variables:
        os.environ.pop(variable, None)


def _run(
    name: str,
    parent: int,
    variables: tuple[str, ...],
    target: Callable[..., None],
    connection: Connection,
    *args: Any,
) -> None:
    enter_child(name, parent)
    if variables:
        importlib.import_module("numpy")  # which reads them
        _forget(variables)  # they are for this process, not for its children
    target(connection, *args)


def spare_the_start() -> None:
    """Have the garbage collector pass over all that the process has made so far, which stays as long as it does.

    To be called before a loop that must keep its beat: a look at all modules and windows takes 10 to 35 ms (machine A),
    and comes at any moment.
    """
    gc.collect()
    gc.freeze()


def cpu_time_s() -> float:
    """Return the CPU seconds that this process has used."""
    times = os.times()
    return times.user + times.system


CLOCK = MonotonicClock()
"""The machine's clock, for process mains; everything below them takes a clock as an argument."""
