"""``mirrorfx screen``: how the picture lies on one screen, kept by the screen's name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mirrorfx.errors import InvalidValue

if TYPE_CHECKING:
    import argparse

    from mirrorfx.geometry import OutputGeometry

__all__ = ["add_parser", "run"]


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "screen",
        examples=(
            "mirrorfx screen HDMI-1 --test-grid on",
            "mirrorfx screen HDMI-1 --keystone 0.02,0 0.98,0.03 1,1 0,0.97 --mask 0.02,0,0.02,0",
        ),
        help="how the picture lies on a screen: turn, keystone, soft edges, test grid",
        description="Shows or changes what is kept for one screen. The wall reads it when it comes onto that screen.",
    )
    parser.add_argument("name", metavar="NAME", help="the screen's name, such as HDMI-1 (mirrorfx doctor lists them)")
    parser.add_argument("--scaling", choices=("fit", "fill"), help="show all of the picture, or cover the screen")
    parser.add_argument("--rotate", type=int, metavar="DEG", help="turn by 0, 90, 180 or 270 degrees clockwise")
    parser.add_argument("--flip-x", choices=("on", "off"), help="swap left and right: projection from behind")
    parser.add_argument("--flip-y", choices=("on", "off"), help="swap top and bottom: a projector that hangs")
    parser.add_argument(
        "--keystone", nargs=4, metavar="X,Y", help="corners: top left, top right, bottom right, bottom left; 0 to 1"
    )
    parser.add_argument("--mask", metavar="L,T,R,B", help="soft dark edges, as shares of the picture")
    parser.add_argument("--test-grid", choices=("on", "off"), help="a grid to align by, instead of the picture")
    parser.add_argument("--reset", action="store_true", help="start again from the plain picture")


def run(args: argparse.Namespace) -> int:
    """Change what was asked, and print what is set.

    Raises:
        InvalidValue: a value that can't be; nothing was changed.
        PresetNotSaved: the folder said no; what was saved before is intact.
    """
    from rich.console import Console

    from mirrorfx.geometry import OutputGeometry, load_screen, save_screen, screens_file

    changes = _changes(args)
    geometry = OutputGeometry() if args.reset else load_screen(args.name)
    if changes or args.reset:
        geometry = replace(geometry, **changes)
        save_screen(args.name, geometry)
    _print(Console(highlight=False), args.name, geometry)
    if changes or args.reset:
        Console(highlight=False, soft_wrap=True).print(f"  kept in {screens_file()}")
    return 0


def _changes(args: argparse.Namespace) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if args.scaling:
        changes["scaling"] = args.scaling
    if args.rotate is not None:
        changes["rotation"] = args.rotate
    for name in ("flip_x", "flip_y", "test_grid"):
        if getattr(args, name):
            changes[name] = getattr(args, name) == "on"
    if args.keystone:
        changes["keystone"] = tuple(_numbers("--keystone", text, 2) for text in args.keystone)
    if args.mask:
        left, top, right, bottom = _numbers("--mask", args.mask, 4)
        changes |= {"mask_left": left, "mask_top": top, "mask_right": right, "mask_bottom": bottom}
    return changes


def _numbers(option: str, text: str, count: int) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != count:
        raise InvalidValue(f"{option} {text!r} is not understood: write {count} numbers with commas between them.")
    return numbers


def _print(console: Any, name: str, geometry: OutputGeometry) -> None:
    from rich.table import Table

    table = Table(title=f"Screen {name}", title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0))
    for key, value in geometry.to_table().items():
        table.add_row(f"[dim]{key}[/]", str(value))
    console.print(table)
