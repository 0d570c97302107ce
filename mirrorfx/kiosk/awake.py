"""Keeping the display awake: no screensaver, no DPMS, asserted again every minute."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Awake", "Desktop", "Inhibits", "XServer"]

_EVERY_S = 60.0
_ANSWER_S = 5.0


class Inhibits(Protocol):
    """A way to keep a display awake."""

    name: str

    def insist(self) -> str:
        """Ask again, whoever has asked for something else meanwhile; return why it failed, empty when it did not."""

    def let_go(self) -> None:
        """Take it back."""


class Desktop:
    """Asks the desktop (GNOME's session, org.freedesktop.ScreenSaver, Windows, macOS) by way of wakepy."""

    name = "desktop"

    def __init__(self) -> None:
        self._mode: Any = None

    def insist(self) -> str:
        """Let go and ask anew: a desktop that was restarted has forgotten."""
        from wakepy import keep

        self.let_go()
        mode = keep.presenting(on_fail="pass")
        mode.__enter__()
        self._mode = mode
        if mode.active:
            self.name = f"desktop ({mode.method})"
            return ""
        self.let_go()
        return "no desktop here inhibits its screensaver"

    def let_go(self) -> None:
        """Take it back. Safe to call twice."""
        mode, self._mode = self._mode, None
        if mode is not None:
            mode.__exit__(None, None, None)


class XServer:
    """Tells the X server itself, by ``xset``: what a bare X session without a desktop needs."""

    name = "xset"

    @property
    def why_not(self) -> str:
        """Return why it can't be told anything here; empty when it can."""
        if not os.environ.get("DISPLAY"):
            return "no X display"
        return "" if shutil.which("xset") else "xset is not installed (sudo apt-get install -y x11-xserver-utils)"

    def insist(self) -> str:
        """Switch its screensaver, its blanking and DPMS off.

        DPMS by a call of its own: where the server has none, xset ends there, and what came before isn't done either.
        """
        reason = self._xset("s", "off", "s", "noblank")
        self._xset("-dpms")
        return reason

    def let_go(self) -> None:
        """Go back to the server's defaults."""
        self._xset("s", "default")
        self._xset("+dpms")

    def _xset(self, *words: str) -> str:
        if self.why_not:
            return self.why_not
        command = ["xset", *words]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_ANSWER_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"xset: {error}"
        return f"xset: {done.stderr.strip()}" if done.returncode else ""


class Awake:
    """Insists once a minute, in a thread of its own, since a desktop may take seconds to answer.

    One way that works is enough. Failing is no reason to end a show: `state` says so.

    Args:
        ways: all of them are tried each time.
        every_s: seconds between.
    """

    def __init__(self, ways: Sequence[Inhibits] = (), every_s: float = _EVERY_S) -> None:
        self._ways = tuple(ways) or (Desktop(), XServer())
        self._every_s = every_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mfx-awake", daemon=True)
        self._state: dict[str, Any] | None = None

    @property
    def state(self) -> dict[str, Any] | None:
        """``{"ok": bool, "how": [names], "reasons": [sentences]}``; None before the first answer. Threads: any."""
        return self._state

    def start(self) -> None:
        """Begin to insist."""
        self._thread.start()

    def close(self) -> None:
        """Let the display sleep again. Safe to call twice."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(_ANSWER_S)

    def _run(self) -> None:
        while not self._end.is_set():
            answers = [(way, _insisted(way)) for way in self._ways]
            how = [way.name for way, reason in answers if not reason]
            self._state = {"ok": bool(how), "how": how, "reasons": [reason for _, reason in answers if reason]}
            self._end.wait(self._every_s)
        for way in self._ways:
            way.let_go()


def _insisted(way: Inhibits) -> str:
    try:
        return way.insist()
    except Exception as error:  # noqa: BLE001  a library that fails here must not end the show
        return f"{way.name}: {type(error).__name__}: {error}"
