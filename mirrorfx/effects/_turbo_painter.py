"""What turbo is made of once it is open: text, noise, the frame function and the way to the device and back.

This module imports torch; import it where diffusion runs, nowhere else.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from mirrorfx.diffusion.accelerators import choose
from mirrorfx.diffusion.libraries import diffusers, transformers
from mirrorfx.diffusion.lora import LoraLibrary, LoraWeights, apply
from mirrorfx.diffusion.models import ModelSettings, load_models, out_of_memory
from mirrorfx.diffusion.noise import DriftNoise
from mirrorfx.diffusion.prompts import mixed_texts, parse_prompt
from mirrorfx.diffusion.text import EmbeddingCache, TextEmbedding, TextEncoder
from mirrorfx.effects._turbo_lanes import Lanes
from mirrorfx.effects._turbo_noise import DeviceNoise
from mirrorfx.effects._turbo_options import NOISE_NOTICE
from mirrorfx.effects._turbo_staging import Staging
from mirrorfx.effects._turbo_tiny import tiny_folder
from mirrorfx.errors import EffectFailed, EffectUnavailable, InvalidValue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mirrorfx.diffusion.accelerators import Chosen
    from mirrorfx.diffusion.models import Models
    from mirrorfx.diffusion.prompts import Text
    from mirrorfx.effects._turbo_options import TurboOptions
    from mirrorfx.effects.base import EffectContext
    from mirrorfx.frame import Frame, Image
    from mirrorfx.params import Params

__all__ = ["TurboPainter", "open_painter"]

_log = logging.getLogger(__name__)


class TurboPainter:
    """Paints frames with one frame function, telling it only what has changed since the last frame.

    Threads: `start` and `swap` in one, `prepare` in another, what `start` returns in a third.

    Args:
        models: what was loaded.
        choose: gives a warmed-up frame function over `models`; asked again when their weights were changed behind the
            back of one that has its own copy of them.
        steps: UNet calls a frame.
        loras: the files that prompts may name.
    """

    def __init__(self, models: Models, choose: Callable[[], Chosen], steps: int, loras: LoraLibrary) -> None:
        self._models = models
        self._choose = choose
        self._loras = loras
        self._chosen: Chosen | None = choose()
        self._lanes = Lanes(models.device)
        function = self.chosen.function
        self._encoder = TextEncoder(models.tokenizers, models.text_encoders, device=models.device, dtype=models.dtype)
        self._texts = EmbeddingCache(self._encoded)
        _, channels, height, width = function.latent_shape
        self._noise = DeviceNoise(DriftNoise((channels, height, width)), steps, self._lanes)
        self._staging = Staging(function.size, self._lanes, self._paint)
        self._ahead = ThreadPoolExecutor(max_workers=1, thread_name_prefix="turbo-ahead")
        self._making: Future[None] | None = None
        self._applied: list[tuple[LoraWeights, float]] = []
        self._broken = False
        self._said: tuple[tuple[Text, float], ...] = ()
        self._strength = self._mix = -1.0
        self._lanes.drain()

    @property
    def chosen(self) -> Chosen:
        """The frame function, and on which rung of the accelerators' ladder it stands."""
        if self._chosen is None:
            raise EffectFailed("The networks were changed, and no accelerator could be built on them.")
        return self._chosen

    @property
    def kept(self) -> tuple[int, int]:
        """How many embeddings and how many keyframes of noise are kept."""
        return len(self._texts), len(self._noise)

    def prepare(self, params: Params) -> None:
        """Encode the prompts and make the noise that `params` need. Realtime: no."""
        self._texts.prepare(params)
        self._noise.prepare(params)

    def start(self, frame: Frame, params: Params, out: Image) -> Callable[[], None]:
        """Queue a frame; what is returned waits until `out` is filled. Realtime: yes, once `params` are prepared.

        Memory that runs out is cleared up once; what still doesn't fit then is raised.
        """
        if not self._texts.ready(params):
            self._texts.prepare(params)
        self._look_ahead(params)
        with self._noticed():
            finish = self._started_or_retried(frame, params, out)

        def finished() -> None:
            with self._noticed():
                finish()

        return finished

    def swap(self, params: Params) -> None:
        """Change the UNet's weights to the plain ones and the LoRA files that the prompt names. No frame is under way.

        Raises:
            InvalidValue: a file is missing or doesn't fit; the weights are as before then.
        """
        wanted = [
            (LoraWeights.load(self._loras.path(lora.name), self._models.unet), lora.weight)
            for lora in parse_prompt(params.prompt).loras
        ]
        try:
            self._change(wanted)
        except EffectUnavailable as problem:
            self._change(self._applied)
            raise InvalidValue(f"With this LoRA the accelerator can't be built again: {problem}") from problem
        self._applied = wanted
        for lora, _ in wanted:
            if lora.notice:
                _log.warning(lora.notice)

    def _change(self, loras: list[tuple[LoraWeights, float]]) -> None:
        self._lanes.drain()
        apply(self._models.unet, loras)
        if self._chosen is None or not self._chosen.weights_in_place:
            self._chosen = None  # two don't fit into the memory
            self._chosen = self._choose()
        self._lanes.drain()
        self._forget()

    def close(self) -> None:
        """End the look-ahead. A device that has failed is not waited for: it may never answer."""
        self._ahead.shutdown(wait=not self._broken, cancel_futures=True)
        if not self._broken:
            self._lanes.drain()

    def _started_or_retried(self, frame: Frame, params: Params, out: Image) -> Callable[[], None]:
        try:
            return self._started(frame, params, out)
        except (RuntimeError, MemoryError) as problem:
            if not out_of_memory(problem):
                raise
        # Outside of the except clause: the error holds on to the tensors of the calls that it came through.
        self._forget()
        torch.cuda.empty_cache()
        return self._started(frame, params, out)

    def _started(self, frame: Frame, params: Params, out: Image) -> Callable[[], None]:
        with self._lanes.compute.entered():
            self._set(params)
        return self._staging.start(frame.pixels, out)

    def _set(self, params: Params) -> None:
        """Tell the frame function what has changed."""
        function = self.chosen.function
        texts = mixed_texts(params)
        if texts != self._said:
            embedding = self._texts.mixed(params)
            function.set_conditioning(embedding.tokens, embedding.pooled)
            self._said = texts
        if self._noise.mix(params):
            function.set_noise(self._noise.start, self._noise.later)
        strength, mix = params.strength, params.number("mix")
        if strength != self._strength:
            function.set_strength(strength)
            self._strength = strength
        if mix != self._mix:
            function.set_mix(mix)
            self._mix = mix

    def _forget(self) -> None:
        """Tell the frame function everything at the next frame: it is a new one, or was interrupted."""
        self._said = ()
        self._strength = self._mix = -1.0
        self._noise.forget()

    def _paint(self, pixels: torch.Tensor) -> torch.Tensor:
        self.chosen.function.load(pixels)
        return self.chosen.function.paint()

    def _look_ahead(self, params: Params) -> None:
        if (self._making is None or self._making.done()) and not self._noise.ready(params):
            self._making = self._ahead.submit(self._noise.look_ahead, params)

    def _encoded(self, text: Text) -> TextEmbedding:
        """Encode a prompt beside the frames; it is there when this returns."""
        lanes = self._lanes
        with lanes.aside.entered():
            embedding = self._encoder.encode(text)
        lanes.aside.drain()
        lanes.compute.borrows(embedding.tokens)
        lanes.compute.borrows(embedding.pooled)
        return embedding

    @contextmanager
    def _noticed(self) -> Iterator[None]:
        """Remember that painting failed: CUDA errors stick to the process, which is about to end."""
        try:
            yield
        except BaseException:
            self._broken = True
            raise


