"""``mirrorfx run``: the mirror."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirrorfx.cli._devices import check_device
from mirrorfx.cli._files import check_picture, check_writable
from mirrorfx.cli._parser import amount
from mirrorfx.cli._status import add_status_option, check_ports, status_lines, status_settings
from mirrorfx.cli._visitors import add_visitor_options, visitor_settings
from mirrorfx.diffusion.ladder import AUTO, BUILT, PLANNED
from mirrorfx.errors import InvalidValue, SinkUnavailable, UnknownName
from mirrorfx.frame import parse_size

if TYPE_CHECKING:
    from mirrorfx.mirror import Mirror
    from mirrorfx.processes.launcher import Outcome
    from mirrorfx.sources import CameraSettings

__all__ = [
    "add_mirror_options",
    "add_parser",
    "add_source_options",
    "add_turbo_options",
    "effect_asked",
    "effect_options",
    "mirror_settings",
    "run",
    "say_what_runs",
]

_HEADLESS_S = 20.0
_EXAMPLES = (
    'mirrorfx run --preset "Stained glass" --strength 0.7',
    "mirrorfx run --source camera:1 --rotate 90 --size 832x1216 --camera exposure=150 --fullscreen HDMI-1",
    "mirrorfx run --headless --source film.mp4 --seconds 10 --record out.mp4 --report out.json",
)
_CAMERA = ("width", "height", "fps", "exposure", "gain", "white_balance", "focus")
_UNGUARDED = (
    "WARNING: the flash guard is off. What is painted may flash more than three times a second, which can cause "
    "seizures in visitors with photosensitive epilepsy."
)
_PARAMS = ("prompt", "strength", "seed", "drift")
_TURBO, _TURBO_OPTIONS = "turbo", ("model", "autoencoder", "accelerator", "steps", "loras")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "run",
        usage="%(prog)s [options]",
        examples=_EXAMPLES,
        help="the mirror: wall window and desk; without a screen it records a film",
        description="The mirror. With a screen: a wall window and the operator's desk. Without one, or with "
        f"--headless: records {_HEADLESS_S:.0f} s of film (or as told), prints where film, picture and report are, "
        "and ends.",
        epilog="Keys on the wall: B blackout, F freeze, Y bypass (the camera's own picture), S safe preset; the same "
        "key again takes it back. F11 fills the screen, Esc goes back to a window. Exit status: 0 fine; 1 there was no "
        "picture, or the effect named by --effect never painted one; 2 something asked for is not possible.",
    )
    add_mirror_options(parser)
    show = parser.add_argument_group("where it goes")
    show.add_argument("--display-hz", type=float, default=60.0, metavar="HZ", help="the wall's rate when headless (60)")
    show.add_argument("--headless", action="store_true", help="no windows even if there is a screen")
    show.add_argument("--no-desk", action="store_true", help="only the wall window")
    show.add_argument(
        "--fullscreen", nargs="?", const="", metavar="SCREEN", help="fill a screen: by its name, or the first"
    )
    show.add_argument("--record", type=Path, metavar="FILE.mp4", help="record what is shown (or .mov)")
    show.add_argument("--picture", type=Path, metavar="FILE.jpg", help="write a frame beside its painting at the end")
    show.add_argument("--report", type=Path, metavar="FILE.json", help="write the figures at the end, as JSON")
    end = parser.add_argument_group("when it ends")
    end.add_argument("--frames", type=int, metavar="N", help="after so many new frames shown")
    end.add_argument(
        "--seconds",
        type=amount,
        metavar="S",
        help="after so many seconds, counted from the first picture, whichever effect paints it (default: never; "
        f"{_HEADLESS_S:.0f} when headless)",
    )
    end.add_argument(
        "--restore",
        default="ask",
        metavar="ask|always|never",
        help="after a crash: let the desk ask whether to go on where it was (default), go on at once, or start afresh",
    )


def add_mirror_options(parser: argparse.ArgumentParser) -> None:
    """Add what `run` and `kiosk` have in common; `mirror_settings` reads it."""
    add_source_options(parser)
    _add_camera_options(parser)
    look = parser.add_argument_group("what is painted")
    look.add_argument("--preset", metavar="NAME|FILE", help="a preset by name (see: mirrorfx presets list) or a file")
    look.add_argument("--prompt", metavar="TEXT", help="what the picture becomes, in words")
    look.add_argument("--strength", type=float, metavar="0..1", help="0 leaves the camera's picture")
    look.add_argument(
        "--seed", type=int, metavar="N", help="which of the many pictures for one prompt, 0 to 4294967295"
    )
    look.add_argument(
        "--drift", type=float, metavar="0..60", help="how fast the seed walks, in keyframes a minute; 0 holds it"
    )
    add_turbo_options(parser)
    work = parser.add_argument_group("who paints and when")
    work.add_argument(
        "--workers", type=int, default=0, metavar="N", help="worker processes, 1 to 16 (default: one a GPU; 2 on a CPU)"
    )
    work.add_argument("--devices", default="auto", metavar="LIST", help="auto (turbo: all GPUs), cpu, or cuda:0,cuda:1")
    work.add_argument(
        "--schedule",
        default="alternate",
        metavar="alternate|adaptive",
        help="who takes the next frame: the workers in turn (default), or whoever is done first; for unequal GPUs",
    )
    work.add_argument(
        "--mode",
        default="auto",
        metavar="auto|paced|lock",
        help="when a frame is due on the wall: on its own beat (paced), on the display's (lock), or what suits both",
    )
    safe = parser.add_argument_group("who is safe, and who commands")
    safe.add_argument(
        "--flash-guard",
        default="standard",
        metavar="standard|strict|off",
        help="damp flashing of a quarter of the picture (standard, the default) or any ninth of it (strict); off can "
        "cause seizures",
    )
    safe.add_argument(
        "--no-flash-guard", dest="flash_guard", action="store_const", const="off", help="the same as --flash-guard off"
    )
    safe.add_argument("--safe-preset", metavar="NAME|FILE", help="what SAFE PRESET takes (default: that of the start)")
    safe.add_argument(
        "--control-port", type=int, metavar="PORT", help="control protocol on this loopback port; 0: a free one"
    )
    add_status_option(safe)
    add_visitor_options(parser)


def add_turbo_options(parser: argparse.ArgumentParser) -> None:
    """Add what `run` and the selftest have in common about turbo."""
    group = parser.add_argument_group("turbo, the effect for GPUs (any of these asks for it)")
    group.add_argument("--model", metavar="ID|FOLDER|tiny", help="an SDXL model for one step; tiny only paints noise")
    group.add_argument("--autoencoder", metavar="ID|FOLDER", help="a small autoencoder for SDXL (default: TAESDXL)")
    group.add_argument(
        "--accelerator",
        choices=(AUTO, *BUILT, *PLANNED),
        metavar="auto|NAME",
        help=f"how it is made fast: auto (the fastest here), {', '.join(BUILT)}",
    )
    group.add_argument("--steps", metavar="1..4", help="UNet calls a frame (default: 1)")
    group.add_argument("--loras", metavar="FOLDER", help="where the LoRA files are that prompts name: <lora:name:0.8>")


def _add_camera_options(parser: argparse.ArgumentParser) -> None:
    seen = parser.add_argument_group("how the camera stands")
    seen.add_argument("--rotate", type=int, default=0, metavar="DEG", help="turn the picture clockwise: 90, 180 or 270")
    seen.add_argument("--zoom", type=float, default=1.0, metavar="1..16", help="crop in (1: all that fits)")
    seen.add_argument("--pan", default="0,0", metavar="X,Y", help="where to crop, -1..1 each (default: the middle)")
    seen.add_argument(
        "--mirror", action=argparse.BooleanOptionalAction, help="swap left and right (default: for cameras)"
    )
    seen.add_argument(
        "--camera",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"ask the camera for it, in the driver's own unit; repeatable: {', '.join(_CAMERA)}",
    )


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """Add what `run` and the benches have in common."""
    group = parser.add_argument_group("what is seen")
    group.add_argument(
        "--source", metavar="camera[:N]|demo|pattern|PATH", help="default: camera 0, or else the demo clip"
    )
    group.add_argument(
        "--effect",
        default="auto",
        metavar="NAME",
        help="turbo, style, paint, passthrough or yours (auto: the best here)",
    )
    group.add_argument(
        "--size", default="1024", metavar="WxH", help="working size in steps of 64: 1024 (square, default) or 832x1216"
    )
    group.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the effect's own, such as work_size=384 of style; repeatable",
    )


def run(args: argparse.Namespace) -> int:
    """Check everything, run, and say what came of it."""
    from mirrorfx.cli._watch import RunWatcher, console
    from mirrorfx.mirror import Mirror

    out = console()
    screen, why_headless = (None, "") if args.headless else _screen()
    headless = args.headless or screen is None
    check_writable("--report", args.report)
    check_picture(args.picture)
    outputs = _outputs(args, headless=headless)
    shown = {"screen": screen, "fullscreen": args.fullscreen, "display_hz": args.display_hz, "frames": args.frames}
    shown |= {"desk": bool(screen) and not args.no_desk, "restore": args.restore}
    mirror = Mirror(**mirror_settings(args), **outputs, **shown)
    check_ports(args)
    for device in mirror.settings.devices:
        check_device(device)
    mirror.probe_source()
    chosen_here = args.source is None or mirror.settings.source.startswith("camera")
    for line in (why_headless, mirror.source_reason if chosen_here else ""):
        if line:
            out.print(line)
    say_what_runs(mirror, args)
    with RunWatcher(mirror.settings.seconds, "starting") as watcher:
        watcher.notice(_effect_notice(mirror))
        outcome = mirror.run(watcher)
    return _finish(args, mirror, outcome)


def say_what_runs(mirror: Mirror, args: argparse.Namespace) -> None:
    """Print what paints what, whether it may flash, and where it listens."""
    from mirrorfx.cli._watch import console

    out = console()
    out.print(_first_line(mirror))
    if mirror.settings.flash_guard == "off":
        out.print(f"[bold yellow]{_UNGUARDED}[/]")
    if args.control_port is not None:
        out.print(f"Control: {mirror.settings.control_url}")
    for line in status_lines(mirror.settings):
        out.print(line, markup=False, soft_wrap=True)


def _effect_notice(mirror: Mirror) -> str:
    """Return what must be known of the effect before its workers say it; "" for nothing."""
    from mirrorfx.effects._turbo_options import NOISE_NOTICE, TurboOptions

    settings = mirror.settings
    is_tiny = settings.effect == _TURBO and TurboOptions.read(settings.effect_options).is_tiny
    return f"{NOISE_NOTICE}." if is_tiny else ""


def mirror_settings(args: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of a `Mirror` that `add_mirror_options` let people say.

    Raises:
        InvalidValue: one of them can't be read.
    """
    from mirrorfx.geometry import InputGeometry

    pan_x, pan_y = _pan(args.pan)
    return {
        "source": _source(args.source),
        "effect": effect_asked(args),
        "size": parse_size(args.size),
        "preset": args.preset,
        "params": {name: getattr(args, name) for name in _PARAMS if getattr(args, name) is not None},
        "workers": args.workers,
        "devices": tuple(part.strip() for part in args.devices.split(",") if part.strip()),
        "schedule": args.schedule,
        "mode": args.mode,
        "flash_guard": args.flash_guard,
        "safe_preset": args.safe_preset,
        "geometry": InputGeometry(rotation=args.rotate, zoom=args.zoom, pan_x=pan_x, pan_y=pan_y),
        "mirror": args.mirror,
        "camera": _camera_settings(args.camera),
        "control_port": args.control_port,
        **status_settings(args),
        **visitor_settings(args),
        "effect_options": effect_options(args),
    }


