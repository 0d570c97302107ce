"""Panic keys on a real wall window, by real key presses and from beside, while workers and engine stand still."""

from __future__ import annotations

import mmap
import os
import shutil
import signal
import struct
import subprocess
import time

import numpy as np
import pytest

from mirrorfx.clock import MonotonicClock
from mirrorfx.control.pictures import PictureClient
from mirrorfx.mirror import Mirror
from mirrorfx.processes.launcher import Launcher

from .beside import Beside, have_all_go_on
from .conftest import SMALL, family

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not (shutil.which("Xvfb") and shutil.which("xdotool")), reason="needs Xvfb and xdotool"),
]

WIDTH, HEIGHT = 640, 480
LIMIT_S = 0.05
BESIDE_LIMIT_S = 10 * LIMIT_S


class Screen:
    """An X server of its own, whose pixels lie in a mapped file, and a keyboard."""

    def __init__(self, folder):
        reading, writing = (subprocess.PIPE,) * 2
        self._server = subprocess.Popen(
            [
                "Xvfb",
                "-displayfd",
                "1",
                "-screen",
                "0",
                f"{WIDTH}x{HEIGHT}x24",
                "-fbdir",
                str(folder),
                "-nolisten",
                "tcp",
            ],
            stdout=reading,
            stderr=subprocess.DEVNULL,
        )
        self.name = f":{self._server.stdout.readline().decode().strip()}"
        path = folder / "Xvfb_screen0"
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        head = struct.unpack(">25I", self._map[:100])
        offset, stride = head[0] + 12 * head[19], head[12]
        self._pixels = np.frombuffer(self._map, np.uint8, stride * HEIGHT, offset).reshape(HEIGHT, stride)
        self._env = {"DISPLAY": self.name, "PATH": os.environ["PATH"]}
        self._keys = subprocess.Popen(["xdotool", "-"], stdin=writing, env=self._env)

    def middle(self):
        """Return a copy of the pixels in the middle, BGRX."""
        return self._pixels[140:340, 4 * 220 : 4 * 420].reshape(200, 200, 4).copy()

    def dark(self):
        return not self.middle()[..., :3].any()

    def do(self, script):
        self._keys.stdin.write(script.encode() + b"\n")
        self._keys.stdin.flush()

    def wait_for_wall(self):
        """Wait until it is there and the keyboard speaks to it; the mouse's pointer, which is no black, goes aside."""
        self.do("mousemove 0 0")
        self.until(lambda: not self.dark())
        asked = ["xdotool", "getwindowfocus", "getwindowname"]
        self.until(lambda: b"MirrorFX" in subprocess.run(asked, env=self._env, capture_output=True, check=False).stdout)

    def until(self, check, limit_s=8.0):
        """Wait until `check` holds; return how long that took, in seconds."""
        start = time.perf_counter()
        while not check():
            assert time.perf_counter() < start + limit_s, "it never came"
            time.sleep(0.0005)
        return time.perf_counter() - start

    def close(self):
        self._keys.communicate(timeout=5)
        self._server.terminate()
        self._server.communicate(timeout=5)


@pytest.fixture
def screen(tmp_path, monkeypatch):
    made = Screen(tmp_path)
    monkeypatch.setenv("DISPLAY", made.name)
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    monkeypatch.setenv("MIRRORFX_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("MIRRORFX_STATE_DIR", str(tmp_path / "state"))
    yield made
    made.close()


class Script(Beside):
    """Plays a script beside a launcher, which ends even while the engine stands still."""

    launcher = None

    def play(self):
        try:
            self.script()
        finally:
            have_all_go_on()
            self.launcher.stop()


@pytest.fixture
def play(screen):
    def run(script, **more):
        settings = {"source": "pattern:60", "effect": "passthrough", **SMALL, "screen": "wall", "fullscreen": ""} | more
        player = Script(script)
        run.player = player
        player.launcher = Launcher(Mirror(**settings, seconds=60.0).settings, MonotonicClock(), player)
        player.launcher.run()
        player.finish()

    return run


def presses(screen, times=3, press=None):
    """Press BLACKOUT some times; return how long black took each time."""
    press = press or (lambda _on: screen.do("key b"))
    took = []
    for _ in range(times):
        screen.until(lambda: not screen.dark())
        time.sleep(1.2)  # a second's flashes are over: this is about the key, not about the guard
        press(True)
        took.append(screen.until(screen.dark))
        press(False)
    screen.until(lambda: not screen.dark())
    return took


def stop(*names):
    for name, process in family().items():
        if name.startswith(names):
            process.send_signal(signal.SIGSTOP)


def test_blackout_comes_within_50_ms_whoever_stands_still(screen, play, capsys):
    took = {}

    def script():
        screen.wait_for_wall()
        took["all running"] = presses(screen)
        stop("mfx-worker")
        took["workers stopped"] = presses(screen)
        stop("mfx-worker", "mfx-engine")
        took["engine stopped"] = presses(screen)

    play(script)
    with capsys.disabled():
        print({who: [f"{1000 * t:.0f} ms" for t in times] for who, times in took.items()})
    for who, times in took.items():
        assert min(times) < LIMIT_S, (who, times)


def test_freeze_and_bypass_work_while_the_engine_stands_still(screen, play):
    def moves(seconds):
        before = screen.middle()
        time.sleep(seconds)
        return not np.array_equal(before, screen.middle())

    def script():
        screen.wait_for_wall()
        screen.until(lambda: moves(0.1))
        screen.do("key f")
        time.sleep(0.3)
        assert not moves(0.5), "frozen"
        screen.do("key f")
        screen.until(lambda: moves(0.1))
        stop("mfx-engine")
        time.sleep(1.2)  # a picture that the flash guard held back comes within a second; after two the calm scene does
        assert not moves(0.4), "without an engine there is nothing new"
        screen.do("key y")
        screen.until(lambda: moves(0.1), 1.0)
        for _ in range(20):
            assert moves(0.1), "the camera's own picture goes on"
        screen.do("key s")
        screen.until(lambda: screen.middle()[..., :3].max() < 110, 0.5)

    play(script)


def test_blackout_from_a_phone_or_the_desk_comes_while_the_engine_stands_still(screen, play, capsys):
    took = {}

    def script():
        client = PictureClient(play.player.launcher.settings.monitor_url, lambda _kind, _jpeg: None)
        client.start()
        try:
            screen.wait_for_wall()
            took["all running"] = presses(screen, press=lambda on: client.press("blackout", on=on))
            stop("mfx-worker", "mfx-engine")
            took["engine stopped"] = presses(screen, press=lambda on: client.press("blackout", on=on))
        finally:
            client.close()

    play(script, control_port=0)
    with capsys.disabled():
        print({who: [f"{1000 * t:.0f} ms" for t in times] for who, times in took.items()})
    for who, times in took.items():
        assert min(times) < BESIDE_LIMIT_S, (who, times)
