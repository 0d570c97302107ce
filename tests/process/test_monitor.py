"""The monitor beside a real mirror: pictures go on without the engine, and the mirror goes on without the monitor."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from contextlib import closing

import aiohttp
import cv2
import numpy as np
import psutil
import pytest

from mirrorfx.clock import MonotonicClock
from mirrorfx.control.client import ControlClient
from mirrorfx.mirror import Mirror
from mirrorfx.processes import niceness

from .beside import Beside
from .conftest import SMALL, family

pytestmark = pytest.mark.process

CLOCK = MonotonicClock()


class Onlooker:
    """Counts the pictures of each kind that come, in a thread of its own, and connects again by itself."""

    def __init__(self, url, want):
        self._url, self._want = url, want
        self.counts = dict.fromkeys("PIV", 0)
        self.connections = 0
        self.greys = {kind: [] for kind in "PIV"}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()

    async def _run(self):
        async with aiohttp.ClientSession() as session:
            while not self._ending.is_set():
                try:
                    async with await asyncio.wait_for(session.ws_connect(self._url), 2) as ws:
                        self.connections += 1
                        await ws.send_str(json.dumps({"want": self._want}))
                        await self._count(ws)
                except (aiohttp.ClientError, OSError, TimeoutError):
                    await asyncio.sleep(0.1)

    async def _count(self, ws):
        while not self._ending.is_set():
            try:
                message = await ws.receive(0.2)
            except TimeoutError:
                continue
            if message.type is not aiohttp.WSMsgType.BINARY:
                return
            kind = message.data[:1].decode()
            image = cv2.imdecode(np.frombuffer(message.data[1:], np.uint8), cv2.IMREAD_GRAYSCALE)
            self.greys[kind].append(round(float(image.mean())))
            self.counts[kind] += 1

    def more(self, kind, number=3, within_s=20):
        """Wait for so many more pictures of a kind; say whether they came."""
        goal, limit_ns = self.counts[kind] + number, CLOCK.now_ns() + within_s * 10**9
        while self.counts[kind] < goal and CLOCK.now_ns() < limit_ns:
            self._ending.wait(0.05)
        return self.counts[kind] >= goal

    def close(self):
        self._ending.set()
        self._thread.join(5)


class Visit(Beside):
    """Gives the script an onlooker and a client of the engine."""

    def play(self):
        with (
            closing(Onlooker(self.settings.monitor_url, {"P": 5, "I": 5, "V": 5})) as onlooker,
            ControlClient(self.settings.control_url) as client,
        ):
            try:
                self.script(onlooker, client)
            finally:
                client.ask("stop")

    def run(self, **settings):
        outcome = self.accompany(
            Mirror(clock=CLOCK, **{"source": "pattern:60", "effect": "sleep", **SMALL, "control_port": 0, **settings})
        )
        assert not family()
        return outcome


def steps_back(processes):
    """Return by how many steps each lets this process go first."""
    return {name: process.nice() - psutil.Process().nice() for name, process in processes.items()}


def test_program_and_input_can_be_looked_at_and_the_state_says_where():
    def script(onlooker, client):
        state = client.ask("hello")["state"]
        assert state["monitor_url"] == visit.settings.monitor_url
        assert onlooker.more("P")
        assert onlooker.more("I")
        assert steps_back(family()) == {
            "mfx-engine": 0,
            "mfx-wall": 0,
            "mfx-camera": 0,
            "mfx-worker-0": niceness.WORKER,
            "mfx-worker-1": niceness.WORKER,
            "mfx-monitor": niceness.ONLOOKER,
        }

    visit = Visit(script)
    visit.run()
    assert not visit.problems


def test_pictures_go_on_while_the_engine_stands_still():
    def script(onlooker, _client):
        assert onlooker.more("P", 1)
        engine = family()["mfx-engine"]
        engine.send_signal(signal.SIGSTOP)
        try:
            assert onlooker.more("P"), "what the wall shows"
            assert onlooker.more("I"), "and what the camera sees, though nobody takes its frames"
        finally:
            engine.send_signal(signal.SIGCONT)

    Visit(script).run()


def test_a_killed_monitor_comes_back_and_nobody_else_notices():
    def script(onlooker, _client):
        assert onlooker.more("P", 1)
        before = {name: process.pid for name, process in family().items()}
        family()["mfx-monitor"].kill()
        assert onlooker.more("P", 3)
        after = {name: process.pid for name, process in family().items()}
        assert after.pop("mfx-monitor") != before.pop("mfx-monitor")
        assert after == before
        assert onlooker.connections >= 2

    visit = Visit(script)
    outcome = visit.run()
    assert any("monitor" in problem for problem in visit.problems)
    assert outcome.report["freezes"] == 0
    assert all(worker["restarts"] == 0 for worker in outcome.report["workers"])


def test_a_monitor_that_hangs_costs_the_wall_nothing_and_ends_with_the_mirror():
    def script(onlooker, client):
        assert onlooker.more("P", 1)
        family()["mfx-monitor"].send_signal(signal.SIGSTOP)
        client.ask("hello")

    outcome = Visit(script).run()
    assert outcome.report["frames"]["shown"] > 0


def test_a_taken_port_is_a_problem_of_the_monitor_alone():
    import socket

    def script(_onlooker, client):
        limit_ns = CLOCK.now_ns() + 60 * 10**9
        while not any("--status-page" in problem for problem in visit.problems) and CLOCK.now_ns() < limit_ns:
            threading.Event().wait(0.05)
        assert client.ask("hello")["protocol"], "the engine goes on"

    visit = Visit(script)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        outcome = visit.run(status_port=taken.getsockname()[1])
    assert outcome.report["frames"]["shown"] > 0
    assert any("--status-page" in problem for problem in visit.problems)


GREY = """
from mirrorfx.clock import MS, MonotonicClock
from mirrorfx.effects.base import Effect

