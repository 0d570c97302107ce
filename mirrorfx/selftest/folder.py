"""The folder that a selftest leaves: made by it alone, without personal paths, packed on demand."""

from __future__ import annotations

import contextlib
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirrorfx.errors import InvalidValue, SinkFailed, SinkUnavailable
from mirrorfx.files import write_whole
from mirrorfx.sinks.film import plain_reason
from mirrorfx.sinks.picture import write_picture

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mirrorfx.frame import Image

__all__ = ["PAGE", "REPORT", "Folder", "without_paths"]

PAGE, REPORT = "index.html", "report.json"
_PICTURES = "pictures"
_MADE_BY = "mirrorfx selftest"
_SHEET_PX = 512
_SHORTEST_NAME = 3


class Folder:
    """Where the page goes. A folder that is there is only taken when an earlier selftest made it; its files go then.

    Args:
        path: of the folder.
        private: paths that must not appear in what is written; each is replaced by its last part.

    Attributes:
        path: as given, absolute.

    Raises:
        InvalidValue: something else is there.
        SinkUnavailable: it can't be made or written.
    """

    def __init__(self, path: Path, private: Iterable[Path] = ()) -> None:
        self.path = path.expanduser().absolute()
        self._private = (self.path, *private)
        self._files: list[str] = []
        self._check()
        try:
            self._clear()
            (self.path / _PICTURES).mkdir(parents=True, exist_ok=True)
            self.write_report({})
        except (OSError, SinkFailed) as error:
            reason = plain_reason(error) if isinstance(error, OSError) else str(error)
            raise SinkUnavailable(
                f"The folder {self.path} can't be written ({reason}). Name one of your own: --out ~/selftest"
            ) from error

    @staticmethod
    def zip_of(path: Path) -> Path:
        """Return the file into which a folder is packed."""
        return path.with_name(f"{path.name}.zip")

    @property
    def zip_path(self) -> Path:
        """Where `pack` writes."""
        return self.zip_of(self.path)

    def picture(self, name: str, pixels: Image, *, whole: bool = False) -> str:
        """Write a picture and return its name relative to the folder.

        Args:
            name: without suffix.
            pixels: ``uint8[H, W, 3]`` BGR.
            whole: write all its pixels, without loss; otherwise a JPEG of at most 512 pixels.

        Raises:
            SinkUnavailable: the disk said no.
        """
        file = f"{_PICTURES}/{name}.{'png' if whole else 'jpg'}"
        write_picture(self.path / file, pixels if whole else _reduced(pixels))
        self.own(file)
        return file

    def own(self, file: str) -> Path:
        """Note a file, relative to the folder, as the selftest's own; return its path."""
        if file not in self._files:
            self._files.append(file)
        return self.path / file

    def write(self, name: str, text: str) -> None:
        """Write a text file without personal paths.

        Raises:
            SinkFailed: the disk said no; what was there before is intact.
        """
        try:
            write_whole(self.own(name), without_paths(text, self._private).encode())
        except OSError as error:
            raise SinkFailed(f"{self.path / name} can't be written: {plain_reason(error)}. Make room.") from error

    def write_report(self, content: dict[str, Any]) -> None:
        """Write ``report.json``.

        Raises:
            SinkFailed: the disk said no.
        """
        whole = {"made_by": _MADE_BY, **content, "files": sorted({*self._files, PAGE, REPORT})}
        self.write(REPORT, json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n")

    def pack(self) -> Path:
        """Pack the files into a zip beside the folder and return its path.

        Raises:
            SinkFailed: the disk said no; no half file is left.
        """
        try:
            with zipfile.ZipFile(self.zip_path, "w") as packed:
                for file in sorted(self._files):
                    # Pictures and films are packed already.
                    method = zipfile.ZIP_DEFLATED if file in (PAGE, REPORT) else zipfile.ZIP_STORED
                    packed.write(self.path / file, f"{self.path.name}/{file}", method)
        except OSError as error:
            with contextlib.suppress(OSError):
                self.zip_path.unlink()
            raise SinkFailed(f"{self.zip_path} can't be written: {plain_reason(error)}. Make room.") from error
        return self.zip_path

    def _check(self) -> None:
        """Refuse what is not ours, before anything is touched."""
        if self.path.exists() and not self.path.is_dir():
            raise InvalidValue(f"--out {self.path} is a file. Name a folder, which is made.")
        if self.path.is_dir() and _has_content(self.path) and _earlier_files(self.path) is None:
            raise InvalidValue(
                f"--out {self.path} is there and was not made by a selftest, so it is left alone. "
                "Name a folder that is new or empty."
            )
        if self.zip_path.exists() and not _is_own_zip(self.zip_path, self.path.name):
            raise InvalidValue(f"{self.zip_path} is there and was not made by a selftest. Name another folder: --out")

    def _clear(self) -> None:
        """Take an earlier selftest's files away, and only those."""
        for file in _earlier_files(self.path) or ():
            path = (self.path / file).resolve()
            if path.is_relative_to(self.path.resolve()):
                path.unlink(missing_ok=True)


def without_paths(text: str, private: Iterable[Path] = ()) -> str:
    """Return `text` with the home folder as ``~``, the user's name gone from paths, and `private` paths cut short."""
    for path in sorted({str(path) for path in private}, key=len, reverse=True):
        if len(path) > _SHORTEST_NAME:
            text = text.replace(path, f"…/{Path(path).name}")
    home = Path.home()
    if home != Path(home.anchor):
        text = text.replace(str(home), "~")
        if len(home.name) >= _SHORTEST_NAME and home.name != "root":
            text = text.replace(f"/{home.name}/", "/…/")
    return text


def _has_content(path: Path) -> bool:
    try:
        return any(path.iterdir())
    except OSError:
        return False  # it can't be read; writing says why


def _earlier_files(path: Path) -> list[str] | None:
    """Return what an earlier selftest wrote there; None when none did."""
    try:
        report = json.loads((path / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(report, dict) or report.get("made_by") != _MADE_BY:
        return None
    return [file for file in report.get("files", []) if isinstance(file, str)]


def _is_own_zip(path: Path, name: str) -> bool:
    try:
        with zipfile.ZipFile(path) as packed:
            return f"{name}/{REPORT}" in packed.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def _reduced(pixels: Image) -> Image:
    import cv2
    import numpy as np

    height, width = pixels.shape[:2]
    scale = _SHEET_PX / max(height, width)
    if scale >= 1:
        return pixels
    size = (round(width * scale), round(height * scale))
    reduced: Image = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return reduced
