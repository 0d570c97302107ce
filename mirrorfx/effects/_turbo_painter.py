"""What turbo is made of once it is open: text, noise, the frame function and the way to the device and back.

This module imports torch; import it where diffusion runs, nowhere else.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import torch

from mirrorfx.diffusion.libraries import diffusers, transformers
from mirrorfx.diffusion.models import ModelSettings, load_models, out_of_memory
from mirrorfx.diffusion.noise import DriftNoise
from mirrorfx.diffusion.prompts import mixed_texts
from mirrorfx.diffusion.text import EmbeddingCache, TextEmbedding, TextEncoder
from mirrorfx.effects._turbo_lanes import Lanes
from mirrorfx.effects._turbo_noise import DeviceNoise
from mirrorfx.effects._turbo_staging import Staging
from mirrorfx.effects._turbo_tiny import tiny_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirrorfx.diffusion.frame_function import FrameFunction
    from mirrorfx.diffusion.models import Models
    from mirrorfx.diffusion.prompts import Text
    from mirrorfx.effects._turbo_options import TurboOptions
    from mirrorfx.effects.base import EffectContext
    from mirrorfx.frame import Frame, Image
    from mirrorfx.params import Params

__all__ = ["TurboPainter", "open_painter"]


class TurboPainter:
    """Paints frames with one frame function, telling it only what has changed since the last frame.

    Threads: `start` and what belongs to a frame in one, `prepare` in another, what `start` returns in a third.

    Args:
        models: what was loaded.
        function: a frame function over them, captured or compiled already.
    """

    def __init__(self, models: Models, function: FrameFunction, steps: int) -> None:
        self._function = function
        self._lanes = Lanes(models.device)
        encoder = TextEncoder(models.tokenizers, models.text_encoders, device=models.device, dtype=models.dtype)
        self._encoder = encoder
        self._texts = EmbeddingCache(self._encoded)
        _, channels, height, width = function.latent_shape
        self._noise = DeviceNoise(DriftNoise((channels, height, width)), steps, self._lanes)
        self._staging = Staging(function.size, self._lanes, self._paint)
        self._ahead = ThreadPoolExecutor(max_workers=1, thread_name_prefix="turbo-ahead")
        self._making: Future[None] | None = None
        self._said: tuple[tuple[Text, float], ...] | None = None
        self._strength = self._mix = -1.0
        self._lanes.drain()

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
        try:
            return self._started(frame, params, out)
        except RuntimeError as problem:
            if not out_of_memory(problem):
                raise
        torch.cuda.empty_cache()
        return self._started(frame, params, out)

    def close(self) -> None:
        """End the look-ahead."""
        self._ahead.shutdown(wait=True, cancel_futures=True)
        self._lanes.drain()

    def _started(self, frame: Frame, params: Params, out: Image) -> Callable[[], None]:
        with self._lanes.compute.entered():
            self._set(params)
        return self._staging.start(frame.pixels, out)

    def _set(self, params: Params) -> None:
        """Tell the frame function what has changed."""
        function = self._function
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

    def _paint(self, pixels: torch.Tensor) -> torch.Tensor:
        self._function.load(pixels)
        return self._function.paint()

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


def open_painter(options: TurboOptions, context: EffectContext) -> TurboPainter:
    """Load the models and build the painter.

    Raises:
        EffectUnavailable: what is missing here, and the fix.
    """
    from mirrorfx.diffusion.frame_function import FrameFunction

    _quieten()
    torch.set_num_threads(context.threads)
    models = load_models(_settings(options, context), context.progress)
    function = FrameFunction(models, context.size, steps=options.steps)
    return TurboPainter(models, function, options.steps)


def _quieten() -> None:
    """Keep the libraries' progress bars out of the log: progress is told to the desk."""
    for library in (diffusers(), transformers()):
        library.utils.logging.disable_progress_bar()
        library.utils.logging.set_verbosity_error()


def _settings(options: TurboOptions, context: EffectContext) -> ModelSettings:
    if options.is_tiny:
        context.progress("making the tiny model", 0.0)
        folder = tiny_folder()
        return ModelSettings(model=str(folder.model), autoencoder=str(folder.autoencoder), device=context.device)
    return ModelSettings(
        model=options.model, autoencoder=options.autoencoder, variant=options.variant, device=context.device
    )
