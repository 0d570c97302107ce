"""Frames on their way to the device and pictures on their way back, beside the painting.

Two of everything take turns: while frame n is painted, frame n + 1 is copied into the other buffers. Marks keep the
order on the device, so that nothing that is being read is ever written; the program waits for none of them but the
last, when it wants the picture.

On a GPU: unconfirmed, no machine with one was there to try it on. On the CPU the same code runs in order.

This module imports torch; import it where diffusion runs, nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from mirrorfx.effects._turbo_lanes import Mark
from mirrorfx.errors import EffectFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirrorfx.effects._turbo_lanes import Lanes
    from mirrorfx.frame import Image, Size

__all__ = ["Staging"]


class _Berth:
    """The buffers of one frame under way, and the marks that protect them."""

    def __init__(self, size: Size, lanes: Lanes) -> None:
        width, height = size
        self.given = lanes.host((height, width, 3), torch.uint8)
        self.taken = lanes.host((height, width, 4), torch.uint8)
        self.pixels = torch.empty((height, width, 3), dtype=torch.uint8, device=lanes.device)
        self.uploaded, self.used, self.painted, self.downloaded = (Mark(lanes.device) for _ in range(4))
        self.busy = False


class Staging:
    """Leads frames through a painter that lives on a device.

    Threads: `start` in one, what it returns in one other.

    Args:
        size: (width, height).
        lanes: of the device.
        paint: given ``uint8[H, W, 3]`` BGR on the device, queues the painting and returns ``uint8[H, W, 4]`` BGRX on
            the device; its pictures take turns between two buffers.
    """

    def __init__(self, size: Size, lanes: Lanes, paint: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self._lanes = lanes
        self._paint = paint
        self._berths = tuple(_Berth(size, lanes) for _ in range(2))
        self._turn = 0

    def start(self, pixels: Image, out: Image) -> Callable[[], None]:
        """Queue a frame; what is returned waits until `out` is filled.

        Raises:
            EffectFailed: two frames are under way already.
        """
        berth = self._berths[self._turn]
        if berth.busy:
            raise EffectFailed("Three frames at once were to be painted; a worker has room for two. Finish one first.")
        berth.busy = True
        try:
            self._queue(berth, pixels)
        except BaseException:
            berth.busy = False
            raise
        self._turn = 1 - self._turn

        def finish() -> None:
            try:
                berth.downloaded.wait()
                np.copyto(out, berth.taken.numpy())
            finally:
                berth.busy = False

        return finish

    def _queue(self, berth: _Berth, pixels: Image) -> None:
        lanes = self._lanes
        np.copyto(berth.given.numpy(), pixels)
        with lanes.upload.entered():
            berth.used.hold(lanes.upload)
            berth.pixels.copy_(berth.given, non_blocking=True)
            berth.uploaded.set(lanes.upload)
        with lanes.compute.entered():
            berth.uploaded.hold(lanes.compute)
            berth.downloaded.hold(lanes.compute)
            painted = self._paint(berth.pixels)
            berth.used.set(lanes.compute)
            berth.painted.set(lanes.compute)
        with lanes.download.entered():
            berth.painted.hold(lanes.download)
            berth.taken.copy_(painted, non_blocking=True)
            berth.downloaded.set(lanes.download)
