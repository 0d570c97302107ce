"""``mirrorfx models``: fetch the diffusion model with consent, check it, export it for a machine without internet."""

from __future__ import annotations

import math
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from mirrorfx.diffusion.fetch import Fetch

__all__ = ["add_parser", "run"]

_VARIANTS = {"auto": None, "fp16": "fp16", "full": ""}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it can do."""
    from mirrorfx.diffusion.model_folder import AUTOENCODER, MODEL

    parser = commands.add_parser(
        "models",
        help="fetch, check and export the diffusion model of the effect turbo",
        examples=("mirrorfx models fetch", "mirrorfx models check", "mirrorfx models export /media/stick/turbo"),
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, title="actions")
    fetch = actions.add_parser(
        "fetch",
        help="download a model, after you agreed to its licence",
        description="Download a model of the SDXL family and a small autoencoder, after you agreed to the licences. "
        "Ended in between, the same command goes on where it was.",
    )
    fetch.add_argument("--folder", type=Path, metavar="DIR", help="where to, instead of among your own data")
    fetch.add_argument("--yes", action="store_true", help="agree to the licences and the download without being asked")
    check = actions.add_parser("check", help="look whether a model is here and whole; exits 1 if it can't be used")
    export = actions.add_parser("export", help="make a folder to carry to a machine without internet")
    export.add_argument("folder", metavar="DIR", type=Path, help="a new folder, or an earlier export to replace")
    some = f"a hub id or a folder (default: {MODEL})"
    fetch.add_argument("model", metavar="OWNER/NAME", nargs="?", default=MODEL, help=f"a hub id (default: {MODEL})")
    check.add_argument("model", metavar="MODEL", nargs="?", default=MODEL, help=some)
    export.add_argument("--model", metavar="MODEL", default=MODEL, help=some)
    for action in (fetch, check, export):
        action.add_argument("--autoencoder", metavar="ID", default=AUTOENCODER, help=f"default: {AUTOENCODER}")
        action.add_argument(
            "--variant", choices=_VARIANTS, default="auto", help="of the weights (default: fp16 if the model has it)"
        )


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit status.

    Raises:
        InvalidValue: a name or folder that can't be, or nobody there to agree.
        EffectUnavailable: the model, the network or the disk is not there; the message names the fix.
    """
    return {"fetch": _fetch, "check": _check, "export": _export}[args.action](args)


def _fetch(args: argparse.Namespace) -> int:
    from mirrorfx.diffusion.fetch import download, plan_fetch
    from mirrorfx.diffusion.model_folder import fetched_folder, read_record

    folder = (args.folder or fetched_folder(args.model)).expanduser()
    plan = plan_fetch(folder, args.model, args.autoencoder, _VARIANTS[args.variant])
    _show(plan)
    before = read_record(folder)
    if not plan.left and before and before.complete:
        _output().print("All of it is here already.")
    elif not _agreed(plan, asked=not args.yes):
        _output().print("Nothing was fetched.")
        return 1
    with _progress("Fetching", plan.total, plan.total - plan.left) as advance:
        download(plan, advance)
    return _checked(str(args.folder) if args.folder else args.model, args.autoencoder, None)


def _show(plan: Fetch) -> None:
    from mirrorfx.diffusion.model_folder import licence_line

    out = _output()
    for what, repository in (("Model", plan.record.model), ("Autoencoder", plan.record.autoencoder)):
        size = sum(file.size for file in repository.files.values())
        out.print(f"{what}: {repository.id}, {_size(size)}", markup=False)
        out.print(f"  {licence_line(repository)}", markup=False, soft_wrap=True)
    out.print(f"To: {plan.folder} ({_size(plan.free)} free)", markup=False, soft_wrap=True)
    here = f" of {_size(plan.total)}; the rest is here already" if plan.left < plan.total else ""
    out.print(f"To download: {_size(plan.left)}{here}", markup=False)


def _agreed(plan: Fetch, *, asked: bool) -> bool:
    """Return whether there is consent: given before for the same models, on the command line, or now."""
    from mirrorfx.errors import InvalidValue

    if plan.record.agreed or not asked:
        return True
    if not sys.stdin.isatty():
        raise InvalidValue(
            "The licences above must be agreed to, and there is no terminal to ask on. If you agree, start the same "
            "command with --yes."
        )
    return _output().input("Do you agree to these licences, and to the download? [y/N] ").strip().lower() in {
        "y",
        "yes",
    }


def _check(args: argparse.Namespace) -> int:
    return _checked(args.model, args.autoencoder, _VARIANTS[args.variant])


def _checked(model: str, autoencoder: str, variant: str | None) -> int:
    """Say of each part whether it is here and whole; 1 when the model can't be used."""
    from rich.table import Table
    from rich.text import Text

    from mirrorfx.diffusion.export import on_this_machine
    from mirrorfx.diffusion.model_folder import MODEL, inspect, read_record

    where = on_this_machine(model, autoencoder, variant)
    parts, out = list(inspect(where)), _output()
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for part in parts:
        mark = Text("bad", "red") if part.problem else Text("ok", "green")
        table.add_row(mark, part.name, _size(part.size) if part.size else "")
    out.print(f"Model: {where.model}", markup=False, soft_wrap=True)
    out.print(f"Autoencoder: {where.autoencoder}", markup=False, soft_wrap=True)
    out.print(table)
    for part in parts:
        if part.problem:
            out.print(f"{part.name}: {part.problem}", style="red", markup=False, soft_wrap=True)
    record = read_record(Path(where.model))
    if record and record.agreed:
        out.print(f"The licences were agreed to on {record.agreed}.", markup=False)
    if record and not record.complete:
        out.print("The download is not finished: start mirrorfx models fetch again.", style="red")
    if any(part.problem for part in parts) or (record and not record.complete):
        out.print("This model can't be used as it is.", style="bold")
        return 1
    command = "mirrorfx run --effect turbo" + ("" if model == MODEL else f" --model {model}")
    out.print(f"This model can be used: {command}", style="bold", markup=False, soft_wrap=True)
    return 0


def _export(args: argparse.Namespace) -> int:
    from mirrorfx.diffusion.export import export, on_this_machine

    where = on_this_machine(args.model, args.autoencoder, _VARIANTS[args.variant])
    folder = args.folder.expanduser()
    with _progress("Copying", None, 0) as advance:
        export(where, (args.model, args.autoencoder), folder, advance)
    out = _output()
    out.print(f"Carry the folder {folder} to the other machine, and start there:", markup=False, soft_wrap=True)
    out.print(f"  mirrorfx run --effect turbo --model {folder.name}", markup=False)
    out.print("README.txt in it says more, also about the licences.")
    return 0


@contextmanager
def _progress(what: str, total: int | None, done: int) -> Iterator[Callable[..., None]]:
    """Show how far it is; give what is told of more bytes, and of how many in all if that wasn't known before."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=total, completed=done)
        yield lambda size, total=total: progress.update(task, advance=size, total=total)


def _size(size: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{math.ceil(max(size, 0) / 1e3)} kB"


def _output() -> Console:
    from rich.console import Console

    return Console(highlight=False)
