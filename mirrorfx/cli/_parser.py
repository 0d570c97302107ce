"""The argument parser of every command: one sentence about what is wrong, and examples below the help."""

from __future__ import annotations

import argparse
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

from mirrorfx.errors import InvalidValue, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Parser", "amount"]

_KINDS = {"int": "a whole number", "float": "a number"}
_NOT_A_NUMBER = re.compile(r"argument (?P<option>\S+): invalid (?P<kind>int|float) value: (?P<value>.*)", re.DOTALL)
_NO_CHOICE = re.compile(r"argument (?P<option>\S+): invalid choice: '(?P<value>.*?)' \(.*", re.DOTALL)
_NO_VALUE = re.compile(r"argument (?P<option>\S+): expected (?P<count>one|\d+) arguments?")
_TOO_MUCH = re.compile(r"argument (?P<option>\S+): ignored explicit argument (?P<value>.*)", re.DOTALL)
_MISSING = re.compile(r"the following arguments are required: (?P<names>.*)")
_OTHER = re.compile(r"argument (?P<option>-\S+): (?P<reason>.*)", re.DOTALL)
_SEVERAL = re.compile(r"ambiguous option: (?P<option>\S+) could match (?P<names>.*)")


class Parser(argparse.ArgumentParser):
    """An argument parser that raises one readable sentence instead of printing its whole usage.

    Args:
        examples: command lines for the end of the help, printed as they stand.
        **settings: those of `argparse.ArgumentParser`.
    """

    def __init__(self, *, examples: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(**settings)
        self._examples = tuple(examples)

    def format_help(self) -> str:
        """Return the help with the examples at its end."""
        lines = "".join(f"  {line}\n" for line in self._examples)
        return super().format_help() + (f"\nexamples:\n{lines}" if lines else "")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and refuse here what is not known, where the options that were meant are known.

        Raises:
            InvalidValue: the words can't be understood; the message says which, and what would be.
        """
        parsed, left = super().parse_known_args(args, namespace)
        if left:
            self._refuse(left[0])
        return parsed, left

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found, in plain words.

        Raises:
            InvalidValue: always.
        """
        raise InvalidValue(f"{self._plain(message)} {self.prog} --help tells more.")

    def _refuse(self, word: str) -> NoReturn:
        if not word.startswith("-"):
            self.error(f"{word!r} is one word too many: no option before it takes it.")
        option = word.partition("=")[0]
        self.error(f"There is no option {option}.{did_you_mean(option, self._option_string_actions)}")

    def _plain(self, message: str) -> str:
        if found := _NOT_A_NUMBER.fullmatch(message):
            return f"{found['option']} is {found['value']}; it must be {_KINDS[found['kind']]}."
        if found := _NO_CHOICE.fullmatch(message):
            return self._no_choice(found["option"], found["value"])
        if found := _NO_VALUE.fullmatch(message):
            return self._no_value(found["option"], found["count"])
        if found := _TOO_MUCH.fullmatch(message):
            return f"{found['option']} takes no value, and {found['value']} was given."
        if found := _MISSING.fullmatch(message):
            return self._missing(found["names"])
        if found := _SEVERAL.fullmatch(message):
            return f"{found['option']} could be {found['names']}: write it out."
        if found := _OTHER.fullmatch(message):
            return f"{found['option']} is {found['reason']}"
        return message[:1].upper() + message[1:] + ("" if message.endswith((".", "?")) else ".")

    def _action(self, name: str) -> argparse.Action:
        """Return what argparse calls by this name: ``--steps``, ``-h/--help``, or the metavar of a word."""
        named = {"/".join(it.option_strings) or str(it.metavar or it.dest): it for it in self._actions}
        return named[name]

    def _missing(self, names: str) -> str:
        choices = self._action(names).choices if ", " not in names else None
        return f"Which {names}? One of: {', '.join(choices)}." if choices else f"Missing: {names}."

    def _no_choice(self, name: str, value: str) -> str:
        choices = [str(choice) for choice in self._action(name).choices or ()]
        known = f" Known: {', '.join(choices)}." if choices else ""
        what = f"{name} can't be" if name.startswith("-") else f"There is no {name.lower()}"
        return f"{what} {value!r}.{did_you_mean(value, choices)}{known}"

    def _no_value(self, name: str, count: str) -> str:
        action = self._action(name)
        metavar = action.metavar or "|".join(action.choices or ()) or action.dest.upper()
        values = [str(metavar)] * (1 if count == "one" else int(count))
        return f"{name} needs {'a value' if len(values) == 1 else f'{len(values)} values'}: {name} {' '.join(values)}."


def amount(text: str) -> float:
    """Read an option's value that must be a finite number above zero: seconds, a rate.

    Raises:
        argparse.ArgumentTypeError: it is something else.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}; it must be a number, and more than 0.")
    return value
