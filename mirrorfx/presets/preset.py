"""The preset type, and reading it from a file: TOML with ``format = 1``."""

from __future__ import annotations

import re
import tomllib
import zlib
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mirrorfx.errors import InvalidValue, PresetInvalid, PresetNotFound, UnknownName
from mirrorfx.params import Kind, Param, Value
from mirrorfx.presets.names import check_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = [
    "FADE_DEFAULT_S",
    "FADE_MOST_S",
    "FORMAT",
    "REQUIRED_KEYS",
    "Preset",
    "load_preset",
    "parse_preset",
]

FORMAT = 1
"""The newest file format that this version reads, and the one it writes."""
REQUIRED_KEYS = ("format", "name")
FADE_DEFAULT_S = 3.0
FADE_MOST_S = 600.0

_BYTES_MOST = 256 * 1024
_KEYS = ("category", "fade", "format", "name", "params", "reviewed")
_FADE = {"seconds": Param(name="seconds", kind=Kind.FLOAT, default=FADE_DEFAULT_S, maximum=FADE_MOST_S, unit="s")}
_CATEGORY_MOST = 40
_KEY = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_LINE = re.compile(rf"\s*(?:\[+\s*(?P<table>{_KEY}(?:\s*\.\s*{_KEY})*)\s*\]|(?P<key>{_KEY}(?:\s*\.\s*{_KEY})*)\s*=)")
_KEY_PARTS = re.compile(r"""([\w-]+)|"([^"]*)"|'([^']*)'""")
_EFFECT_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Saved params under a name.

    Attributes:
        name: what people call it; 1 to 60 characters.
        params: values by param name, checked; a param that is not there is left as it is when the preset is taken.
        category: what lists are grouped by; may be empty.
        fade_s: how long the crossfade to it takes, in seconds.
        reviewed: the effects under which somebody has looked at its picture; under all others it is unreviewed.
        path: the file it was read from, if any.
    """

    name: str
    params: Mapping[str, Value] = field(default_factory=dict)
    category: str = ""
    fade_s: float = FADE_DEFAULT_S
    reviewed: tuple[str, ...] = ()
    path: Path | None = field(default=None, compare=False)

    @property
    def stamp(self) -> int:
        """A number that tells what it sets from what others set; renaming keeps it."""
        return zlib.crc32(repr(sorted(self.params.items())).encode())

    def values_for(self, registry: Mapping[str, Param]) -> dict[str, Value]:
        """Return the values of those params that `registry` knows: the effect that runs may have fewer."""
        return {name: value for name, value in self.params.items() if name in registry}

    def with_params(self, params: Mapping[str, Value]) -> Preset:
        """Return the preset with other checked values; nobody has reviewed those yet."""
        reviewed = self.reviewed if dict(params) == dict(self.params) else ()
        return replace(self, params=MappingProxyType(dict(params)), reviewed=reviewed)


def load_preset(path: Path, registry: Mapping[str, Param]) -> Preset:
    """Read a preset from a file.

    Args:
        path: the file.
        registry: the params a preset may set, by name; those of every known effect, as a rule.

    Raises:
        PresetNotFound: there is no such file.
        PresetInvalid: it can't be read or is not a preset; one line of the message for each problem in it.
    """
    return parse_preset(_read_text(path), registry, path=path)


def parse_preset(text: str, registry: Mapping[str, Param], *, path: Path | None = None) -> Preset:
    """Read a preset from a file's text; `path` is what messages and the preset call the file.

    Raises:
        PresetInvalid: it is not a preset; one line of the message for each problem in it.
    """
    where = str(path) if path else "The preset"
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "brackets are nested too deep"
        raise PresetInvalid(f"{where} is not readable as TOML: {reason}.") from error
    reading = _Reading(text, where, registry)
    preset = reading.preset(table, path)
    if reading.problems:
        raise PresetInvalid("\n".join(text for _, text in sorted(reading.problems)))
    return preset


class _Reading:
    """One file being read: collects every problem, each with its line where that can be told."""

    def __init__(self, text: str, where: str, registry: Mapping[str, Param]) -> None:
        self.problems: list[tuple[int, str]] = []
        self._lines = text.split("\n")
        self._where = where
        self._registry = registry

    def preset(self, table: dict[str, Any], path: Path | None) -> Preset:
        if not self._format(table):
            return Preset(name="")
        for key in table:
            if key not in _KEYS:
                self._problem(str(UnknownName("key", key, _KEYS)), key)
        for key in REQUIRED_KEYS:
            if key not in table:
                example = f"{key} = {FORMAT}" if key == "format" else f'{key} = "Oil portrait"'
                self._problem(f"{key} is missing. Write, for example, {example}")
        fade = self._checked("fade", table.get("fade", {}), _FADE, "key in [fade]")
        params = self._checked("params", table.get("params", {}), self._registry, "param")
        return Preset(
            name=self._name(table.get("name", "missing")),
            params=MappingProxyType(params),
            category=self._category(table.get("category", "")),
            fade_s=float(fade.get("seconds", FADE_DEFAULT_S)),
            reviewed=self._reviewed(table.get("reviewed", [])),
            path=path,
        )

    def _format(self, table: dict[str, Any]) -> bool:
        number = table.get("format", FORMAT)
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            self._problem(f"format is {_brief(number)}; it must be {FORMAT}.", "format")
        elif number > FORMAT:
            self._problem(
                f"format is {_brief(number)}: a newer MirrorFX wrote it. This one reads format {FORMAT}; update it.",
                "format",
            )
        return not self.problems

    def _checked(self, table_name: str, table: object, known: Mapping[str, Param], kind: str) -> dict[str, Value]:
        if not isinstance(table, dict):
            self._problem(f"{table_name} is {_brief(table)}; it must be a table: [{table_name}].", table_name)
            return {}
        values: dict[str, Value] = {}
        for key, value in table.items():
            try:
                if key not in known:
                    raise UnknownName(kind, key, known)
                values[key] = known[key].check(value)
            except InvalidValue as error:
                self._problem(str(error), table_name, key)
        return values

    def _name(self, name: object) -> str:
        try:
            return check_name(name)
        except PresetInvalid as error:
            self._problem(str(error), "name")
            return ""

    def _category(self, category: object) -> str:
        fits = isinstance(category, str) and len(category) <= _CATEGORY_MOST and category.isprintable()
        if not isinstance(category, str) or not fits:
            allowed = f"it must be text in quotes, on one line, of {_CATEGORY_MOST} characters at most."
            self._problem(f"category is {_brief(category)}; {allowed}", "category")
            return ""
        return category.strip()

    def _reviewed(self, names: object) -> tuple[str, ...]:
        if isinstance(names, list) and all(isinstance(n, str) and _EFFECT_NAME.fullmatch(n) for n in names):
            return tuple(names)
        self._problem(f'reviewed is {_brief(names)}; it must be a list of effects: ["style"].', "reviewed")
        return ()

    def _problem(self, text: str, *target: str) -> None:
        line = _line_of(self._lines, target) if target else 0
        self.problems.append((line, f"{self._where}{f', line {line}' if line else ''}: {text}"))


def _read_text(path: Path) -> str:
    try:
        if not path.is_file():
            raise _not_a_file(path)
        if path.stat().st_size > _BYTES_MOST:
            raise PresetInvalid(f"{path} has {path.stat().st_size} bytes; a preset has {_BYTES_MOST} at most.")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PresetInvalid(f"{path} is not text in UTF-8 (the byte at {error.start} can't be).") from error
    except (OSError, ValueError) as error:
        raise PresetInvalid(f"{path} can't be read: {getattr(error, 'strerror', None) or error}.") from error


def _not_a_file(path: Path) -> PresetNotFound | PresetInvalid:
    if path.exists():
        return PresetInvalid(f"{path} is not a file; a preset is a text file that ends in .toml.")
    return PresetNotFound(f"There is no preset file {path}. `mirrorfx presets list` shows the presets by name.")


def _line_of(lines: list[str], target: tuple[str, ...]) -> int:
    """Return the number of the line, from 1, that sets `target`, or else what is around it; 0 when none does."""
    nearest = 0
    for number, path in _paths(lines):
        if path == target:
            return number
        shorter = min(len(path), len(target))
        if path[:shorter] == target[:shorter]:
            nearest = nearest or number
    return nearest


def _paths(lines: list[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield (line number, key path) for every line that opens a table or sets a key: ``(4, ("fade", "seconds"))``."""
    table: tuple[str, ...] = ()
    inside_text = False
    for number, line in enumerate(lines, start=1):
        match = None if inside_text else _LINE.match(line)
        if match and match["table"]:
            table = _key_path(match["table"])
            yield number, table
        elif match:
            yield number, table + _key_path(match["key"])
        if (line.count('"""') + line.count("'''")) % 2:
            inside_text = not inside_text


def _key_path(text: str) -> tuple[str, ...]:
    return tuple("".join(parts) for parts in _KEY_PARTS.findall(text))


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
