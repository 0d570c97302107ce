"""Whether the devices that were asked for are here."""

from __future__ import annotations

from mirrorfx.errors import InvalidValue

__all__ = ["check_device"]


def check_device(device: str) -> None:
    """Refuse a GPU that this machine doesn't show, for effects that would take no notice and paint on the CPU.

    Raises:
        InvalidValue: it isn't there; the message says how many are.
    """
    from mirrorfx.diffusion.gpus import absent, visible_gpus

    if problem := absent(device, visible_gpus()):
        raise InvalidValue(problem)
