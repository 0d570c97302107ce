"""Where each pixel goes: from the camera's picture to the working size, and from there onto a screen.

Importing this is cheap; numpy and OpenCV are loaded when the first picture is moved.
"""

from mirrorfx.geometry.input import InputFitter, InputGeometry
from mirrorfx.geometry.output import UNIT_SQUARE, Corners, OutputGeometry, OutputWarp
from mirrorfx.geometry.screens import load_screen, save_screen, screens_file

__all__ = [
    "UNIT_SQUARE",
    "Corners",
    "InputFitter",
    "InputGeometry",
    "OutputGeometry",
    "OutputWarp",
    "load_screen",
    "save_screen",
    "screens_file",
]
