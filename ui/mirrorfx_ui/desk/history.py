"""The operator's own edits, to be undone and done again. No Qt: it only knows values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

__all__ = ["Edit", "History"]

_EDITS_MOST = 1000


@dataclass(frozen=True, slots=True)
class Edit:
    """One step that the operator took.

    Attributes:
        label: what it is called in "Undo …": ``Strength``, ``Preset Ice``.
        before: the values of what it changed, before.
        after: the same, after.
    """

    label: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


class History:
    """Steps to go back and forth.

    What somebody else has changed meanwhile (OSC, another desk, sound) is left alone: a value is only taken back where
    it still is what the step made of it.
    """

    def __init__(self) -> None:
        self._done: list[Edit] = []
        self._undone: list[Edit] = []
        self._open: str | None = None
        self._moved: list[tuple[list[Edit], list[Edit], Edit]] = []

    def undo_label(self, values: Mapping[str, Any]) -> str | None:
        """Return what `undo` would take back; None when there is nothing."""
        return next((edit.label for edit in reversed(self._done) if _mine(edit.after, values)), None)

    def redo_label(self, values: Mapping[str, Any]) -> str | None:
        """Return what `redo` would do again; None when there is nothing."""
        return next((edit.label for edit in reversed(self._undone) if _mine(edit.before, values)), None)

    def record(self, label: str, before: Mapping[str, Any], after: Mapping[str, Any], *, gesture: str = "") -> None:
        """Add a step.

        Args:
            label: see `Edit`.
            before: values before; only those that differ are kept.
            after: values after.
            gesture: steps of one gesture in a row (a drag) become one; "" is a step of its own.
        """
        changed = {name: value for name, value in after.items() if before.get(name) != value}
        merges = bool(gesture) and gesture == self._open and bool(self._done)
        self._open = gesture or None
        if merges:
            last = self._done[-1]
            starts = {name: before[name] for name in changed} | dict(last.before)
            self._done[-1] = replace(last, before=starts, after=dict(last.after) | changed)
        elif changed:
            self._done.append(Edit(label, {name: before[name] for name in changed}, changed))
            del self._done[:-_EDITS_MOST]
        else:
            self._open = None
            return
        self._undone.clear()

    def end_gesture(self) -> None:
        """The hand let go: a drag that came back to its start is no step."""
        if self._done and self._done[-1].before == self._done[-1].after:
            self._done.pop()
            self._open = None

    def undo(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Take the last step back.

        Args:
            values: as they are now, of all that may be changed.

        Returns:
            What to set; empty when there was nothing that could be taken back.
        """
        return self._move(self._done, self._undone, values, back=True)

    def redo(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Do again what was undone last; as `undo`."""
        return self._move(self._undone, self._done, values, back=False)

    def settled(self) -> None:
        """All that was undone or done again until now has come to be, or was `refused`."""
        self._moved.clear()

    def refused(self, names: Collection[str]) -> None:
        """What was undone or done again of `names`, and not `settled` since, did not come to be: it can be tried again.

        A later step stays where it is.
        """
        kept = []
        for source, target, edit in reversed(self._moved):
            at = next((i for i, moved in enumerate(target) if moved is edit), None)
            if at is None or not any(name in names for name in edit.after):
                kept.append((source, target, edit))
                continue
            del target[at]
            source.append(edit)
        self._moved = kept[::-1]

    def forget(self, is_gone: Callable[[str], bool]) -> None:
        """Forget all steps that changed something of which `is_gone` says so."""
        for steps in (self._done, self._undone):
            steps[:] = [edit for edit in steps if not any(map(is_gone, edit.after))]
        self._open = None
        self._moved.clear()

    def clear(self) -> None:
        """Forget everything: another effect with other params."""
        self._done.clear()
        self._undone.clear()
        self._moved.clear()
        self._open = None

    def _move(self, source: list[Edit], target: list[Edit], values: Mapping[str, Any], *, back: bool) -> dict[str, Any]:
        self._open = None
        while source:
            edit = source.pop()
            here, there = (edit.after, edit.before) if back else (edit.before, edit.after)
            mine = _mine(here, values)
            if mine:
                target.append(edit)
                self._moved.append((source, target, edit))
                return {name: there[name] for name in mine}
        return {}


def _mine(left: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """Return what is still as a step has left it."""
    return [name for name in left if name in values and _same(values[name], left[name])]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return bool(abs(one - other) <= 1e-9 * max(1.0, abs(one)))
    return bool(one == other)
