"""The demo clip: a person who sways in front of a moving background, ten seconds that begin where they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from asset_makers.person import SIZE_PX, cut_out, moved, pose_at
from asset_makers.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["write_clip"]

_RATE_FPS = 30
_PERIOD_S = 10
# Short closed groups: a reader that loops or seeks finds a whole picture at once.
_GROUP = 15
_OPTIONS = {
    "crf": "19",
    "preset": "slow",
    "tune": "animation",
    # One thread: with more, x264's result could hang on the machine's cores.
    "x264-params": "open-gop=0:scenecut=0:threads=1",
}
# The scaler's quick ways would darken everything by a level, and differ between processors.
_EXACT = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
    | Interpolation.BITEXACT
)


def write_clip(path: Path) -> None:
    """Write the clip: 1024 x 1024, 30 fps, H.264 in BT.709 limited range, its index at the front."""
    convert = VideoReformatter()
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=_RATE_FPS, options=_OPTIONS)
        stream.width = stream.height = SIZE_PX
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.gop_size = _GROUP
        context.color_range = ColorRange.MPEG
        context.colorspace = context.color_primaries = context.color_trc = Colorspace.ITU709
        for pixels in _pictures():
            frame = convert.reformat(
                av.VideoFrame.from_ndarray(pixels, format="bgr24"),
                format="yuv420p",
                interpolation=_EXACT,
                src_color_range=ColorRange.JPEG,
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _pictures() -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the clip's pictures, ``uint8[1024, 1024, 3]`` BGR."""
    person, stage = cut_out(), Stage(SIZE_PX)
    count = _RATE_FPS * _PERIOD_S
    for index in range(count):
        shot = moved(person, pose_at(index / _RATE_FPS, _PERIOD_S))
        picture = stage.at(index / count) * (1 - shot[..., 3:]) + shot[..., :3]
        yield np.rint(picture * 255).astype(np.uint8)
