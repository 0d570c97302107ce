"""A model's files on this machine: which are needed, where they are, whether they are whole. No torch, no network.

A folder made by ``mirrorfx models fetch`` or ``export`` is a model folder in the diffusers layout that also holds the
small autoencoder (``autoencoder/``) and a record of what it is and what was agreed to (``mirrorfx.json``).
"""

from __future__ import annotations

import errno
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mirrorfx.diffusion.libraries import library
from mirrorfx.resources import models_dir

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = [
    "AUTOENCODER",
    "AUTOENCODER_FOLDER",
    "HUB_ID",
    "LICENCES",
    "MODEL",
    "PARTS",
    "FileRecord",
    "Located",
    "PartState",
    "Record",
    "Repository",
    "autoencoder_problem",
    "disk_reason",
    "fetch_command",
    "fetched_folder",
    "free_bytes",
    "hub_snapshot",
    "index_problem",
    "inspect",
    "licence_line",
    "located",
    "needed",
    "needed_of_autoencoder",
    "read_record",
    "unet_problem",
    "write_record",
]

MODEL = "stabilityai/sdxl-turbo"
AUTOENCODER = "madebyollin/taesdxl"
AUTOENCODER_FOLDER = "autoencoder"
HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")
PARTS = ("scheduler", "tokenizer", "tokenizer_2", "text_encoder", "text_encoder_2", "unet")

LICENCES = {MODEL: "sai-nc-community", AUTOENCODER: "mit"}
"""The licences of the usual models, as their pages name them."""

