"""Whether the devices that were asked for are here."""

from __future__ import annotations

from mirrorfx.errors import InvalidValue

__all__ = ["check_device"]


def check_device(device: str) -> None:
    """Refuse a GPU that this machine doesn't show, for effects that would take no notice and paint on the CPU.

    Raises:
        InvalidValue: it isn't there; the message says how many are.
    """
    from mirrorfx.diffusion.gpus import visible_gpus

    gpus = visible_gpus()
    if device != "cpu" and int(device.partition(":")[2]) >= gpus:
        raise InvalidValue(
            f"The device {device} was asked for, but this machine shows {gpus or 'no'} NVIDIA GPU"
            f"{'s' if gpus != 1 else ''}. Choose another with --devices, or look at nvidia-smi and mirrorfx doctor."
        )
