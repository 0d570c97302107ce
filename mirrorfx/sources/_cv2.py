"""OpenCV, loaded in the one way that suits cameras and files.

Some settings are read from the environment when OpenCV is loaded, so they must be there before. The wheel that is not
headless points Qt at its own plugins; PyQt6's errors about missing libraries would then name the wrong folder.
"""

from __future__ import annotations

import os

__all__ = ["cv2"]

_QT_PLUGINS = "QT_QPA_PLATFORM_PLUGIN_PATH"

os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "1")
os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")
_qt_plugins = os.environ.get(_QT_PLUGINS)

import cv2  # noqa: E402

if _qt_plugins is None:
    os.environ.pop(_QT_PLUGINS, None)
else:
    os.environ[_QT_PLUGINS] = _qt_plugins
if "OPENCV_LOG_LEVEL" not in os.environ:
    # Every failure is raised as an error of our own; OpenCV's lines on stderr would only repeat it.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_FATAL)
