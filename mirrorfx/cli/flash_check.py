"""``mirrorfx flash-check``: does a film flash too much? Also makes the film that tests the guard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirrorfx.errors import InvalidValue

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from mirrorfx.frame import Image
    from mirrorfx.safety import FlashCount
    from mirrorfx.safety.limits import Standard

__all__ = ["add_parser", "run"]


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    from mirrorfx.safety.limits import STANDARD, STANDARDS

    parser = commands.add_parser(
        "flash-check",
        examples=("mirrorfx flash-check out/mirror.mp4", "mirrorfx flash-check film.mp4 --guard --standard strict"),
        help="count the flashes of a film: more than three in a second can cause seizures",
        description="Counts the general and red flashes in the worst second of a film (WCAG 2.3.1, ITU-R BT.1702). "
        "Ends with 1 above the limit. A help against mistakes, not a certificate.",
    )
    parser.add_argument("film", nargs="?", type=Path, metavar="FILM", help="any video file")
    parser.add_argument(
        "--standard",
        default=STANDARD.name,
        choices=STANDARDS,
        help="of what a quarter must flash: of the picture (standard, BT.1702) or of any ninth of it (strict)",
    )
    parser.add_argument("--guard", action="store_true", help="also count what the wall's flash guard makes of it")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--make-test-film", type=Path, metavar="OUT.mp4", help="write the guard's test film (it flashes!) and end"
    )


def run(args: argparse.Namespace) -> int:
    """Count, and say what came of it: 1 when there is too much.

    Raises:
        InvalidValue: neither a film nor --make-test-film.
        SourceError: the film is not there or can't be read.
        SinkError: the test film can't be written.
    """
    if args.make_test_film:
        _make_film(args.make_test_film)
        _say(f"{args.make_test_film}: the test film. It flashes: show it to nobody who didn't ask for it.")
        return 0
    from mirrorfx.safety.limits import STANDARDS

    if args.film is None:
        raise InvalidValue("There is nothing to check: name a film, or --make-test-film OUT.mp4.")
    before, after, figures = _count(args.film, STANDARDS[args.standard], guard=args.guard)
    judged = after or before
    if args.json:
        result: dict[str, Any] = {"film": str(args.film), "standard": args.standard, **before.as_dict()}
        if after:
            result["guarded"] = after.as_dict() | figures
        _say(json.dumps(result, indent=2))
    else:
        _print(args.film, before, after, figures)
    return 0 if judged.safe else 1


def _say(text: str) -> None:
    """Write a line as it is, for people and for programs."""
    import sys

    sys.stdout.write(text + "\n")


def _count(path: Path, standard: Standard, *, guard: bool) -> tuple[FlashCount, FlashCount | None, dict[str, Any]]:
    from mirrorfx.clock import SECOND
    from mirrorfx.safety import FlashCounter, FlashGuard

    before, after = FlashCounter(standard), FlashCounter(standard)
    damper: FlashGuard | None = None
    for frame, t_ns in _pictures(path):
        before.add(frame, t_ns / SECOND)
        if guard:
            damper = damper or FlashGuard((frame.shape[1], frame.shape[0]), standard)
            after.add(damper.show(frame, t_ns), t_ns / SECOND)
    return before.result(), after.result() if damper else None, damper.figures() if damper else {}


def _pictures(path: Path) -> Iterator[tuple[Image, int]]:
    """Yield every picture, ``uint8[H, W, 4]`` BGRX, and its time from the first."""
    import contextlib

    import cv2
    import numpy as np

    from mirrorfx.sources._decoder import Decoder
    from mirrorfx.sources._files import readable_file

    with contextlib.closing(Decoder(readable_file(path))) as decoder:
        while (picture := decoder.next()) is not None:
            frame, t_ns = picture
            yield np.asarray(cv2.cvtColor(decoder.pixels(frame), cv2.COLOR_BGR2BGRA), np.uint8), t_ns


def _make_film(path: Path) -> None:
    from fractions import Fraction

    from mirrorfx.safety.scenes import FILM_HZ, FILM_SIZE, flash_film
    from mirrorfx.sinks import pick_encoder
    from mirrorfx.sinks.film import Film, check_film_path

    check_film_path(path)
    encoder, _ = pick_encoder(FILM_SIZE)
    film = Film(path, FILM_SIZE, Fraction(FILM_HZ), encoder)
    for step, picture in enumerate(flash_film()):
        film.write(picture, step, 1)
    film.close()


def _print(path: Path, before: FlashCount, after: FlashCount | None, figures: dict[str, Any]) -> None:
    _say(f"{path}: {before.frames} pictures, {before.duration_s:g} s")
    _say(_line("as it is", before))
    if after:
        _say(_line("guarded", after) + f"; {figures['damped_ticks']} pictures damped")


def _line(what: str, count: FlashCount) -> str:
    verdict = "within the limit" if count.safe else "TOO MUCH: more than three in a second"
    return (
        f"  {what}: worst second has {count.general:g} general flashes (until {count.general_at_s:g} s) and "
        f"{count.red:g} red ones (until {count.red_at_s:g} s): {verdict}"
    )
