"""A list of words that no prompt may have. MirrorFX brings the mechanism, not the words: those are the house's own."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from mirrorfx.errors import InvalidValue

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["WordList"]

_LOOKALIKES = str.maketrans("013457@$!|", "oieastasii")
_TEXT_MOST = 1 << 20
_ENTRIES_MOST = 20_000
_SPELT_LEAST = 3


class WordList:
    """Words and phrases, compared without case, accents, and the digits that are written for letters.

    Whole words count: ``cat`` is not in ``education``. ``c a t`` and ``c.a.t`` are ``cat``, spelt out.

    Attributes:
        entries: words and phrases as they were written; empty refuses nothing.
    """

    def __init__(self, entries: tuple[str, ...] = ()) -> None:
        self.entries = entries
        folded = {words for entry in entries for words in (_words(entry), _words(_plain(entry))) if words}
        self._folded = frozenset(folded)
        self._longest = max(map(len, self._folded), default=0)

    def __len__(self) -> int:
        return len(self._folded)

    @classmethod
    def read(cls, path: Path) -> WordList:
        """Read a file with a word or a phrase on each line; ``#`` begins a comment.

        Raises:
            InvalidValue: it can't be read, or is no text. A list that can't be read must not pass for an empty one.
        """
        try:
            text = path.read_bytes()[: _TEXT_MOST + 1].decode("utf-8-sig")
        except OSError as error:
            raise InvalidValue(f"The word list {path} can't be read: {error.strerror or error}.") from error
        except UnicodeDecodeError as error:
            raise InvalidValue(f"The word list {path} is no text in UTF-8: save it as UTF-8.") from error
        lines = [line.partition("#")[0].strip() for line in text.splitlines()]
        entries = tuple(line for line in lines if line)
        if len(text) > _TEXT_MOST or len(entries) > _ENTRIES_MOST:
            raise InvalidValue(f"The word list {path} is too long: at most {_ENTRIES_MOST} lines.")
        return cls(entries)

    def refuses(self, prompt: str) -> bool:
        """Say whether `prompt` has one of the words."""
        if not self._folded:
            return False
        return any(self._has(words) for words in (_words(prompt), _words(_plain(prompt))))

    def _has(self, words: tuple[str, ...]) -> bool:
        runs = (words[i:j] for i in range(len(words)) for j in range(i + 1, min(i + self._longest, len(words)) + 1))
        return any(run in self._folded for run in runs) or any((word,) in self._folded for word in _spelt(words))


def _words(text: str) -> tuple[str, ...]:
    """Return the words of `text` in small letters without accents; digits between letters are letters."""
    return tuple(re.findall(r"\w+", _fold(text).replace("_", " ")))


def _plain(text: str) -> str:
    """Return `text` with the letters that digits and signs stand for; a number of its own stays one."""
    return re.sub(r"[\w@$!|]*[^\W\d_][\w@$!|]*", lambda word: word[0].translate(_LOOKALIKES), _fold(text))


def _fold(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in apart if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")


def _spelt(words: tuple[str, ...]) -> list[str]:
    """Return the words that runs of single letters spell: ``c a t`` is ``cat``."""
    runs = re.findall(rf"(?<!\S)\w(?: \w){{{_SPELT_LEAST - 1},}}(?!\S)", " ".join(words))
    return [run.replace(" ", "") for run in runs]
