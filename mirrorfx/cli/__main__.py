"""The command ``mirrorfx``: finds the subcommand's file and runs it; errors become one clear line."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import mirrorfx
from mirrorfx.cli._parser import Parser
from mirrorfx.errors import InvalidValue, MirrorFXError, PresetError, SinkUnavailable, SourceError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_COMMANDS = {
    "run": "the mirror: wall window and desk; without a screen it records a film",
    "kiosk": "the mirror, fullscreen and locked, for ever; install, uninstall, pin",
    "bench": "measure: cadence (real processes), pacing (virtual clock), gpu (diffusion)",
    "selftest": "paint and check everything once: a page to look at or to send",
    "doctor": "what is here and what is missing, each with the fix",
    "presets": "list, show and check presets, paint pictures of them",
    "models": "fetch, check and export the diffusion model of turbo",
    "screen": "how the picture lies on a screen: turn, keystone, soft edges, test grid",
    "flash-check": "count the flashes of a film: more than three in a second can cause seizures",
    "desk": "open the operator's window on a running mirror",
}
_BAD_INPUTS = (InvalidValue, SourceError, PresetError, SinkUnavailable)
_BAD_INPUT, _FAILED, _INTERRUPTED = 2, 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status: 0 fine, 1 failed, 2 bad input."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        return _stop_writing()
    except OSError as error:
        _complain(f"The system refused something: {error}. Look at free disk space and permissions, then try again.")
        return _FAILED
    except MirrorFXError as error:
        _complain(str(error))
        return _BAD_INPUT if isinstance(error, _BAD_INPUTS) else _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status


def _stop_writing() -> int:
    """Say nothing more to a reader that has gone, such as ``head``; that is no failure."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _run(words: list[str]) -> int:
    if words[:1] == ["help"]:
        words = [*words[1:2], "--help"]
    parser = Parser(
        prog="mirrorfx",
        description=(mirrorfx.__doc__ or "").splitlines()[0],
        epilog="mirrorfx COMMAND --help says more. It ends with 0 when all is well, 1 when it failed, 2 when what was "
        "asked can't be.",
    )
    parser.add_argument("--version", action="version", version=f"mirrorfx {mirrorfx.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    asked = next((word for word in words if not word.startswith("-")), None)
    if asked is not None and asked not in _COMMANDS:
        _complain(f"There is no command {asked!r}.{did_you_mean(asked, _COMMANDS)} Known: {', '.join(_COMMANDS)}.")
        return _BAD_INPUT
    for name, summary in _COMMANDS.items():
        if name == asked:
            _module(name).add_parser(commands)
        else:
            commands.add_parser(name, help=summary, add_help=False)
    if asked is None and not words:
        parser.print_help()
        return 0
    parsed = parser.parse_args(words)
    parsed.words = words
    return int(_module(parsed.command).run(parsed))


def _module(command: str) -> Any:
    return importlib.import_module(f"mirrorfx.cli.{command.replace('-', '_')}")


def _complain(text: str) -> None:
    sys.stderr.write(f"mirrorfx: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
