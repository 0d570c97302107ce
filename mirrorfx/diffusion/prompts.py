r"""Prompts as artists write them, taken apart.

    (words)  ((words))      emphasis: each pair of round brackets times 1.1
    [words]                 less of it: each pair of square brackets through 1.1
    (words:1.3)             emphasis times 1.3; brackets inside one another multiply
    <lora:name:0.8>         a LoRA file with its weight, 1 when left out; it counts for the whole prompt
    first | second          a prompt pair; the param `BLEND` stands between the two
    \( \) \[ \] \| \: \< \\ the character itself

Within round brackets a colon announces a weight; everywhere else it is text. A pair has one bar, outside all brackets:
more prompts at once is what a fade does. Both sides share the LoRA files, since a network has only one set of weights.

Source of the syntax: the attention and extra-network notes of the stable-diffusion-webui wiki.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NoReturn

from mirrorfx.errors import InvalidValue
from mirrorfx.params import Kind, Morph, Param

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mirrorfx.params import Params

__all__ = ["BLEND", "Lora", "Prompt", "Span", "Text", "mixed_texts", "parse_prompt"]

BLEND = Param(
    name="blend",
    kind=Kind.FLOAT,
    default=0.5,
    label="Prompt blend",
    help="Where the picture stands between the two prompts of a pair: 0 is the first, 1 the second.",
    morph=Morph.LINEAR,
)

_EMPHASIS = 1.1
_WEIGHT_MOST = 10.0
_DECIMALS = 4
"""Weights are rounded to what is written, so that a prompt written out and read again is the same."""
_CLOSERS = {"(": ")", "[": "]"}
_ESCAPABLE = frozenset("()[]|:<\\")
_LORA_START = re.compile(r"<lora:", re.IGNORECASE)
_LORA = re.compile(r"<lora:([^<>]*)>", re.IGNORECASE)
_TO_BRACKET = re.compile(r":([^()\[\]|]*)")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)")


@dataclass(frozen=True, slots=True)
class Span:
    """Words with one emphasis; 1 is plain, 0 to 10."""

    text: str
    weight: float = 1.0

    def __str__(self) -> str:
        plain = _LORA_START.sub(r"\\\g<0>", re.sub(r"[()\[\]|\\]", r"\\\g<0>", self.text))
        if self.weight == 1.0:
            return plain
        return f"({plain.replace(':', chr(92) + ':')}:{_written(self.weight)})"


@dataclass(frozen=True, slots=True)
class Text:
    """One side of a prompt: spans to be read one after the other. Empty for no words."""

    spans: tuple[Span, ...] = ()

    def __str__(self) -> str:
        return "".join(map(str, self.spans))

    @property
    def plain(self) -> str:
        """The words without their emphasis."""
        return "".join(span.text for span in self.spans)


@dataclass(frozen=True, slots=True)
class Lora:
    """A LoRA file by its name (no path, no ending) and its weight, -10 to 10."""

    name: str
    weight: float = 1.0

    def __str__(self) -> str:
        return f"<lora:{self.name}:{_written(self.weight)}>"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt, taken apart. `str` writes it out so that `parse_prompt` gives an equal one.

    Attributes:
        texts: one, or two of a pair.
        loras: the files it names, in order, each once.
    """

    texts: tuple[Text, ...]
    loras: tuple[Lora, ...] = ()

    def __str__(self) -> str:
        return " ".join(filter(None, [" | ".join(map(str, self.texts)), *map(str, self.loras)]))

    def weighted(self, blend: float) -> tuple[tuple[Text, float], ...]:
        """Return every text with its weight; weights sum to 1. `blend` 0 is the first of a pair, 1 the second."""
        shares = (1.0,) if len(self.texts) == 1 else (1.0 - blend, blend)
        return tuple(zip(self.texts, shares, strict=True))


@lru_cache(64)
def parse_prompt(text: str) -> Prompt:
    """Return `text` taken apart.

    Raises:
        InvalidValue: a bracket without its partner, a weight that is no number or out of range, a bar too many, or a
            LoRA that can't be read; the message says at which character (counted from 1) and what to write instead.
    """
    return _Parser(text).prompt()


def mixed_texts(params: Params) -> tuple[tuple[Text, float], ...]:
    """Return the texts that `params` mixes (fading prompts, each perhaps a pair), with weights that sum to 1.

    A text with weight 0, the far side of a pair, is among them: the next turn of the blend will want it.

    Raises:
        InvalidValue: a prompt that can't be read, as `parse_prompt` says.
    """
    blend = float(params.values.get(BLEND.name, BLEND.default))
    weights: dict[Text, float] = {}
    for prompt, share in params.mix("prompt"):
        for text, part in parse_prompt(str(prompt)).weighted(blend):
            weights[text] = weights.get(text, 0.0) + share * part
    return tuple(weights.items())


