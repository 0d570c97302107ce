"""A real control server with a scripted engine behind it."""

from __future__ import annotations

import copy
from typing import Any

import fake_presets
import fake_sound
from PyQt6.QtCore import QTimer

from mirrorfx.control.protocol import PROTOCOL_VERSION
from mirrorfx.control.server import ControlServer

TOKEN = "for-this-test"


def param(name: str, kind: str, default: Any, **more: Any) -> dict[str, Any]:
    usual = {"label": name.capitalize(), "help": f"What {name} does.", "minimum": 0.0, "maximum": 1.0}
    usual |= {"unit": "", "curve": 1.0, "choices": [], "osc": f"/mirrorfx/effect/{name}"}
    return usual | {"name": name, "kind": kind, "default": default} | more


PARAMS = [
    param("prompt", "text", "amber light"),
    param("strength", "float", 0.6),
    param("seed", "int", 7, maximum=2**32 - 1),
    param("drift", "float", 4.0, maximum=60.0, unit="keyframes/min", curve=2.0),
    param("strokes", "int", 3, minimum=1.0, maximum=9.0),
    param("relief", "bool", default=True),
    param("brush", "choice", "round", choices=["round", "flat"]),
]

STATE = {
    "effect": "style",
    "switching_to": None,
    "effects": [
        {"name": "paint", "ok": True, "reason": "", "fix": ""},
        {"name": "style", "ok": True, "reason": "", "fix": ""},
        {"name": "turbo", "ok": False, "reason": "torch is missing.", "fix": "pip install -e '.[diffusion]'"},
    ],
    "values": {p["name"]: p["default"] for p in PARAMS},
    "params": PARAMS,
    "preset": "Ember",
    "presets": [
        {"name": "Ember", "category": "light", "builtin": True},
        {"name": "Charcoal", "category": "drawings", "builtin": True},
        {"name": "Opening night", "category": "", "builtin": False},
    ],
    "locked": [],
    "wall": {
        "screens": [
            {"name": "eDP-1", "width": 2560, "height": 1600, "hz": 60.0, "primary": True},
            {"name": "HDMI-1", "width": 1920, "height": 1080, "hz": 59.94, "primary": False},
        ],
        "screen": "HDMI-1",
        "fullscreen": True,
        "grid": False,
        "edit": False,
        "corners": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]],
        "problem": "",
    },
    "camera": {
        "state": "open",
        "name": "C920",
        "size": [1280, 720],
        "rate_fps": 30.0,
        "asked": {
            "exposure": None,
            "gain": None,
            "white_balance": 4000.0,
            "focus": None,
            "rotation": 0,
            "zoom": 1.0,
            "pan_x": 0.0,
            "pan_y": 0.0,
            "mirror": True,
        },
        "real": {"exposure": 156.0, "gain": 0.0, "white_balance": 4600.0, "focus": None},
        "lacks": {"focus": "The driver of C920 doesn't offer it."},
    },
    "sources": [
        {"name": "camera:usb-C920", "label": "HD Pro Webcam C920", "current": True},
        {"name": "demo", "label": "Demo clip", "current": False},
        {"name": "pattern", "label": "Test pattern", "current": False},
    ],
    "sound": fake_sound.SOUND,
    "list": fake_sound.CUES,
    "problems": [],
    "source": "clips/man.mp4",
    "size": [1024, 768],
}

_BEAT = {
    "fps": 27.04,
    "harmonic_fps": 26.1,
    "presented_fps": 59.9,
    "latency_ms": {"mean": 99.0, "p50": 98.4, "p95": 108.2, "p99": 112.0, "max": 130.0},
    "interval_ms": {"mean": 37.0, "std": 7.13, "p99": 52.0, "max": 60.0},
    "animation_error_ms": 3.1,
    "freezes": 2,
}


def worker(number: int, **more: Any) -> dict[str, Any]:
    usual = {
        "name": f"worker-{number}",
        "number": number,
        "device": "cpu",
        "effect": "style",
        "state": "ready",
        "reason": "",
    }
    usual |= {"progress": {"what": "", "share": 1.0}, "restarts": 0, "details": {}, "frames": 900}
    usual |= {"service_ms": {"mean": 71.0, "p50": 70.8, "p95": 78.0, "p99": 90.0}, "overhead_ms": {}}
    return usual | more


