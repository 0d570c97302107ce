"""``mirrorfx doctor``: what is here and what is missing, each with the fix."""

from __future__ import annotations

import contextlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from importlib import import_module
from typing import TYPE_CHECKING

from mirrorfx.cli._doctor_finding import Finding

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from rich.console import Console

__all__ = ["add_parser", "diagnose", "run"]

_CHECKS = {
    "machine": ("python", "system", "processor", "shared_memory", "folders", "disk", "gpu", "cameras"),
    "software": ("packages", "opencv", "recording", "onnx", "effects", "presets", "screens", "sound", "presence"),
    "windows": ("windows",),
}
_KIOSK = {
    "kiosk": (
        "session",
        "autologin",
        "linger",
        "service",
        "kiosk_screen",
        "pin",
        "awake",
        "notifications",
        "updates",
        "clock",
        "room",
        "power",
    )
}
_BESIDE = "windows"
_MARKS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "missing": ("missing", "yellow")}
_FATAL_STYLE = "bold red"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    summary = "what is here and what is missing, each with the fix"
    parser = commands.add_parser(
        "doctor", help=summary, description=f"Look at this machine: {summary}. Exits 1 if the mirror can't run here."
    )
    parser.add_argument("--json", action="store_true", help="print the findings as one JSON object")
    parser.add_argument("--kiosk", action="store_true", help="also what a machine needs that nobody attends")


def run(args: argparse.Namespace) -> int:
    """Look at everything and print it; return 1 if the mirror can't run here, even headless."""
    total = sum(map(len, _checks(kiosk=args.kiosk).values()))
    with _progress(total, quiet=args.json) as advance:
        findings = diagnose(advance, kiosk=args.kiosk)
    if args.json:
        sys.stdout.write(json.dumps(_as_json(findings), indent=2) + "\n")
    else:
        _print(findings)
    return int(any(finding.is_fatal for finding in findings))


def diagnose(advance: Callable[[], None] = lambda: None, *, kiosk: bool = False) -> list[Finding]:
    """Run every check; return what they found, in a fixed order.

    A check that fails itself becomes a warning: it never hides what the others found.

    Args:
        advance: called after each check.
        kiosk: also look at what a machine needs that nobody attends.
    """
    names = [(module, check) for module, checks in _checks(kiosk=kiosk).items() for check in checks]
    with ThreadPoolExecutor(thread_name_prefix="mfx-doctor") as pool:
        # Only what waits for other processes runs beside the rest: large libraries can't be imported by two threads at
        # once (numpy then fails).
        beside = {name: pool.submit(_look, *name) for name in names if name[0] == _BESIDE}
        found = []
        for name in names:
            found += beside[name].result() if name in beside else _look(*name)
            advance()
    return found


def _checks(*, kiosk: bool) -> dict[str, tuple[str, ...]]:
    return _CHECKS | _KIOSK if kiosk else _CHECKS


def _look(module: str, check: str) -> list[Finding]:
    try:
        look: Callable[[], list[Finding]] = getattr(import_module(f"mirrorfx.cli._doctor_{module}"), check)
        return look()
    except Exception as error:  # noqa: BLE001  a broken installation is what this command is for
        name = check.replace("_", " ").capitalize()
        fix = "scripts/run sets everything up again"
        return [Finding(name, "warning", f"couldn't be looked at: {type(error).__name__}: {error}", fix)]


@contextlib.contextmanager
def _progress(total: int, *, quiet: bool) -> Iterator[Callable[[], None]]:
    """Show on a terminal how far the checks are."""
    try:
        from rich.progress import Progress
    except ImportError:
        yield lambda: None
        return
    from rich.console import Console

    with Progress(console=Console(stderr=True), transient=True, disable=quiet or not sys.stderr.isatty()) as progress:
        task = progress.add_task("Looking at this machine", total=total)
        yield lambda: progress.advance(task)


def _as_json(findings: list[Finding]) -> dict[str, object]:
    import mirrorfx

    return {
        "version": mirrorfx.__version__,
        "can_run": not any(finding.is_fatal for finding in findings),
        "windows": _has_windows(findings),
        "findings": [asdict(finding) for finding in findings],
    }


def _print(findings: list[Finding]) -> None:
    try:
        from mirrorfx.cli._watch import page

        console = page()
    except ImportError:
        _print_plain(findings)
        return
    _print_table(console, findings)
    _print_fixes(console, findings)
    console.print(_verdict(findings), style="bold", markup=False)


def _print_plain(findings: list[Finding]) -> None:
    """Print without Rich, which is what may be missing."""
    lines = [f"{finding.state:8}{finding.name}: {finding.found}" for finding in findings]
    lines += [f"To mend {finding.name}: {finding.fix}" for finding in findings if finding.fix]
    sys.stdout.write("\n".join([*lines, _verdict(findings)]) + "\n")


def _print_table(console: Console, findings: list[Finding]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    table.add_column("what", no_wrap=True)
    table.add_column("found", overflow="fold")
    for finding in findings:
        mark, style = _MARKS[finding.state]
        style = _FATAL_STYLE if finding.is_fatal else style
        table.add_row(Text(mark, style), Text(finding.name), Text(finding.found))
    console.print(table)


def _print_fixes(console: Console, findings: list[Finding]) -> None:
    """Print each fix on lines of its own, unwrapped, so that it can be copied."""
    from rich.text import Text

    for finding in sorted((finding for finding in findings if finding.fix), key=lambda finding: not finding.is_fatal):
        style = _FATAL_STYLE if finding.is_fatal else "yellow"
        console.print(Text.assemble("To mend ", (finding.name, style), ":"))
        console.print(Text(f"  {finding.fix}"), soft_wrap=True)
    console.print()


def _verdict(findings: list[Finding]) -> str:
    fatal = [finding.name for finding in findings if finding.is_fatal]
    if fatal:
        return f"The mirror can't run here: {', '.join(fatal)}."
    if _has_windows(findings):
        return "The mirror can run here, in its window."
    return "The mirror can run here without a window: mirrorfx run records a film."


def _has_windows(findings: list[Finding]) -> bool:
    return any(finding.name == "Screen" and finding.state == "ok" for finding in findings)
