"""Making a folder with everything that a model needs, to carry to a machine without internet.

The folder is made beside its place under another name and gets its own when it is whole. No torch, no network.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mirrorfx.diffusion.model_folder import (
    AUTOENCODER_FOLDER,
    HUB_ID,
    LICENCES,
    Located,
    Record,
    Repository,
    disk_reason,
    fetch_command,
    free_bytes,
    hub_snapshot,
    inspect,
    licence_line,
    located,
    needed,
    needed_of_autoencoder,
    read_record,
    write_record,
)
from mirrorfx.errors import EffectUnavailable, InvalidValue

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["export", "on_this_machine"]

_BLOCK = 1 << 24


def on_this_machine(model: str, autoencoder: str, variant: str | None) -> Located:
    """Return the folders of a model and its autoencoder; a fetched one goes before the hub's own cache.

    Raises:
        EffectUnavailable: they are not on this machine; the message has the command that fetches them.
    """
    command = fetch_command(model, autoencoder)
    folder = _folder(located(model, autoencoder, variant).model, command)
    where = located(str(folder), autoencoder, variant)
    return where._replace(autoencoder=str(_folder(where.autoencoder, command)))


def _folder(source: str, command: str) -> Path:
    folder = Path(source) if Path(source).is_dir() else hub_snapshot(source) if HUB_ID.fullmatch(source) else None
    if folder is None:
        raise EffectUnavailable(f"{source} is not on this machine. Fetch it: {command}")
    return folder


def export(where: Located, ids: tuple[str, str], folder: Path, progress: Callable[[int, int], None]) -> Record:
    """Copy a model with its autoencoder, licences and record into `folder`; return the record.

    Ended in between, the next call begins anew; `folder` is never there in part.

    Args:
        where: from `on_this_machine`.
        ids: what was asked for as model and autoencoder, for the record of a model that has none.
        folder: must be new, empty, or an earlier export, which is replaced.
        progress: is told of more bytes copied, and the bytes of all.

    Raises:
        InvalidValue: the folder holds something else, or is one of those to copy.
        EffectUnavailable: the model is not whole, or the disk said no.
    """
    _check_place(folder, where)
    for part in inspect(where):
        if part.problem:
            raise EffectUnavailable(f"The model can't be exported: {part.name}: {part.problem}. Fetch it again first.")
    folder = folder.absolute()
    record, files = _record(where, ids), _files(where)
    _check_room(folder, files)
    fresh = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        _copy(files, fresh, progress)
        (fresh / "README.txt").write_text(_readme(record), encoding="utf-8")
        write_record(fresh, replace(record, complete=True))
        _put(fresh, folder)
    except OSError as problem:
        reason = disk_reason(problem) or f"{problem}. Check that disk"
        raise EffectUnavailable(f"{folder} can't be written: {reason}, then start the same command again.") from problem
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return record


def _check_place(folder: Path, where: Located) -> None:
    if any(Path(source).resolve().is_relative_to(folder.resolve()) for source in where[:2]):
        raise InvalidValue(f"{folder} is the model itself. Name another folder to export to.")
    if not folder.exists() and not folder.is_symlink():
        return
    if not folder.is_dir() or (any(folder.iterdir()) and read_record(folder) is None):
        raise InvalidValue(f"{folder} is there already and is no exported model. Name a new folder.")


def _check_room(folder: Path, files: dict[str, Path]) -> None:
    total, free = sum(path.stat().st_size for path in files.values()), free_bytes(folder)
    if total > free:
        raise EffectUnavailable(
            f"The disk of {folder} has {free / 1e9:.1f} GB free and the model takes {total / 1e9:.1f} GB. Make room "
            "there, or export to another disk."
        )


def _files(where: Located) -> dict[str, Path]:
    """Return the files to copy, by their path in the new folder."""
    model, autoencoder = Path(where.model), Path(where.autoencoder)
    found = {name: model / name for name in needed(_names(model), where.variant)}
    inner = needed_of_autoencoder(_names(autoencoder))
    return found | {f"{AUTOENCODER_FOLDER}/{name}": autoencoder / name for name in inner}


def _names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def _copy(files: dict[str, Path], folder: Path, progress: Callable[[int, int], None]) -> None:
    total = sum(path.stat().st_size for path in files.values())
    folder.mkdir(parents=True)
    for name, path in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as source, (folder / name).open("wb") as target:
            while block := source.read(_BLOCK):
                target.write(block)
                progress(len(block), total)
            target.flush()
            os.fsync(target.fileno())  # the stick may be pulled out as soon as this says that it is done


def _put(fresh: Path, folder: Path) -> None:
    """Give the new folder its name; the one before it stays until then."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    try:
        fresh.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _record(where: Located, ids: tuple[str, str]) -> Record:
    """Return the model's record, made up from what is known where it wasn't fetched by MirrorFX."""
    model, autoencoder = (Repository(_id(name), "", LICENCES.get(name, "not stated"), {}) for name in ids)
    record = read_record(Path(where.model))
    if record is None:
        return Record(model=model, autoencoder=autoencoder, variant=where.variant or "", agreed="", complete=True)
    own = Path(where.autoencoder) == Path(where.model) / AUTOENCODER_FOLDER
    return record if own else replace(record, autoencoder=autoencoder)


def _id(name: str) -> str:
    """Return a hub id as it is; of a folder its name, which says something on another machine too."""
    return name if HUB_ID.fullmatch(name) else Path(name).name


def _readme(record: Record) -> str:
    """Return what somebody reads who finds this folder on a stick."""
    lines = [
        "A model for MirrorFX, to be used without internet.",
        "",
        "Check it:  mirrorfx models check THIS_FOLDER",
        "Use it:    mirrorfx run --effect turbo --model THIS_FOLDER",
        "",
    ]
    for what, repository in (("Model", record.model), ("Autoencoder", record.autoencoder)):
        lines += [f"{what}: {repository.id} {repository.revision}".rstrip(), f"  {licence_line(repository)}"]
    agreed = f"The licences were agreed to on {record.agreed}." if record.agreed else ""
    lines += ["", f"{agreed} Whoever uses the model is bound by its licence, here too.".strip()]
    return "\n".join(lines) + "\n"
