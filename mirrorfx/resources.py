"""Where files are: what the package brings, and where the user's own belong."""

from __future__ import annotations

from pathlib import Path

from mirrorfx.errors import MirrorFXError

__all__ = [
    "asset",
    "builtin_presets_dir",
    "cache_dir",
    "config_dir",
    "data_dir",
    "loras_dir",
    "models_dir",
    "output_dir",
    "state_dir",
    "thumbnail_path",
    "user_presets_dir",
    "word_list_file",
]

_PACKAGE = Path(__file__).resolve().parent
_APP = "mirrorfx"


def asset(name: str) -> Path:
    """Return the path of a file in ``assets/``.

    Raises:
        MirrorFXError: the file is not there: the installation is incomplete.
    """
    return _find("assets", name)


def builtin_presets_dir() -> Path:
    """Return the folder of the built-in presets."""
    return _find("presets")


def config_dir() -> Path:
    """Return the user's configuration folder (``MIRRORFX_CONFIG_DIR`` overrides it)."""
    return _user_dir("config")


def user_presets_dir() -> Path:
    """Return the folder of the user's own presets; it need not exist."""
    return config_dir() / "presets"


def word_list_file() -> Path:
    """Return the user's own list of words that no prompt may have; it need not exist."""
    return config_dir() / "words.txt"


def cache_dir() -> Path:
    """Return the folder of what can be made again (``MIRRORFX_CACHE_DIR`` overrides it)."""
    return _user_dir("cache")


def data_dir() -> Path:
    """Return the folder of large files that were fetched (``MIRRORFX_DATA_DIR`` overrides it)."""
    return _user_dir("data")


def models_dir() -> Path:
    """Return the folder that ``mirrorfx models fetch`` fills; it need not exist."""
    return data_dir() / "models"


def loras_dir() -> Path:
    """Return the folder of the user's LoRA files; it need not exist."""
    return data_dir() / "loras"


def state_dir() -> Path:
    """Return the folder of logs and saved sessions (``MIRRORFX_STATE_DIR`` overrides it)."""
    return _user_dir("state")


def thumbnail_path(stamp: int, effect: str, side_px: int) -> Path:
    """Return where the picture of a preset is kept, painted or not.

    Args:
        stamp: of what the preset sets.
        effect: what paints it; the file is marked with it.
        side_px: side of the square picture.
    """
    from mirrorfx import __version__

    return cache_dir() / "thumbnails" / f"{stamp:08x}-{effect}-{side_px}-{__version__}.jpg"


def output_dir() -> Path:
    """Return where films and reports go when nobody named a place: ``out`` in the current folder."""
    return Path.cwd() / "out"


def _find(*parts: str) -> Path:
    for root in (_PACKAGE / "_data", _PACKAGE.parent):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise MirrorFXError(
        f"{'/'.join(parts)} is missing from the installation in {_PACKAGE}. Install MirrorFX again with scripts/run."
    )


def _user_dir(kind: str) -> Path:
    import os

    import platformdirs

    override = os.environ.get(f"MIRRORFX_{kind.upper()}_DIR")
    if override:
        return Path(override)
    return {
        "config": platformdirs.user_config_path,
        "cache": platformdirs.user_cache_path,
        "data": platformdirs.user_data_path,
        "state": platformdirs.user_state_path,
    }[kind](_APP)