def effect_options(args: argparse.Namespace) -> tuple[tuple[str, str], ...]:
    """Return the free settings of the effect: those of ``--option``, and turbo's own options."""
    return (*(_option(text) for text in args.option), *_turbo_options(args))


def _turbo_options(args: argparse.Namespace) -> tuple[tuple[str, str], ...]:
    return tuple((name, getattr(args, name)) for name in _TURBO_OPTIONS if getattr(args, name) is not None)


def effect_asked(args: argparse.Namespace) -> str:
    """Return the effect's name; an option that only turbo has asks for turbo."""
    asked = _turbo_options(args)
    if args.loras is not None and not Path(args.loras).expanduser().is_dir():
        raise InvalidValue(f"--loras {args.loras}: there is no such folder. Make it, and put .safetensors files in.")
    if asked and args.effect not in ("auto", _TURBO):
        raise InvalidValue(f"--{asked[0][0]} is for the effect turbo, and --effect {args.effect} was asked for.")
    effect: str = _TURBO if asked else args.effect
    return effect


def _source(text: str | None) -> str | None:
    if text == "":
        raise InvalidValue("--source is empty: write camera, camera:1, demo, pattern or a file's path.")
    if text and "://" in text:
        raise InvalidValue(
            f"--source {text} is an address, and MirrorFX reads cameras and files. Save it as a file, or have another "
            "program show it as a camera (on Linux: v4l2loopback)."
        )
    return text


