"""Queues of work on a device that run beside each other: CUDA streams, or nothing at all on the CPU.

The CPU runs everything at once and in order, so its lanes and marks are empty; whoever uses them is the same code.

This module imports torch; import it where diffusion runs, nowhere else.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

__all__ = ["Lane", "Lanes", "Mark"]

_cuda: Any = torch.cuda  # its streams and events carry no types
_HIGH, _LOW = -1, 0
"""CUDA's priorities: what the frame needs goes before the text encoders."""


class Mark:
    """A moment in a lane that other lanes, or the program, can wait for.

    Waiting for one that was never set returns at once.
    """

    def __init__(self, device: torch.device) -> None:
        # Blocking: the thread that waits sleeps instead of spinning.
        self._event = _cuda.Event(blocking=True) if device.type == "cuda" else None

    def set(self, lane: Lane) -> None:
        """Place it behind all that is queued in `lane` so far."""
        if self._event is not None:
            self._event.record(lane.stream)

    def wait(self) -> None:
        """Hold this thread until the lane has come to the mark. Threads: any."""
        if self._event is not None:
            self._event.synchronize()

    def hold(self, lane: Lane) -> None:
        """Let what is queued in `lane` from now on begin after the mark; the program goes on at once."""
        if self._event is not None:
            self._event.wait(lane.stream)


class Lane:
    """One queue. Within ``with lane.entered():`` the device's work goes into it."""

    def __init__(self, device: torch.device, priority: int) -> None:
        self.stream = _cuda.Stream(device, priority) if device.type == "cuda" else None

    def entered(self) -> AbstractContextManager[object]:
        """Return a context in which this thread's work goes into the lane. Threads: any."""
        entered: AbstractContextManager[object] = nullcontext() if self.stream is None else _cuda.stream(self.stream)
        return entered

    def drain(self) -> None:
        """Hold this thread until the lane is empty."""
        if self.stream is not None:
            self.stream.synchronize()

    def borrows(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return `tensor`, of another lane, whose memory is not given away while this lane still reads it."""
        if self.stream is not None:
            tensor.record_stream(self.stream)
        return tensor


class Lanes:
    """The lanes of one device.

    Attributes:
        upload: frames on their way to the device.
        compute: the frame function, and what is set for it.
        download: pictures on their way back.
        aside: text encoders and noise keyframes, prepared beside the frames.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.upload = Lane(device, _HIGH)
        self.compute = Lane(device, _HIGH)
        self.download = Lane(device, _HIGH)
        self.aside = Lane(device, _LOW)

    def drain(self) -> None:
        """Hold this thread until the device has done everything."""
        if self.device.type == "cuda":
            _cuda.synchronize(self.device)

    def host(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Return memory of the CPU that the device can read and write by itself: pinned."""
        return torch.empty(shape, dtype=dtype, pin_memory=self.device.type == "cuda")
