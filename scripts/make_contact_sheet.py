"""Paint one picture with every built-in preset and put them all on one sheet: ``docs/pictures/presets.png``.

Run it after a preset or the effect has changed, and look at the sheet::

    python scripts/make_contact_sheet.py
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import cv2
import numpy as np

from mirrorfx.clock import FakeClock
from mirrorfx.effects import effect_class, param_registry
from mirrorfx.effects.base import EffectContext
from mirrorfx.errors import MirrorFXError, SinkFailed, SourceError
from mirrorfx.frame import Frame, Image
from mirrorfx.params import Params, ParamState
from mirrorfx.presets import Preset, all_params, load_preset
from mirrorfx.presets.library import preset_files
from mirrorfx.resources import builtin_presets_dir
from mirrorfx.sources import open_spec

_ROOT = Path(__file__).resolve().parent.parent
_PAINTED_PX = 768
_CELL_PX, _GAP_PX, _LABEL_PX = 216, 6, 24
_COLUMNS = 6
_PAPER, _INK, _FAINT = (24, 22, 20), (235, 235, 235), (150, 150, 150)
_BYTES_MOST = 2_000_000


def main() -> int:
    """Make the sheet; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--source", default="demo", help="demo, or a film's or picture's file; never a visitor")
    parser.add_argument("--effect", default="style")
    parser.add_argument("--out", type=Path, default=_ROOT / "docs" / "pictures" / "presets.png")
    args = parser.parse_args()
    try:
        picture = _picture(args.source)
        painted = _painted(picture, args.effect)
        _write(_sheet([("the demo clip", picture), *painted]), args.out)
    except MirrorFXError as error:
        print(f"make_contact_sheet: {error}", file=sys.stderr)
        return 1
    print(f"{args.out}: {len(painted)} presets with {args.effect}, {args.out.stat().st_size / 1e6:.2f} MB")
    return 0


def _picture(source: str) -> Image:
    """Return the source's first picture, cut to a square: ``uint8[768, 768, 3]`` BGR."""
    if source.startswith("camera"):
        raise SourceError("A camera sees visitors, and nothing that shows them is stored. Use --source demo.")
    with open_spec(source, clock=FakeClock(), size=(_PAINTED_PX, _PAINTED_PX)) as opened:
        frame = opened.read()
    if frame is None:
        raise SourceError(f"{source} has no picture in it.")
    width, height = frame.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    square = frame.pixels[top : top + side, left : left + side]
    return cv2.resize(square, (_PAINTED_PX, _PAINTED_PX), interpolation=cv2.INTER_AREA)


def _painted(picture: Image, effect_name: str) -> list[tuple[str, Image]]:
    """Return (name, ``uint8[768, 768, 3]`` BGR) for each built-in preset, in the order of their categories."""
    registry = all_params()
    presets = [load_preset(path, registry) for path in preset_files(builtin_presets_dir())]
    context = EffectContext((_PAINTED_PX, _PAINTED_PX), threads=2, options=(("work_size", "320"),))
    with effect_class(effect_name)() as effect:
        effect.open(context)
        out = np.empty((_PAINTED_PX, _PAINTED_PX, 4), np.uint8)
        painted = []
        for preset in sorted(presets, key=lambda preset: (preset.category, preset.name)):
            effect.render(Frame(picture, 0), _params(preset, effect_name), out)
            painted.append((preset.name, out[..., :3].copy()))
    return painted


def _params(preset: Preset, effect_name: str) -> Params:
    registry = param_registry(effect_name)
    # Held, only the first of the drift's keyframes is drawn.
    return ParamState.initial(registry, preset.values_for(registry) | {"drift": 0.0}, 0).at(0)


def _sheet(cells: list[tuple[str, Image]]) -> Image:
    rows = math.ceil(len(cells) / _COLUMNS)
    height = rows * (_CELL_PX + _LABEL_PX + _GAP_PX) + _GAP_PX
    sheet = np.full((height, _COLUMNS * (_CELL_PX + _GAP_PX) + _GAP_PX, 3), _PAPER, np.uint8)
    for index, (name, picture) in enumerate(cells):
        row, column = divmod(index, _COLUMNS)
        left = _GAP_PX + column * (_CELL_PX + _GAP_PX)
        top = _GAP_PX + row * (_CELL_PX + _LABEL_PX + _GAP_PX)
        small = cv2.resize(picture, (_CELL_PX, _CELL_PX), interpolation=cv2.INTER_AREA)
        sheet[top : top + _CELL_PX, left : left + _CELL_PX] = small
        origin = (left + 2, top + _CELL_PX + 17)
        cv2.putText(sheet, name, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.48, _INK if index else _FAINT, 1, cv2.LINE_AA)
    return sheet


def _write(sheet: Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Six bits a colour look the same at this size and make the file a third smaller.
    written, content = cv2.imencode(".png", sheet & 0xFC, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not written or len(content) > _BYTES_MOST:
        raise SinkFailed(f"The sheet is {len(content)} bytes; {_BYTES_MOST} are the most. Make _CELL_PX smaller.")
    path.write_bytes(content.tobytes())


if __name__ == "__main__":
    sys.exit(main())
