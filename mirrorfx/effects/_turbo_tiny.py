"""The model called ``tiny``: made by code into the user's cache folder, once for all workers."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mirrorfx.errors import EffectUnavailable
from mirrorfx.resources import cache_dir

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mirrorfx.diffusion.tiny import TinyFolder

__all__ = ["tiny_folder"]

_NAME = "tiny-sdxl-turbo-1"
"""The number goes up with the structure of the model, so that an older one is not taken for it."""
_LIST = "made.json"


def tiny_folder() -> TinyFolder:
    """Return the folders of the tiny model; they are made when they are not there, and remade when damaged.

    Workers that start at once wait for the one that makes it.

    Raises:
        EffectUnavailable: the cache folder can't be written, or the libraries are missing.
    """
    from mirrorfx.diffusion.tiny import TinyFolder

    folder = cache_dir() / _NAME
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder.with_suffix(".lock")):
            if not _intact(folder):
                _make(folder)
    except OSError as error:
        raise EffectUnavailable(
            f"The tiny model can't be made in {folder.parent} ({error.strerror or error}). Make room or give write "
            "access there, or set MIRRORFX_CACHE_DIR to another folder."
        ) from error
    return TinyFolder(folder)


def _make(folder: Path) -> None:
    from mirrorfx.diffusion.tiny import make_tiny_sdxl_turbo

    made = Path(tempfile.mkdtemp(prefix=f"{_NAME}-", dir=folder.parent))
    try:
        make_tiny_sdxl_turbo(made)
        (made / _LIST).write_text(json.dumps(_digests(made)), encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _intact(folder: Path) -> bool:
    try:
        listed: object = json.loads((folder / _LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return listed == _digests(folder)


def _digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != _LIST)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Let one process in at a time; the system opens the lock when a process ends, however it ends."""
    from filelock import FileLock  # torch brings it

    with FileLock(lock):
        yield
