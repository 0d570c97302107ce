"""``mirrorfx desk``: the operator's window on a running mirror."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mirrorfx.errors import ControlError, InvalidValue

if TYPE_CHECKING:
    import argparse

__all__ = ["add_parser", "run"]

_WHERE = "`mirrorfx run --control-port 7777` prints it: a line that begins with Control."


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "desk",
        examples=("mirrorfx desk --url 'ws://127.0.0.1:7777/control?token=…'",),
        help="open the operator's window on a running mirror",
        description="Opens another desk on a mirror that is running. Closing it leaves the mirror as it is.",
    )
    parser.add_argument("--url", metavar="ws://…", help=f"where the mirror's engine listens; {_WHERE}")


def run(args: argparse.Namespace) -> int:
    """Check that the engine answers, then show the window until it is closed."""
    from mirrorfx.cli._screen import why_no_window
    from mirrorfx.control.client import ControlClient
    from mirrorfx.processes.wall import screen_entry_point

    url = _checked(args.url)
    reason = why_no_window()
    if reason:
        raise ControlError(f"The desk is a window, and there can be none: {reason}")
    sys.stderr.write(f"asking the engine at {url.partition('?')[0]} …\n")
    with ControlClient(url):
        """It answers, and takes the token."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Qt's loop never lets Python see Ctrl-C
    screen_entry_point("desk")(None, url)
    return 0


def _checked(url: str | None) -> str:
    if not url:
        raise InvalidValue(f"Which mirror? Give its --url. {_WHERE}")
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.netloc or "token=" not in parts.query:
        raise InvalidValue(
            f"--url {url!r} is not where an engine listens: it looks like ws://127.0.0.1:7777/control?token=… {_WHERE}"
        )
    return url
