"""Fetching a model from the hub into a folder, with consent, so that a broken connection costs nothing.

huggingface_hub lists the files and speaks HTTP. Its own downloads begin a file anew when the program was ended in
between (5 GB for the UNet), so the parts are kept here: ``FILE.ID.part`` beside where the file will be.

Importing this needs no torch.
"""

from __future__ import annotations

import datetime
import hashlib
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from mirrorfx.clock import wall_time_s
from mirrorfx.diffusion.libraries import hub_asked, library
from mirrorfx.diffusion.model_folder import (
    AUTOENCODER_FOLDER,
    HUB_ID,
    LICENCES,
    PARTS,
    FileRecord,
    Record,
    Repository,
    disk_reason,
    free_bytes,
    needed,
    needed_of_autoencoder,
    read_record,
    write_record,
)
from mirrorfx.errors import EffectUnavailable, InvalidValue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Fetch", "download", "plan_fetch"]

_HALF = "fp16"
_RESERVE = 1 << 30
_BLOCK = 1 << 20
_CARRY = (
    "Check the network, then start the same command again: what has arrived is kept. Without internet here, run "
    "mirrorfx models fetch and mirrorfx models export on a machine that has it, and carry the folder here."
)


@dataclass(frozen=True, slots=True)
class Fetch:
    """What is to be fetched, and to where.

    Attributes:
        folder: where the model's files will be.
        record: what will be beside them; `agreed` is empty until it was.
        left: the bytes that are not here yet.
        free: the bytes that the folder's disk has free.
    """

    folder: Path
    record: Record
    left: int
    free: int

    @property
    def files(self) -> tuple[_File, ...]:
        """All files, the model's and the autoencoder's."""
        model, autoencoder = self.record.model, self.record.autoencoder
        ours = [_File(self.folder / name, name, model, file) for name, file in model.files.items()]
        inner = self.folder / AUTOENCODER_FOLDER
        return *ours, *(_File(inner / name, name, autoencoder, file) for name, file in autoencoder.files.items())

    @property
    def total(self) -> int:
        """The bytes of all files."""
        return sum(file.known.size for file in self.files)


@dataclass(frozen=True, slots=True)
class _File:
    """A file: where it will be, its name in its repository, and what the hub knows of it."""

    path: Path
    name: str
    repository: Repository
    known: FileRecord

    @property
    def part(self) -> Path:
        """Where it is until it is whole; another version of it has another name."""
        return self.path.with_name(f"{self.path.name}.{self.known.blob[:12]}.part")

    def is_here(self, before: Record | None) -> bool:
        """Say whether it has arrived whole: only then it gets its name, and the record says which version that is."""
        if before is None:
            return False
        recorded = (before.model if self.repository.id == before.model.id else before.autoencoder).files.get(self.name)
        return recorded == self.known and self.path.is_file() and self.path.stat().st_size == self.known.size

    def arrived(self, before: Record | None) -> int:
        """Return how many of its bytes are here."""
        if self.is_here(before):
            return self.known.size
        return min(self.part.stat().st_size, self.known.size) if self.part.exists() else 0


def plan_fetch(folder: Path, model: str, autoencoder: str, variant: str | None = None) -> Fetch:
    """Ask the hub what there is and how large it is; nothing is downloaded.

    Args:
        folder: where to; must be new, empty, or one that was fetched before.
        model: a hub id.
        autoencoder: a hub id.
        variant: of the weights; "" for the plain ones; None for half precision where the model has it.

    Raises:
        InvalidValue: a name that is no hub id, or a folder that holds something else.
        EffectUnavailable: the hub can't be reached, doesn't have it or doesn't give it to anybody.
    """
    for name in (model, autoencoder):
        if not HUB_ID.fullmatch(name):
            raise InvalidValue(f"{name!r} is no name of a model on the hub: write OWNER/NAME.")
    before = read_record(folder)
    if before is None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidValue(f"{folder} holds something else. Give --folder a new or an empty folder.")
    with hub_asked(only_if=True):
        of_model, of_autoencoder = _listed(model), _listed(autoencoder)
    if variant is None:
        variant = _HALF if _is_whole(needed(of_model.files, _HALF)) else ""
    names = needed(of_model.files, variant)
    if not _is_whole(names):
        raise EffectUnavailable(
            f"The model {model} lacks some of an SDXL model's safetensors files{variant and f' of variant {variant}'}. "
            "Choose another model, or another --variant."
        )
    record = Record(
        model=_only(of_model, names),
        autoencoder=_only(of_autoencoder, needed_of_autoencoder(of_autoencoder.files)),
        variant=variant,
        agreed=before.agreed if before and _same(before, model, autoencoder) else "",
        complete=False,
    )
    plan = Fetch(folder, record, 0, free_bytes(folder))
    return replace(plan, left=plan.total - sum(file.arrived(before) for file in plan.files))


def _same(before: Record, model: str, autoencoder: str) -> bool:
    return (before.model.id, before.autoencoder.id) == (model, autoencoder)


def _is_whole(names: list[str]) -> bool:
    """Say whether there is everything that an SDXL model is made of."""
    weighty = {name.partition("/")[0] for name in names if name.endswith(".safetensors")}
    return {"text_encoder", "text_encoder_2", "unet"} <= weighty and set(PARTS) <= {n.partition("/")[0] for n in names}


def _only(repository: Repository, names: list[str]) -> Repository:
    files = {name: repository.files[name] for name in names}
    return Repository(repository.id, repository.revision, repository.licence, files)