def open_painter(options: TurboOptions, context: EffectContext) -> TurboPainter:
    """Load the models, choose the accelerator and build the painter.

    Raises:
        EffectUnavailable: what is missing here, and the fix.
    """
    _quieten()
    torch.set_num_threads(context.threads)
    models = load_models(
        _settings(options, context), lambda what, share: context.progress(f"loading: {what}", 0.5 * share)
    )

    def choose_function() -> Chosen:
        return choose(
            models,
            context.size,
            steps=options.steps,
            name=options.accelerator,
            progress=lambda what, share: context.progress(what, 0.5 + 0.5 * share),
        )

    with _memory_explained(context.device):
        return TurboPainter(models, choose_function, options.steps, LoraLibrary(options.loras))


@contextmanager
def _memory_explained(device: str) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, MemoryError) as problem:
        if not out_of_memory(problem):
            raise
        raise EffectUnavailable(
            f"The model is loaded, but {device} has not enough memory left to paint with it. Close other programs that "
            "use it, choose a smaller --size, or another device with --devices."
        ) from problem


def _quieten() -> None:
    """Keep the libraries' progress bars out of the log: progress is told to the desk."""
    for library in (diffusers(), transformers()):
        library.utils.logging.disable_progress_bar()
        library.utils.logging.set_verbosity_error()


def _settings(options: TurboOptions, context: EffectContext) -> ModelSettings:
    if options.is_tiny:
        context.progress(f"{NOISE_NOTICE}; making it", 0.0)
        folder = tiny_folder()
        return ModelSettings(model=str(folder.model), autoencoder=str(folder.autoencoder), device=context.device)
    return ModelSettings(
        model=options.model, autoencoder=options.autoencoder, variant=options.variant, device=context.device
    )
