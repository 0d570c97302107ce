"""What `mirrorfx doctor` finds, and how it words a fix."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["BROKEN_IMPORT", "Finding", "State", "apt_fix", "as_root", "import_failure", "missing_libraries", "pip_fix"]

State: TypeAlias = Literal["ok", "warning", "missing"]

BROKEN_IMPORT = (ImportError, OSError, SystemError)
"""What an optional library raises when it can't be loaded here."""

# Found on Debian 12 by installing PyQt6, opencv-python and sounddevice on a system with none of these.
_DEBIAN_PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libGLX.so.0": "libglx0",
    "libICE.so.6": "libice6",
    "libOpenGL.so.0": "libopengl0",
    "libSM.so.6": "libsm6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libX11.so.6": "libx11-6",
    "libXext.so.6": "libxext6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libportaudio.so.2": "libportaudio2",
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-glx.so.0": "libxcb-glx0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxcb.so.1": "libxcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what was looked at, for people.
        state: ``ok``; ``warning``: the mirror runs, something is less good; ``missing``: it isn't there.
        found: what was found.
        fix: the command or the step that mends it; empty when nothing needs mending.
        required: whether the mirror can't run at all while this is missing.
    """

    name: str
    state: State
    found: str
    fix: str = ""
    required: bool = False

    @property
    def is_fatal(self) -> bool:
        """Whether the mirror can't run because of this."""
        return self.required and self.state == "missing"


def pip_fix(arguments: str) -> str:
    """Return the command that runs pip for the Python that runs now."""
    python = Path(sys.executable)
    with_dots = python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python
    return f"{with_dots} -m pip {arguments}"


def apt_fix(libraries: Iterable[str]) -> str:
    """Return the command that installs shared libraries given by file name, such as ``libEGL.so.1``."""
    libraries = sorted(set(libraries))
    if shutil.which("apt-get") is None:
        return f"install, with this system's package manager, what brings {' '.join(libraries)}"
    packages = sorted({_DEBIAN_PACKAGES[name] for name in libraries if name in _DEBIAN_PACKAGES})
    unknown = [name for name in libraries if name not in _DEBIAN_PACKAGES]
    steps = [f"{as_root()}apt-get install -y {' '.join(packages)}"] if packages else []
    steps += [f"apt-file search {name}" for name in unknown]
    return " && ".join(steps)


def missing_libraries(text: str) -> list[str]:
    """Return the shared libraries that the loader, or ``ldd``, says it can't find."""
    return sorted(set(re.findall(r"(lib[\w.+-]+\.so(?:\.\d+)*)(?=: cannot open shared object| => not found)", text)))


def import_failure(name: str, error: Exception, *, package: str, required: bool = False) -> Finding:
    """Word the failed import of an installed or missing library.

    Args:
        name: what was looked at, for people.
        error: what the import raised.
        package: what pip calls it.
        required: whether the mirror can't run without it.
    """
    libraries = missing_libraries(str(error))
    if libraries:
        return Finding(
            name, "missing", f"can't be loaded: {' '.join(libraries)} not found", apt_fix(libraries), required
        )
    if isinstance(error, ModuleNotFoundError):
        return Finding(name, "missing", f"{error.name} is not installed", pip_fix(f'install "{package}"'), required)
    found = f"can't be loaded: {error}"
    return Finding(name, "missing", found, pip_fix(f'install --force-reinstall "{package}"'), required)


def as_root() -> str:
    """Return what a command begins with that only root may run."""
    return "" if hasattr(os, "geteuid") and os.geteuid() == 0 else "sudo "
