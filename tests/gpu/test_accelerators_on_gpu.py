"""The accelerator ladder on an NVIDIA GPU, in half precision, with a tiny model of SDXL Turbo's structure."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the diffusion extra is not installed")
pytest.importorskip("diffusers", reason="the diffusion extra is not installed")

from mirrorfx.diffusion._graph import cuda_recorder  # noqa: E402
from mirrorfx.diffusion._trial import Trial  # noqa: E402
from mirrorfx.diffusion.accelerators import RUNGS, accelerate, choose  # noqa: E402
from mirrorfx.diffusion.models import ModelSettings, load_models  # noqa: E402
from mirrorfx.diffusion.tiny import make_tiny_sdxl_turbo  # noqa: E402

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"),
    pytest.mark.filterwarnings("ignore"),  # the compilers' own
]

SIZE = (256, 256)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    tiny = make_tiny_sdxl_turbo(tmp_path_factory.mktemp("tiny"))
    return load_models(ModelSettings(model=str(tiny.model), autoencoder=str(tiny.autoencoder), device="cuda:0"))


@pytest.mark.timeout(900)
def test_auto_chooses_a_rung_that_paints_right_and_remembers_it(models, tmp_path):
    chosen = choose(models, SIZE, cache=tmp_path)
    print(*chosen.tried, sep="\n")
    assert not {each.name: each.skipped for each in chosen.tried}["graph"]
    assert choose(models, SIZE, cache=tmp_path).remembered


@pytest.mark.parametrize("steps", [1, 2])
def test_a_graph_follows_values_and_weights(models, steps):
    graph, eager = (accelerate(name, models, SIZE, steps=steps) for name in ("graph", "eager"))
    assert RUNGS["graph"].weights_in_place
    frame = torch.randint(0, 255, (SIZE[1], SIZE[0], 3), dtype=torch.uint8)
    noise = torch.randn(graph.latent_shape)
    for strength in (0.3, 0.9):
        for each in (graph, eager):
            each.load(frame)
            each.set_noise(noise, torch.zeros((steps - 1, *each.latent_shape)))
            each.set_strength(strength)
        apart = (graph.paint().int() - eager.paint().int()).abs().float().mean()
        assert apart < 2
    with torch.no_grad():
        models.unet.conv_in.weight.mul_(2)
    try:
        assert Trial(models, SIZE, steps).error(graph)[1] == ""
    finally:
        with torch.no_grad():
            models.unet.conv_in.weight.div_(2)


def test_a_recording_that_fails_leaves_the_process_able_to_record(models):
    """Reading a number back can't be recorded; the next rung must not suffer from it."""
    device, stream = models.device, torch.cuda.current_stream()
    number = torch.ones(3, device=device)
    with pytest.raises(RuntimeError):
        cuda_recorder(device)(lambda: number.sum().item())
    assert torch.cuda.current_stream() == stream
    assert Trial(models, SIZE, 1).error(accelerate("graph", models, SIZE))[1] == ""
