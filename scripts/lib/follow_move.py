"""Point the programs of a moved virtual environment at its new place: follow_move.py OLD_VENV NEW_VENV."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def moved(text: bytes, old: bytes, new: bytes) -> bytes:
    """Return a program with the new place in it.

    A plain ``#!`` line becomes one for the shell, because the new place may hold spaces or be too long for the kernel.
    """
    if not text.startswith(b"#!" + old):
        return text.replace(old, new)
    first, _, rest = text.partition(b"\n")
    interpreter = first[2:].replace(old, new)
    return b"#!/bin/sh\n'''exec' \"" + interpreter + b'" "$0" "$@"\n\' \'\'\'\n' + rest.replace(old, new)


def main() -> None:
    """Rewrite every text file in the environment's ``bin`` that names the old place."""
    old, new = (os.fsencode(place) for place in sys.argv[1:3])
    for program in Path(sys.argv[2], "bin").iterdir():
        if program.is_symlink() or not program.is_file():
            continue
        text = program.read_bytes()
        if old in text and b"\0" not in text:
            program.write_bytes(moved(text, old, new))


if __name__ == "__main__":
    main()
