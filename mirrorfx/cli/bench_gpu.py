"""``mirrorfx bench gpu``: the accelerator ladder at full size, against the card's own ceilings and against diffusers.

Needs torch, diffusers, transformers, safetensors and numpy, and no other library: it runs on a bare GPU machine.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirrorfx.clock import MonotonicClock
from mirrorfx.errors import InvalidValue, SinkFailed, UnknownName
from mirrorfx.files import write_whole
from mirrorfx.frame import Size, parse_size

if TYPE_CHECKING:
    from mirrorfx.diffusion.gpu_bench import BenchSettings

__all__ = ["add_parser", "run"]

_DESCRIPTION = """\
Builds SDXL Turbo's networks with random weights on the device (nothing is downloaded) and measures every rung of the
accelerator ladder. A frame's time begins with a picture in ordinary memory and ends with the painted one there: upload,
autoencoder, UNet, download, all waiting; without camera, resizing, new noise, prompts and the way between processes.
"""
_SIZES = {"full": "1024,512", "tiny": "256"}


def add_parser(benches: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the bench."""
    parser = benches.add_parser(
        "gpu", help="diffusion on a GPU: every accelerator, the card's ceilings, diffusers", description=_DESCRIPTION
    )
    parser.add_argument("--device", metavar="NAME", help="cuda:0 or cpu (the GPU if there is one)")
    parser.add_argument(
        "--model-size", choices=tuple(_SIZES), help="full is SDXL's; tiny shows only that it runs (cpu)"
    )
    parser.add_argument("--size", metavar="LIST", help="frame sizes, such as 1024,512 or 832x1216")
    parser.add_argument("--rungs", default="auto", metavar="LIST", help="accelerators, such as eager,graph (all)")
    parser.add_argument("--steps", type=int, default=1, metavar="N", help="UNet calls a frame, 1 to 4")
    parser.add_argument("--frames", type=int, default=200, metavar="N", help="measured a rung (200)")
    parser.add_argument("--warmup", type=int, default=20, metavar="N", help="painted before that (20)")
    parser.add_argument(
        "--peer", action=argparse.BooleanOptionalAction, default=True, help="measure diffusers' pipeline too (yes)"
    )
    parser.add_argument("--time-limit", type=float, metavar="S", help="end after that: what may take longer is skipped")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write all figures there, anew after each measurement"
    )
    parser.add_argument("--profile", type=Path, metavar="FILE", help="write there where the fastest rung's time goes")


def run(args: argparse.Namespace) -> int:
    """Measure, and print the table.

    Raises:
        InvalidValue: an argument outside what is allowed.
        EffectUnavailable: no such device, or a library is missing.
        SinkFailed: the figures can't be written.
    """
    from mirrorfx.diffusion.libraries import library

    clock = MonotonicClock()
    began_ns = clock.now_ns()
    library("torch")
    settings = _settings(args)
    from mirrorfx.diffusion.gpu_bench import GpuBench

    bench = GpuBench(settings, clock, began_ns, said=_say, kept=lambda figures: _keep_or_say(args, figures))
    try:
        return _ended(args, bench.run(late=lambda figures: _leave(args, figures)))
    except KeyboardInterrupt:
        _ended(args, bench.cut_off("Ctrl-C came"))
        raise


def _ended(args: argparse.Namespace, figures: dict[str, Any]) -> int:
    """Print and keep the figures; return the exit status."""
    _print_figures(figures)
    _keep(args, figures)
    return 0 if any(entry["fastest"] for entry in figures["sizes"]) else 1


def _leave(args: argparse.Namespace, figures: dict[str, Any]) -> None:
    """End the process with what there is: a compiler that goes on can't be stopped otherwise."""
    status = 1
    try:
        status = _ended(args, figures)
    except SinkFailed as error:
        _say(str(error))
    finally:
        sys.stdout.flush()
        os._exit(status)


def _settings(args: argparse.Namespace) -> BenchSettings:
    from mirrorfx.diffusion.gpu_bench import BenchSettings

    _check(args)
    device = args.device or ("cuda:0" if importlib.import_module("torch").cuda.is_available() else "cpu")
    model_size = args.model_size or ("tiny" if device == "cpu" else "full")
    return BenchSettings(
        device=device,
        model_size=model_size,
        sizes=_sizes(args.size or _SIZES[model_size]),
        rungs=_rungs(args.rungs),
        frames=args.frames,
        warmup=args.warmup,
        steps=args.steps,
        peer=args.peer,
        profile=args.profile is not None,
        time_limit_s=args.time_limit,
    )


def _check(args: argparse.Namespace) -> None:
    for name, least, most in (("frames", 1, 100_000), ("warmup", 0, 10_000), ("steps", 1, 4)):
        if not least <= getattr(args, name) <= most:
            raise InvalidValue(f"--{name} is {getattr(args, name)}; it must be from {least} to {most}.")
    if args.time_limit is not None and not args.time_limit > 0:
        raise InvalidValue(f"--time-limit is {args.time_limit:g}; it must be more than 0 seconds.")
    for name in ("json", "profile"):
        path = getattr(args, name)
        if path and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise InvalidValue(f"--{name} {path} can't be written: give a file in a folder that exists.")


