"""Sound in a real mirror: params follow it, and its process and the engine may die."""

from __future__ import annotations

import signal
import time
import wave

import numpy as np
import pytest

from mirrorfx.control.client import ControlClient

from .beside import until
from .conftest import family
from .test_control import operate, settled, state_of

pytestmark = pytest.mark.process

__all__ = ["operate"]

RATE = 48000
WITNESS = """
from mirrorfx.effects.base import Effect
class Made(Effect):
    name = "witness"
    def render(self, frame, params, out):
        out[:] = 255
        with open({path!r}, "a") as file:
            file.write(f"{{frame.seq}} {{params.strength}}\\n")
"""


@pytest.fixture
def song(tmp_path):
    """A second of silence, then a second of a tone of -6 dB: together they say where in it we are."""
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    samples = (32767 * np.concatenate([np.zeros(RATE), tone])).astype(np.int16)
    path = tmp_path / "song.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return str(path)


def test_a_param_follows_the_soundtrack_in_the_workers(operate, third_party, tmp_path, song):
    notes = tmp_path / "strengths"

    def painted():
        """Return the strengths by the frames' numbers: a worker that is slow writes down a frame of long ago."""
        lines = (line.split() for line in notes.read_text().splitlines())
        return {int(seq): float(strength) for seq, strength in lines}

    def strengths(after=-1):
        return [strength for seq, strength in sorted(painted().items()) if seq > after]

    def follow():
        before = max(painted())
        until(lambda: max(strengths(before), default=0) > 0.5, "it rises with the tone")
        before = max(painted())
        until(lambda: min(strengths(before), default=1) < 0.11, "it falls with the silence")

    def script(client, events):
        assert "mfx-sound" not in family()
        client.ask("set", params={"strength": 0.1}, fade_s=0)
        client.ask("sound", file=song, input="soundtrack", play=True)
        client.ask("modulation", routes=[{"source": "mid", "param": "strength", "amount": 0.5, "smoothing_s": 0.02}])
        until(lambda: notes.exists() and set(strengths()[-4:]) == {0.1}, "four frames in the silence")
        first = max(painted())
        follow()
        assert max(strengths(first)) == pytest.approx(0.1 + 0.5 * 0.9, abs=0.02)
        assert state_of(client)["values"]["strength"] == 0.1
        assert any(event.event == "levels" for event in events)

        family()["mfx-sound"].send_signal(signal.SIGKILL)
        until(lambda: any("sound process is gone" in e.data.get("text", "") for e in events), "it is told")
        follow()  # it is back, and where it would stand
        client.ask("modulation", routes=[])

    outcome = operate(script, effect=third_party("witness", WITNESS.format(path=str(notes))))
    assert outcome.report["workers"][0]["restarts"] == 0


def test_after_the_engine_died_the_soundtrack_goes_on_where_it_would_stand(operate, song):
    def script(client, _events):
        client.ask("sound", file=song, input="soundtrack", play=True, volume=0.5)
        settled(client, lambda state: state["sound"]["duration_s"] == 2.0)
        time.sleep(2.5)  # the session is kept every two seconds
        before = state_of(client)["sound"]
        asked_s = time.monotonic()
        engine = family()["mfx-engine"]
        engine.send_signal(signal.SIGKILL)
        until(lambda: family().get("mfx-engine", engine).pid != engine.pid, "another engine is there")
        with ControlClient(client.url) as new:
            state = settled(new, lambda state: state["sound"]["duration_s"] == 2.0)["sound"]
            passed_s = (state["position_s"] - before["position_s"]) % 2.0
            assert passed_s == pytest.approx((time.monotonic() - asked_s) % 2.0, abs=0.4)
            assert (state["playing"], state["volume"], state["input"]) == (True, 0.5, "soundtrack")
        assert "mfx-sound" in family()

    operate(script, seconds=60.0)
