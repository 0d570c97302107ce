"""Edit the prompt of a running mirror with two workers again and again, and tell what that does to its beat.

    OMP_NUM_THREADS=1 python scripts/bench_edits.py --seconds 20

Turbo's own path with the tiny model on the CPU, but with text encoders of SDXL's depth (12 and 32 layers), so that a
prompt costs about what it costs beside real networks. The camera is slow (6 frames a second): on two cores the workers
then rest half of the time, as a CPU does beside two GPUs. First the mirror runs undisturbed, then with an edit every
two seconds; both beats are told.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import SECOND, MonotonicClock
from mirrorfx.control.client import ControlClient
from mirrorfx.diffusion.libraries import transformers
from mirrorfx.diffusion.tiny import make_tiny_sdxl_turbo
from mirrorfx.mirror import Mirror

if TYPE_CHECKING:
    from mirrorfx.control.protocol import Event

_LAYERS = {"text_encoder": 12, "text_encoder_2": 32}
_WIDE = 4096
_EVERY_S = 2.0
_FADE_S = 1.0
_SETTLE_S = 5.0
_LOOK_S = 0.2


def make_model(folder: Path) -> Path:
    """Write the tiny model with text encoders as deep as SDXL's and return its folder."""
    model = make_tiny_sdxl_turbo(folder).model
    kinds = {"text_encoder": "CLIPTextModel", "text_encoder_2": "CLIPTextModelWithProjection"}
    for name, layers in _LAYERS.items():
        kind = getattr(transformers(), kinds[name])
        config = kind.config_class.from_pretrained(model / name)
        config.num_hidden_layers, config.intermediate_size = layers, _WIDE
        kind(config).save_pretrained(model / name)
    return model


class Operator:
    """Watches a mirror undisturbed, then edits its prompt."""

    def __init__(self, seconds: float) -> None:
        self.beats: dict[str, list[float]] = {"undisturbed": [], "edited": []}
        self.turns: dict[str, list[int]] = {"undisturbed": [], "edited": []}
        self.edits = 0
        self._seconds = seconds
        self._now = ""
        self._clock = MonotonicClock()
        self._thread = threading.Thread(target=self._work)
        self._url = ""

    def starting(self, *_told: object) -> None:
        """Part of the mirror's watcher."""

    def problem(self, text: str) -> None:
        """Say what the mirror says."""
        print(text)

    def running(self, *_told: object) -> None:
        """Begin with the first picture."""
        if not self._thread.ident:
            self._thread.start()

    def accompany(self, mirror: Mirror) -> None:
        """Run the mirror to its end."""
        self._url = mirror.settings.control_url
        outcome = mirror.run(self)
        self._thread.join()
        for worker in outcome.report["workers"]:
            print(worker["name"], worker["frames"], "frames, ms each:", json.dumps(worker["service_ms"]))

    def _work(self) -> None:
        with ControlClient(self._url, self._heard) as client:
            while client.ask("hello")["state"]["carried_by"] is not None:
                self._rest(_LOOK_S)
            self._rest(_SETTLE_S)
            self._now = "undisturbed"
            self._rest(self._seconds)
            self._now = "edited"
            while self.edits * _EVERY_S < self._seconds:
                self.edits += 1
                client.ask("set", params={"prompt": f"picture {self.edits} of fire and ice"}, fade_s=_FADE_S)
                self._rest(_EVERY_S)
            client.ask("stop")

    def _rest(self, seconds: float) -> None:
        self._clock.sleep_until_ns(self._clock.now_ns() + round(seconds * SECOND))

    def _heard(self, event: Event) -> None:
        shown: dict[str, Any] | None = event.data.get("frames_shown") if event.event == "figures" else None
        if not shown or not self._now:
            return
        interval, worker = (shown["fields"].index(name) for name in ("interval_ms", "worker"))
        self.beats[self._now] += [row[interval] for row in shown["rows"] if row[interval]]
        self.turns[self._now] += [row[worker] for row in shown["rows"]]


def summary(beats: list[float], turns: list[int]) -> dict[str, float]:
    """Return the median and the longest interval in ms, and how many are over 1.5 medians."""
    median = statistics.median(beats)
    return {
        "intervals": len(beats),
        "median_ms": median,
        "longest_ms": max(beats),
        "over_1.5_medians": sum(beat > 1.5 * median for beat in beats),
        "turns_kept": sum(first != second for first, second in itertools.pairwise(turns)),
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each half")
    parser.add_argument("--fps", type=float, default=6.0, help="of the camera")
    asked = parser.parse_args()
    operator = Operator(asked.seconds)
    with tempfile.TemporaryDirectory() as folder:
        mirror = Mirror(
            source=f"pattern:{asked.fps:g}",
            effect="turbo",
            effect_options=(("model", str(make_model(Path(folder)))), ("autoencoder", str(Path(folder) / "taesdxl"))),
            size=(256, 256),
            workers=2,
            devices=("cpu",),
            control_port=0,
            restore="never",
            seconds=2 * asked.seconds + 120,
        )
        operator.accompany(mirror)
    for name, beats in operator.beats.items():
        print(name, json.dumps(summary(beats, operator.turns[name])))


if __name__ == "__main__":
    main()
