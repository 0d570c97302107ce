"""``mirrorfx kiosk``: the mirror, fullscreen and locked, for ever; and what keeps it going on a machine of its own."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirrorfx.cli._status import STATUS_TOKEN, status_lines
from mirrorfx.cli.run import add_mirror_options, mirror_settings, say_what_runs
from mirrorfx.errors import InvalidValue, MirrorFXError, ProcessFailed, UnknownName

if TYPE_CHECKING:
    import argparse

    from mirrorfx.kiosk.unit import Systemctl
    from mirrorfx.mirror import Mirror
    from mirrorfx.processes.settings import MirrorSettings

__all__ = ["add_parser", "run"]

_EXAMPLES = (
    "mirrorfx kiosk pin",
    'mirrorfx kiosk --screen HDMI-1 --preset "Stained glass" --hours "mon-fri 10:00-18:00; sat,sun 11:00-20:00"',
    'mirrorfx kiosk install --screen HDMI-1 --preset "Stained glass"',
)
_ACTIONS = ("run", "install", "uninstall", "pin")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "kiosk",
        usage="%(prog)s [run|install|uninstall|pin] [options]",
        examples=_EXAMPLES,
        help="the mirror, fullscreen and locked, for ever; install, uninstall, pin",
        description="The mirror fills a screen and is locked: no cursor, no dialogs, no keys but the panic keys. "
        "To leave, hold Esc or a corner of the picture for three seconds, and enter the PIN.",
        epilog="mirrorfx kiosk pin sets the PIN (--reset forgets it); install [options] makes it start with the "
        "session and be kept going; uninstall takes that back; mirrorfx doctor --kiosk checks the machine.",
    )
    parser.add_argument("action", nargs="?", choices=_ACTIONS, default="run", help="what to do (default: run)")
    lock = parser.add_argument_group("how it is locked")
    lock.add_argument("--screen", default="", metavar="NAME", help="the screen to fill (default: the primary one)")
    lock.add_argument("--any-screen", action="store_true", help="take the primary screen while that one is away")
    lock.add_argument("--desk-screen", metavar="NAME", help="another screen, for the operator's desk")
    lock.add_argument("--hours", default="", metavar="TEXT", help="when it is open, see below (default: always)")
    lock.add_argument("--lock-keys", action="store_true", help="swallow the panic keys B, F, Y and S as well")
    lock.add_argument("--allow-bypass", action="store_true", help="BYPASS may show the camera's own picture")
    lock.add_argument("--no-pin", action="store_true", help="holding Esc or a corner is enough to leave")
    lock.add_argument("--reset", action="store_true", help="with pin: forget it")
    add_mirror_options(parser)


def run(args: argparse.Namespace) -> int:
    """Do what was asked; the mirror itself ends with 0 only when somebody wanted it to end."""
    return {"run": _run, "install": _install, "uninstall": _uninstall, "pin": _pin}[args.action](args)


def _run(args: argparse.Namespace) -> int:
    from mirrorfx.cli._kiosk_watch import KioskWatcher
    from mirrorfx.cli._watch import console
    from mirrorfx.kiosk.logs import KeptLog, journal_listens, log_file

    mirror = _checked_mirror(args, await_camera=True)
    _need_a_screen()
    out = console()
    say_what_runs(mirror, args)
    if mirror.source_reason:
        out.print(mirror.source_reason)
    missing = _missing_screens(args)
    if missing:
        out.print(f"[yellow]![/] {missing} The wall waits for it.")
    with contextlib.nullcontext() if journal_listens() else KeptLog(log_file()):
        mirror.run(KioskWatcher())
    return 0


def _checked_mirror(args: argparse.Namespace, *, await_camera: bool) -> Mirror:
    """Return the mirror, everything about it checked as far as can be without starting it.

    After a power cut a camera may be there later than the kiosk, which then must not show the demo clip for days.
    """
    from mirrorfx.kiosk import KioskSettings, PinFile
    from mirrorfx.mirror import Mirror

    if args.desk_screen and args.desk_screen == args.screen:
        raise InvalidValue(f"--desk-screen and --screen are both {args.screen!r}: the desk needs a screen of its own.")
    if not args.no_pin and not PinFile().is_set:
        raise InvalidValue(
            "No PIN is set, so nobody could leave the kiosk. Set one with: mirrorfx kiosk pin. With --no-pin, "
            "holding Esc or a corner for three seconds is enough, for visitors too."
        )
    lock = KioskSettings(
        screen=args.screen,
        any_screen=args.any_screen,
        desk_screen=args.desk_screen,
        lock_keys=args.lock_keys,
        needs_pin=not args.no_pin,
    )
    mirror = Mirror(
        **mirror_settings(args),
        screen="wall",
        desk=args.desk_screen is not None,
        kiosk=lock,
        hours=args.hours,
        allow_bypass=args.allow_bypass,
        restore="always",
        await_camera=await_camera,
    )
    mirror.probe_source()
    return mirror


def _need_a_screen() -> None:
    from mirrorfx.cli._screen import why_no_window

    reason = why_no_window()
    if reason:
        raise ProcessFailed(f"A kiosk fills a screen, and there is none it can use: {reason}")


def _missing_screens(args: argparse.Namespace) -> str:
    """Say which of the named screens isn't there; empty when all are, or nobody can tell."""
    from mirrorfx.cli._doctor_windows import screen_names

    wanted = [name for name in (args.screen, args.desk_screen) if name]
    there = screen_names() if wanted else None
    missing = [name for name in wanted if there is not None and name not in there]
    return str(UnknownName("screen", missing[0], there or ())) if missing else ""


