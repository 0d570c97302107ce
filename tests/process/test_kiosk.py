"""A kiosk's mirror with real processes: the watchdog, opening hours, giving up so that it is started afresh."""

from __future__ import annotations

import signal
import socket
import threading
import time
from datetime import datetime, timedelta

import pytest

from mirrorfx.clock import SECOND, MonotonicClock
from mirrorfx.control.client import ControlClient
from mirrorfx.errors import ControlError, ProcessFailed
from mirrorfx.kiosk import KioskSettings, service
from mirrorfx.mirror import Mirror
from mirrorfx.processes.launcher import Launcher
from mirrorfx.processes.settings import MirrorSettings
from mirrorfx.processes.stations import StationState

from .conftest import family
from .test_control import operate  # noqa: F401  a fixture

pytestmark = pytest.mark.process


class Listener:
    """A service manager, and a watcher: it stops a process once the watchdog is fed, and has it go on later.

    It ends the mirror when the watchdog is fed again. What is heard is sorted by when.
    """

    def __init__(self, path, victim, fresh_s):
        self.heard = {"before": [], "stopped": [], "after": []}
        self.problems = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self._victim, self._fresh_s = victim, fresh_s
        self._process = None
        self._stopped_s = 0.0
        self._gone_on = False

    def starting(self, what, share):
        """Not yet."""

    def problem(self, text):
        self.problems.append(text)

    def running(self, seconds, figures):
        if self._process is None:
            self.listen("before")
            if "WATCHDOG=1" in self.heard["before"]:
                self._process, self._stopped_s = family()[self._victim], seconds
                self._process.send_signal(signal.SIGSTOP)
        elif seconds < self._stopped_s + self._fresh_s + 1:
            self.listen("before")  # its last sign of life counts for a while
        elif seconds < self._stopped_s + self._fresh_s + 4:
            self.listen("stopped")
        elif not self._gone_on:
            self._gone_on = True
            self._process.send_signal(signal.SIGCONT)
        else:
            self.listen("after")
            if "WATCHDOG=1" in self.heard["after"]:
                signal.raise_signal(signal.SIGTERM)

    def listen(self, when):
        while True:
            try:
                self.heard[when] += self._socket.recv(1000).decode().splitlines()
            except BlockingIOError:
                return

    def close(self):
        self.listen("after")
        self._socket.close()


def test_the_watchdog_starves_while_the_engine_hangs(run_mirror, tmp_path, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setattr(service, "_FRESH_NS", 3 * SECOND)
    listener = Listener(tmp_path / "notify", "mfx-engine", fresh_s=3)
    try:
        run_mirror(listener, seconds=60.0)
    finally:
        listener.close()
    assert "READY=1" in listener.heard["before"]
    assert listener.heard["stopped"] == []
    assert "WATCHDOG=1" in listener.heard["after"]
    assert listener.heard["after"][-1] == "STOPPING=1"


def now_and_later(client, ready):
    """Ask until `ready` holds of the opening."""
    deadline = time.monotonic() + 40
    while True:
        opening = client.ask("hello")["state"]["opening"]
        if ready(opening):
            return opening
        assert time.monotonic() < deadline, opening
        time.sleep(0.05)


def frames(events, name, least=0):
    """Return a count of frames in the newest figures, once it is at least `least`."""
    deadline = time.monotonic() + 40
    while True:
        figures = [event.data for event in list(events) if event.event == "figures"]
        if figures and figures[-1]["frames"][name] >= least:
            return figures[-1]["frames"][name]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_closed_the_camera_is_off_and_nothing_is_painted(operate):  # noqa: F811
    def script(client, events):
        frames(events, "shown", 20)
        client.ask("opening", open=False)
        now_and_later(client, lambda opening: opening["resting"])
        deadline = time.monotonic() + 20
        while "mfx-camera" in family():
            assert time.monotonic() < deadline
        at_rest = frames(events, "dispatched")
        seen = len(events)
        while len([e for e in events[seen:] if e.event == "figures"]) < 3:
            time.sleep(0.05)
        assert frames(events, "dispatched") == at_rest
        assert "mfx-worker-0" in family(), "warm for the opening"
        client.ask("opening", open=True)
        frames(events, "dispatched", at_rest + 20)
        assert "mfx-camera" in family()
        figures = [e.data for e in events if e.event == "figures"][-1]
        assert figures["camera"]["state"] == "open"
        assert [w["restarts"] for w in figures["workers"]] == [0, 0]
        assert figures["camera"]["restarts"] == 0

    operate(script)


def test_whether_the_display_is_kept_awake_is_among_the_figures(operate):  # noqa: F811
    def script(client, events):
        deadline = time.monotonic() + 40
        while not [e for e in list(events) if e.event == "figures" and e.data["awake"]]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        awake = [e.data["awake"] for e in events if e.event == "figures"][-1]
        assert awake["ok"] is bool(awake["how"])
        with pytest.raises(ControlError, match="allow-bypass"):
            client.ask("panic", what="bypass", on=True)

    operate(script, kiosk=KioskSettings(), allow_bypass=False)


class Said:
    """Collects what the start was busy with."""

    def __init__(self):
        self.starts = []

    def starting(self, what, share):
        self.starts.append(what)

    def running(self, seconds, figures):
        """Nothing to see."""

    def problem(self, text):
        """Nothing to see."""


def test_a_mirror_that_starts_while_closed_waits_in_the_dark():
    tomorrow = (datetime.now().astimezone() + timedelta(days=2)).strftime("%a").lower()

    def script(client, events):
        opening = now_and_later(client, lambda opening: opening["resting"])
        assert opening["until"].endswith("10:00")
        client.ask("opening", open=True)
        assert frames(events, "shown", 5) >= 5

    mirror = Mirror(
        source="pattern:30",
        effect="passthrough",
        size=(256, 256),
        workers=1,
        control_port=0,
        hours=f"{tomorrow} 10:00-18:00",
    )
    errors = []

    def visit():
        deadline = time.monotonic() + 40
        while True:
            try:
                events = []
                with ControlClient(mirror.settings.control_url, events.append) as client:
                    script(client, events)
                    client.ask("stop")
                return
            except ControlError as error:
                if time.monotonic() > deadline:
                    errors.append(error)
                    return
                time.sleep(0.2)
            except BaseException as error:  # noqa: BLE001  raised again below
                errors.append(error)
                launcher.stop()
                return

    said = Said()
    launcher = Launcher(mirror.settings, MonotonicClock(), said)
    visitor = threading.Thread(target=visit)
    visitor.start()
    launcher.run()
    visitor.join(30)
    assert not errors, errors
    assert [what for what in said.starts if what.startswith("closed until") and what.endswith("10:00")]


def test_it_gives_up_when_nobody_can_paint_any_more():
    launcher = Launcher(MirrorSettings(kiosk=KioskSettings()), MonotonicClock())
    try:
        quarantined = {"state": str(StationState.QUARANTINED), "reason": "CUDA is gone"}
        launcher._figures = {"workers": [quarantined, {"state": "ready", "reason": ""}]}
        launcher._mind_kiosk()
        launcher._figures = {"workers": [quarantined, quarantined]}
        with pytest.raises(ProcessFailed, match="CUDA is gone"):
            launcher._mind_kiosk()
    finally:
        launcher._end()
