"""The frame function as one CUDA graph. Unconfirmed on a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from mirrorfx.diffusion.frame_function import FrameFunction

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirrorfx.diffusion.models import Models
    from mirrorfx.frame import Size

__all__ = ["GraphedFrameFunction", "KeptFrameFunction", "cuda_recorder"]

_WARM_UPS = 3


class KeptFrameFunction(FrameFunction):
    """A frame function that keeps the last picture as it was before it became bytes, so that it can be checked.

    In a CUDA graph this is the graph's own memory: keeping it takes 12 MB at 1024 x 1024 and no time.

    Attributes:
        picture: ``float32[1, 3, H, W]`` RGB, around -1..1; written again by every frame.
    """

    picture: torch.Tensor

    @property
    def noise_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes that `set_noise` takes."""
        return tuple(self._noise.shape), tuple(self._step_noise.shape)

    @property
    def conditioning_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes that `set_conditioning` takes."""
        return tuple(self._embeddings.shape), tuple(self._pooled.shape)

    def quantise(self, picture: torch.Tensor) -> None:
        """Write a picture into `painted`, with the camera's share mixed in, and keep it."""
        self.picture = picture
        super().quantise(picture)


class GraphedFrameFunction(KeptFrameFunction):
    """A frame function whose device work was recorded once and is replayed.

    All values lie in tensors that are copied into, so setters and `load` work on the recording as it is.

    Args:
        models: what to paint with.
        size: (width, height) in pixels, multiples of 64.
        steps: UNet calls a frame, 1 to 4.
        record: takes the work, does it and records it, and returns what replays it.
    """

    def __init__(
        self, models: Models, size: Size, *, steps: int = 1, record: Callable[[Callable[[], None]], Callable[[], None]]
    ) -> None:
        super().__init__(models, size, steps=steps)
        self._replay = record(super().forward)

    @torch.no_grad()
    def forward(self) -> None:
        """Go from the loaded frame to `painted`, on the device alone. Realtime: yes, one launch."""
        self._replay()


def cuda_recorder(device: torch.device) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Return what records work on `device` as a CUDA graph.

    Each recording has a stream of its own: torch keeps cuBLAS's workspaces by stream, and recordings on one stream
    would share them (https://github.com/pytorch/pytorch/issues/193402).

    Source: "CUDA Graphs" in PyTorch's CUDA semantics: warm up on a side stream, capture, replay.
    """

    def record(work: Callable[[], None]) -> Callable[[], None]:
        cuda: Any = torch.cuda  # its streams carry no types
        with cuda.device(device):
            current, side = cuda.current_stream(), cuda.Stream()
            # A capture that fails leaves its stream the current one: torch ends it without a finally.
            with cuda.stream(current):
                replay = _recorded(work, cuda, side)
        return replay

    return record


def _recorded(work: Callable[[], None], cuda: Any, side: Any) -> Callable[[], None]:
    current = cuda.current_stream()
    side.wait_stream(current)
    with cuda.stream(side):
        for _ in range(_WARM_UPS):
            work()
    current.wait_stream(side)
    graph = cuda.CUDAGraph()
    # Other threads of the process (a pinned copy, the text encoders) must not spoil the capture.
    with cuda.graph(graph, stream=side, capture_error_mode="thread_local"):
        work()
    replay: Callable[[], None] = graph.replay
    replay()  # the first one brings the graph to the device
    return replay