_LICENCE_NAMES = {
    "sai-nc-community": "Stability AI Non-Commercial Research Community License: NOT for commercial use",
    "mit": "MIT licence: free for any use",
}
_RECORD = "mirrorfx.json"
_NETWORKS = ("text_encoder", "text_encoder_2", "unet")
_PAPERS = re.compile(r"(licen[cs]e|notice|readme)[^/]*", re.IGNORECASE)
_PLAIN_WEIGHTS = re.compile(r"(diffusion_pytorch_)?model(-\d+-of-\d+)?\.safetensors(\.index\.json)?")
_OTHER_MODEL = f"Choose one of the SDXL family, such as {MODEL}."


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file as the hub describes it: its size in bytes, the hub's id of its content, its SHA-256 if known."""

    size: int
    blob: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Repository:
    """What was fetched from one of the hub's repositories: name, commit, licence, files by their path there."""

    id: str
    revision: str
    licence: str
    files: dict[str, FileRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is beside the files of a fetched folder.

    Attributes:
        model: the model, whose files lie in the folder itself.
        autoencoder: the small autoencoder, in ``autoencoder/``.
        variant: of the model's weights, such as ``fp16``; empty for the plain ones.
        agreed: when the licences were agreed to, ISO 8601 in UTC.
        complete: whether every file has arrived.
    """

    model: Repository
    autoencoder: Repository
    variant: str
    agreed: str
    complete: bool


def read_record(folder: Path) -> Record | None:
    """Return the record of a folder; None where there is none that can be read."""
    # Only a fetched folder has a record: painting with networks from elsewhere does without this library.
    import msgspec

    try:
        return msgspec.json.decode((folder / _RECORD).read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return None


def write_record(folder: Path, record: Record) -> None:
    """Put a record into a folder, whole or not at all.

    Raises:
        OSError: the folder can't be written to.
    """
    import msgspec

    fresh = folder / f"{_RECORD}.new"
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2))
    fresh.replace(folder / _RECORD)


def fetched_folder(model: str) -> Path:
    """Return where ``mirrorfx models fetch`` puts the model with this hub id; it need not exist."""
    return models_dir() / model.replace("/", "--")


def fetch_command(model: str, autoencoder: str = AUTOENCODER) -> str:
    """Return the command that fetches these from the hub."""
    words = ["mirrorfx models fetch", *([model] if model != MODEL and HUB_ID.fullmatch(model) else [])]
    if autoencoder != AUTOENCODER and HUB_ID.fullmatch(autoencoder):
        words.append(f"--autoencoder {autoencoder}")
    return " ".join(words)


def licence_line(repository: Repository) -> str:
    """Return the licence of a repository in one line, with where to read it."""
    said = _LICENCE_NAMES.get(repository.licence)
    where = f", https://huggingface.co/{repository.id}" if HUB_ID.fullmatch(repository.id) else ""
    return f"Licence: {repository.licence}{f' ({said})' if said else ''}{where}"


class Located(NamedTuple):
    """Where a model's files are: folders, or hub ids for what only the hub's own cache can have."""

    model: str
    autoencoder: str
    variant: str | None


def located(model: str, autoencoder: str = AUTOENCODER, variant: str | None = None) -> Located:
    """Take fetched folders for hub ids, and what a fetched or exported folder brings: autoencoder and variant.

    A folder's own autoencoder stands in for the usual one and for that of its record; any other is left as asked. The
    variant "" asks for the plain weights, None for those that are there.
    """
    folder = Path(model)
    record = read_record(folder)
    if not folder.is_dir() and HUB_ID.fullmatch(model):
        record = read_record(fetched_folder(model))
        if record is None or not record.complete:
            return Located(model, autoencoder, variant)
        folder = fetched_folder(model)
    own = folder / AUTOENCODER_FOLDER
    known = {AUTOENCODER, record.autoencoder.id} if record else {AUTOENCODER}
    if autoencoder in known and (own / "config.json").is_file():
        autoencoder = str(own)
    if variant is None:
        variant = record.variant if record else _only_variant(folder)
    return Located(str(folder), autoencoder, variant or None)


def _only_variant(folder: Path) -> str | None:
    """Return fp16 for a folder that somebody copied without the plain weights."""
    weights = [path.name for path in folder.glob("unet/*.safetensors")]
    halves = [name for name in weights if _is_weights(name, "fp16")]
    return "fp16" if halves and halves == weights else None


def hub_snapshot(repository: str) -> Path | None:
    """Return the folder of a repository in the hub's own cache; None where there is none."""
    for name in ("model_index.json", "config.json"):
        found = library("huggingface_hub").try_to_load_from_cache(repository, name)
        if isinstance(found, str):
            return Path(found).parent
    return None


def needed(names: Iterable[str], variant: str | None) -> list[str]:
    """Return which of a repository's files loading needs, with licence and description."""
    return sorted(name for name in names if _is_needed(name, variant))


def _is_needed(name: str, variant: str | None) -> bool:
    part, _, file = name.rpartition("/")
    if not part:
        return file == "model_index.json" or bool(_PAPERS.fullmatch(file))
    if part not in PARTS:
        return False
    if part in _NETWORKS and ".safetensors" in file:
        return _is_weights(file, variant)
    return file.endswith(".json" if part in _NETWORKS else (".json", ".txt")) and ".index." not in file


def needed_of_autoencoder(names: Iterable[str]) -> list[str]:
    """Return which files of the small autoencoder's repository are needed, with licence and description."""
    return sorted(
        name for name in names if name == "config.json" or _PAPERS.fullmatch(name) or _PLAIN_WEIGHTS.fullmatch(name)
    )


def _is_weights(file: str, variant: str | None) -> bool:
    if not variant:
        return bool(_PLAIN_WEIGHTS.fullmatch(file))
    return variant in re.split(r"[.-]", file) and bool(_PLAIN_WEIGHTS.fullmatch(file.replace(f".{variant}", "", 1)))


@dataclass(frozen=True, slots=True)
class PartState:
    """A part of a model as it is on this machine: its size in bytes, and what is wrong with it ("" if nothing is)."""

    name: str
    size: int
    problem: str = ""


def inspect(where: Located) -> Iterator[PartState]:
    """Look at every part of a model in a folder; weights are opened, not read.

    Args:
        where: `model` and `autoencoder` must be folders.
    """
    folder, autoencoder = Path(where.model), Path(where.autoencoder)
    yield PartState("model_index.json", *_looked_at(folder, ["model_index.json"], index_problem))
    for part in PARTS:
        yield PartState(part, *_part(folder / part, part, where.variant))
    yield PartState("SDXL", 0, _family_problem(folder))
    yield PartState("autoencoder", *_part(autoencoder, "autoencoder", None))


def _part(folder: Path, part: str, variant: str | None) -> tuple[int, str]:
    if part.startswith("tokenizer"):
        known = ["tokenizer.json"] if (folder / "tokenizer.json").is_file() else ["vocab.json", "merges.txt"]
        return _looked_at(folder, [*known, "tokenizer_config.json"])
    if part == "scheduler":
        return _looked_at(folder, ["scheduler_config.json"])
    names = sorted(path.name for path in folder.glob("*")) if folder.is_dir() else []
    weights = [name for name in names if _is_weights(name, variant)]
    size, problem = _looked_at(
        folder, ["config.json", *weights], autoencoder_problem if part == "autoencoder" else None
    )
    if not problem and not any(name.endswith(".safetensors") for name in weights):
        problem = f"no weights {f'of the variant {variant} ' if variant else ''}in {folder} (safetensors)"
    return size, problem or _lacking_shards(folder, weights)


def _looked_at(folder: Path, names: list[str], check: Any = None) -> tuple[int, str]:
    """Return the size of the files together, and what is wrong with the first that is bad."""
    size = 0
    for name in names:
        path = folder / name
        try:
            size += path.stat().st_size
            content = _opened(path)
        except FileNotFoundError:
            return size, f"{path} is missing"
        except (OSError, ValueError, library("safetensors").SafetensorError) as problem:
            return size, f"{path} can't be read: {problem}"
        if check and path.suffix == ".json" and (wrong := check(content)):
            return size, wrong
    return size, ""


def _opened(path: Path) -> Any:
    """Return what a JSON file says; of weights only the description is read, which a truncated file belies."""
    if path.suffix == ".safetensors":
        with library("safetensors").safe_open(path, framework="np") as file:
            return len(file.keys())
    if path.suffix != ".json":
        return path.read_bytes()
    return _json(path)


def _json(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError("it holds no table")
    return content


def _lacking_shards(folder: Path, weights: list[str]) -> str:
    for name in weights:
        if name.endswith(".json"):
            shards = set(dict(_json(folder / name).get("weight_map", {})).values())
            lacking = sorted(shard for shard in shards if not (folder / shard).is_file())
            if lacking:
                return f"{folder / lacking[0]} is missing"
    return ""


def _family_problem(folder: Path) -> str:
    try:
        unet, *texts = (_json(folder / part / "config.json") for part in ("unet", "text_encoder", "text_encoder_2"))
        return unet_problem(unet, sum(int(text["hidden_size"]) for text in texts))
    except (OSError, ValueError, KeyError):
        return ""  # told of the part whose description it is


def index_problem(index: Mapping[str, Any]) -> str:
    """Say why a pipeline's description is none of SDXL's; empty when it is."""
    kind = str(index.get("_class_name", "nothing it names"))
    if not kind.startswith("StableDiffusionXL"):
        return f"it is made for {kind}, not for Stable Diffusion XL. {_OTHER_MODEL}"
    lacking = [part for part in PARTS if not (index.get(part) or [None])[0]]
    return f"it has no {' and no '.join(lacking)}. {_OTHER_MODEL}" if lacking else ""


def unet_problem(config: Mapping[str, Any], text_width: int) -> str:
    """Say why a UNet takes other inputs than SDXL's: SD 1.5, 2.1, inpainting, other text encoders; empty if it fits."""
    wanted = {
        "addition_embed_type": "text_time",
        "in_channels": 4,
        "out_channels": 4,
        "cross_attention_dim": text_width,
    }
    for name, value in wanted.items():
        if config.get(name) != value:
            found = config.get(name)
            return f"its UNet is not one for SDXL image to image: {name} is {found!r}, not {value!r}. {_OTHER_MODEL}"
    return ""


def autoencoder_problem(config: Mapping[str, Any]) -> str:
    """Say why an autoencoder can't read SDXL's latents; empty when it can."""
    kind, channels = config.get("_class_name"), config.get("latent_channels")
    if (kind, channels) == ("AutoencoderTiny", 4):
        return ""
    return (
        f"it is {kind} with {channels} latent channels; SDXL's latents need an AutoencoderTiny with 4, such as "
        f"{AUTOENCODER}."
    )


def free_bytes(folder: Path) -> int:
    """Return what is free on the disk that a folder is on or will be on."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def disk_reason(problem: BaseException) -> str:
    """Say why a file couldn't be written and what to do; empty when the disk is not the reason."""
    if isinstance(problem, OSError) and problem.errno in _WAYS_OUT:
        return f"{problem.strerror}. {_WAYS_OUT[problem.errno]}"
    return ""


_WAYS_OUT = {
    errno.ENOSPC: "Make room on that disk",
    errno.EDQUOT: "Make room in your quota",
    errno.EACCES: "Allow writing there",
    errno.EPERM: "Allow writing there",
    errno.EROFS: "That disk is mounted read-only: remount it",
    errno.EFBIG: "That disk (FAT32?) holds no files over 4 GB: use one with exFAT, NTFS or ext4",
}
