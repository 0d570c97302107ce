"""The networks of one worker's effect: which are in force, and how they are changed between frames."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mirrorfx.errors import MirrorFXError

if TYPE_CHECKING:
    from mirrorfx.effects.base import Effect
    from mirrorfx.params import Params

__all__ = ["Networks"]

_log = logging.getLogger(__name__)


class Networks:
    """Changes the networks only when their name changes, and back again when what follows fails.

    Threads: the rendering one, with no frame under way and nobody preparing.
    """

    def __init__(self, effect: Effect) -> None:
        self._effect = effect
        self.name = ""
        """What `Effect.networks` calls those in force; "" for the plain ones, which every effect opens with."""

    def fit(self, params: Params) -> None:
        """Make sure that the networks are those that `params` ask for.

        Raises:
            InvalidValue: a file is missing or doesn't fit; the networks are as before.
        """
        wanted = self._effect.networks(params.values)
        if wanted != self.name:
            self._effect.swap(params)
            self.name = wanted

    def swap(self, wanted: Params, before: Params) -> str:
        """Change to what `wanted` asks for and prepare it.

        Returns:
            Why not, with the networks as `before` asks for; "" when it is done. An effect that fails in any other way
            than its contract names has networks in an unknown state, and takes its worker down.
        """
        try:
            self.fit(wanted)
        except MirrorFXError as error:
            self.fit(before)
            return str(error)
        try:
            self._effect.prepare(wanted)
        except Exception as error:  # noqa: BLE001  an effect is anybody's code; the engine keeps the old params
            _log.exception("preparing failed")
            self.fit(before)
            return f"{type(error).__name__}: {error}"
        return ""
