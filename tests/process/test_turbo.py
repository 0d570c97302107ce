"""Turbo in real worker processes, with the tiny model: prompts fade over without flicker, and failures are told."""

from __future__ import annotations

import json

import pytest

from mirrorfx.clock import SECOND
from mirrorfx.mirror import Mirror

from .beside import Operator, until
from .conftest import SMALL
from .test_control import state_of

pytest.importorskip("torch", reason="the diffusion extra is not installed")
pytest.importorskip("diffusers", reason="the diffusion extra is not installed")
pytestmark = [pytest.mark.process, pytest.mark.timeout(400)]

FADE_S = 2.0
PATIENCE_S = 120.0
# Turbo itself, which also writes down what each frame was painted with.
RECORDED = """
    import json, os
    from mirrorfx.diffusion.prompts import mixed_texts
    from mirrorfx.effects.turbo import Turbo
    class Made(Turbo):
        name = "recorded"
        carried_by = ""
        def start(self, frame, params, out):
            finish = super().start(frame, params, out)
            weights = {text.plain: share for text, share in self._painter._said}
            mean = float(self._painter.chosen.function._embeddings.double().sum())
            line = json.dumps([frame.seq, frame.t_capture_ns, os.getpid(), weights, mean, len(self._painter._texts)])
            with open(os.environ["RECORDED"], "a") as file:
                file.write(line + chr(10))
            return finish
"""


@pytest.fixture(autouse=True)
def _folders(tmp_path, monkeypatch):
    monkeypatch.setenv("MIRRORFX_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("RECORDED", str(tmp_path / "recorded.jsonl"))
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")


def frames_of(path):
    """Return what was painted, in the order of dispatch; the warm-up's frames have no number."""
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return sorted(line for line in lines if line[0] >= 0)


def test_a_prompt_fades_over_on_both_workers_without_alternating(run_mirror, third_party, tmp_path):
    """Both workers take turns all through the fade; what they paint with goes one way, frame after frame."""
    path = tmp_path / "recorded.jsonl"

    def share(frame):
        return frame[3].get("a red fire", 0.0)

    def script(client, _events):
        until(lambda: len({frame[2] for frame in frames_of(path)[-6:]}) == 2, "both workers paint", PATIENCE_S)
        client.ask("set", params={"prompt": "a red fire"}, fade_s=FADE_S)
        until(
            lambda: len(frames_of(path)) > 4 and all(share(frame) == 1 for frame in frames_of(path)[-4:]),
            "the fade is over",
            PATIENCE_S,
        )

    mirror = Mirror(
        **{
            "source": "pattern:15",  # two processes that load torch need these cores, too
            "effect": third_party("recorded", RECORDED),
            "effect_options": (("model", "tiny"),),
            "params": {"prompt": "a blue lake", "drift": 0.0},
            "control_port": 0,
            "seconds": 300.0,
            **SMALL,
        }
    )
    outcome = Operator(script).accompany(mirror)

    painted = frames_of(path)
    shares = [share(frame) for frame in painted]
    assert shares == sorted(shares), "never back: no worker lags behind the other"
    assert shares[0] == 0
    assert shares[-1] == 1
    fading = [frame for frame in painted if 0 < share(frame) < 1]
    assert len({frame[2] for frame in fading}) == 2, "both workers fade"
    assert all(frame[3]["a blue lake"] + share(frame) == pytest.approx(1) for frame in fading)
    assert fading[-1][1] - fading[0][1] <= FADE_S * SECOND, "it ends in its time, by the frames' capture times"
    ends = {frame[4] for frame in painted if share(frame) in (0, 1)}
    assert len(ends) == 2, "outside of the fade both workers hold the same two embeddings, to the bit"
    low, high = sorted(ends)
    assert all(low <= frame[4] <= high for frame in fading), "and in between they stand between the two"
    assert outcome.report["frames"]["dropped"]["worker_lost"] == 0
    assert outcome.report["workers"][0]["details"]["notice"].startswith("The tiny model paints noise")


def test_what_turbo_lacks_in_its_worker_is_told_with_the_fix(run_mirror):
    """An accelerator for GPUs, asked for on a CPU, is found out only in the worker; style paints meanwhile."""

    told: list[str] = []

    def script(client, _events):
        until(lambda: state_of(client)["problems"], "a problem is told", PATIENCE_S)
        told.extend(state_of(client)["problems"])

    mirror = Mirror(
        **{
            "source": "pattern:5",
            "effect": "turbo",
            "effect_options": (("model", "tiny"), ("accelerator", "graph")),
            "control_port": 0,
            "seconds": 300.0,
            **SMALL,
            "workers": 1,
        }
    )
    Operator(script).accompany(mirror)
    assert any("needs an NVIDIA GPU" in text and "Choose another accelerator" in text for text in told)
