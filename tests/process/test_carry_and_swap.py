"""One effect carries another; networks are swapped one worker at a time; the wall never shows two looks in turn."""

from __future__ import annotations

import itertools
import signal
import time

import av
import numpy as np
import pytest

from mirrorfx.cli._verdict import unpainted
from mirrorfx.mirror import Mirror

from .beside import Operator
from .conftest import SMALL, family
from .test_control import settled, state_of

pytestmark = pytest.mark.process

# Paints one colour of its own, so that a film tells who painted when.
CARRYING = """
    from mirrorfx.effects.base import Effect
    class Made(Effect):
        name = "carrying"
        def render(self, frame, params, out):
            out[:] = (0, 0, 220, 255)
"""
SLOW = """
    import pathlib, time
    from mirrorfx.effects.base import Effect
    class Made(Effect):
        name = "slow"
        carried_by = "carrying"
        def open(self, context):
            for step in range(20):
                context.progress("loading the large model", step / 20)
                time.sleep(0.1)
        def render(self, frame, params, out):
            time.sleep(0.02)
            out[:] = (0, 220, 0, 255)
"""
HOPELESS = """
    from mirrorfx.effects.base import Effect
    from mirrorfx.errors import EffectUnavailable
    class Made(Effect):
        name = "slow"
        carried_by = "carrying"
        def open(self, context):
            raise EffectUnavailable("The card is too small. Use --size 512.")
        def render(self, frame, params, out):
            raise AssertionError
"""
SWAPPING = """
    import time
    from mirrorfx.effects.base import Effect
    from mirrorfx.errors import InvalidValue
    from mirrorfx.params import Kind, Param
    class Made(Effect):
        name = "swapping"
        params = (Param(name="lora", kind=Kind.TEXT, default=""),)
        colour = (0, 0, 220, 255)
        @classmethod
        def networks(cls, values):
            return str(values["lora"])
        def swap(self, params):
            time.sleep(1.5)
            if params["lora"] == "broken":
                raise InvalidValue("broken.safetensors doesn't fit. Choose another file.")
            if params["lora"] == "deadly":
                raise SystemExit(3)
            self.colour = (0, 220, 0, 255) if params["lora"] else (0, 0, 220, 255)
        def render(self, frame, params, out):
            time.sleep(0.02)
            out[:] = self.colour
"""


@pytest.fixture
def operate(run_mirror, tmp_path, monkeypatch):
    monkeypatch.setenv("MIRRORFX_CONFIG_DIR", str(tmp_path / "config"))

    def run(script, **settings):
        """Run a mirror with an operator until the script is done; return the outcome and the greens of its film."""
        film = tmp_path / "film.mp4"
        settings = {"source": "pattern:30", "seconds": 60.0, "control_port": 0, "record": film, **SMALL, **settings}
        mirror = Mirror(**settings)
        outcome = Operator(script).accompany(mirror)
        return outcome, greens(film)

    return run


def greens(film):
    """Return for each frame of a film how much of its colour is green: 0 is the first look, 1 the second."""
    shares = []
    with av.open(str(film)) as container:
        for frame in container.decode(video=0):
            red, green, _blue = (float(v) for v in np.median(frame.to_ndarray(format="rgb24"), axis=(0, 1)))
            shares.append(green / max(red + green, 1.0))
    return np.array(shares)


def changes(shares):
    """Return the looks in the order in which they stood, mixtures left out."""
    stood = ["second" if share > 0.9 else "first" for share in shares if not 0.1 < share < 0.9]
    return [look for look, _group in itertools.groupby(stood)]


def is_dissolved(shares):
    """Say whether there are some ten different mixtures, as a second of dissolving has."""
    return len({round(float(share), 2) for share in shares if 0.1 < share < 0.9}) > 10