def _pan(text: str) -> tuple[float, float]:
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise InvalidValue(f"--pan {text!r} is not understood: write two numbers, such as --pan 0.2,-0.5.") from None
    return x, y


def _camera_settings(texts: list[str]) -> CameraSettings:
    from mirrorfx.sources import CameraSettings

    settings = CameraSettings()
    for text in texts:
        name, _, value = text.partition("=")
        if name not in _CAMERA:
            raise UnknownName("camera setting", name, _CAMERA)
        try:
            number = float(value)
        except ValueError:
            raise InvalidValue(f"--camera {text!r} is not understood: {name} is a number.") from None
        changes: dict[str, Any] = {name: round(number) if name in ("width", "height") else number}
        settings = replace(settings, **changes)
    return settings


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidValue(f"--option {text!r} is not understood: write NAME=VALUE, such as --option work_size=384.")
    return name, value


def _outputs(args: argparse.Namespace, *, headless: bool) -> dict[str, Any]:
    """Say what is written; a headless run that was told nothing still has something to show for itself."""
    endless = args.seconds is None and args.frames is None
    seconds = _HEADLESS_S if headless and endless else args.seconds
    record, picture = args.record, args.picture
    if headless and not (record or picture or args.report or args.control_port is not None):
        folder = Path("out")
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise SinkUnavailable(
                f"The folder {folder.absolute()} can't be made ({error.strerror}). Name a file with --record."
            ) from error
        record, picture, args.report = folder / "mirror.mp4", folder / "before-after.jpg", folder / "report.json"
    return {"seconds": seconds, "record": record, "picture": picture}


