"""What the scripted engine does when it is asked about presets."""

from __future__ import annotations

import re
from typing import Any

TOML = 'format = 1\nname = "{name}"\n\n[params]\nstrength = 0.5\n'


class Refused(Exception):
    """The engine's own words."""


def preset(name: str, category: str = "", *, builtin: bool = False, fade_s: float = 3.0, stamp: int = 0) -> dict:
    stamp = stamp or hash(name) & 0xFF
    return {"name": name, "category": category, "builtin": builtin, "fade_s": fade_s, "stamp": stamp}


def obey(state: dict[str, Any], do: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
    """Change `state` as the engine would; None for what is not about presets."""
    if do == "session":
        state["session"] = {"offer": None}
        return {}
    return _VERBS[do](state, arguments) if do in _VERBS else None


def _cue(state: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    state["cue"] = arguments["name"]
    return {}


def _duplicate(state: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    one, new_name = _find(state, arguments["name"]), _free(state, arguments["new_name"])
    _add(state, preset(new_name, one["category"], stamp=one["stamp"]))
    return {"name": new_name}


def _rename(state: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    one, new_name = _find(state, arguments["name"]), _free(state, arguments["new_name"])
    state["presets"] = [p | {"name": new_name} if p == one else p for p in state["presets"]]
    return {"name": new_name}


def _delete(state: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    one = _find(state, arguments["name"])
    state["presets"] = [p for p in state["presets"] if p != one]
    state.setdefault("deleted", []).append(one)
    return {"undo": f"token-{len(state['deleted'])}", "name": one["name"]}


def _undelete(state: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    back = state["deleted"][int(arguments["undo"].split("-")[1]) - 1]
    _add(state, back)
    return {"name": back["name"]}


def _import(state: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    found = re.search(r'name = "(.+)"', arguments["toml"])
    if not found:
        raise Refused("The preset is not readable as TOML: line 1.")
    _add(state, preset(_free(state, found[1])))
    return {"name": found[1]}


def _export(state: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    name = _find(state, arguments["name"])["name"]
    return {"name": name, "toml": TOML.format(name=name)}


def _take(state: dict[str, Any], name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    seconds = arguments.get("fade_s", 3.0)
    fade = {"seconds": seconds, "left_s": seconds} if seconds else None
    cue = None if state.get("cue") == name else state.get("cue")
    state |= {"preset": name, "dirty": False, "fade": fade, "cue": cue}
    return {"name": name}


def _save(state: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    name = arguments["name"]
    if "/" in name:
        raise Refused(f"name is {name!r}; it can't have slashes or control characters.")
    one = _find(state, name)
    if one is None or one["builtin"]:
        _add(state, preset(name, arguments.get("category", "")))
    state |= {"preset": name, "dirty": False}
    return {"name": name, "path": f"presets/{name}.toml"}


def _find(state: dict[str, Any], name: str) -> Any:
    return next((known for known in state["presets"] if known["name"].casefold() == name.casefold()), None)


def _free(state: dict[str, Any], name: str) -> str:
    if _find(state, name):
        raise Refused(f"You have a preset called {name!r} already. Choose another name, or delete that one.")
    return name


def _add(state: dict[str, Any], one: dict[str, Any]) -> None:
    state["presets"] = [*state["presets"], one]


_VERBS = {
    "cue": _cue,
    "go": lambda state, arguments: _take(state, state["cue"], arguments),
    "preset": lambda state, arguments: _take(state, arguments["name"], arguments),
    "save": _save,
    "duplicate": _duplicate,
    "rename": _rename,
    "delete": _delete,
    "undelete": _undelete,
    "import": _import,
    "export": _export,
}