FIGURES = {
    "effect": "style",
    "camera": {"state": "open"},
    "frames": {
        "captured": 1800,
        "dispatched": 1600,
        "completed": 1590,
        "shown": 1580,
        "repeated": 1800,
        "repeated_by": {"beat": 1790, "behind": 4, "hold": 5, "panic": 1},
        "dropped": {"mailbox": 214, "late": 3, "worker_lost": 1, "worker_retired": 1},
    },
    **(_BEAT | {"fps": 20.0}),
    "recent": _BEAT,
    "lag": {"frames": 1, "share": 0.004, "level": "good", "beat_ms": 37.0},
    "showing": "picture",
    "mode": "paced",
    "display_hz": 59.95,
    "delay_ms": 97.0,
    "problems": [],
    "engine_cpu_ms_per_frame": 0.42,
    "drift": {"phase": 12.4, "rate": 4.0},
    "workers": [worker(0), worker(1)],
}


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What the engine tells of a request: pairs of before and after."""
    old, new = before["values"], after["values"]
    told = {"params": {n: [old[n], new[n]] for n in new if n in old and old[n] != new[n]}}
    if before["preset"] != after["preset"]:
        told["preset"] = [before["preset"], after["preset"]]
    return told


class FakeEngine:
    """Answers requests from the GUI thread's event loop.

    Attributes:
        asked: (do, arguments) of all requests but ``hello``.
        refusal: said to every request but ``hello`` when not empty.
        greeted: a desk has said hello; before that its other requests would wait behind it.
        preset_values: what its presets set, by name.
        hangs: requests wait for their answer while it is set.
        wall_is_slow: the wall tells only by `wall_tells` what it has obeyed.
    """

    def __init__(self, port: int = 0) -> None:
        self.server = ControlServer(port, TOKEN)
        self.state = copy.deepcopy(STATE)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.origins: list[str | None] = []
        self.refusal = ""
        self.preset_values: dict[str, dict[str, Any]] = {"Charcoal": {"strength": 0.9, "strokes": 5}}
        self.hangs = False
        self.wall_is_slow = False
        self._wall_to_tell: dict[str, Any] = {}
        self.greeted = False
        self._waiting = []
        self._serving = QTimer(interval=2)
        self._serving.timeout.connect(self._serve)

    def start(self) -> None:
        self.server.start()
        self._serving.start()
        self.publish_state()

    def publish_state(self, **changes: Any) -> None:
        self.state |= changes
        self.server.publish("state", copy.deepcopy(self.state))

    def publish_values(self, **values: Any) -> None:
        self.publish_state(values=self.state["values"] | values)

    def publish_figures(self, **changes: Any) -> None:
        self.server.publish("figures", copy.deepcopy(FIGURES) | changes)

    def publish_frames(self, rows: list[list[float]], t_s: float, **changes: Any) -> None:
        """Tell of frames shown: rows of (seq, seconds, latency and interval in ms, worker, lagged)."""
        fields = ["seq", "t_ns", "latency_ms", "interval_ms", "worker", "lagged"]
        told = [[seq, round(shown_s * 1e9), *rest] for seq, shown_s, *rest in rows]
        frames = {"fields": fields, "rows": told}
        self.publish_figures(t_ns=round(t_s * 1e9), frames_shown=frames, **changes)

    def notice(self, text: str, level: str = "info") -> None:
        self.server.publish("notice", {"text": text, "level": level}, keep=False)

    def _serve(self) -> None:
        for pending in self.server.requests():
            self._waiting.append(pending)
            if pending.request.do != "hello":
                arguments = dict(pending.request.arguments)
                self.origins.append(arguments.pop("origin", None))
                self.asked.append((pending.request.do, arguments))
        while self._waiting and not self.hangs:
            self._answer(self._waiting.pop(0))

    def _answer(self, pending: Any) -> None:
        request = pending.request
        if request.do == "hello":
            self.greeted = True
            pending.answer({"protocol": PROTOCOL_VERSION, "state": copy.deepcopy(self.state)})
        elif self.refusal:
            pending.refuse(self.refusal)
        else:
            before = copy.deepcopy(self.state)
            try:
                result = self._obey(request.do, request.arguments)
            except fake_presets.Refused as error:
                pending.refuse(str(error))
                return
            self.publish_state(changed_by=request.arguments.get("origin", ""))
            pending.answer(result | {"changed": changes(before, self.state)})

    def _obey(self, do: str, arguments: dict[str, Any]) -> dict[str, Any]:
        match do:
            case "set":
                self.state["values"] = self.state["values"] | arguments["params"]
                self.state["preset"] = arguments.get("preset", self.state["preset"])
            case "preset" | "go":
                name = arguments.get("name") or self.state.get("cue")
                self.state["values"] = self.state["values"] | self.preset_values.get(name, {})
            case "camera":
                camera = self.state["camera"]
                asked = {name: value for name, value in arguments.items() if name != "origin"}
                self.state["camera"] = camera | {"asked": camera["asked"] | asked}
            case "source":
                self.state["sources"] = [s | {"current": s["name"] == arguments["name"]} for s in self.state["sources"]]
                self.state["source"] = arguments["name"]
            case "wall":
                self._obey_wall(arguments)
            case "lock":
                self.state["locked"] = arguments["params"]
        told = fake_sound.obey(self.state, do, arguments)
        return told or fake_presets.obey(self.state, do, arguments) or {}

    def _obey_wall(self, arguments: dict[str, Any]) -> None:
        wishes = {n: v for n, v in arguments.items() if n in ("grid", "edit", "corners")}
        if wishes.get("corners", ()) is None:
            wishes["corners"] = STATE["wall"]["corners"]
        if "fullscreen" in arguments:
            name = arguments["fullscreen"]
            wishes |= {"fullscreen": name is not None, "screen": name or self.state["wall"]["screen"]}
        self._wall_to_tell |= wishes
        if not self.wall_is_slow:
            self._tell_wall()

    def _tell_wall(self) -> None:
        self.state["wall"] = self.state["wall"] | self._wall_to_tell
        self._wall_to_tell = {}

    def wall_tells(self) -> None:
        """The wall says at last what it has obeyed."""
        self._tell_wall()
        self.publish_state()

    def close(self) -> None:
        self._serving.stop()
        self.server.close()
