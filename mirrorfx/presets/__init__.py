"""Presets: saved params under a name, in files that people can edit."""

from __future__ import annotations

from mirrorfx.presets.library import PresetLibrary, Problem, all_params
from mirrorfx.presets.preset import Preset, load_preset

__all__ = ["Preset", "PresetLibrary", "Problem", "all_params", "load_preset"]
