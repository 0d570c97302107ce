"""The effect `turbo` on an NVIDIA GPU with a tiny model: frames under way beside each other, and nothing that waits."""

from __future__ import annotations

import itertools
from contextlib import contextmanager

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the diffusion extra is not installed")
pytest.importorskip("diffusers", reason="the diffusion extra is not installed")

from mirrorfx.effects import EffectContext, param_registry  # noqa: E402
from mirrorfx.effects.turbo import Turbo  # noqa: E402
from mirrorfx.frame import Frame  # noqa: E402
from mirrorfx.params import ParamState  # noqa: E402

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"),
    pytest.mark.filterwarnings("ignore"),  # the libraries' own
]

DEVICE = "cuda:0"
SIZE = (256, 256)
STRENGTHS = (0.2, 0.9, 0.2, 0.5, 0.9, 0.4)


@contextmanager
def waiting_refused():
    """Let torch raise where the program would wait for the GPU."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def frame(index):
    pixels = np.random.default_rng(index).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
    return Frame(pixels, index)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("accelerator", ["eager", "graph"])
@pytest.mark.parametrize("steps", ["1", "2"])
def test_two_frames_under_way_are_painted_as_one_at_a_time_and_starting_them_waits_for_nothing(
    tmp_path, monkeypatch, accelerator, steps
):
    monkeypatch.setenv("MIRRORFX_CACHE_DIR", str(tmp_path))
    registry = param_registry("turbo")
    params = [ParamState.initial(registry, {"strength": strength}, 0).at(0) for strength in STRENGTHS]
    outs = [np.zeros((SIZE[1], SIZE[0], 4), np.uint8) for _ in params]
    options = (("model", "tiny"), ("accelerator", accelerator), ("steps", steps))
    with Turbo() as effect:
        effect.open(EffectContext(SIZE, device=DEVICE, options=options))
        effect.prepare(params[0])
        single = []
        for index, each in enumerate(params):
            single.append(np.zeros_like(outs[0]))
            effect.render(frame(index), each, single[-1])
        under_way = []
        for index, each in enumerate(params):
            with waiting_refused():
                under_way.append(effect.start(frame(index), each, outs[index]))
            if len(under_way) == 2:
                under_way.pop(0)()
        under_way.pop()()
    assert all((one != other).any() for one, other in itertools.pairwise(single))
    for one, other in zip(single, outs, strict=True):
        np.testing.assert_array_equal(one, other)
