"""Params that are locked: presets and cues leave them as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from mirrorfx.errors import ControlError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirrorfx.processes.engine import Engine

__all__ = ["LockVerbs"]

_V = TypeVar("_V")


class LockVerbs:
    """Which params are locked. What is set by name is set nevertheless: a lock keeps presets out, not hands.

    The safe preset and an earlier session that is gone on with set all there is.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.locked: frozenset[str] = frozenset()

    def verbs(self) -> dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]]:
        """Return what can be asked."""
        return {"lock": self._lock}

    def state(self) -> dict[str, Any]:
        """Return what clients are told."""
        return {"locked": sorted(self.locked)}

    def mind(self, _now_ns: int) -> bool:
        """Nothing happens here by itself."""
        return False

    def left_free(self, values: Mapping[str, _V]) -> dict[str, _V]:
        """Return those of a preset's values that may be set."""
        return {name: value for name, value in values.items() if name not in self.locked}

    def restore(self, names: list[Any]) -> None:
        """Lock what a session had locked; what the effect doesn't have is passed over."""
        self.locked = frozenset(name for name in names if name in self._engine.editor.registry)

    def _lock(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        names = arguments.get("params")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ControlError('Nothing to lock: give "params", all that are to be locked, such as ["seed"].')
        self._engine.editor.registry.check({name: self._engine.editor.registry.defaults().get(name) for name in names})
        self.locked = frozenset(names)
        return {}
