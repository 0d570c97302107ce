"""Params: one registry of what can be turned, and the immutable state that travels with every frame.

A `ParamState` is a pure function of time: `ParamState.at` gives the values for a frame by its capture time. Fades and
the seed's drift are evaluated there, so that every worker, a replay and a test see exactly the same values.
"""

from mirrorfx.params.motion import Drift, Fade, Mix, Offset
from mirrorfx.params.param import Kind, Morph, Param, Readout, Value
from mirrorfx.params.registry import CORE_PARAMS, ParamRegistry
from mirrorfx.params.state import Params, ParamState

__all__ = [
    "CORE_PARAMS",
    "Drift",
    "Fade",
    "Kind",
    "Mix",
    "Morph",
    "Offset",
    "Param",
    "ParamRegistry",
    "ParamState",
    "Params",
    "Readout",
    "Value",
]
