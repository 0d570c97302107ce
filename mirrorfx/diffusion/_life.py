"""Signs of life from work that says nothing for minutes."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["signs_of_life"]

_BEAT_S = 5
_BEATS_MOST = 360


@contextmanager
def signs_of_life(progress: Callable[[str, float], None], what: str, share: float) -> Iterator[None]:
    """Tell `progress` every few seconds how long the body has been at work, for half an hour at most.

    A compiler takes minutes in silence, and a worker that is silent for long is taken for dead; one that never ends
    has to be.

    Threads: `progress` is called from a thread of its own, and only while the body runs, which must not call it.
    """
    over = Event()

    def beat() -> None:
        for beats in range(1, _BEATS_MOST + 1):
            if over.wait(_BEAT_S):
                return
            progress(f"{what}, {beats * _BEAT_S:.0f} s", share)

    thread = Thread(target=beat, name="signs of life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