def _listed(name: str) -> Repository:
    with _told(name):
        info = library("huggingface_hub").HfApi(token=False).model_info(name, files_metadata=True)
    files = {}
    for file in info.siblings or []:
        sha256 = file.lfs.sha256 if file.lfs else ""
        files[file.rfilename] = FileRecord(int(file.size or 0), str(file.blob_id or sha256), sha256)
    return Repository(name, str(info.sha), _licence(info.card_data) or LICENCES.get(name, "not stated"), files)


def _licence(card: Any) -> str:
    described = card.to_dict() if card else {}
    named = described.get("license_name") if described.get("license") in {None, "other"} else None
    return str(named or described.get("license") or "")


def download(plan: Fetch, progress: Callable[[int], None]) -> Record:
    """Fetch what is not here yet; the licences must have been agreed to. Return the record as it is on disk.

    Ended at any moment, by a cut connection or the power, the next call goes on where it was.

    Args:
        plan: from `plan_fetch`.
        progress: is told how many bytes have arrived since the last call; negative when some are thrown away.

    Raises:
        EffectUnavailable: the disk has no room, the connection broke, or a file came over damaged.
    """
    if plan.left + _RESERVE > plan.free:
        raise EffectUnavailable(
            f"The disk of {plan.folder} has {plan.free / 1e9:.1f} GB free; the {plan.left / 1e9:.1f} GB to fetch and a "
            "reserve of 1 GB don't fit. Make room, or give --folder a folder on another disk."
        )
    before = read_record(plan.folder)
    missing = [file for file in plan.files if not file.is_here(before)]
    now = datetime.datetime.fromtimestamp(wall_time_s(), datetime.UTC).isoformat(timespec="seconds")
    record = replace(plan.record, agreed=plan.record.agreed or now)
    with _told(str(plan.folder)), hub_asked(only_if=True), _small_blocks():
        plan.folder.mkdir(parents=True, exist_ok=True)
        for file in missing:
            file.path.unlink(missing_ok=True)
        write_record(plan.folder, record)
        for file in missing:
            _fetch_file(file, progress)
        for forgotten in plan.folder.rglob("*.part"):  # of versions that the hub has replaced meanwhile
            forgotten.unlink()
        record = replace(record, complete=True)
        write_record(plan.folder, record)
    return record


@contextmanager
def _small_blocks() -> Iterator[None]:
    """Let the library write every megabyte: of its own blocks of 10 MB the last, unfinished one is lost at a cut."""
    constants = library("huggingface_hub.constants")
    before = constants.DOWNLOAD_CHUNK_SIZE
    constants.DOWNLOAD_CHUNK_SIZE = _BLOCK
    try:
        yield
    finally:
        constants.DOWNLOAD_CHUNK_SIZE = before


def _fetch_file(file: _File, progress: Callable[[int], None]) -> None:
    """Fetch the rest of a file, hold it against its sum, and give it its name."""
    file.path.parent.mkdir(parents=True, exist_ok=True)
    hub, downloads = library("huggingface_hub"), library("huggingface_hub.file_download")
    url = hub.hf_hub_url(file.repository.id, file.name, revision=file.repository.revision)
    with file.part.open("ab") as part:
        here = part.tell()
        if here < file.known.size:
            with _told(file.repository.id):
                # asked for in full, text files would come compressed, which can't be taken up in the middle
                plain = {**hub.utils.build_hf_headers(token=False), "Accept-Encoding": "identity"}
                where = hub.get_hf_file_metadata(url, token=False).location
                downloads.http_get(
                    where,
                    part,
                    resume_size=here,
                    headers=plain,
                    expected_size=file.known.size,
                    tqdm_class=_bar(progress),
                )
        part.flush()
        os.fsync(part.fileno())
    if not _is_sound(file):
        size = file.part.stat().st_size
        file.part.unlink()
        progress(-size)
        raise EffectUnavailable(
            f"{file.name} of {file.repository.id} came over damaged ({size} bytes) and was thrown away. Start the same "
            "command again."
        )
    file.part.replace(file.path)


def _is_sound(file: _File) -> bool:
    if file.part.stat().st_size != file.known.size:
        return False
    if not file.known.sha256:
        return True
    with file.part.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest() == file.known.sha256


def _bar(progress: Callable[[int], None]) -> Callable[..., Any]:
    """Return what takes the place of the hub's own progress bar."""

    class Bar:
        def __init__(self, **_settings: object) -> None:
            """Ignore how the bar should look."""

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_error: object) -> None:
            """Leave nothing behind."""

        def update(self, size: float | None = 1) -> None:
            progress(int(size or 0))

    return Bar


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn what the hub's library, the network and the disk raise into one error with a fix."""
    try:
        yield
    except (EffectUnavailable, InvalidValue):
        raise
    except Exception as problem:  # the library raises a dozen unrelated types
        raise EffectUnavailable(_explained(what, problem)) from problem


def _explained(what: str, problem: Exception) -> str:
    errors = library("huggingface_hub.errors")
    if isinstance(problem, errors.GatedRepoError):
        return f"{what} is given only to those who sign in to the hub. Download it with a browser and give its folder."
    if isinstance(problem, errors.RepositoryNotFoundError):
        return f"The hub has no {what}, or not for everybody. Check the name."
    if reason := disk_reason(problem):
        return f"{what} can't be written: {reason}, then start the same command again."
    lines = str(problem).strip().splitlines() or [type(problem).__name__]
    return f"{what} can't be fetched: {lines[0][:300].rstrip('.')}. {_CARRY}"
