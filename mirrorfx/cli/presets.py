"""``mirrorfx presets``: list, show and check presets, and paint pictures of them. Presets are only read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mirrorfx.cli._thumbnails import add_thumbnails_parser, run_thumbnails

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from mirrorfx.presets import Preset, PresetLibrary

__all__ = ["add_parser", "run"]

_UNREVIEWED = "nobody has looked at it yet"
_PLANNED = "turbo"
"""The effect that the prompts are written for."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and what it can do."""
    parser = commands.add_parser(
        "presets",
        help="list, show and check presets, paint pictures of them",
        examples=('mirrorfx presets show "Oil portrait"', "mirrorfx presets check my-presets/"),
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, title="actions")
    actions.add_parser("list", help="all presets: the built-in ones and your own")
    show = actions.add_parser("show", help="one preset, whole")
    show.add_argument("preset", metavar="NAME|FILE", help="a name in any case, or a preset file")
    check = actions.add_parser("check", help="name every mistake in preset files; without FILES in all presets")
    check.add_argument("files", metavar="FILES", nargs="*", type=Path, help="files, or folders of them")
    add_thumbnails_parser(actions)


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit status.

    Raises:
        PresetError: for ``show``, the preset is not there or not valid.
        MirrorFXError: for ``thumbnails``, the effect or the size is not possible.
    """
    if args.action == "thumbnails":
        return run_thumbnails(args)
    if args.action == "list":
        return _list()
    if args.action == "show":
        return _show(args.preset)
    return _check(args.files)


def _library() -> PresetLibrary:
    from mirrorfx.presets import PresetLibrary, all_params
    from mirrorfx.resources import builtin_presets_dir, user_presets_dir

    return PresetLibrary(builtin_presets_dir(), user_presets_dir(), all_params(), repair=False)


def _list() -> int:
    from rich.table import Table
    from rich.text import Text

    from mirrorfx.resources import user_presets_dir

    library, out = _library(), _output()
    table = Table("name", "category", "strength", "reviewed on", "prompt", box=None, padding=(0, 2, 0, 0))
    for preset in sorted(library.presets(), key=lambda preset: (preset.category.casefold(), preset.name.casefold())):
        own = "" if library.is_builtin(preset.name) else " (yours)"
        strength, prompt = (str(preset.params.get(name, "–")) for name in ("strength", "prompt"))
        cells = (preset.name + own, preset.category, strength, ", ".join(preset.reviewed) or "–", prompt)
        table.add_row(*(Text(cell) for cell in cells))
    out.print(table)
    out.print(f"\nYour own presets: {user_presets_dir()}", markup=False)
    for problem in library.problems:
        _complain(str(problem))
    return 1 if library.problems else 0


def _show(text: str) -> int:
    from rich.table import Table
    from rich.text import Text

    library, out = _library(), _output()
    preset = library.resolve(text)
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _rows(preset).items():
        table.add_row(f"[bold]{name}[/]", Text(value))
    out.print(table)
    return 0


def _rows(preset: Preset) -> dict[str, str]:
    rows = {"name": preset.name, "category": preset.category or "–"}
    rows |= {name: str(value) for name, value in preset.params.items()}
    rows["fade"] = f"{preset.fade_s:g} s"
    rows["reviewed on"] = ", ".join(preset.reviewed) or _UNREVIEWED
    if preset.reviewed and _PLANNED not in preset.reviewed:
        rows["reviewed on"] += f" (on {_PLANNED} {_UNREVIEWED})"
    rows["file"] = str(preset.path)
    return rows


def _check(paths: Sequence[Path]) -> int:
    """Say every mistake in every file; 1 when there was one."""
    from mirrorfx.errors import PresetError
    from mirrorfx.presets import all_params, load_preset

    registry, files, failed = all_params(), _files(paths), 0
    named: dict[tuple[Path, str], Path] = {}
    for path in files:
        try:
            preset = load_preset(path, registry)
            # One name may be both built in and the user's own, but not twice in a folder.
            first = named.setdefault((path.parent, preset.name.casefold()), path)
            if first != path:
                raise PresetError(f"{path} has the name {preset.name!r}, which {first} has too. Rename one of them.")
        except PresetError as error:
            failed += 1
            _complain(str(error))
    if not files:
        _complain(f"There is no preset file (NAME.toml) in {', '.join(map(str, paths))}.")
        return 1
    good = len(files) - failed
    _output().print(f"{good} of {len(files)} preset file{'s are' if len(files) != 1 else ' is'} good.", markup=False)
    return 1 if failed else 0


def _files(paths: Sequence[Path]) -> list[Path]:
    from mirrorfx.presets.library import preset_files
    from mirrorfx.resources import builtin_presets_dir, user_presets_dir

    folders_and_files = paths or [builtin_presets_dir(), user_presets_dir()]
    found: list[Path] = []
    for path in folders_and_files:
        found += preset_files(path) if path.is_dir() or not paths else [path]
    return list(dict.fromkeys(found))


def _output() -> Console:
    from mirrorfx.cli._watch import page

    return page()


def _complain(text: str) -> None:
    from mirrorfx.cli._watch import console

    console().print(text, style="red", markup=False)