class Made(Effect):
    name = "grey"
    summary = "As bright as its strength, in 20 ms"

    def render(self, frame, params, out):
        clock = MonotonicClock()
        end_ns = clock.now_ns() + 20 * MS
        out[:] = round(255 * params.strength)
        clock.sleep_until_ns(end_ns)
"""


def test_a_preview_is_seen_beside_the_program_and_never_on_the_wall(third_party):
    effect = third_party("grey", GREY)
    found = {}

    def wait_for(client, right):
        for _ in range(200):
            state = client.ask("hello")["state"]
            if right(state["preview"]):
                return state["preview"]
            threading.Event().wait(0.05)
        raise AssertionError(state["preview"])

    def script(onlooker, client):
        assert onlooker.more("P", 2)
        assert client.ask("preview", name="Ice", every=4) == {"name": "Ice"} | {"changed": {"params": {}}}
        assert onlooker.more("V", 6)
        found["share"] = wait_for(client, lambda preview: preview["cost_share"] is not None)["cost_share"]
        assert client.ask("preview", name=None)
        wait_for(client, lambda preview: preview is None)
        found["previews"] = onlooker.counts["V"]
        assert onlooker.more("P", 6)
        found["late"] = onlooker.counts["V"] - found["previews"]
        found["greys"] = {kind: set(greys) for kind, greys in onlooker.greys.items()}

    outcome = Visit(script).run(effect=effect, params={"strength": 0.1})
    assert found["greys"]["V"] == {178}, "Ice has a strength of 0.7"
    assert found["greys"]["P"] <= {26} | set(range(26)), "the program; before it the calm scene, fading over"
    assert 0.1 < found["share"] < 0.5
    assert found["late"] <= 2
    report = outcome.report
    assert report["frames"]["previewed"] >= 6
    assert report["frames"]["dispatched"] - report["frames"]["completed"] <= 4
    assert report["frames"]["shown"] + report["frames"]["dropped"]["late"] <= report["frames"]["completed"]
    assert all(worker["restarts"] == 0 for worker in report["workers"])
    recent = report["alternation"]["recent"]
    assert abs(recent.count(0) - recent.count(1)) <= 6
