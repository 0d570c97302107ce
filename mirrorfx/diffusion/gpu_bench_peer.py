"""The peer that a frame is held against: diffusers' own image-to-image pipeline on the same networks.

As such mirrors use it: `StableDiffusionXLImg2ImgPipeline` with `AutoencoderTiny`, prompt embeddings made beforehand, no
guidance, two steps at strength 0.5, of which it runs the second alone (one UNet call), fp16 channels_last on a GPU, not
compiled. Measured twice: ``arrays`` takes and gives ``float32[H, W, 3]`` numpy arrays in 0..1, whose conversion from
and to bytes is not counted; ``tensors`` takes and gives tensors on the device, the least the pipeline can do.

This module imports torch; import it where diffusion runs, nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mirrorfx.clock import MS
from mirrorfx.diffusion.gpu_bench_timing import camera_pictures, summary
from mirrorfx.diffusion.libraries import diffusers

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirrorfx.clock import Clock
    from mirrorfx.diffusion.gpu_bench_models import BenchModels
    from mirrorfx.frame import Size

__all__ = ["Peer"]

_STEPS, _STRENGTH = 2, 0.5


class Peer:
    """Diffusers' pipeline over networks that are there already.

    Args:
        bench: the networks and the embeddings; they are shared, not copied.
        steps: UNet calls a frame: the pipeline is asked for twice as many steps at strength 0.5.

    Raises:
        EffectUnavailable: diffusers is not installed.
    """

    def __init__(self, bench: BenchModels, steps: int) -> None:
        schedule = bench.models.schedule
        scheduler = diffusers().EulerAncestralDiscreteScheduler(
            beta_start=schedule.beta_start,
            beta_end=schedule.beta_end,
            beta_schedule="scaled_linear",
            steps_offset=1,
            timestep_spacing="trailing",
        )
        self._bench = bench
        self._steps = steps
        self._pipeline = diffusers().StableDiffusionXLImg2ImgPipeline(
            vae=bench.autoencoder,
            text_encoder=None,
            text_encoder_2=None,
            tokenizer=None,
            tokenizer_2=None,
            unet=bench.models.unet,
            scheduler=scheduler,
            add_watermarker=False,
        )
        self._pipeline.set_progress_bar_config(disable=True)

    def unet_calls(self, size: Size) -> int:
        """Return how often the UNet is called for one frame."""
        calls: list[object] = []
        hook = self._bench.models.unet.register_forward_hook(lambda *_: calls.append(None))
        try:
            self._arrays(_as_floats(size)[0])
        finally:
            hook.remove()
        return len(calls)

    def time_frames(self, size: Size, frames: int, warmup: int, clock: Clock) -> dict[str, Any]:
        """Return the summaries ``arrays_ms`` and ``tensors_ms``."""
        arrays = _as_floats(size)
        models = self._bench.models
        tensors = [torch.from_numpy(each).permute(2, 0, 1)[None].to(models.device, models.dtype) for each in arrays]
        return {
            "arrays_ms": self._timed(lambda index: self._arrays(arrays[index % len(arrays)]), frames, warmup, clock),
            "tensors_ms": self._timed(
                lambda index: self._tensors(tensors[index % len(tensors)]), frames, warmup, clock
            ),
        }

    def _timed(self, paint: Callable[[int], object], frames: int, warmup: int, clock: Clock) -> dict[str, float]:
        times_ms = []
        for index in range(-warmup, frames):
            began_ns = clock.now_ns()
            paint(index)
            if self._bench.models.device.type == "cuda":
                torch.cuda.synchronize(self._bench.models.device)
            if index >= 0:
                times_ms.append((clock.now_ns() - began_ns) / MS)
        return summary(times_ms)

    def _arrays(self, picture: np.ndarray[Any, np.dtype[np.float32]]) -> Any:
        return self._painted([picture], "np")[0]

    def _tensors(self, picture: torch.Tensor) -> Any:
        return self._painted(picture, "pt")

    def _painted(self, image: Any, output_type: str) -> Any:
        return self._pipeline(
            image=image,
            prompt_embeds=self._bench.embeddings,
            pooled_prompt_embeds=self._bench.pooled,
            num_inference_steps=_STEPS * self._steps,
            strength=_STRENGTH,
            guidance_scale=0.0,
            output_type=output_type,
        ).images


def _as_floats(size: Size) -> list[np.ndarray[Any, np.dtype[np.float32]]]:
    return [each[..., ::-1].astype(np.float32) / np.float32(255) for each in camera_pictures(size)]
