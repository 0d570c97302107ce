"""``mirrorfx presets thumbnails``: paints what presets look like, out of the show's way."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from mirrorfx.errors import InvalidValue, MirrorFXError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from mirrorfx.presets import Preset
    from mirrorfx.presets.thumbnails import ThumbnailPainter

__all__ = ["add_thumbnails_parser", "answer_jobs", "run_thumbnails"]


def add_thumbnails_parser(actions: Any) -> None:
    """Add the action to those of ``mirrorfx presets``."""
    parser = actions.add_parser(
        "thumbnails",
        help="paint the small pictures that the desk shows, those that are missing",
        description="Paints each preset on the demo clip's first frame, one thread at the lowest priority, into the "
        "cache folder. The desk does this by itself. Nothing of a camera is ever in such a picture.",
    )
    parser.add_argument("--effect", default="style", metavar="NAME", help="what paints them (default: style)")
    parser.add_argument("--size", default=256, type=int, metavar="N", help="side in pixels, 64 to 512 (256)")
    parser.add_argument(
        "--stdin",
        action="store_true",
        help='take presets from standard input, one JSON line each: {"stamp": …, "toml": …}; answer each with a line',
    )


def run_thumbnails(args: argparse.Namespace) -> int:
    """Paint what is missing; return 1 when a picture could not be made.

    Raises:
        InvalidValue: the size or the effect is not possible.
        EffectUnavailable: the effect can't run here.
    """
    from mirrorfx.presets.thumbnails import SIDE_LEAST_PX, SIDE_MOST_PX, ThumbnailPainter

    if not SIDE_LEAST_PX <= args.size <= SIDE_MOST_PX:
        raise InvalidValue(f"--size is {args.size}; it must be from {SIDE_LEAST_PX} to {SIDE_MOST_PX}.")
    _step_back()
    with ThumbnailPainter(args.effect, args.size) as painter:
        if args.stdin:
            answer_jobs(painter, sys.stdin)
            return 0
        return _paint_library(painter)


def answer_jobs(painter: ThumbnailPainter, lines: Iterable[str]) -> None:
    """Paint one preset after the other until `lines` end, as they do when the desk that asks is gone."""
    from mirrorfx.presets.library import all_params
    from mirrorfx.presets.preset import parse_preset

    registry = all_params()
    for line in lines:
        answer: dict[str, Any] = {}
        try:
            job = json.loads(line)
            answer["stamp"] = stamp = int(job["stamp"])
            answer["picture"] = str(painter.make(parse_preset(str(job["toml"]), registry), stamp))
        except MirrorFXError as error:
            answer["error"] = str(error)
        except (ValueError, KeyError, TypeError) as error:
            answer["error"] = f"The line {line[:80]!r} is no job ({type(error).__name__}): it needs stamp and toml."
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _paint_library(painter: ThumbnailPainter) -> int:
    from mirrorfx.cli._watch import RunWatcher, console
    from mirrorfx.presets import PresetLibrary, all_params
    from mirrorfx.resources import builtin_presets_dir, user_presets_dir

    presets = PresetLibrary(builtin_presets_dir(), user_presets_dir(), all_params(), repair=False).presets()
    missing = [preset for preset in presets if not painter.path(preset.stamp).is_file()]
    failed = 0
    with RunWatcher(None, "starting") as watcher:
        for number, preset in enumerate(missing, start=1):
            watcher.starting(f"picture {number} of {len(missing)}: {preset.name}", number / len(missing))
            failed += not _made(painter, preset)
    folder = painter.path(0).parent
    done = f"{len(missing) - failed} painted with {painter.effect}, {len(presets) - len(missing)} were there: {folder}"
    console().print(done, markup=False)
    return 1 if failed else 0


def _made(painter: ThumbnailPainter, preset: Preset) -> bool:
    from mirrorfx.cli._watch import console

    try:
        painter.make(preset, preset.stamp)
    except MirrorFXError as error:
        console().print(str(error), style="red", markup=False)
        return False
    return True


def _step_back() -> None:
    """Take only what the show leaves over."""
    import psutil

    psutil.Process().nice(psutil.IDLE_PRIORITY_CLASS if os.name == "nt" else 19)
