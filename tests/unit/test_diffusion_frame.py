"""The frame function against diffusers' img2img pipeline, and what strength, noise and the outputs keep to."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the diffusion extra is not installed")
diffusers = pytest.importorskip("diffusers", reason="the diffusion extra is not installed")

from mirrorfx.diffusion.frame_function import FrameFunction  # noqa: E402
from mirrorfx.diffusion.models import ModelSettings, load_models  # noqa: E402
from mirrorfx.diffusion.schedule import timestep  # noqa: E402
from mirrorfx.diffusion.tiny import make_tiny_sdxl_turbo  # noqa: E402
from mirrorfx.errors import InvalidValue  # noqa: E402

pytestmark = pytest.mark.filterwarnings(
    # diffusers' scheduler converts tensors in a way that NumPy 2 announces the end of.
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
)

WIDTH, HEIGHT = 64, 128
PROMPTS = ("a photo of a cat", "a red dragon in fire", "")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    return make_tiny_sdxl_turbo(tmp_path_factory.mktemp("tiny-sdxl"))


@pytest.fixture(scope="session")
def models(tiny):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield load_models(ModelSettings(model=str(tiny.model), autoencoder=str(tiny.autoencoder)))
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def pipeline(tiny, models):
    with pytest.warns(DeprecationWarning, match="__array__"):
        made = diffusers.StableDiffusionXLImg2ImgPipeline.from_pretrained(
            tiny.model,
            vae=diffusers.AutoencoderTiny.from_pretrained(tiny.autoencoder, local_files_only=True),
            local_files_only=True,
            add_watermarker=False,
        )
    made.set_progress_bar_config(disable=True)
    return made


@pytest.fixture(scope="session")
def conditioning(pipeline):
    with torch.no_grad():
        encoded = {prompt: pipeline.encode_prompt(prompt, do_classifier_free_guidance=False) for prompt in PROMPTS}
    return {prompt: (embeddings, pooled) for prompt, (embeddings, _, pooled, _) in encoded.items()}


def camera(seed: int = 0, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A smooth picture in colour, ``uint8[H, W, 3]`` BGR."""
    coarse = torch.from_numpy(np.random.default_rng(seed).random((1, 3, 4, 4), dtype=np.float32))
    fine = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic").clamp(0, 1)
    return np.ascontiguousarray((fine[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy())


def noises(function: FrameFunction, seed: int, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The noises in the order in which the pipeline draws them: one to start from, then one a step."""
    generator = torch.Generator().manual_seed(seed)
    drawn = [torch.randn(function.latent_shape, generator=generator) for _ in range(steps)]
    return drawn[0], torch.stack(drawn[1:]) if steps > 1 else torch.zeros(0, *function.latent_shape)


def opened(models, conditioning, *, seed=3, strength=0.5, steps=1, size=(WIDTH, HEIGHT)) -> FrameFunction:
    function = FrameFunction(models, size, steps=steps)
    function.set_noise(*noises(function, seed, steps))
    function.set_conditioning(*conditioning[PROMPTS[0]])
    function.set_strength(strength)
    return function


def painted(function: FrameFunction, pixels: np.ndarray) -> np.ndarray:
    function.load(pixels)
    return function.paint().numpy().copy()


class ExactScheduler(diffusers.EulerAncestralDiscreteScheduler):
    """Diffusers' sampler on the timesteps that were asked for, which its own spacing can't be told."""

    exact: tuple[int, ...] = ()

    def set_timesteps(self, num_inference_steps, device=None):
        super().set_timesteps(num_inference_steps, device)
        table = ((1 - self.alphas_cumprod) / self.alphas_cumprod) ** 0.5
        self.timesteps = torch.tensor([float(moment) for moment in self.exact])
        self.sigmas = torch.cat([table[list(self.exact)], torch.zeros(1)])


def reference(pipeline, pixels, conditioning, seed, timesteps):
    """The picture of diffusers' own img2img, ``float32[1, 3, H, W]`` RGB in 0..1, and its latents."""
    pipeline.scheduler = ExactScheduler.from_config(pipeline.scheduler.config)
    pipeline.scheduler.exact = timesteps
    embeddings, pooled = conditioning
    rgb = torch.from_numpy(pixels[..., ::-1].copy()).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        latents = pipeline(
            image=rgb,
            prompt_embeds=embeddings,
            pooled_prompt_embeds=pooled,
            num_inference_steps=len(timesteps),
            strength=1.0,
            guidance_scale=0.0,
            generator=torch.Generator().manual_seed(seed),
            output_type="latent",
        ).images
        picture = pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor).sample
    return latents, (picture / 2 + 0.5).clamp(0, 1)


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_latents_and_picture_are_those_of_the_img2img_pipeline(pipeline, models, conditioning, steps):
    strengths = (0.05, 0.25, 0.5, 0.55, 0.77, 0.9)
    combinations = zip(range(12), itertools.cycle(strengths), itertools.cycle(PROMPTS), strict=False)
    function = FrameFunction(models, (WIDTH, HEIGHT), steps=steps)
    for seed, strength, prompt in list(combinations)[: 12 if steps < 3 else 3]:
        pixels = camera(seed)
        function.set_noise(*noises(function, seed, steps))
        function.set_conditioning(*conditioning[prompt])
        function.set_strength(strength)
        function.load(pixels)
        timesteps = tuple(step.timestep for step in models.schedule.plan(strength, steps).steps)
        latents, picture = reference(pipeline, pixels, conditioning[prompt], seed, timesteps)
        with torch.no_grad():
            ours = function.denoise(function.encode())
            ours_picture = (function.decode(ours) / 2 + 0.5).clamp(0, 1)
        torch.testing.assert_close(ours, latents, rtol=0, atol=1e-4)
        torch.testing.assert_close(ours_picture, picture, rtol=0, atol=1e-4)
        bytes_ours = function.paint().numpy()[..., 2::-1].astype(int)
        bytes_theirs = (picture[0].permute(1, 2, 0).numpy() * 255).round().astype(int)
        assert np.abs(bytes_ours - bytes_theirs).max() <= 1


@pytest.mark.parametrize(("asked", "strength"), [(2, 0.5), (4, 0.25), (4, 0.5), (4, 0.75)])
def test_strength_means_what_it_means_to_the_untouched_pipeline(pipeline, models, conditioning, asked, strength):
    """With the pipeline's own sampler and spacing: of the steps asked for it runs the last ones."""
    steps = int(asked * strength)
    pipeline.scheduler = diffusers.EulerAncestralDiscreteScheduler.from_config(pipeline.scheduler.config)
    pixels = camera()
    embeddings, pooled = conditioning[PROMPTS[1]]
    rgb = torch.from_numpy(pixels[..., ::-1].copy()).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        theirs = pipeline(
            image=rgb,
            prompt_embeds=embeddings,
            pooled_prompt_embeds=pooled,
            num_inference_steps=asked,
            strength=strength,
            guidance_scale=0.0,
            generator=torch.Generator().manual_seed(5),
            output_type="latent",
        ).images
    assert int(pipeline.scheduler.timesteps[-steps]) == timestep(strength)
    function = FrameFunction(models, (WIDTH, HEIGHT), steps=steps)
    function.set_noise(*noises(function, 5, steps))
    function.set_conditioning(embeddings, pooled)
    function.set_strength(strength)
    function.load(pixels)
    with torch.no_grad():
        torch.testing.assert_close(function.denoise(function.encode()), theirs, rtol=0, atol=1e-4)


def test_strengths_close_together_paint_different_pictures(models, conditioning):
    function = opened(models, conditioning, strength=0.5)
    half = painted(function, camera())
    function.set_strength(0.55)
    assert np.abs(half.astype(int) - painted(function, camera())).mean() > 1


def test_prompts_and_noises_paint_different_pictures(models, conditioning):
    function = opened(models, conditioning)
    first = painted(function, camera())
    function.set_conditioning(*conditioning[PROMPTS[1]])
    other_prompt = painted(function, camera())
    function.set_noise(noises(function, 4, 1)[0])
    other_noise = painted(function, camera())
    assert np.abs(first.astype(int) - other_prompt).mean() > 1
    assert np.abs(other_prompt.astype(int) - other_noise).mean() > 1


@pytest.mark.parametrize("steps", [1, 2])
def test_strength_zero_gives_the_camera_picture_through_the_autoencoder(models, conditioning, steps):
    function = opened(models, conditioning, strength=0.0, steps=steps)
    result = painted(function, camera())[..., :3]
    rgb = torch.from_numpy(camera()[..., ::-1].copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.no_grad():
        alone = (models.decoder(models.encoder(rgb)) + 1) * 127.5
    expected = alone.clamp(0, 255).round()[0].permute(1, 2, 0).flip(-1).numpy()
    assert np.abs(result - expected).max() <= 1
    assert np.corrcoef(result.ravel(), camera().ravel())[0, 1] > 0.8
    function.set_conditioning(*conditioning[PROMPTS[1]])
    np.testing.assert_array_equal(painted(function, camera())[..., :3], result)


def test_strength_zero_holds_when_the_unet_fails_with_nan(models, conditioning):
    function = opened(models, conditioning, strength=0.0)
    clean = painted(function, camera())
    function.set_conditioning(*(torch.full_like(value, torch.nan) for value in conditioning[PROMPTS[0]]))
    np.testing.assert_array_equal(painted(function, camera()), clean)


@pytest.mark.parametrize("steps", [1, 2])
def test_full_strength_is_independent_of_the_camera(models, conditioning, steps):
    function = opened(models, conditioning, strength=1.0, steps=steps)
    np.testing.assert_array_equal(painted(function, camera(1)), painted(function, camera(2)))
    function.set_strength(0.9)
    assert not np.array_equal(painted(function, camera(1)), painted(function, camera(2)))


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_a_still_camera_gives_a_still_picture(models, conditioning, steps):
    function = opened(models, conditioning, steps=steps)
    np.testing.assert_array_equal(painted(function, camera()), painted(function, camera()))


def test_the_step_noise_shows_in_the_picture(models, conditioning):
    function = opened(models, conditioning, steps=2)
    before = painted(function, camera())
    start, fresh = noises(function, 3, 2)
    function.set_noise(start, fresh.flip(-1))
    assert not np.array_equal(before, painted(function, camera()))


def test_the_output_is_bgrx_with_the_colours_where_they_belong(models, conditioning):
    function = opened(models, conditioning, strength=0.0)
    blue = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    blue[..., 0] = 200
    result = painted(function, blue)
    assert result.shape == (HEIGHT, WIDTH, 4)
    assert result.dtype == np.uint8
    assert np.all(result[..., 3] == 255)
    assert result[..., 0].mean() > result[..., 1:3].mean() + 80


def test_an_output_is_left_alone_while_the_next_frame_is_painted(models, conditioning):
    function = opened(models, conditioning)
    function.load(camera(1))
    first = function.paint()
    kept = first.clone()
    function.load(camera(2))
    second = function.paint()
    assert torch.equal(first, kept)
    assert first.data_ptr() != second.data_ptr()
    assert not torch.equal(first, second)
    function.load(camera(3))
    assert function.paint().data_ptr() == first.data_ptr()


def test_every_edit_is_copied_into_the_same_tensors(models, conditioning):
    """A CUDA graph replays addresses: after any edit all of them must be where they were."""

    def addresses(function):
        tensors = {name: value for name, value in vars(function).items() if isinstance(value, torch.Tensor)}
        return {name: value.data_ptr() for name, value in tensors.items()}

    function = opened(models, conditioning, steps=2)
    before = addresses(function)
    assert len(before) > 8
    function.set_strength(0.8)
    function.set_mix(0.3)
    function.set_noise(*noises(function, 9, 2))
    function.set_conditioning(*conditioning[PROMPTS[1]])
    painted(function, camera())
    assert addresses(function) == before


def test_nothing_is_read_back_to_the_host_on_the_way(models, conditioning, monkeypatch):
    function = opened(models, conditioning, steps=2)
    function.load(camera())

    def forbidden(*_args, **_kwargs):
        raise AssertionError("the frame path waited for the device")

    for name in ("item", "tolist", "cpu", "numpy", "__bool__", "__float__", "__int__"):
        monkeypatch.setattr(torch.Tensor, name, forbidden)
    function.forward()
    function.hand_out()


def test_the_frame_is_only_read_and_may_be_reused_at_once(models, conditioning):
    function = opened(models, conditioning, strength=0.3)
    pixels = camera()
    expected = painted(function, camera())
    pixels.flags.writeable = False
    function.load(pixels)
    np.testing.assert_array_equal(pixels, camera())
    pixels.flags.writeable = True
    pixels[:] = 0
    np.testing.assert_array_equal(function.paint().numpy(), expected)


def test_a_tensor_is_taken_as_well_as_an_array(models, conditioning):
    function = opened(models, conditioning)
    expected = painted(function, camera())
    function.load(torch.from_numpy(camera()))
    np.testing.assert_array_equal(function.paint().numpy(), expected)


def test_the_camera_is_mixed_back_in(models, conditioning):
    function = opened(models, conditioning)
    alone = painted(function, camera())[..., :3].astype(float)
    function.set_mix(1.0)
    np.testing.assert_array_equal(painted(function, camera())[..., :3], camera())
    function.set_mix(0.25)
    expected = 0.75 * alone + 0.25 * camera()
    assert np.abs(painted(function, camera())[..., :3] - expected).max() <= 1
    assert np.all(painted(function, camera())[..., 3] == 255)


@pytest.mark.parametrize("size", [(64, 64), (128, 64), (64, 192)])
def test_any_multiple_of_64_is_painted_in_either_orientation(models, conditioning, size):
    function = opened(models, conditioning, size=size)
    result = painted(function, camera(0, *size))
    assert result.shape == (size[1], size[0], 4)
    assert result[..., :3].std() > 5


def test_wrong_input_is_refused_before_anything_is_painted(models, conditioning):
    with pytest.raises(InvalidValue, match="multiples of 64"):
        FrameFunction(models, (100, 64))
    with pytest.raises(InvalidValue, match="1 to 4"):
        FrameFunction(models, (64, 64), steps=5)
    function = opened(models, conditioning, steps=2)
    with pytest.raises(InvalidValue, match="frame has the shape"):
        function.load(camera(0, 64, 64))
    with pytest.raises(InvalidValue, match="uint8 is needed"):
        function.load(camera().astype(np.float32))
    with pytest.raises(InvalidValue, match="step noise"):
        function.set_noise(torch.zeros(function.latent_shape))
    with pytest.raises(InvalidValue, match="embeddings"):
        function.set_conditioning(torch.zeros(1, 77, 2048), torch.zeros(1, 1280))
    for edit in (function.set_strength, function.set_mix):
        with pytest.raises(InvalidValue, match="0 to 1"):
            edit(1.5)