# The PIN


def _pin(args: argparse.Namespace) -> int:
    from mirrorfx.kiosk import PinFile

    file = PinFile()
    if args.reset:
        there_was = file.reset()
        _print("The PIN is forgotten. Set another with: mirrorfx kiosk pin" if there_was else "There was no PIN.")
        return 0
    file.set(_ask_pin())
    _print(f"The PIN is set; its hash is in {file.path}. A kiosk that runs takes it at once.")
    return 0


def _ask_pin() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    from getpass import getpass

    pin = getpass("New PIN, 4 to 12 digits: ")
    if getpass("Once more: ") != pin:
        raise InvalidValue("The two were not the same. Nothing has changed.")
    return pin


# The service


def _install(args: argparse.Namespace) -> int:
    from mirrorfx.files import write_whole
    from mirrorfx.kiosk.unit import NAME, Systemctl, unit_path

    mirror = _checked_mirror(args, await_camera=False)
    if args.source is None and mirror.settings.source == "demo":
        raise InvalidValue(
            "No camera was found, and no --source named. Plug the camera in and install again, or name what is to be "
            "seen: --source demo, or a file."
        )
    missing = _missing_screens(args)
    if missing:
        raise InvalidValue(f"{missing} Switch it on, or name another, and install again.")
    systemctl = Systemctl()
    why_not = systemctl.why_not
    text = _unit(args, systemctl, mirror.settings).text()
    path = unit_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
        path.chmod(0o600)  # it may hold the status page's token
    except OSError as error:
        raise MirrorFXError(f"The service can't be written to {path}: {error.strerror or error}.") from error
    _print(f"Checked: {mirror.settings.source} → {mirror.settings.effect}. Written: {path}")
    for line in status_lines(mirror.settings):
        _print(line)
    done = _do(systemctl, why_not, ("daemon-reload",), ("enable", NAME), ("restart", NAME))
    _print("mirrorfx doctor --kiosk checks what else such a machine needs.")
    return 0 if done else 1


def _unit(args: argparse.Namespace, systemctl: Systemctl, settings: MirrorSettings) -> Any:
    from mirrorfx.kiosk.unit import Unit, kept_environment

    graphical = systemctl.says("is-active", "graphical-session.target") == "active"
    environment = kept_environment(os.environ, graphical=graphical)
    if args.status_page is not None:  # a phone keeps the address: it must be the same after each start
        environment[STATUS_TOKEN] = settings.status_token
    return Unit(
        python=str(Path(sys.executable).absolute()),
        words=_words_after("install", args.words),
        folder=str(Path.cwd()),
        graphical=graphical,
        environment=environment,
    )


def _words_after(action: str, words: list[str]) -> list[str]:
    after = words[words.index("kiosk") + 1 :]
    if after[:1] != [action]:
        raise InvalidValue(f"Write {action} right after kiosk, then the options: mirrorfx kiosk {action} --screen …")
    return after[1:]


def _uninstall(_args: argparse.Namespace) -> int:
    from mirrorfx.kiosk.unit import NAME, Systemctl, unit_path

    path = unit_path()
    if not path.exists():
        _print(f"No kiosk is installed: there is no {path}.")
        return 0
    systemctl = Systemctl()
    why_not = systemctl.why_not
    done = _do(systemctl, why_not, ("disable", "--now", NAME))
    try:
        path.unlink()
    except OSError as error:
        raise MirrorFXError(f"{path} can't be deleted: {error.strerror or error}.") from error
    _print(f"Deleted: {path}")
    return 0 if _do(systemctl, why_not, ("daemon-reload",)) and done else 1


def _do(systemctl: Systemctl, why_not: str, *commands: tuple[str, ...]) -> bool:
    """Run the commands, or print them for somebody who can; say whether none failed."""
    if why_not:
        _print(f"Not done here, since {why_not}. In the session of the kiosk's user, do:")
        for words in commands:
            _print(f"  systemctl --user {' '.join(words)}")
        return True
    for words in commands:
        done = systemctl.run(*words)
        _print(f"  systemctl --user {' '.join(words)}: {'done' if done.returncode == 0 else done.stderr.strip()}")
        if done.returncode:
            return False
    return True


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
