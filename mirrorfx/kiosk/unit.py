"""The systemd user unit that keeps a kiosk going."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["NAME", "Systemctl", "Unit", "installed_words", "kept_environment", "unit_path"]

NAME = "mirrorfx-kiosk.service"
_ANSWER_S = 20.0
_GRAPHICAL, _DEFAULT = "graphical-session.target", "default.target"
_KEPT = ("CONFIG", "STATE", "CACHE", "DATA")


def unit_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the unit is written."""
    folder = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(folder) / "systemd" / "user" / NAME


@dataclass(frozen=True, slots=True)
class Unit:
    """A kiosk as a service of the user who sits at the screen.

    Attributes:
        python: the interpreter's absolute path.
        words: what follows ``mirrorfx kiosk``.
        folder: where relative paths among them begin.
        graphical: whether the session has a ``graphical-session.target`` to hang on.
        environment: variables to set.
    """

    python: str
    words: Sequence[str]
    folder: str
    graphical: bool
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """What starts it."""
        return _GRAPHICAL if self.graphical else _DEFAULT

    def text(self) -> str:
        """Return the unit's file.

        It never gives up (no limit on starts), and it stays ended when it ended with 0: that is somebody with the PIN.
        """
        command = " ".join(_quoted(word) for word in (self.python, "-m", "mirrorfx", "kiosk", *self.words))
        bound = [f"PartOf={_GRAPHICAL}", f"After={_GRAPHICAL}"] if self.graphical else []
        variables = [f"Environment={_quoted(f'{k}={v}', command=False)}" for k, v in sorted(self.environment.items())]
        lines = [
            "[Unit]",
            "Description=MirrorFX kiosk: a mirror that nobody attends",
            *bound,
            "StartLimitIntervalSec=0",
            "",
            "[Service]",
            "Type=notify",
            "NotifyAccess=main",
            f"ExecStart={command}",
            f"WorkingDirectory={self.folder.replace('%', '%%')}",
            *variables,
            "Restart=always",
            "RestartSec=5",
            "RestartPreventExitStatus=0",
            "WatchdogSec=30",
            "TimeoutStartSec=180",
            "TimeoutStopSec=30",
            "LimitCORE=0",
            "KillMode=mixed",
            "",
            "[Install]",
            f"WantedBy={self.target}",
            "",
        ]
        return "\n".join(lines)


class Systemctl:
    """Runs ``systemctl --user``."""

    @property
    def why_not(self) -> str:
        """Return why it can't be used here; empty when it can."""
        if shutil.which("systemctl") is None:
            return "there is no systemd on this system"
        done = self.run("show-environment")
        return "" if done.returncode == 0 else f"systemctl --user answers: {_last_line(done.stderr)}"

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run it; a command that doesn't answer counts as failed."""
        command = ["systemctl", "--user", *words]
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=_ANSWER_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return subprocess.CompletedProcess(command, 1, "", str(error))

    def says(self, *words: str) -> str:
        """Return the first word of its answer, such as ``active`` or ``enabled``."""
        return (self.run(*words).stdout.split() or [""])[0]


def kept_environment(environment: Mapping[str, str], *, graphical: bool) -> dict[str, str]:
    """Return variables that the service needs as they are now: own folders, and the display where nobody passes it."""
    names = [*(f"MIRRORFX_{kind}_DIR" for kind in _KEPT), "MIRRORFX_STATUS_TOKEN"]
    names += [] if graphical else ["DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR"]
    return {name: environment[name] for name in names if environment.get(name)}


def installed_words(path: Path) -> list[str] | None:
    """Return what follows ``kiosk`` in an installed unit; None without one that can be read."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    command = next((line.partition("=")[2] for line in lines if line.startswith("ExecStart=")), "")
    try:
        words = [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(command)]
    except ValueError:
        return None
    return words[words.index("kiosk") + 1 :] if "kiosk" in words else None


def _quoted(word: str, *, command: bool = True) -> str:
    r"""Quote as systemd.syntax(7) asks: ``\`` and ``"`` by a backslash, ``%`` and in commands ``$`` doubled."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("%", "%%")
    return f'"{escaped.replace("$", "$$") if command else escaped}"'


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["nothing"])[-1]
