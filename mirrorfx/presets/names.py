"""What a preset may be called, and what its file is called then."""

from __future__ import annotations

import re
import unicodedata

from mirrorfx.errors import PresetInvalid

__all__ = ["NAME_MOST", "check_name", "slug"]

NAME_MOST = 60
"""The most characters in a preset's name."""

# A character takes up to four bytes and a file name up to 255, with room for endings.
_SLUG_MOST = 48
# Names of devices on Windows, which no file there can have.
_RESERVED = {"aux", "con", "nul", "prn", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def slug(name: str) -> str:
    """Return the file name for a preset's name, without the ending: ``Oil & Gold`` is ``oil-gold``."""
    plain = unicodedata.normalize("NFKC", name).lower()
    return re.sub(r"[\W_]+", "-", plain).strip("-")[:_SLUG_MOST].strip("-")


def check_name(name: object) -> str:
    """Return a preset's name, stripped, when it can be one.

    Raises:
        PresetInvalid: it is empty, too long, reserved, or has characters that a name can't have.
    """
    if not isinstance(name, str):
        raise PresetInvalid(f"name is {name!r:.80}; it must be text in quotes.")
    name = name.strip()
    if len(name) > NAME_MOST:
        raise PresetInvalid(f"name has {len(name)} characters; {NAME_MOST} are the most.")
    if not name.isprintable() or set(name) & set("/\\"):
        raise PresetInvalid(f"name is {name!r}; it can't have slashes or control characters.")
    if not slug(name):
        raise PresetInvalid(f"name is {name!r}; it must have at least one letter or digit.")
    if name.lower().endswith(".toml"):
        raise PresetInvalid(f"name is {name!r}; it can't end in .toml, or it would be taken for a file.")
    if slug(name) in _RESERVED:
        raise PresetInvalid(f"name is {name!r}, which Windows keeps for a device; choose another.")
    return name
