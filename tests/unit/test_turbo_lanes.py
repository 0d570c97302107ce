"""Whether the lanes keep their order: nothing that is being read is ever written, in whatever order a GPU runs them.

There is no GPU here, so the CUDA lanes are replaced by ones that run at once but keep book of what each may rely on
(vector clocks, Lamport 1978; Mattern 1988). Two accesses to the same memory of which one writes must be ordered by
marks or by the program's waiting; that both happen to come out right on a CPU doesn't count.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the diffusion extra is not installed")
pytest.importorskip("diffusers", reason="the diffusion extra is not installed")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from mirrorfx.effects import EffectContext, _turbo_painter, _turbo_staging, param_registry  # noqa: E402
from mirrorfx.effects.turbo import Turbo  # noqa: E402
from mirrorfx.frame import Frame  # noqa: E402
from mirrorfx.params import ParamState  # noqa: E402

SIZE = (64, 64)
SECOND = 10**9
HOST = "host"


class Book:
    """Who may rely on what: a clock for each lane and the program, and every access to memory."""

    def __init__(self):
        self.clocks = {HOST: {HOST: 0}}
        self._entered = threading.local()
        self.accesses: list[tuple[int, str, bool, int, dict[str, int]]] = []
        self.recording = False

    @property
    def current(self):
        """The lanes that this thread has entered: another makes keyframes aside meanwhile."""
        if not hasattr(self._entered, "lanes"):
            self._entered.lanes = [HOST]
        return self._entered.lanes

    def learn(self, who, clock):
        mine = self.clocks.setdefault(who, {who: 0})
        for lane, time in clock.items():
            mine[lane] = max(mine.get(lane, 0), time)

    def touch(self, address, *, writes):
        who = self.current[-1]
        if who != HOST:
            self.learn(who, self.clocks[HOST])  # what is queued comes after what the program did before
        clock = self.clocks[who]
        clock[who] = clock.get(who, 0) + 1
        if self.recording:
            self.accesses.append((address, who, writes, clock[who], dict(clock)))

    def races(self, tracked):
        """Return the names of memory that two touched in no order, and who they were."""
        found = set()
        for address, name in tracked.items():
            here = [access for access in self.accesses if access[0] == address]
            for index, (_, who, writes, _, clock) in enumerate(here):
                for _, other, wrote, time, _ in here[:index]:
                    if (writes or wrote) and other != who and clock.get(other, 0) < time:
                        found.add((name, other, who))
        return found


class Watch(TorchDispatchMode):
    """Writes down which memory each operation reads and writes."""

    def __init__(self, book):
        super().__init__()
        self._book = book

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        for given, described in zip(args, func._schema.arguments, strict=False):
            written = described.alias_info is not None and described.alias_info.is_write
            for tensor in given if isinstance(given, list | tuple) else [given]:
                if isinstance(tensor, torch.Tensor):
                    self._book.touch(tensor.untyped_storage().data_ptr(), writes=written)
        return func(*args, **(kwargs or {}))


class TracedMark:
    """A mark that keeps book; `forgets` names a lane that it doesn't hold."""

    def __init__(self, book, forgets, _device):
        self._book, self._forgets, self._clock = book, forgets, {}

    def set(self, lane):
        self._clock = dict(self._book.clocks.setdefault(lane.name, {lane.name: 0}))

    def wait(self):
        self._book.learn(HOST, self._clock)

    def hold(self, lane):
        if lane.name != self._forgets:
            self._book.learn(lane.name, self._clock)


class TracedLane:
    def __init__(self, book, name):
        self._book, self.name = book, name

    @contextmanager
    def entered(self):
        self._book.current.append(self.name)
        yield
        self._book.current.pop()

    def drain(self):
        self._book.learn(HOST, self._book.clocks.get(self.name, {}))

    def borrows(self, tensor):
        return tensor


class TracedLanes:
    def __init__(self, book, device):
        self._book, self.device = book, device
        for name in ("upload", "compute", "download", "aside"):
            setattr(self, name, TracedLane(book, name))

    def drain(self):
        for name in list(self._book.clocks):
            self._book.learn(HOST, self._book.clocks[name])

    def host(self, shape, dtype):
        return torch.empty(shape, dtype=dtype)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """The tiny model is made once for all tests here."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def book(cache, monkeypatch):
    monkeypatch.setenv("MIRRORFX_CACHE_DIR", str(cache))
    made = Book()
    copy = np.copyto

    def watched(target, source):
        made.touch(source.__array_interface__["data"][0], writes=False)
        made.touch(target.__array_interface__["data"][0], writes=True)
        copy(target, source)

    monkeypatch.setattr(_turbo_staging.np, "copyto", watched)
    return made


def run(book, monkeypatch, forgets=None):
    """Paint some frames, two under way, while the params change; return the races in all memory that stays."""
    monkeypatch.setattr(_turbo_painter, "Lanes", partial(TracedLanes, book))
    monkeypatch.setattr(_turbo_staging, "Mark", partial(TracedMark, book, forgets))
    state = ParamState.initial(param_registry("turbo"), {"drift": 60.0}, 0)
    state = state.edited({"prompt": "ice", "seed": 5, "strength": 0.9, "mix": 0.2}, 0, fade_s=3.0)
    frames = [Frame(np.full((64, 64, 3), 40 * i, np.uint8), i) for i in range(5)]
    outs = [np.zeros((64, 64, 4), np.uint8) for _ in frames]
    threads = torch.get_num_threads()
    with Turbo() as effect, Watch(book):
        effect.open(EffectContext(SIZE, options=(("model", "tiny"), ("steps", "2"))))
        effect.prepare(state.at(0))
        book.recording = True
        under_way = []
        for index, frame in enumerate(frames):
            under_way.append(effect.start(frame, state.at(index * SECOND), outs[index]))
            if len(under_way) == 2:
                under_way.pop(0)()
        under_way.pop()()
        book.recording = False
        tracked = standing(effect._painter)
    torch.set_num_threads(threads)
    return book.races(tracked)


def standing(painter):
    """Return the memory that stays from frame to frame, by address."""
    function, noise = painter.chosen.function, painter._noise
    tensors = {f"function.{name}": value for name, value in vars(function).items() if isinstance(value, torch.Tensor)}
    tensors |= {f"output {index}": value for index, value in enumerate(function._outputs)}
    tensors |= {"noise": noise.start, "step noise": noise.later}
    tensors |= {f"keyframe {key}": value for key, value in noise._kept.items()}
    tensors |= {f"embedding {text}": kept.tokens for text, kept in painter._texts._kept.items()}
    for index, berth in enumerate(painter._staging._berths):
        tensors |= {f"{name} {index}": getattr(berth, name) for name in ("given", "taken", "pixels")}
    return {tensor.untyped_storage().data_ptr(): name for name, tensor in tensors.items()}


def test_everything_is_ordered(book, monkeypatch):
    assert run(book, monkeypatch) == set()
    lanes = {who for _, who, _, _, _ in book.accesses}
    assert {"upload", "compute", "download", HOST} <= lanes


@pytest.mark.parametrize(
    ("lane", "memory"), [("compute", "pixels 0"), ("download", "output 0")], ids=["upload", "download"]
)
def test_a_mark_that_is_left_out_is_found(book, monkeypatch, lane, memory):
    """The check itself: without one of the marks it speaks up."""
    assert any(name == memory for name, _, _ in run(book, monkeypatch, lane))
