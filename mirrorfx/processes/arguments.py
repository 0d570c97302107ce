"""What requests bring along, checked: texts, times, lists of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mirrorfx.errors import ControlError, InvalidValue

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["fade_seconds", "tables_argument", "text_argument"]

_FADE_MOST_S = 600.0


def fade_seconds(arguments: Mapping[str, Any]) -> float | None:
    """Return the request's ``fade_s``; None when it has none.

    Raises:
        InvalidValue: it is no time.
    """
    value = arguments.get("fade_s")
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _FADE_MOST_S:
        return float(value)
    raise InvalidValue(f"fade_s is {value!r}; it must be seconds from 0 to {_FADE_MOST_S:.0f}.")


def text_argument(arguments: Mapping[str, Any], name: str) -> str:
    """Return an argument that must be text.

    Raises:
        ControlError: it is missing or something else.
    """
    value = arguments.get(name)
    if not isinstance(value, str):
        raise ControlError(f"The request lacks {name!r}, which must be text; it has {value!r:.80}.")
    return value


def tables_argument(arguments: Mapping[str, Any], name: str, example: str) -> list[dict[str, Any]]:
    """Return an argument that must be a list of tables.

    Args:
        arguments: of the request.
        name: the argument's.
        example: what could be there, for the message.

    Raises:
        ControlError: it is missing or something else.
    """
    tables = arguments.get(name)
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ControlError(f'The request lacks "{name}", such as {example}')
    return tables
