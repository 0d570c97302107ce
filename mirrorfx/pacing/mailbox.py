"""The mailbox between the camera and the workers: one frame, the newest wins."""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["Mailbox"]

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Room for one item. Putting a second displaces the first, so nothing ever queues behind a slow consumer.

    Threads: one. Realtime: yes.
    """

    __slots__ = ("_item", "replaced")

    def __init__(self) -> None:
        self._item: T | None = None
        self.replaced = 0
        """How many items were displaced before anybody took them."""

    @property
    def full(self) -> bool:
        """Whether an item is waiting."""
        return self._item is not None

    def peek(self) -> T | None:
        """Return the waiting item and leave it there, or None."""
        return self._item

    def put(self, item: T) -> T | None:
        """Leave `item`; return the one it displaced, whose slot the caller releases, or None."""
        displaced, self._item = self._item, item
        if displaced is not None:
            self.replaced += 1
        return displaced

    def take(self) -> T | None:
        """Take the waiting item, or None."""
        item, self._item = self._item, None
        return item
