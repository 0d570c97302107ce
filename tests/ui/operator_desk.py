"""An operator at a real mirror: eyes on an X server's memory, a mouse and a keyboard by xdotool."""

from __future__ import annotations

import mmap
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
from x_monitors import Monitors

from mirrorfx.control.client import ControlClient

WIDTH, HEIGHT = 1600, 1000
DESK = (1280, 1000)
WALL_AT, WALL_PX = (1310, 20), 256
ACCENT, LINE, CARD = ("efb366", "2b3039", "21252c")
NEXT, BLACKOUT_ON = ("8cc4ff", "7d2a22")
PATIENCE_S = 90.0
"""Until something that was asked for counts as not coming; a loaded machine takes long, and a sound one stops early."""


def until(check, what, limit_s=PATIENCE_S):
    """Wait until `check` gives something true; return it."""
    end = time.monotonic() + limit_s
    while not (found := check()):
        assert time.monotonic() < end, f"it never came: {what}"
        time.sleep(0.02)
    return found


class Screen:
    """An X server of its own, whose pixels lie in a mapped file."""

    def __init__(self, folder):
        size = f"{WIDTH}x{HEIGHT}x24"
        command = ["Xvfb", "-displayfd", "1", "-screen", "0", size, "-fbdir", str(folder), "-nolisten", "tcp"]
        self._server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.env = os.environ | {"DISPLAY": f":{self._server.stdout.readline().decode().strip()}"}
        with (folder / "Xvfb_screen0").open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        head = struct.unpack(">25I", self._map[:100])
        offset, stride = head[0] + 12 * head[19], head[12]
        rows = np.frombuffer(self._map, np.uint8, stride * HEIGHT, offset).reshape(HEIGHT, stride)
        self._bgrx = rows[:, : 4 * WIDTH].reshape(HEIGHT, WIDTH, 4)

    def close(self):
        self._server.terminate()
        self._server.communicate(timeout=10)

    def do(self, *words):
        """Have xdotool do something; return what it says."""
        command = ["xdotool", *map(str, words)]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, check=False, timeout=30).stdout

    def wall(self):
        """Return the wall's picture, RGB."""
        (x, y), size = WALL_AT, WALL_PX
        return self._bgrx[y : y + size, x : x + size, 2::-1].copy()

    def is_colour(self, colour):
        """Return where the desk has exactly that colour."""
        wanted = np.frombuffer(bytes.fromhex(colour), np.uint8)
        return (self._bgrx[: DESK[1], : DESK[0], 2::-1] == wanted).all(axis=2)

    def has_much_of(self, colour):
        """Say whether the desk has a button filled with that colour."""
        return self.is_colour(colour).sum() > 4000

    def find_fader(self):
        """Return (x, y) of the handle of the uppermost fader: where its thick accented line ends; None without one."""
        there = self.is_colour(ACCENT)
        there[:, :350] = there[:, 880:] = False
        thick = there[:-4] & there[1:-3] & there[2:-2] & there[3:-1] & there[4:]
        for y in np.flatnonzero(thick.sum(axis=1) >= 20):
            xs = np.flatnonzero(thick[y])
            if xs[-1] - xs[0] == xs.size - 1:  # one piece, as no letters are
                return int(xs[-1]), int(y) + 2
        return None

    def find_first_button_of_banner(self):
        """Return the middle of the left button of the card on top; None without one."""
        card = self.is_colour(CARD)[:200].sum(axis=1) > DESK[0] * 0.6
        if not card.any():
            return None
        y = int(np.flatnonzero(card).mean())
        xs = np.flatnonzero(self.is_colour(LINE)[y])
        return (int(xs[:2].mean()), y) if xs.size >= 4 else None


class Operated:
    """A mirror with wall and desk on `screen`, started as a user starts it, and a client that hears its state."""

    def __init__(self, screen, folder, *options):
        self.screen = screen
        self.state, self.figures = {}, []
        self._log = folder / "run.log"
        folders = {f"MIRRORFX_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "STATE", "CACHE", "DATA")}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "mirrorfx", "run", "--source", "pattern:30", "--effect", "paint"]
        command += ["--size", "256", "--workers", "1", "--control-port", str(port), *options]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env=screen.env | folders | {"QT_QPA_PLATFORM": "xcb", "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._family = [psutil.Process(self._process.pid)]
        self._client = None
        self._first_state = threading.Event()

    def wait_until_ready(self):
        """Wait for picture, desk and workers, and put the windows side by side."""
        url = until(lambda: re.search(r"ws://\S+", self.said()), "the engine's address")[0]
        self._client = ControlClient(url, self._heard)
        self._client.start()
        until(lambda: self.figures and self.figures[-1].get("frames", {}).get("shown"), "the first painted picture")
        self.desk, self.wall = (self._window(name) for name in ("desk", "wall"))
        self.screen.do("windowmove", self.desk, 0, 0, "windowsize", self.desk, *DESK)
        x, y = WALL_AT
        self.screen.do("windowsize", self.wall, WALL_PX, WALL_PX, "windowmove", self.wall, x, y)
        until(lambda: self.screen.wall().any(), "a picture on the wall")
        until(self.screen.find_fader, "the desk's faders")

    def said(self):
        return self._log.read_text(errors="replace")

    def values(self):
        return self.state["values"]

    def key(self, window, *keys):
        """Press keys in a window."""
        self.screen.do("windowfocus", "--sync", window, "key", "--clearmodifiers", *keys)

    def click(self, x, y):
        self.screen.do("windowfocus", "--sync", self.desk, "mousemove", x, y, "click", 1)

    def drag(self, start, to_x):
        """Drag from `start` along a line in small steps."""
        x, y = start
        moves = [word for at in np.linspace(x, to_x, 12) for word in ("mousemove", int(at), y, "sleep", "0.01")]
        self.screen.do("mousemove", x, y, "mousedown", 1, *moves, "mouseup", 1)

    def interrupt(self):
        """End it as Ctrl+C does; return the exit status."""
        self._note_family()
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(PATIENCE_S)

    def close_wall(self):
        """Close the wall's window as its title bar's cross does; return the exit status of the run."""
        self._note_family()
        connection = Monitors(self.screen.env["DISPLAY"])
        connection.ask_to_close(int(self.wall))
        connection.close()
        return self._process.wait(PATIENCE_S)

    def kill(self):
        """End all of it at once, as a power cut does."""
        self._hang_up()
        self._note_family()
        for process in self._family:
            process.kill()  # psutil minds that the number is still the same process's
        self._process.wait(PATIENCE_S)
        psutil.wait_procs(self._family, PATIENCE_S)

    def close(self):
        """Leave nothing behind; return what had to be killed."""
        self._hang_up()
        if self._process.poll() is None:
            self._note_family()
        _, left = psutil.wait_procs(self._family, 10.0 if self._process.poll() is not None else 0.0)
        for process in left:
            process.kill()
        if self._process.poll() is None:
            self._process.wait(10)
        return left

    def _hang_up(self):
        if self._client:
            self._client.close()

    def _note_family(self):
        self._family = [self._family[0], *self._family[0].children(recursive=True)]

    def _window(self, name):
        found = until(lambda: self.screen.do("search", "--onlyvisible", "--name", f"MirrorFX.*{name}").split(), name)
        return found[0]

    def _heard(self, event):
        if event.event == "state":
            self.state = event.data
        elif event.event == "figures":
            self.figures.append(event.data)
