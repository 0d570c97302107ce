"""Scripts that run beside a real mirror, and how they wait for what they look for."""

from __future__ import annotations

import signal
import threading
import time

from mirrorfx.control.client import ControlClient
from tests.family import family


class Beside:
    """A watcher that plays a script in a thread of its own once there is a picture.

    Subclasses say in `play` what the script is given and how the mirror ends after it.
    """

    def __init__(self, script):
        self.script = script
        self.settings = None
        self.problems = []
        self._thread = None
        self._error = None

    def play(self):
        """Call the script, then have the mirror end, whatever happened."""
        raise NotImplementedError

    def starting(self, what, share):
        """The picture is awaited."""

    def running(self, seconds, figures):
        if self._thread is None:
            self._thread = threading.Thread(target=self._run)
            self._thread.start()

    def problem(self, text):
        self.problems.append(text)

    def accompany(self, mirror):
        """Run the mirror to its end; return the outcome."""
        self.settings = mirror.settings
        outcome = mirror.run(self)
        self.finish()
        return outcome

    def finish(self):
        """Wait for the script's end; raise what it raised."""
        assert self._thread, "there was never a picture"
        self._thread.join(30)
        if self._error:
            raise self._error

    def _run(self):
        try:
            self.play()
        except BaseException as error:  # noqa: BLE001  raised again in the test's own thread
            self._error = error


class Operator(Beside):
    """Gives the script a client of the engine and the list of the events it hears."""

    def play(self):
        events = []
        with ControlClient(self.settings.control_url, events.append) as client:
            try:
                self.script(client, events)
            finally:
                client.ask("stop")


def have_all_go_on():
    """Let those processes of the mirror run that a script stopped."""
    for process in family().values():
        process.send_signal(signal.SIGCONT)


def until(check, what, limit_s=20.0):
    """Wait until `check` holds; `what` says what never came, in words or by its `str` at that time."""
    end = time.monotonic() + limit_s
    while not check():
        assert time.monotonic() < end, f"never came true: {what}"
        time.sleep(0.05)
