"""The panic keys as those who look on have them: past the engine, with the wall's own word for what is on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mirrorfx.safety.panic import Panic

if TYPE_CHECKING:
    from mirrorfx.processes.panic_memory import PanicMemory

__all__ = ["WallKeys"]

_LOOK_S = 0.004
_PATIENCE_S = 1.5


class WallKeys:
    """Gives the wall orders through the memory that both have.

    Threads: one, the monitor's asyncio loop's.
    """

    def __init__(self, memory: PanicMemory, *, allow_bypass: bool) -> None:
        self._memory = memory
        self._locked = () if allow_bypass else (Panic.BYPASS,)

    def state(self) -> dict[str, Any]:
        """Return which states are on, and which are locked."""
        return self._memory.state.as_dict() | {"locked": [what.label for what in self._locked]}

    async def press(self, what: Panic, *, on: bool) -> str:
        """Switch that on or off at the wall's next tick; return what is wrong once that is known, or nothing."""
        if on and what in self._locked:
            return "BYPASS is locked: a kiosk shows the camera's own picture only with --allow-bypass."
        number = self._memory.order(what, on=on)
        for _ in range(round(_PATIENCE_S / _LOOK_S)):
            if self._memory.obeyed >= number:
                return ""
            await asyncio.sleep(_LOOK_S)
        return "The wall does not answer just now. It will obey as soon as it is back."

    def close(self) -> None:
        """Let go. Safe to call twice."""
        self._memory.close()
