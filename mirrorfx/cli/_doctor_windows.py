"""What `mirrorfx doctor` asks about windows. Qt ends the whole process when it lacks something, so it gets its own."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from mirrorfx.cli._doctor_finding import Finding, apt_fix, missing_libraries, pip_fix

__all__ = ["screen", "screen_names", "windows"]

_QT_TIMEOUT_S = 6.0
_PLUGIN_PATH = "QT_QPA_PLATFORM_PLUGIN_PATH"
_PROGRAM = """
import json
from PyQt6.QtWidgets import QApplication
app = QApplication(["doctor"])
print(json.dumps([[s.name(), s.size().width(), s.size().height(), s.refreshRate()] for s in app.screens()]))
"""


def windows() -> list[Finding]:
    """Start Qt in a process of its own, first without a screen and then on the one there is.

    Nothing here is required: without windows the mirror runs headless.
    """
    if _qt_folder() is None:
        found = "not installed: the mirror runs without windows"
        return [Finding("PyQt6", "warning", found, pip_fix('install "PyQt6>=6.7,<6.12"'))]
    try:
        started = _start_qt("offscreen")
        if started.returncode:
            return [_failed("PyQt6", started, "offscreen")]
        return [Finding("PyQt6", "ok", metadata.version("PyQt6")), screen()]
    except subprocess.TimeoutExpired:
        return [Finding("PyQt6", "warning", f"Qt hasn't started within {_QT_TIMEOUT_S:.0f} s", "close other programs")]


def _platform_of_screen() -> str:
    """Return Qt's name for the kind of screen there is; empty when there is none."""
    if sys.platform != "linux":
        return {"darwin": "cocoa", "win32": "windows"}.get(sys.platform, "")
    if os.environ.get("DISPLAY"):
        return "xcb"
    return "wayland" if os.environ.get("WAYLAND_DISPLAY") else ""


def screen() -> Finding:
    """Start Qt on the screen there is; the finding says which screens, or why no window can be opened."""
    platform = _platform_of_screen()
    if not platform:
        found = "no screen here, so mirrorfx run records a film instead of showing a window"
        return Finding("Screen", "warning", found, "start it in a graphical session")
    started = _start_qt(platform)
    if started.returncode:
        return _failed("Screen", started, platform)
    screens = json.loads(started.stdout)
    return Finding(
        "Screen", "ok", ", ".join(f"{name} {width}x{height} {hz:.0f} Hz" for name, width, height, hz in screens)
    )


def screen_names() -> list[str] | None:
    """Return the names of the screens that Qt finds here; None when it can't start."""
    platform = os.environ.get("QT_QPA_PLATFORM") or _platform_of_screen()
    try:
        started = _start_qt(platform) if platform else None
    except subprocess.TimeoutExpired:
        return None
    if started is None or started.returncode:
        return None
    return [name for name, *_ in json.loads(started.stdout)]


def _start_qt(platform: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        capture_output=True,
        text=True,
        timeout=_QT_TIMEOUT_S,
        check=False,
        env=_clean_environment() | {"QT_QPA_PLATFORM": platform},
    )


def _clean_environment() -> dict[str, str]:
    """Return the environment without OpenCV's plugin path, which opencv-python sets when it is loaded."""
    return {key: value for key, value in os.environ.items() if key != _PLUGIN_PATH or "cv2" not in value}


def _failed(name: str, started: subprocess.CompletedProcess[str], platform: str) -> Finding:
    """Word why Qt didn't start: every missing library at once, where the system can list them."""
    lacking = _lacking(platform, _platform_of_screen()) or missing_libraries(started.stderr)
    if lacking:
        return Finding(name, "warning", f"no windows: {' '.join(lacking)} not found", apt_fix(lacking))
    if "could not connect to display" in started.stderr:
        display = os.environ.get("DISPLAY", "")
        found = f"DISPLAY is {display}, but nothing answers there"
        return Finding(name, "warning", found, "start it in a graphical session, or unset DISPLAY")
    lines = [line for line in started.stderr.strip().splitlines() if line.strip()]
    reason = lines[-1] if lines else f"exit status {started.returncode}"
    return Finding(
        name, "warning", f"Qt can't start on {platform}: {reason}", pip_fix("install --force-reinstall PyQt6 PyQt6-Qt6")
    )


def _lacking(*platforms: str) -> list[str]:
    """Return the shared libraries that Qt on these platforms needs and that aren't there."""
    folder, ldd = _qt_folder(), shutil.which("ldd")
    if folder is None or ldd is None:
        return []
    plugins = [folder / f"Qt6/plugins/platforms/libq{platform}.so" for platform in platforms]
    wanted = [*plugins, folder / "QtGui.abi3.so", folder / "QtWidgets.abi3.so"]
    answer = subprocess.run(
        [ldd, *(str(path) for path in wanted if path.exists())],
        capture_output=True,
        text=True,
        timeout=_QT_TIMEOUT_S,
        check=False,
    )
    return missing_libraries(answer.stdout)


def _qt_folder() -> Path | None:
    """Return where PyQt6 is installed, without loading it; None when it isn't."""
    spec = importlib.util.find_spec("PyQt6")
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None
