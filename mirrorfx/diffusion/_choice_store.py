"""What the accelerator ladder keeps on disk: the choice made on this very machine, and rungs that ended the process."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from mirrorfx.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from mirrorfx.diffusion.models import Models
    from mirrorfx.frame import Size

__all__ = ["ChoiceStore", "Tried", "gpu_of", "keep_compilations", "machine_key"]

_FORMAT = 1
_ATTEMPTS_MOST = 3
"""A person who stops the mirror while it builds looks the same as a rung that ends the process."""
_LIBRARIES = ("torch", "triton", "diffusers", "stable-fast-pruna", "stable-fast")
_DRIVER = Path("/sys/module/nvidia/version")
_COMPILATIONS = {"TORCHINDUCTOR_CACHE_DIR": "inductor", "TRITON_CACHE_DIR": "triton"}


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one rung.

    Attributes:
        name: the rung's.
        ms: median milliseconds a frame; None where it was not measured.
        error: relative to the eager picture; None where it painted none.
        skipped: why it was passed over, "" if it was not.
    """

    name: str
    ms: float | None = None
    error: float | None = None
    skipped: str = ""


def machine_key(models: Models, size: Size, steps: int, rungs: list[str]) -> dict[str, Any]:
    """Return all that a choice depends on: card, driver, libraries, the networks' layers, the frame, what can run."""
    on_gpu = models.device.type == "cuda"
    return {
        "format": _FORMAT,
        "device": torch.cuda.get_device_name(models.device) if on_gpu else "cpu",
        "driver": _driver() if on_gpu else "",
        "libraries": {name: found for name in _LIBRARIES if (found := _version(name))},
        "networks": _structure(models),
        "size": list(size),
        "steps": steps,
        "dtype": str(models.dtype),
        "rungs": rungs,
    }


def gpu_of(device: torch.device) -> str:
    """Name the GPU itself: in a worker, which sees one alone, every GPU is ``cuda:0``."""
    return f"{os.environ.get('CUDA_VISIBLE_DEVICES', '')} {device}".strip()


def keep_compilations(folder: Path) -> None:
    """Let what torch.compile and Triton make survive a restart, unless the user has named places for it."""
    for variable, name in _COMPILATIONS.items():
        os.environ.setdefault(variable, str(folder / name))


class ChoiceStore:
    """One choice, in a file named by the key it was made for.

    What can't be read or written only costs measuring again: this store never raises.

    Args:
        folder: is made when something is written.
        key: what the choice depends on.
        gpu: whose attempts are counted, as `gpu_of` names it: one process's alone, unlike the choice.

    Attributes:
        attempts: the file that counts rungs begun and not ended; without it all are tried again.
    """

    def __init__(self, folder: Path, key: dict[str, Any], gpu: str) -> None:
        self._key = key
        self._path = folder / f"{_digest(key)}.json"
        self.attempts = folder / f"{_digest(key)}-{_digest(gpu)}.attempts.json"

    def read(self) -> tuple[str, tuple[Tried, ...]] | None:
        """Return the rung chosen before and what was tried for it; None if there is none that can be read."""
        content = _read(self._path)
        if content.get("key") != self._key:
            return None
        try:
            tried = tuple(Tried(**each) for each in content["tried"])
            chosen = next(each for each in tried if each.name == content["rung"] and not each.skipped)
        except (KeyError, TypeError, StopIteration):
            return None
        return chosen.name, tried

    def write(self, rung: str, tried: tuple[Tried, ...]) -> None:
        """Keep a choice for the next start."""
        content = {"key": self._key, "rung": rung, "tried": [asdict(each) for each in tried]}
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, json.dumps(content, indent=1).encode())

    @contextlib.contextmanager
    def alone(self, waiting: AbstractContextManager[object]) -> Iterator[None]:
        """Let one worker in at a time; the system lets the next one in when a process ends, however it ends.

        Args:
            waiting: is entered until it is this one's turn.
        """
        from filelock import FileLock  # torch brings it

        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError), waiting:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(FileLock(self._path.with_suffix(".lock")))
            yield

    def begin(self, rung: str) -> bool:
        """Note that `rung` is being tried; say no if that has ended the process every time so far."""
        counts = _read(self.attempts)
        begun = counts.get(rung, 0)
        if not isinstance(begun, int) or begun < 0:
            begun = 0
        if begun >= _ATTEMPTS_MOST:
            return False
        self._count(counts | {rung: begun + 1})
        return True

    def end(self, rung: str) -> None:
        """Note that the process has outlived trying `rung`."""
        self._count({name: count for name, count in _read(self.attempts).items() if name != rung})

    def _count(self, counts: dict[str, Any]) -> None:
        # A spoilt file only means counting from the start, so this needn't be written whole.
        with contextlib.suppress(OSError):
            self.attempts.parent.mkdir(parents=True, exist_ok=True)
            self.attempts.write_text(json.dumps(counts), encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _structure(models: Models) -> str:
    """Return a digest of the networks' layers; weights of other values run equally fast."""
    networks = (models.unet, models.encoder, models.decoder)
    layers = [(name, list(weight.shape)) for network in networks for name, weight in network.named_parameters()]
    return _digest(layers)


def _driver() -> str:
    try:
        return _DRIVER.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
