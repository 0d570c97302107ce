"""``mirrorfx selftest``: what this machine paints, as a folder with a page that can be sent to somebody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mirrorfx.cli._devices import check_device
from mirrorfx.cli.run import add_turbo_options, effect_asked, effect_options

if TYPE_CHECKING:
    import argparse

    from mirrorfx.selftest.findings import Report
    from mirrorfx.selftest.settings import SelftestSettings

__all__ = ["add_parser", "run"]

_CANCELLED = 130


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "selftest",
        examples=(
            "mirrorfx selftest --quick --size 512",
            "mirrorfx selftest --effect turbo --devices cuda:0,cuda:1 --zip",
        ),
        help="paint, measure and check everything once: a page to look at or to send",
        description="Paints contact sheets, a drift film and comparisons from the demo clip, checks them, and writes a "
        "page with pictures and figures that opens without a network and names no paths of this machine.",
    )
    parser.add_argument("--effect", default="auto", metavar="NAME", help="auto (default), turbo, style, paint, …")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="any setting of the effect")
    parser.add_argument(
        "--devices", default="auto", metavar="LIST", help="auto (turbo: all GPUs), cpu, or cuda:0,cuda:1"
    )
    parser.add_argument("--size", default=1024, type=int, metavar="N", help="side of the square picture (1024)")
    parser.add_argument(
        "--source",
        default="demo",
        metavar="demo|PICTURE|camera",
        help="what is painted (the demo clip); a camera only if you ask for it here",
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where it goes (out/selftest)")
    parser.add_argument("--quick", action="store_true", help="less of everything: a first look")
    parser.add_argument("--zip", action="store_true", help="pack the folder into a file to be sent")
    add_turbo_options(parser)


def run(args: argparse.Namespace) -> int:
    """Run it; return 1 when a check failed."""
    from mirrorfx.cli._watch import RunWatcher
    from mirrorfx.clock import MonotonicClock
    from mirrorfx.selftest.runner import run_selftest

    settings = _settings(args)
    with RunWatcher(None, "starting") as watcher:
        report = run_selftest(settings, MonotonicClock(), watcher.starting)
    _print(report, settings)
    if report.state == "cancelled":
        return _CANCELLED
    return 1 if any(check.verdict == "fail" for check in report.checks) else 0


def _settings(args: argparse.Namespace) -> SelftestSettings:
    """Read the options, and refuse at once what can't work.

    Raises:
        InvalidValue: an option is not possible.
        SourceError: the source is not there.
        EffectUnavailable: the effect can't run on one of the devices; the message names the fix.
    """
    from mirrorfx.effects import EffectContext, choose_effect, default_devices
    from mirrorfx.resources import output_dir
    from mirrorfx.selftest.settings import FULL, QUICK, SelftestSettings
    from mirrorfx.sources import resolve_source

    options = effect_options(args)
    effect = choose_effect(effect_asked(args), options)
    devices = tuple(part.strip() for part in args.devices.split(",") if part.strip())
    settings = SelftestSettings(
        folder=args.out or output_dir() / "selftest",
        effect=effect.name,
        size=(args.size, args.size),
        devices=default_devices(effect) if devices == ("auto",) else devices,
        source=resolve_source(args.source).spec,
        options=options,
        amount=QUICK if args.quick else FULL,
        zipped=args.zip,
    )
    for device in dict.fromkeys(settings.devices):
        check_device(device)
        effect.check(EffectContext(settings.size, device, options=options))
    return settings


def _print(report: Report, settings: SelftestSettings) -> None:
    from rich.table import Table
    from rich.text import Text

    from mirrorfx.cli._watch import console
    from mirrorfx.selftest.folder import PAGE, Folder

    out = console()
    signs = {"pass": ("✓", "green"), "fail": ("✗", "red"), "unknown": ("?", "yellow")}
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for check in report.checks:
        sign, colour = signs[check.verdict]
        table.add_row(Text(f"{sign} {check.verdict}", style=colour), Text(check.name), Text(check.words, style="dim"))
    out.print(table)
    folder = settings.folder.expanduser().absolute()
    out.print(f"  page: {folder / PAGE}", style="bold", markup=False)
    if settings.zipped:
        out.print(f"  to send: {Folder.zip_of(folder)}", style="bold", markup=False)
    out.print(f"  {report.shows}", markup=False)