def _sizes(text: str) -> tuple[Size, ...]:
    return tuple(dict.fromkeys(parse_size(part) for part in text.split(",")))


def _rungs(text: str) -> tuple[str, ...]:
    """Return the rungs asked for; none for ``auto``."""
    from mirrorfx.diffusion.accelerators import RUNGS

    if text == "auto":
        return ()
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in RUNGS:
            raise UnknownName("accelerator", name, ["auto", *RUNGS])
    return names


def _say(line: str) -> None:
    sys.stderr.write(f"  {line}\n")
    sys.stderr.flush()


def _keep_or_say(args: argparse.Namespace, figures: dict[str, Any]) -> None:
    """Keep the figures; a full disk must not end the measuring, since the table is still to come."""
    try:
        _keep(args, figures)
    except SinkFailed as error:
        _say(str(error))


def _keep(args: argparse.Namespace, figures: dict[str, Any]) -> None:
    if args.json:
        _write(args.json, json.dumps(figures, indent=1) + "\n")
    if args.profile and figures["profile"]["status"] == "measured":
        _write(args.profile, _profile_text(figures))


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise SinkFailed(f"The figures can't be written to {path}: {error.strerror}. Choose another file.") from error


def _profile_text(figures: dict[str, Any]) -> str:
    profile = figures["profile"]
    kinds: list[tuple[str, ...]] = [("kind", "ms", "share")]
    kinds += [(kind, f"{part['ms']:.3f}", f"{part['share']:.1%}") for kind, part in profile["kinds"].items()]
    kernels: list[tuple[str, ...]] = [("ms", "calls", "kind", "kernel")]
    kernels += [(f"{k['ms']:.3f}", f"{k['calls']:g}", k["kind"], k["name"][:160]) for k in profile["kernels"]]
    head = (
        f"{figures['machine']['device']}, torch {figures['machine']['torch']}: {profile['rung']} at {profile['size']}, "
        f"busy {profile['busy_ms']:.2f} ms a frame over {profile['frames']} frames\n"
    )
    return f"{head}\n{_aligned(kinds)}\n{_aligned(kernels)}"


def _print_figures(figures: dict[str, Any]) -> None:
    from mirrorfx.diffusion.gpu_bench_figures import table

    headings, rows = table(figures)
    machine, settings = figures["machine"], figures["settings"]
    _print_table(
        f"{machine['device']}, {machine['dtype']}, torch {machine['torch']}, diffusers {machine['diffusers']}, "
        f"{settings['model_size']} model, {settings['frames']} frames, {settings['steps']} step(s); times in ms",
        headings,
        rows,
    )
    out = [f"ceilings: {_entry_text(figures['ceilings'])}"]
    for entry in figures["sizes"]:
        floor = entry["floor_ms"]
        counted = f"{entry['flop']['total'] / 1e12:.4f} TFLOP a frame (counted)"
        least = f", at the card's matmul rate {floor:.2f} ms" if floor else ""
        out.append(f"{entry['size']}: {counted}{least}; fastest: {entry['fastest'] or 'none that paints right'}")
        out.append(f"{entry['size']}: fp16 against fp32: {_entry_text(entry['half_precision'])}")
        out += [
            f"{entry['size']} {rung['rung']}, stage by stage: {_entry_text(rung['stages_ms'])}"
            for rung in entry["rungs"]
            if "stages_ms" in rung
        ]
    sys.stdout.write("".join(f"  {line}\n" for line in out))


def _entry_text(entry: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in entry.items()
    )


def _print_table(title: str, headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print with rich where it is installed, plainly where it is not."""
    if importlib.util.find_spec("rich") is None:
        sys.stdout.write(f"{title}\n{_aligned([headings, *rows])}")
        return
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=title, title_justify="left", header_style="bold", box=None)
    for index, heading in enumerate(headings):
        shown.add_column(heading, justify="left" if index < 2 else "right", no_wrap=True)
    whole = [row for row in rows if len(row) == len(headings)]
    for row in whole:
        shown.add_row(*row)
    out = Console(width=None if Console().is_terminal else 160)
    out.print(shown)
    for row in rows:
        if row not in whole:
            out.print(f"  [dim]{row[0]} {row[1]}[/]  {row[2]}", highlight=False)


def _aligned(rows: list[tuple[str, ...]]) -> str:
    """Return rows as lines with their columns one below the other; a short row's last cell may run over."""
    full = [row for row in rows if len(row) == len(rows[0])]
    widths = [max(len(row[index]) for row in full) for index in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(widths[index]) for index, cell in enumerate(row)).rstrip() for row in rows)
    return "".join(f"{line}\n" for line in lines)
