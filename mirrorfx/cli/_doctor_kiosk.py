"""What `mirrorfx doctor --kiosk` asks about a machine that is to run for weeks with nobody attending."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from mirrorfx.cli._doctor_finding import Finding, as_root

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "autologin",
    "awake",
    "clock",
    "kiosk_screen",
    "linger",
    "notifications",
    "pin",
    "power",
    "room",
    "service",
    "session",
    "updates",
]

_ANSWER_S = 5.0
_FREE_LEAST_GB = 2.0
_GB = 1e9
_LOGIN_FILES = (
    ("etc/gdm3/custom.conf", r"^\s*AutomaticLoginEnable\s*=\s*true"),
    ("etc/gdm3/daemon.conf", r"^\s*AutomaticLoginEnable\s*=\s*true"),
    ("etc/gdm/custom.conf", r"^\s*AutomaticLoginEnable\s*=\s*true"),
    ("etc/lightdm/lightdm.conf", r"^\s*autologin-user\s*=\s*\S"),
    ("etc/lightdm/lightdm.conf.d/*.conf", r"^\s*autologin-user\s*=\s*\S"),
    ("etc/sddm.conf", r"^\s*User\s*=\s*\S"),
    ("etc/sddm.conf.d/*.conf", r"^\s*User\s*=\s*\S"),
    ("etc/systemd/system/getty@tty1.service.d/*.conf", r"--autologin"),
    ("etc/greetd/config.toml", r"^\s*\[initial_session\]"),
)
_CHECKLIST = "docs/installation-checklist.md shows it step by step"


def session() -> list[Finding]:
    """Look for the graphical session, and say what its kind means."""
    kind = "wayland" if os.environ.get("WAYLAND_DISPLAY") else "x11" if os.environ.get("DISPLAY") else ""
    if not kind:
        found = "none here; over SSH this can't be told"
        return [Finding("Session", "missing", found, "run this in the session of the kiosk's user, at the screen")]
    if kind == "x11":
        return [Finding("Session", "ok", "X11: the wall places itself and takes the keys from the window manager")]
    found = "Wayland: the window manager keeps its own keys (Alt+Tab, Super)"
    fix = "choose an X11 session at the login screen, or a kiosk compositor such as cage; then check the wall's place"
    return [Finding("Session", "warning", found, fix)]


def autologin(root: Path = Path("/")) -> list[Finding]:
    """Look whether the machine comes up in a session by itself.

    Args:
        root: where ``/etc`` is.
    """
    for pattern, line in _LOGIN_FILES:
        for path in sorted(root.glob(pattern)):
            if re.search(line, _read(path), re.MULTILINE):
                return [Finding("Autologin", "ok", f"set in /{path.relative_to(root)}")]
    fix = f"switch it on for the kiosk's user in the display manager; {_CHECKLIST}"
    return [Finding("Autologin", "warning", "not found: after a power cut the machine waits for a password", fix)]


def linger() -> list[Finding]:
    """Say whether the user's services may run without a session; the kiosk needs none of that with autologin."""
    answer = _answer("loginctl", "show-user", _user(), "--property=Linger", "--value")
    if answer is None:
        return [Finding("Linger", "ok", "can't be told here (no logind); not needed with autologin")]
    if answer == "yes":
        found = "on: the service also starts without a session, and tries until there is a screen"
        return [Finding("Linger", "ok", found)]
    return [Finding("Linger", "ok", "off, which is right with autologin: the service starts with the session")]


def service() -> list[Finding]:
    """Look whether the service is installed, starts by itself, and runs."""
    from mirrorfx.kiosk.unit import NAME, Systemctl, installed_words, unit_path

    path, systemctl = unit_path(), Systemctl()
    if installed_words(path) is None:
        fix = "mirrorfx kiosk install --screen NAME, and your options"
        return [Finding("Service", "missing", f"not installed: no {path}", fix)]
    why_not = systemctl.why_not
    if why_not:
        return [Finding("Service", "warning", f"installed, but {why_not}", "look at it in the kiosk's own session")]
    enabled, active = systemctl.says("is-enabled", NAME), systemctl.says("is-active", NAME)
    if enabled != "enabled":
        return [Finding("Service", "warning", enabled or "not enabled", f"systemctl --user enable {NAME}")]
    if active != "active":
        fix = f"systemctl --user restart {NAME}; journalctl --user -u {NAME} -e says why"
        return [Finding("Service", "warning", f"enabled, but {active or 'not running'}", fix)]
    return [Finding("Service", "ok", "installed, enabled, running")]


def kiosk_screen() -> list[Finding]:
    """Look whether the screen is there that the installed kiosk is to fill."""
    from mirrorfx.cli._doctor_windows import screen_names
    from mirrorfx.kiosk.unit import installed_words, unit_path

    wanted = _screen_of(installed_words(unit_path()) or [])
    there = screen_names()
    if there is None:
        return [Finding("Kiosk's screen", "warning", "no screen can be looked at here", "run this at the screen")]
    listing = ", ".join(there)
    if not wanted:
        return [Finding("Kiosk's screen", "ok", f"no name given: the primary one of {listing}")]
    if wanted not in there:
        fix = f"switch {wanted} on, or install again with --screen and one of: {listing}"
        return [Finding("Kiosk's screen", "missing", f"{wanted} is not there; the wall waits for it", fix)]
    return [Finding("Kiosk's screen", "ok", wanted)]


