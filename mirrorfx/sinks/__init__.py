"""Sinks: what takes the pictures that were shown. Importing this loads neither PyAV nor OpenCV."""

from mirrorfx.sinks.base import Sink
from mirrorfx.sinks.film import ENCODERS, FILM_SUFFIXES, Encoder, pick_encoder, try_encoder
from mirrorfx.sinks.grid import ConstantRateGrid
from mirrorfx.sinks.memory import MemorySink
from mirrorfx.sinks.null import NullSink
from mirrorfx.sinks.picture import PICTURE_SUFFIXES, write_picture
from mirrorfx.sinks.recorder import Recorder

__all__ = [
    "ENCODERS",
    "FILM_SUFFIXES",
    "PICTURE_SUFFIXES",
    "ConstantRateGrid",
    "Encoder",
    "MemorySink",
    "NullSink",
    "Recorder",
    "Sink",
    "pick_encoder",
    "try_encoder",
    "write_picture",
]
