"""The whole way of one frame through the diffusion model, on one device, from bytes to bytes.

``uint8`` BGR → RGB in -1..1 → encode → noise at a timestep → UNet → x̂0 → decode → ``uint8`` BGRX. Everything that may
change between frames (picture, noise, strength, embeddings, size ids, mix) lies in tensors that are copied into and
never replaced, so a CUDA graph that captured the function stays valid.

Confirmed on the CPU in fp32. On a GPU (fp16, channels_last, graph capture) it follows the same code but is unconfirmed.

This module imports torch; import it where diffusion runs, nowhere else.
"""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING

import numpy as np
import torch

from mirrorfx.errors import InvalidValue
from mirrorfx.frame import SIZE_STEP_PX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirrorfx.diffusion.models import Models
    from mirrorfx.diffusion.schedule import Plan
    from mirrorfx.frame import Image, Size

__all__ = ["FrameFunction"]

_LATENT_STEP_PX = 8
_LATENT_CHANNELS = 4
_TOKENS = 77
_OUTPUTS = 2


class FrameFunction:
    """Paints frames of one size with a fixed number of UNet calls.

    A frame is `load`, then `paint`. The setters may be called between frames, in any order; what they set stays.
    Until they are called the noise and the embeddings are zero and the strength is 0: the autoencoder alone.

    Threads: one, that of its device. Realtime: yes; nothing waits for the device on the way.

    Args:
        models: what to paint with; all on one device.
        size: (width, height) in pixels, multiples of 64.
        steps: UNet calls a frame, 1 to 4.

    Attributes:
        size: as given.
        latent_shape: of the noise: (1, 4, height / 8, width / 8).
        painted: ``uint8[H, W, 4]`` BGRX, static: what `forward` fills.

    Raises:
        InvalidValue: a side is no positive multiple of 64, or steps outside 1..4.
    """

    def __init__(self, models: Models, size: Size, *, steps: int = 1) -> None:
        width, height = size
        if any(side <= 0 or side % SIZE_STEP_PX for side in size):
            raise InvalidValue(f"Size {width}x{height} can't be painted: both sides must be multiples of 64.")
        self._models = models
        self.size = size
        self.latent_shape = (1, _LATENT_CHANNELS, height // _LATENT_STEP_PX, width // _LATENT_STEP_PX)
        self._allocate(steps)
        self._set_plan(models.schedule.plan(0.0, steps))
        self._turn = 0

    def _allocate(self, steps: int) -> None:
        width, height = self.size
        device, dtype = self._models.device, self._models.dtype
        text_width, pooled_width = _conditioning_widths(self._models)
        self._pixels = torch.zeros((height, width, 3), dtype=torch.uint8, device=device)
        # Arrays that others own may be read-only or reused at once, so they go through memory of our own.
        self._host = self._pixels if device.type == "cpu" else torch.zeros_like(self._pixels, device="cpu")
        self._noise = torch.zeros(self.latent_shape, device=device)
        self._step_noise = torch.zeros((steps - 1, *self.latent_shape), device=device)
        self._share = torch.zeros(2, device=device)
        self._paint = torch.zeros((), dtype=torch.bool, device=device)
        self._steps = torch.zeros((steps, 6), device=device)
        self._mix = torch.zeros((), device=device)
        self._embeddings = torch.zeros((1, _TOKENS, text_width), dtype=dtype, device=device)
        self._pooled = torch.zeros((1, pooled_width), dtype=dtype, device=device)
        ids = torch.tensor([[height, width, 0, 0, height, width]], dtype=dtype)
        self._time_ids = ids.to(device)
        self.painted = torch.full((height, width, 4), 255, dtype=torch.uint8, device=device)
        self._outputs = [torch.empty_like(self.painted) for _ in range(_OUTPUTS)]

    @torch.no_grad()
    def set_strength(self, strength: float) -> None:
        """Set how far the picture goes from the camera's: 0 the autoencoder alone, 1 pure noise at the start.

        Raises:
            InvalidValue: not a number from 0 to 1.
        """
        self._set_plan(self._models.schedule.plan(strength, len(self._steps)))

    def _set_plan(self, plan: Plan) -> None:
        """Write a plan's numbers into the device's tensors."""
        _write(self._share, (plan.signal, plan.noise))
        _write(self._paint, (plan.paint,))
        for row, step in zip(self._steps, plan.steps, strict=True):
            _write(row, astuple(step))

    @torch.no_grad()
    def set_noise(self, noise: torch.Tensor, step_noise: torch.Tensor | None = None) -> None:
        """Set the noise that every frame starts from, and the fresh noise between steps.

        Both are held until the next call: new noise for each frame would flicker.

        Args:
            noise: ``float[1, 4, H/8, W/8]``, mean 0, standard deviation 1.
            step_noise: ``float[steps - 1, 1, 4, H/8, W/8]``; needed with more than one step.

        Raises:
            InvalidValue: a wrong shape.
        """
        if step_noise is None:
            step_noise = torch.zeros((0, *self.latent_shape))
        _fill(self._noise, noise, "noise")
        _fill(self._step_noise, step_noise, "step noise")

    @torch.no_grad()
    def set_conditioning(self, embeddings: torch.Tensor, pooled: torch.Tensor) -> None:
        """Set what the text encoders made of the prompt.

        Args:
            embeddings: ``float[1, 77, 2048]``, both encoders' last but one hidden states side by side.
            pooled: ``float[1, 1280]``, of the second encoder.

        Raises:
            InvalidValue: a wrong shape.
        """
        _fill(self._embeddings, embeddings, "embeddings")
        _fill(self._pooled, pooled, "pooled embedding")

    @torch.no_grad()
    def set_mix(self, mix: float) -> None:
        """Set the share of the camera's own picture in the result: 0 none, 1 nothing else.

        Raises:
            InvalidValue: not a number from 0 to 1.
        """
        if not 0.0 <= mix <= 1.0:
            raise InvalidValue(f"A camera mix of {mix} was asked for; it goes from 0 to 1.")
        _write(self._mix, (mix,))

    @torch.no_grad()
    def load(self, pixels: Image | torch.Tensor) -> None:
        """Copy a frame to the device.

        Args:
            pixels: ``uint8[H, W, 3]`` BGR, an array or a tensor (pinned, to be copied while the GPU computes).

        Raises:
            InvalidValue: another shape or type.
        """
        if pixels.dtype not in {torch.uint8, np.dtype(np.uint8)}:
            raise InvalidValue(f"The frame's values are {pixels.dtype}; uint8 is needed.")
        if isinstance(pixels, torch.Tensor):
            _fill(self._pixels, pixels, "frame")
            return
        _check_shape(self._pixels, pixels.shape, "frame")
        self._host.numpy()[...] = pixels
        if self._host is not self._pixels:
            self._pixels.copy_(self._host)

    @torch.no_grad()
    def paint(self) -> torch.Tensor:
        """Paint the loaded frame.

        Returns:
            ``uint8[H, W, 4]`` BGRX on the device, X = 255. Two buffers take turns: this one is written again by
            the call after the next.
        """
        self.forward()
        return self.hand_out()

    @torch.no_grad()
    def forward(self) -> None:
        """Go from the loaded frame to `painted`, on the device alone; this is what a CUDA graph captures."""
        self.quantise(self.decode(self.denoise(self.encode())))

    @torch.no_grad()
    def hand_out(self) -> torch.Tensor:
        """Copy `painted` into the output whose turn it is and return that."""
        output = self._outputs[self._turn]
        self._turn = (self._turn + 1) % _OUTPUTS
        return output.copy_(self.painted)

    def encode(self) -> torch.Tensor:
        """Return the frame's latents, ``float32[1, 4, H/8, W/8]``, scaled as the UNet expects."""
        picture = self._rgb().div(127.5).sub(1).to(self._models.dtype)
        latents: torch.Tensor = self._models.encoder(picture)
        return latents.float() * self._models.latent_scale

    def denoise(self, latents: torch.Tensor) -> torch.Tensor:
        """Return the painted latents x̂0 for the camera's, both ``float32[1, 4, H/8, W/8]``."""
        noisy = self._share[0] * latents + self._share[1] * self._noise
        for index, step in enumerate(self._steps):
            moment, root_alpha, root_noise, keep, redo, renew = step
            predicted = self._predict(noisy, moment)
            clean = (noisy - root_noise * predicted) / root_alpha
            if index < len(self._step_noise):
                noisy = keep * clean + redo * predicted + renew * self._step_noise[index]
        return torch.where(self._paint, clean, latents)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Return the picture of scaled latents: ``float32[1, 3, H, W]`` RGB, around -1..1."""
        picture: torch.Tensor = self._models.decoder((latents / self._models.latent_scale).to(self._models.dtype))
        return picture.float()

    def quantise(self, picture: torch.Tensor) -> None:
        """Write a picture into `painted`, with the camera's share mixed in."""
        levels = picture.add(1).mul(127.5).clamp(0, 255)
        mixed = torch.lerp(levels, self._rgb(), self._mix).round()
        self.painted[..., :3].copy_(mixed[0].permute(1, 2, 0).flip(-1))

    def _rgb(self) -> torch.Tensor:
        """Return the loaded frame as ``float32[1, 3, H, W]`` RGB in 0..255; channels_last in memory."""
        return self._pixels.flip(-1).permute(2, 0, 1)[None].float()

    def _predict(self, noisy: torch.Tensor, moment: torch.Tensor) -> torch.Tensor:
        models = self._models
        predicted: torch.Tensor = models.unet(
            noisy.to(models.dtype),
            moment[None],
            encoder_hidden_states=self._embeddings,
            added_cond_kwargs={"text_embeds": self._pooled, "time_ids": self._time_ids},
            return_dict=False,
        )[0]
        return predicted.float()


def _conditioning_widths(models: Models) -> tuple[int, int]:
    first, second = (encoder.config for encoder in models.text_encoders)
    return first.hidden_size + second.hidden_size, second.projection_dim


def _write(static: torch.Tensor, values: Sequence[float]) -> None:
    """Write numbers into a small tensor: as arguments of fills, since a copy from the CPU may wait for the device."""
    for place, value in zip(static.view(-1), values, strict=True):
        place.fill_(value)


def _fill(static: torch.Tensor, values: torch.Tensor, name: str) -> None:
    _check_shape(static, values.shape, name)
    static.copy_(values, non_blocking=True)


def _check_shape(static: torch.Tensor, shape: tuple[int, ...], name: str) -> None:
    if tuple(shape) != tuple(static.shape):
        raise InvalidValue(f"The {name} has the shape {tuple(shape)}; {tuple(static.shape)} is needed.")
