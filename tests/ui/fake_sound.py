"""What the scripted engine does when it is asked about sound and the cue list."""

from __future__ import annotations

from typing import Any

SOUND = {
    "ok": None,
    "reason": "",
    "fix": "",
    "devices": [],
    "inputs": [],
    "loading": False,
    "file": "",
    "loop": True,
    "volume": 1.0,
    "device": "",
    "input": None,
    "playing": False,
    "position_s": None,
    "duration_s": None,
    "routes": [],
}
THERE = {"ok": True, "devices": ["Speakers", "Headphones"], "inputs": ["Microphone"]}
CUES = {"cues": [], "at": -1, "follows_in_s": None}


def cue(preset: str, *, missing: bool = False, **more: Any) -> dict[str, Any]:
    return {"preset": preset, "fade_s": None, "follow_s": None, "sound": None, "note": "", **more, "missing": missing}


def obey(state: dict[str, Any], do: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
    """Change `state` as the engine would; None for what is neither sound nor cues."""
    return _VERBS[do](state, arguments) if do in _VERBS else None


def _sound(state: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    sound = state["sound"] | (THERE if state["sound"]["ok"] is None else {})
    given = {name: value for name, value in arguments.items() if name != "origin"}
    if "play" in given:
        playing = given.pop("play")
        sound |= {"playing": playing, "position_s": 0.0 if playing else None}
    if "file" in given:
        sound |= {"file": given.pop("file") or "", "playing": False, "position_s": None, "duration_s": 83.0}
    state["sound"] = sound | given
    return {}


def _modulation(state: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    state["sound"] = state["sound"] | {"routes": arguments["routes"]}
    return {}


def _list_set(state: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    known = {preset["name"] for preset in state["presets"]}
    cues = [{**cue("?"), **given} for given in arguments["cues"]]
    cues = [given | {"missing": given["preset"] not in known} for given in cues]
    state["list"] = state["list"] | {"cues": cues}
    return {}


def _step(state: dict[str, Any], at: int) -> dict[str, Any]:
    cues = state["list"]["cues"]
    at %= max(len(cues), 1)
    state["list"] = state["list"] | {"at": at, "follows_in_s": cues[at]["follow_s"]}
    return {"name": cues[at]["preset"], "at": at}


def _hold(state: dict[str, Any], _arguments: dict[str, Any]) -> dict[str, Any]:
    state["list"] = state["list"] | {"follows_in_s": None}
    return {}


_VERBS = {
    "sound": _sound,
    "modulation": _modulation,
    "list_set": _list_set,
    "list_go": lambda state, _: _step(state, state["list"]["at"] + 1),
    "list_back": lambda state, _: _step(state, state["list"]["at"] - 1),
    "list_jump": lambda state, arguments: _step(state, arguments["index"]),
    "list_hold": _hold,
}
