"""Options about visitors, which `run` and `kiosk` have in common: attract mode, the prompt lock and the word list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirrorfx.errors import InvalidValue

if TYPE_CHECKING:
    import argparse

__all__ = ["add_visitor_options", "visitor_settings"]


def add_visitor_options(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    group = parser.add_argument_group("visitors")
    group.add_argument(
        "--attract",
        metavar="PRESET[,PRESET…]",
        help="what the wall shows while nobody is there, 30 seconds each; the show is back when somebody comes",
    )
    group.add_argument(
        "--attract-after", type=float, default=20.0, metavar="S", help="without anybody for so long (default: 20)"
    )
    group.add_argument(
        "--attract-by",
        default="person",
        metavar="person|motion",
        help="who counts as somebody: a person that is detected (default), or whatever moves",
    )
    group.add_argument(
        "--attract-fps",
        type=float,
        default=10.0,
        metavar="N",
        help="new frames a second meanwhile, at most; 0 is as many as at other times (default: 10)",
    )
    group.add_argument("--lock-prompt", action="store_true", help="only presets change the prompt")
    group.add_argument(
        "--word-list",
        type=Path,
        metavar="FILE",
        help="words and phrases, one a line, that no prompt may have (default: words.txt in the configuration folder)",
    )


def visitor_settings(args: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of `MirrorSettings` about visitors.

    Raises:
        InvalidValue: ``--attract`` names nothing.
    """
    names = tuple(name for part in (args.attract or "").split(",") if (name := part.strip()))
    if args.attract is not None and not names:
        raise InvalidValue("--attract names no preset. Name one or more: --attract 'Ice, Lava'.")
    return {
        "attract": names,
        "attract_after_s": args.attract_after,
        "attract_by": args.attract_by,
        "attract_fps": args.attract_fps,
        "lock_prompt": args.lock_prompt,
        "word_list": args.word_list,
    }
