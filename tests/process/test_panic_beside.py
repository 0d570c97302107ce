"""Panic keys past the engine on a real mirror without a screen: looked at through the monitor, as a phone does."""

from __future__ import annotations

import signal

import cv2
import numpy as np
import pytest

from mirrorfx.clock import MonotonicClock
from mirrorfx.control.client import ControlClient
from mirrorfx.control.pictures import PROGRAM, PictureClient
from mirrorfx.mirror import Mirror

from .beside import Beside, have_all_go_on, until
from .conftest import SMALL, family

pytestmark = pytest.mark.process

LIMIT_S = 30.0
BLACK = 2


class Phone:
    """Knows how bright the wall's newest pictures were, and what the monitor says is on."""

    def __init__(self, url):
        self.greys = []
        self.panic = {}
        self.errors = []
        self._client = PictureClient(url, self._see, on_panic=self._hear)
        self._client.want({PROGRAM: 5})
        self._client.start()

    def _see(self, _kind, jpeg):
        self.greys.append(float(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE).mean()))

    def _hear(self, said):
        if "error" in said:
            self.errors.append(said["error"])
        self.panic = said

    def press(self, what, *, on):
        self._client.press(what, on=on)

    def __str__(self):
        return f"{self.greys[-5:]}, {self.panic}, {self.errors}"

    def until(self, check):
        until(lambda: check(self), self, LIMIT_S)

    def sees(self, check, number=3):
        """Wait for so many new pictures in a row that `check` says yes to."""
        before = len(self.greys)
        self.until(lambda phone: len(phone.greys) >= before + number and all(map(check, phone.greys[-number:])))

    def close(self):
        self._client.close()


def kill_wall(phone):
    """Kill it and wait for the next one."""
    killed = family()["mfx-wall"]
    killed.kill()
    phone.until(lambda _: family().get("mfx-wall", killed).pid != killed.pid)


def is_black(grey):
    return grey < BLACK


def is_bright(grey):
    return grey > 10 * BLACK


class Visit(Beside):
    """Gives the script a phone."""

    def play(self):
        phone = Phone(self.settings.monitor_url)
        try:
            self.script(phone)
        finally:
            phone.close()
            have_all_go_on()
            with ControlClient(self.settings.control_url) as client:
                client.ask("stop")

    def run(self, **settings):
        self.accompany(
            Mirror(
                clock=MonotonicClock(),
                **{"source": "pattern:60", "effect": "sleep", **SMALL, "control_port": 0, "seconds": 60.0, **settings},
            )
        )
        assert not family()


def test_a_phone_switches_all_keys_while_the_engine_stands_still():
    def script(phone):
        phone.sees(is_bright)
        family()["mfx-engine"].send_signal(signal.SIGSTOP)
        phone.press("blackout", on=True)
        phone.until(lambda phone: phone.panic["seen"] == "blackout")
        phone.sees(is_black)
        phone.press("bypass", on=True)
        phone.until(lambda phone: phone.panic["below"] == "bypass")
        phone.sees(is_black)
        phone.press("blackout", on=False)
        phone.sees(is_bright)
        assert phone.panic["seen"] == "bypass"
        assert phone.errors == ["", "", ""]

    Visit(script).run()


def test_a_wall_that_is_killed_while_black_comes_back_black():
    def script(phone):
        phone.sees(is_bright)
        phone.press("blackout", on=True)
        phone.sees(is_black)
        for _ in range(2):
            before = len(phone.greys)
            kill_wall(phone)
            phone.sees(is_black, 5)
            assert all(map(is_black, phone.greys[before:])), "and never shows anything else"
        phone.press("blackout", on=False)
        phone.sees(is_bright)
        assert phone.panic["seen"] is None

    Visit(script).run()


def test_a_locked_bypass_is_refused_and_the_others_are_not():
    def script(phone):
        phone.sees(is_bright)
        family()["mfx-engine"].send_signal(signal.SIGSTOP)
        phone.press("bypass", on=True)
        phone.until(lambda phone: phone.errors)
        assert "--allow-bypass" in phone.errors[0]
        assert phone.panic["seen"] is None
        phone.press("blackout", on=True)
        phone.sees(is_black)

    Visit(script).run(allow_bypass=False)