def _screen() -> tuple[str | None, str]:
    """Return the wall's window if there is a screen for it, else a sentence that says why not."""
    from mirrorfx.cli._screen import why_no_window

    reason = why_no_window()
    return (None, f"No window: {reason}") if reason else ("wall", "")


def _first_line(mirror: Mirror) -> str:
    settings = mirror.settings
    width, height = settings.size
    where = ",".join(settings.devices)
    return (
        f"MirrorFX · {settings.source} → [bold]{settings.effect}[/] {width}x{height} · "
        f"{settings.workers} worker{'s' if settings.workers != 1 else ''} on {where}"
    )


def _finish(args: argparse.Namespace, mirror: Mirror, outcome: Outcome) -> int:
    from mirrorfx.cli._summary import print_summary
    from mirrorfx.cli._verdict import unpainted

    report = outcome.report
    if args.report and report:
        args.report.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print_summary(mirror, outcome, args.report if report else None)
    if outcome.first_picture_s is None:
        sys.stderr.write("mirrorfx: it ended before there was a picture.\n")
        return 1
    problem = unpainted(mirror.settings.effect, report) if report and effect_asked(args) != "auto" else ""
    if problem:
        sys.stderr.write(f"mirrorfx: {problem}\n")
    return 1 if problem else 0