def wait_for(events, check, timeout_s=30.0):
    """Return the first event for which `check` holds; it and those before it are taken off the list."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        while events:
            event = events.pop(0)
            if check(event):
                return event
        time.sleep(0.02)
    raise AssertionError("never heard")


def figures_with(check):
    return lambda event: event.event == "figures" and check(event.data)


def all_ready(figures):
    """Say whether all workers paint, none on its way to other networks."""
    return all(worker["state"] == "ready" and not worker["progress"]["what"] for worker in figures["workers"])


def swaps(number):
    """Say whether that worker changes its networks."""
    return lambda figures: "networks" in figures["workers"][number]["progress"]["what"]


def test_the_carrier_paints_until_the_wanted_effect_is_ready_and_again_when_it_is_lost(operate, third_party):
    third_party("carrying", CARRYING)
    third_party("slow", SLOW)

    def script(client, events):
        carried = wait_for(events, figures_with(lambda f: f["carried_by"] == "carrying"))
        assert carried.data["effect"] == "slow"
        assert carried.data["workers"][-1]["name"] == "carrier"
        assert wait_for(
            events,
            figures_with(lambda f: any("large model" in w["progress"]["what"] for w in f["workers"])),
        )
        settled(client, lambda s: s["carried_by"] is None)
        wait_for(events, figures_with(all_ready))
        assert "mfx-carrier" not in family()
        time.sleep(1.5)
        for name in ("mfx-worker-0", "mfx-worker-1"):
            family()[name].send_signal(signal.SIGKILL)
        wait_for(events, figures_with(lambda f: f["carried_by"] == "carrying"))
        wait_for(events, figures_with(lambda f: f["carried_by"] is None))
        time.sleep(1.5)

    outcome, shares = operate(script, effect="slow")
    assert changes(shares) == ["first", "second", "first", "second"]
    assert is_dissolved(shares)
    assert outcome.report["carried_by"] is None
    assert min(outcome.report["frames"]["painted_by"][name] for name in ("carrying", "slow")) > 10
    assert unpainted("slow", outcome.report) == ""
    assert [worker["name"] for worker in outcome.report["workers"]] == ["worker-0", "worker-1"]


def test_a_wanted_effect_that_turns_out_hopeless_leaves_the_carrier_painting_and_says_so(operate, third_party):
    third_party("carrying", CARRYING)
    third_party("slow", HOPELESS)

    def script(client, events):
        state = settled(client, lambda s: s["carried_by"] == "carrying" and s["problems"])
        assert state["effect"] == "slow"
        assert "The card is too small. Use --size 512. Until then carrying paints." in state["problems"][0]
        time.sleep(1.0)

    outcome, shares = operate(script, effect="slow")
    assert outcome.report["carried_by"] == "carrying"
    assert unpainted("slow", outcome.report).startswith(
        "slow was asked for and never painted; carrying painted in its place. The card is too small. Use --size 512. "
    )
    assert changes(shares) == ["first"]


def test_with_one_worker_the_carrier_bridges_a_change_of_the_effect(operate, third_party):
    third_party("carrying", CARRYING)
    third_party("slow", SLOW)

    def script(client, events):
        time.sleep(0.5)
        client.ask("effect", name="slow")
        settled(client, lambda s: s["carried_by"] == "carrying")
        settled(client, lambda s: s["effect"] == "slow" and s["carried_by"] is None)
        time.sleep(1.5)

    outcome, _shares = operate(script, effect="passthrough", workers=1)
    assert outcome.report["effect"] == "slow"
    assert outcome.report["interval_ms"]["max"] < 1500


def test_networks_are_swapped_one_worker_at_a_time_and_the_picture_goes_on(operate, third_party):
    third_party("swapping", SWAPPING)

    def script(client, events):
        wait_for(events, figures_with(all_ready))
        time.sleep(0.5)
        client.ask("set", params={"lora": "watercolour"}, fade_s=0.0)
        client.ask("set", params={"strength": 0.3})
        state = state_of(client)
        assert state["values"]["lora"] == "watercolour"
        wait_for(events, figures_with(swaps(1)))
        wait_for(events, figures_with(swaps(0)))
        wait_for(events, figures_with(all_ready))
        time.sleep(1.5)

    outcome, shares = operate(script, effect="swapping")
    assert changes(shares) == ["first", "second"]
    assert is_dissolved(shares)
    assert np.all(np.diff(shares) > -0.05), "no frame of the old networks after one of the new ones"
    assert outcome.report["interval_ms"]["max"] < 1400, "shorter than one swap"
    assert outcome.report["alternation"]["recent"].count(0) > 8
    assert outcome.report["alternation"]["recent"].count(1) > 8


def test_a_failing_swap_leaves_everything_as_it_was(operate, third_party):
    third_party("swapping", SWAPPING)

    def script(client, events):
        wait_for(events, figures_with(all_ready))
        client.ask("set", params={"lora": "broken", "prompt": "never seen"})
        said = wait_for(events, lambda e: e.event == "notice" and "not taken" in e.data["text"])
        assert "broken.safetensors doesn't fit. Choose another file." in said.data["text"]
        assert state_of(client)["values"]["lora"] == ""
        assert state_of(client)["values"]["prompt"] != "never seen"
        client.ask("set", params={"lora": "deadly"})
        said = wait_for(events, lambda e: e.event == "notice" and "was lost while" in e.data["text"])
        assert state_of(client)["values"]["lora"] == ""
        wait_for(events, figures_with(all_ready))

    outcome, shares = operate(script, effect="swapping")
    assert changes(shares) == ["first"]
    assert sum(worker["restarts"] for worker in outcome.report["workers"]) == 1
    assert all(worker["state"] in ("ready", "off") for worker in outcome.report["workers"])
    assert outcome.report["interval_ms"]["max"] < 1400


def test_a_single_worker_holds_its_picture_while_it_swaps(operate, third_party):
    third_party("swapping", SWAPPING.replace("1.5", "2.6"))

    def script(client, events):
        time.sleep(0.5)
        client.ask("set", params={"lora": "ink"}, fade_s=0.0)
        wait_for(events, figures_with(swaps(0)))
        wait_for(events, figures_with(all_ready))
        time.sleep(1.5)

    outcome, shares = operate(script, effect="swapping", workers=1)
    assert changes(shares) == ["first", "second"]
    assert outcome.report["interval_ms"]["max"] > 2000
    assert shares.size


def test_a_worker_that_starts_later_gets_the_right_networks(operate, third_party):
    third_party("swapping", SWAPPING)

    def script(client, events):
        wait_for(events, figures_with(all_ready))
        client.ask("set", params={"lora": "ink"}, fade_s=0.0)
        wait_for(events, figures_with(swaps(0)))
        wait_for(events, figures_with(all_ready))
        family()["mfx-worker-0"].send_signal(signal.SIGKILL)
        wait_for(events, figures_with(lambda f: f["workers"][0]["state"] == "starting"))
        client.ask("set", params={"prompt": "made while it warmed up"}, fade_s=0.0)
        wait_for(events, figures_with(all_ready))
        time.sleep(1.5)

    outcome, shares = operate(script, effect="swapping")
    assert changes(shares) == ["first", "second"]
    assert outcome.report["alternation"]["recent"].count(0) > 8
