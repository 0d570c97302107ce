"""Sound: a soundtrack in time with the picture, and what is heard as numbers that params can follow."""

from mirrorfx.sound.analysis import SOUND_SOURCES, Analyser, Levels
from mirrorfx.sound.modulation import Modulator, Route

__all__ = ["SOUND_SOURCES", "Analyser", "Levels", "Modulator", "Route"]