def pin() -> list[Finding]:
    """Look for the PIN."""
    from mirrorfx.kiosk import PinFile

    file = PinFile()
    if not file.is_set:
        return [Finding("PIN", "missing", "not set: nobody could leave the kiosk", "mirrorfx kiosk pin")]
    if os.name == "posix" and file.path.stat().st_mode & 0o077:
        return [Finding("PIN", "warning", f"others can read {file.path}", f"chmod 600 {file.path}")]
    return [Finding("PIN", "ok", "set")]


def awake() -> list[Finding]:
    """Look whether the kiosk could keep the display awake; the desktop is asked to, for a moment."""
    from mirrorfx.kiosk.awake import Desktop, XServer

    desktop, server = Desktop(), XServer()
    reason = desktop.insist()
    desktop.let_go()
    reasons = {desktop.name: reason, server.name: server.why_not}
    how = [name for name, reason in reasons.items() if not reason]
    if how:
        return [Finding("Screensaver", "ok", f"the kiosk holds it and DPMS off by {', '.join(how)}, every minute anew")]
    found = f"can't be held off: {'; '.join(reasons.values())}"
    fix = f"{as_root()}apt-get install -y x11-xserver-utils, and switch blanking off in the desktop's settings"
    return [Finding("Screensaver", "warning", found, fix)]


def notifications() -> list[Finding]:
    """Look whether the desktop may put notices over the wall."""
    shown = _answer("gsettings", "get", "org.gnome.desktop.notifications", "show-banners")
    if shown is None:
        fix = "switch on do-not-disturb in the desktop's settings, if it has notifications"
        return [Finding("Notifications", "warning", "can't be told for this desktop", fix)]
    if shown == "false":
        return [Finding("Notifications", "ok", "banners are off")]
    fix = "gsettings set org.gnome.desktop.notifications show-banners false"
    return [Finding("Notifications", "warning", "banners may cover the wall", fix)]


def updates(root: Path = Path("/")) -> list[Finding]:
    """Look whether the machine updates and restarts by itself while it is open.

    Args:
        root: where ``/etc`` is.
    """
    found = "".join(_read(path) for path in sorted((root / "etc/apt/apt.conf.d").glob("*")))
    unattended = re.search(r'^\s*APT::Periodic::Unattended-Upgrade\s+"[1-9]', found, re.MULTILINE)
    reboot = re.search(r'^\s*Unattended-Upgrade::Automatic-Reboot\s+"true"', found, re.MULTILINE)
    if reboot:
        fix = 'set Unattended-Upgrade::Automatic-Reboot-Time "04:00" (when it is closed), in /etc/apt/apt.conf.d'
        return [Finding("Automatic updates", "warning", "on, and the machine restarts by itself for them", fix)]
    if unattended:
        fix = "hold the driver back (sudo apt-mark hold nvidia-driver…), and update by hand when it is closed"
        return [Finding("Automatic updates", "warning", "on: a new graphics driver stops the painting", fix)]
    return [Finding("Automatic updates", "ok", "none found; update by hand now and then")]


def clock() -> list[Finding]:
    """Look whether the clock is set by the network: opening hours follow it."""
    answer = _answer("timedatectl", "show", "--property=NTPSynchronized", "--property=Timezone", "--value")
    if answer is None:
        fix = "check date and time zone by hand: opening hours follow them"
        return [Finding("Clock", "warning", "can't be told here", fix)]
    zone, _, synchronised = answer.partition("\n")
    if "yes" in (zone, synchronised):
        return [Finding("Clock", "ok", f"set by the network, {_zone(answer)}")]
    fix = f"{as_root()}timedatectl set-ntp true (without a network: set it by hand, it drifts by minutes a month)"
    return [Finding("Clock", "warning", f"not set by the network, {_zone(answer)}", fix)]


def room() -> list[Finding]:
    """Look for room where logs and sessions go."""
    from mirrorfx.resources import state_dir

    folder = next(place for place in (state_dir(), *state_dir().parents) if place.exists())
    free_gb = shutil.disk_usage(folder).free / _GB
    if free_gb < _FREE_LEAST_GB:
        return [Finding("Free disk", "warning", f"{free_gb:.1f} GB in {folder}", "make room; logs take 10 MB at most")]
    return [Finding("Free disk", "ok", f"{free_gb:.0f} GB in {folder}; logs take 10 MB at most")]


def power() -> list[Finding]:
    """Say what no program can look at."""
    fix = 'in the BIOS: "restore on AC power loss: power on"; then pull the plug once and watch it come back'
    return [Finding("Power after a cut", "warning", "can't be checked from here", fix)]


def _screen_of(words: Sequence[str]) -> str:
    for number, word in enumerate(words):
        if word.startswith("--screen="):
            return word.partition("=")[2]
        if word == "--screen":
            return words[number + 1] if number + 1 < len(words) else ""
    return ""


def _zone(answer: str) -> str:
    return next((line for line in answer.splitlines() if line not in ("yes", "no")), "zone unknown")


def _answer(*command: str) -> str | None:
    """Return what a program prints; None when there is none, or it fails."""
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_ANSWER_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _user() -> str:
    import getpass

    return getpass.getuser()


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
