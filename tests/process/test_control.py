"""A running mirror obeys the control protocol: params, presets, effects, saving, ending."""

from __future__ import annotations

import pytest

from mirrorfx.control.client import ControlClient
from mirrorfx.errors import ControlError
from mirrorfx.geometry import load_screen
from mirrorfx.mirror import Mirror

from .beside import Operator, until
from .conftest import SMALL

pytestmark = pytest.mark.process


@pytest.fixture
def operate(run_mirror, tmp_path, monkeypatch):
    monkeypatch.setenv("MIRRORFX_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("MIRRORFX_STATE_DIR", str(tmp_path / "state"))

    def run(script, **settings):
        mirror = Mirror(
            **{"source": "pattern:30", "effect": "passthrough", "seconds": 60.0, "control_port": 0, **SMALL, **settings}
        )
        return Operator(script).accompany(mirror)

    return run


def state_of(client):
    return client.ask("hello")["state"]


def settled(client, check):
    """Ask until `check` holds: an edit that needs preparing is taken a little later."""
    import time

    for _ in range(100):
        state = state_of(client)
        if check(state):
            return state
        time.sleep(0.05)
    raise AssertionError(f"never came true: {state['values']}, {state['effect']}")


def test_params_presets_and_saving(operate):
    def script(client, _events):
        client.ask("set", params={"strength": 0.25, "prompt": "a marble statue"})
        state = settled(client, lambda s: s["values"]["prompt"] == "a marble statue")
        assert state["values"]["strength"] == 0.25
        with pytest.raises(ControlError, match="from 0 to 1"):
            client.ask("set", params={"strength": 7})
        with pytest.raises(ControlError, match=r"Did you mean 'strength'"):
            client.ask("set", params={"strenght": 0.5})
        client.ask("save", name="Mine", category="tests")
        client.ask("save", name="Mine")
        client.ask("set", params={"strength": 0.9})
        client.ask("preset", name="mine")
        state = settled(client, lambda s: s["values"]["strength"] == 0.25)
        assert state["preset"] == "Mine"
        (mine,) = (preset for preset in state["presets"] if preset["name"] == "Mine")
        assert (mine["category"], mine["builtin"]) == ("tests", False)
        with pytest.raises(ControlError, match="no preset"):
            client.ask("preset", name="nobody made this")
        with pytest.raises(ControlError, match="can't do 'dance'"):
            client.ask("dance")

    outcome = operate(script)
    assert outcome.report["preset"] == "Mine"


def test_the_effect_changes_without_a_worker_mixing_old_and_new(operate):
    def script(client, events):
        client.ask("effect", name="paint")
        settled(client, lambda s: s["effect"] == "paint" and s["switching_to"] is None)
        with pytest.raises(ControlError, match="no effect"):
            client.ask("effect", name="oilpaint2000")
        assert any(event.event == "notice" and "paint" in event.data["text"] for event in events)

    outcome = operate(script)
    assert outcome.report["effect"] == "paint"
    assert {worker["effect"] for worker in outcome.report["workers"]} == {"paint"}
    assert outcome.report["freezes"] <= 2


def test_an_effect_that_cannot_be_opened_leaves_the_old_one_painting(operate, third_party):
    name = third_party(
        "hopeless",
        """
        from mirrorfx.effects.base import Effect
        from mirrorfx.errors import EffectUnavailable
        class Made(Effect):
            name = "hopeless"
            def open(self, context):
                raise EffectUnavailable("There is no GPU here. Plug one in.")
            def render(self, frame, params, out):
                raise AssertionError
        """,
    )

    def script(client, events):
        client.ask("effect", name=name)
        settled(client, lambda s: s["switching_to"] is None)
        assert state_of(client)["effect"] == "passthrough"
        assert any("no GPU here" in event.data.get("text", "") for event in events)

    outcome = operate(script)
    assert outcome.report["effect"] == "passthrough"


def test_a_client_switches_panic_states_and_safe_takes_the_safe_preset(operate):
    def script(client, events):
        client.ask("set", params={"strength": 0.9})
        client.ask("panic", what="blackout", on=True)
        assert settled(client, lambda s: s["panic"]["blackout"])["panic"]["seen"] == "blackout"
        client.ask("panic", what="blackout", on=False)
        settled(client, lambda s: s["panic"]["seen"] is None)
        client.ask("panic", what="safe", on=True)
        state = settled(client, lambda s: s["preset"] == "Charcoal" and s["panic"]["seen"] is None)
        assert state["values"]["strength"] != 0.9
        with pytest.raises(ControlError, match="blackout"):
            client.ask("panic", what="blackoot")
        with pytest.raises(ControlError, match="true or false"):
            client.ask("panic", what="freeze", on="yes")
        client.ask("panic", what="freeze")
        settled(client, lambda s: s["panic"]["seen"] == "freeze")

    outcome = operate(script, safe_preset="charcoal")
    assert outcome.report["panic"]["below"] == "freeze"
    assert outcome.report["flash_guard"]["worst"]["general"] <= 3
    assert outcome.report["tick_ms"]["p50"] > 0


def test_the_camera_turns_in_its_stride_and_another_source_takes_over(operate):
    def script(client, events):
        client.ask("camera", rotation=180, zoom=2.0)
        assert settled(client, lambda s: s["camera"]["state"] == "open")["camera"]["asked"]["rotation"] == 180
        with pytest.raises(ControlError, match="choose 0, 90, 180 or 270"):
            client.ask("camera", rotation=45)
        client.ask("source", name="demo")
        state = settled(client, lambda s: s["camera"].get("name", "").endswith("demo.mp4"))
        assert state["source"] == "demo"
        assert [s["name"] for s in state["sources"] if s["current"]] == ["demo"]
        with pytest.raises(ControlError, match="There is no"):
            client.ask("source", name="nowhere.mp4")
        assert not [e for e in events if e.event == "notice" and e.data["level"] != "info"]

    outcome = operate(script)
    assert outcome.report["camera"]["restarts"] == 0
    assert outcome.report["camera"]["state"] == "open"
    assert outcome.report["source"] == "demo"


def test_the_walls_window_obeys(operate, monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    pulled = [[0.1, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]

    def script(client, _events):
        settled(client, lambda s: s["wall"] is not None)
        client.ask("wall", grid=True, corners=pulled)
        state = settled(client, lambda s: s["wall"] and s["wall"]["grid"])
        assert state["wall"]["corners"] == pulled
        with pytest.raises(ControlError, match="fold"):
            client.ask("wall", corners=[[1, 1], [0, 0], [1, 0], [0, 1]])
        screen = state["wall"]["screens"][0]["name"]
        client.ask("wall", fullscreen=screen)
        settled(client, lambda s: s["wall"] and s["wall"]["fullscreen"])
        # It is kept once the hand rests, which on a wall that filled its screen from the start may be later than that.
        until(lambda: load_screen(screen).keystone == tuple(map(tuple, pulled)), "the corners are kept")

    outcome = operate(script, screen="wall", fullscreen="HDMI-9")
    (problem,) = outcome.problems
    assert "HDMI-9" in problem
    assert "The primary screen is filled instead" in problem


def test_a_stranger_without_the_token_is_turned_away_and_a_wall_without_a_window_says_so(operate):
    def script(client, _events):
        stranger = ControlClient(client.url.partition("token=")[0] + "token=guess")
        stranger.start()
        with pytest.raises(ControlError, match="No engine is connected"):
            stranger.ask("hello")
        stranger.close()
        assert state_of(client)["wall"] is None
        with pytest.raises(ControlError, match="no window"):
            client.ask("wall", grid=True)

    operate(script)
