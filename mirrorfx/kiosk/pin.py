"""The PIN that opens a kiosk: only its hash is kept, readable by its owner alone."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from typing import TYPE_CHECKING

import msgspec

from mirrorfx.errors import InvalidValue, MirrorFXError
from mirrorfx.files import write_whole
from mirrorfx.resources import config_dir

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DIGITS_LEAST", "DIGITS_MOST", "PinFile"]

DIGITS_LEAST, DIGITS_MOST = 4, 12
_FORMAT = 1
_SALT_BYTES = 16
# 16 MB and about 50 ms: guessing all PINs of six digits then takes a day, and the wall's own pauses take years.
_COST, _BLOCK, _LANES = 2**14, 8, 1
_MODE = 0o600


class _Kept(msgspec.Struct):
    format: int
    salt: str
    hash: str


class PinFile:
    """Keeps the PIN's hash (scrypt, RFC 7914).

    Who may write the file may also delete it, and so open the kiosk: it stops visitors, not the machine's own user.

    Args:
        path: of the file; by default ``kiosk-pin.json`` in the configuration folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or config_dir() / "kiosk-pin.json"

    @property
    def is_set(self) -> bool:
        """Whether there is a PIN; a file that can't be read counts, since it must not open the kiosk."""
        return self.path.exists()

    def set(self, pin: str) -> None:
        """Keep `pin`.

        Raises:
            InvalidValue: it is not of 4 to 12 digits, or all of them are the same.
            MirrorFXError: the folder said no; an earlier PIN still holds.
        """
        _check(pin)
        salt = secrets.token_bytes(_SALT_BYTES)
        kept = _Kept(_FORMAT, salt.hex(), _hash(pin, salt).hex())
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            before = os.umask(0o077)
            try:
                write_whole(self.path, msgspec.json.encode(kept))
            finally:
                os.umask(before)
            self.path.chmod(_MODE)
        except OSError as error:
            raise MirrorFXError(f"The PIN can't be kept in {self.path}: {error.strerror or error}.") from error

    def check(self, pin: str) -> bool:
        """Say whether `pin` is the one that is kept; takes about 50 ms."""
        try:
            kept = msgspec.json.decode(self.path.read_bytes(), type=_Kept)
            salt, wanted = bytes.fromhex(kept.salt), bytes.fromhex(kept.hash)
        except (OSError, ValueError, msgspec.DecodeError):
            return False
        return kept.format == _FORMAT and hmac.compare_digest(_hash(pin, salt), wanted)

    def reset(self) -> bool:
        """Forget the PIN; say whether there was one.

        Raises:
            MirrorFXError: the folder said no.
        """
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise MirrorFXError(f"{self.path} can't be deleted: {error.strerror or error}.") from error
        return True


def _check(pin: str) -> None:
    if not (pin.isascii() and pin.isdigit() and DIGITS_LEAST <= len(pin) <= DIGITS_MOST):
        raise InvalidValue(f"A PIN has {DIGITS_LEAST} to {DIGITS_MOST} digits from 0 to 9.")
    if len(set(pin)) == 1:
        raise InvalidValue("A PIN of one digit repeated is the first that anybody tries. Take another.")


def _hash(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=_COST, r=_BLOCK, p=_LANES)
