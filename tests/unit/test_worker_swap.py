"""A worker changes its networks between frames, and goes back when what follows fails."""

from __future__ import annotations

import multiprocessing
import threading
from types import MappingProxyType

import numpy as np
import pytest

from mirrorfx.clock import MonotonicClock
from mirrorfx.effects.base import Effect
from mirrorfx.errors import InvalidValue
from mirrorfx.params import Kind, Param, ParamRegistry, Params, ParamState
from mirrorfx.processes import worker as worker_module
from mirrorfx.processes.channel import Channel
from mirrorfx.processes.memory import Ring
from mirrorfx.processes.messages import Dispatch, Done, ParamsAre, Prepared, Ready, Stop, Swap
from mirrorfx.processes.networks import Networks
from mirrorfx.processes.settings import WorkerSetup

LORA = Param(name="lora", kind=Kind.TEXT, default="")


class Painter(Effect):
    """Paints the number of the networks in force; refuses what is called ``bad``, can't prepare ``unready``."""

    name = "painter"
    params = (LORA,)

    def __init__(self):
        self.lora = ""
        self.swaps = []
        self.prepared = []

    @classmethod
    def networks(cls, values):
        return str(values["lora"])

    def swap(self, params):
        self.swaps.append(params["lora"])
        if params["lora"] == "bad":
            raise InvalidValue("bad doesn't fit. Choose another.")
        if params["lora"] == "broken":
            raise RuntimeError("half done")
        self.lora = params["lora"]

    def prepare(self, params):
        if params["lora"] == "unready":
            raise RuntimeError("out of memory")
        self.prepared.append((params["lora"], params.prompt))

    def render(self, frame, params, out):
        out[:] = len(self.lora)


def asking(lora, prompt="p"):
    return Params(MappingProxyType({"lora": lora, "prompt": prompt}))


def test_networks_change_only_when_their_name_does():
    effect = Painter()
    networks = Networks(effect)
    assert networks.swap(asking("a"), asking("")) == ""
    assert networks.swap(asking("a", "another prompt"), asking("a")) == ""
    assert effect.swaps == ["a"]
    assert effect.prepared == [("a", "p"), ("a", "another prompt")]
    networks.fit(asking(""))
    assert effect.swaps == ["a", ""]


def test_what_does_not_fit_leaves_the_networks_as_they_were():
    effect = Painter()
    networks = Networks(effect)
    networks.swap(asking("a"), asking(""))
    assert networks.swap(asking("bad"), asking("a")) == "bad doesn't fit. Choose another."
    assert (effect.lora, networks.name) == ("a", "a")


def test_what_cannot_be_prepared_brings_the_networks_back():
    effect = Painter()
    networks = Networks(effect)
    networks.swap(asking("a"), asking(""))
    assert "out of memory" in networks.swap(asking("unready"), asking("a"))
    assert (effect.lora, networks.name) == ("a", "a")


def test_an_effect_that_breaks_its_contract_takes_its_worker_down():
    with pytest.raises(RuntimeError, match="half done"):
        Networks(Painter()).swap(asking("broken"), asking(""))


class Overlapping(Painter):
    """Whose frame under way would be painted with what is in force when it is finished."""

    overlaps = True

    def __init__(self):
        super().__init__()
        self.swapped = threading.Event()

    def swap(self, params):
        super().swap(params)
        self.swapped.set()

    def start(self, frame, params, out):
        def finish():
            self.swapped.wait(0.2)
            self.render(frame, params, out)

        return finish


class Stage:
    """A worker in a thread, its engine's end, and the rings."""

    def __init__(self, monkeypatch, effect, lora):
        self._heard = []
        monkeypatch.setattr(worker_module, "effect_class", lambda _name: effect)
        self.frames, self.results = Ring.create(2, (16, 16, 3)), Ring.create(2, (16, 16, 4))
        setup = WorkerSetup(0, "painter", "cpu", (16, 16), 1, 1, 30.0, (), self.frames.spec, self.results.spec)
        ours, theirs = multiprocessing.Pipe(duplex=True)
        self.channel, self._theirs = Channel(ours), Channel(theirs)
        self.state = ParamState.initial(ParamRegistry((LORA,)), {"lora": lora}, 0)
        process = worker_module.WorkerProcess(self._theirs, setup, MonotonicClock())
        self._thread = threading.Thread(target=self._run, args=(process,))
        self._thread.start()
        self.channel.send(ParamsAre(0, self.state.to_json()))
        assert isinstance(self.hear(), Ready)

    def _run(self, process):
        try:
            process.run()
        except SystemExit:
            """Told to stop."""

    def hear(self):
        while not self._heard:
            self.channel.wait_for(10_000_000_000)
            self._heard += self.channel.receive_all()
        return self._heard.pop(0)

    def close(self):
        self.channel.send(Stop())
        self._thread.join(5)
        self._theirs.close()
        self.channel.close()
        self.frames.close()
        self.results.close()


@pytest.mark.parametrize("effect", [Painter, Overlapping])
def test_frames_in_hand_are_painted_and_told_before_the_networks_change(monkeypatch, effect):
    stage = Stage(monkeypatch, effect, "")
    stage.channel.send(Dispatch(0, 0, 0, 0, 0, 0, 0))
    stage.channel.send(Dispatch(1, 1, 0, 1, 1, 0, 0))
    stage.channel.send(Swap(9, stage.state.edited({"lora": "xyz"}, 0).to_json()))
    first, second, third = stage.hear(), stage.hear(), stage.hear()
    assert (type(first), type(second)) == (Done, Done)
    assert third == Prepared(9, b"")
    assert np.all(stage.results.view(0) == 0)
    assert np.all(stage.results.view(1) == 0)
    stage.channel.send(ParamsAre(1, stage.state.edited({"lora": "xyz"}, 0).to_json()))
    stage.channel.send(Dispatch(0, 0, 0, 2, 2, 0, 1))
    assert isinstance(stage.hear(), Done)
    assert np.all(stage.results.view(0) == 3)
    stage.close()


def test_a_worker_warms_up_with_the_networks_in_force(monkeypatch):
    stage = Stage(monkeypatch, Painter, "ab")
    stage.channel.send(Dispatch(0, 0, 0, 0, 0, 0, 0))
    assert isinstance(stage.hear(), Done)
    assert np.all(stage.results.view(0) == 2)
    stage.close()