class _Parser:
    """Reads a prompt once from left to right."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._letters: list[str] = []
        self._spans: list[Span] = []
        self._open: list[tuple[int, int]] = []
        """Brackets not yet closed: where each is, and the number of spans before it."""
        self._texts: list[Text] = []
        self._loras: dict[str, Lora] = {}

    def prompt(self) -> Prompt:
        while self._at < len(self._source):
            self._step(self._source[self._at])
        if self._open:
            at = self._open[-1][0]
            bracket = self._source[at]
            self._refuse(
                at, f"{bracket!r} is never closed. Add {_CLOSERS[bracket]!r}, or write \\{bracket} for the sign"
            )
        self._end_text()
        return Prompt(tuple(self._texts), tuple(self._loras.values()))

    def _step(self, sign: str) -> None:
        match sign:
            case "\\" if self._source[self._at + 1 : self._at + 2] in _ESCAPABLE:
                self._letters.append(self._source[self._at + 1])
                self._at += 2
                return
            case "<" if _LORA_START.match(self._source, self._at):
                self._lora()
                return
            case "(" | "[":
                self._flush()
                self._open.append((self._at, len(self._spans)))
            case ")" | "]":
                self._close(sign, _EMPHASIS if sign == ")" else 1 / _EMPHASIS)
            case ":" if self._open:
                self._colon()
            case "|":
                self._bar()
            case _:
                self._letters.append(sign)
        self._at += 1

    def _flush(self) -> None:
        if self._letters:
            self._spans.append(Span("".join(self._letters)))
            self._letters.clear()

    def _close(self, sign: str, factor: float) -> None:
        if not self._open or _CLOSERS[self._source[self._open[-1][0]]] != sign:
            self._refuse(self._at, f"{sign!r} closes nothing. Take it out, or write \\{sign} for the sign")
        self._flush()
        at, first = self._open.pop()
        scaled = [Span(span.text, span.weight * factor) for span in self._spans[first:]]
        if any(_rounded(span.weight) > _WEIGHT_MOST for span in scaled):
            self._refuse(
                at, f"this emphasis comes to more than {_WEIGHT_MOST:g}. Use fewer brackets or a smaller weight"
            )
        self._spans[first:] = scaled

    def _colon(self) -> None:
        """Read a weight and the bracket it belongs to; in square brackets a colon is text."""
        found = _TO_BRACKET.match(self._source, self._at)
        written = found.group(1).strip() if found else ""
        end = found.end() if found else self._at
        if self._source[self._open[-1][0]] == "[":
            if self._source[end : end + 1] == "]" and _NUMBER.fullmatch(written):
                self._refuse(self._at, "a weight belongs in round brackets, as in (words:0.8)")
            self._letters.append(":")
            return
        if self._source[end : end + 1] != ")" or not _NUMBER.fullmatch(written):
            self._refuse(self._at, f"{_brief(written)} is no weight. Write (words:1.3), or \\: for the sign")
        if not 0.0 <= float(written) <= _WEIGHT_MOST:
            self._refuse(self._at, f"the weight is {_brief(written)}; it must be from 0 to {_WEIGHT_MOST:g}")
        self._at = end
        self._close(")", float(written))

    def _bar(self) -> None:
        if self._open:
            self._refuse(self._at, "'|' stands between two prompts and can't be in brackets. Write \\| for the sign")
        if self._texts:
            self._refuse(self._at, "there is a second '|'; a pair has two prompts. Write \\| for the sign")
        self._end_text()

    def _end_text(self) -> None:
        self._flush()
        self._texts.append(Text(_tidy(self._spans)))
        self._spans.clear()

    def _lora(self) -> None:
        tag = _LORA.match(self._source, self._at)
        if tag is None:
            self._refuse(self._at, "this LoRA is never closed. Write <lora:name:0.8>, or \\< for the sign")
        name, _, written = (piece.strip() for piece in tag.group(1).partition(":"))
        written = written if ":" in tag.group(1) else "1"
        if not name or re.search(r"[/\\]", name):
            self._refuse(self._at, f"{_brief(name)} is no name of a LoRA file. Write its name without folder or ending")
        if not _NUMBER.fullmatch(written) or abs(float(written)) > _WEIGHT_MOST:
            self._refuse(
                self._at, f"the LoRA's weight is {_brief(written)}; it must be a number up to {_WEIGHT_MOST:g}, as 0.8"
            )
        lora = Lora(name, _rounded(float(written)))
        if self._loras.setdefault(name, lora) != lora:
            self._refuse(self._at, f"the LoRA {_brief(name)} has another weight than before. Name it once")
        self._at = tag.end()

    def _refuse(self, at: int, why: str) -> NoReturn:
        raise InvalidValue(f"Prompt, character {at + 1}: {why}.")


def _tidy(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Join neighbours of one weight, make every gap one space, and cut the gaps at both ends."""
    joined: list[Span] = []
    for span in spans:
        weight = _rounded(span.weight)
        before = joined.pop().text if joined and joined[-1].weight == weight else ""
        joined.append(Span(before + span.text, weight))
    tidy = [Span(re.sub(r"\s+", " ", span.text), span.weight) for span in joined]
    while tidy and not (first := tidy[0].text.lstrip()):
        del tidy[0]
    while tidy and not tidy[-1].text.rstrip():
        del tidy[-1]
    if tidy:
        tidy[0] = Span(first, tidy[0].weight)
        tidy[-1] = Span(tidy[-1].text.rstrip(), tidy[-1].weight)
    return tuple(tidy)


def _rounded(weight: float) -> float:
    return round(weight, _DECIMALS) + 0.0  # no minus zero


def _written(weight: float) -> str:
    return f"{weight:.{_DECIMALS}f}".rstrip("0").rstrip(".")


def _brief(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:37]}...")
