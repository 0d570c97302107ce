"""Where each pixel goes: from the camera's picture to the working size, and from there onto a screen.

Importing this is cheap; OpenCV is loaded when the first picture is moved.
"""

from mirrorfx.geometry.input import InputFitter, InputGeometry

__all__ = ["InputFitter", "InputGeometry"]
