"""The person of the demo clip: NASA's portrait of Eileen Collins, cut out, and moved like somebody at a mirror."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["SIZE_PX", "Cutout", "Pose", "cut_out", "moved", "pose_at"]

SIZE_PX = 1024
"""The side of the portrait after it was enlarged, and of the clip."""

Plane = npt.NDArray[np.float32]

# Traced by hand on the enlarged portrait, a few pixels inside or outside of the person; grabCut finds the true rim.
# fmt: off
_OUTLINE = [
    (450, 28), (400, 40), (350, 80), (312, 130), (306, 180), (320, 235), (345, 262), (368, 310), (335, 297),
    (290, 305), (250, 340), (228, 380), (228, 420), (195, 450), (130, 510), (90, 560), (62, 650), (40, 800),
    (48, 900), (62, 960), (90, 1030), (1012, 1030), (1018, 930), (990, 900), (975, 830), (935, 765), (880, 715),
    (800, 688), (740, 698), (722, 690), (718, 640), (700, 560), (660, 500), (608, 475), (580, 420), (545, 380),
    (508, 350), (530, 310), (545, 272), (575, 245), (598, 200), (602, 160), (590, 110), (550, 70), (500, 35),
]
# fmt: on
_EYES = ((403.0, 201.0), (494.0, 205.0))
_LID_PX = 11.0
_BLINKS_S = (1.9, 4.6, 7.5, 7.95)
_BLINK_S = 0.11


@dataclass(frozen=True, slots=True)
class Cutout:
    """A person without a background.

    Attributes:
        pixels: ``float32[1024, 1024, 4]``: BGR times alpha and alpha, 0 to 1.
    """

    pixels: Plane


@dataclass(frozen=True, slots=True)
class Pose:
    """How the person stands at a moment; lengths in pixels.

    Attributes:
        lean: how far the head has swayed to the right.
        tilt: the head's angle in radians, clockwise.
        nod: how far the head has sunk.
        turn: how far the face has moved within the head: a look to the side.
        breath: how far the shoulders have risen.
        near: how much larger the person is for having leaned forward; 1 is the mean.
        hands: (x, y) of the helmet in the hands.
        eyes: how far the eyes are shut, 0 to 1.
    """

    lean: float
    tilt: float
    nod: float
    turn: float
    breath: float
    near: float
    hands: tuple[float, float]
    eyes: float


def pose_at(t_s: float, period_s: float) -> Pose:
    """Return the pose at `t_s`; it repeats after `period_s`."""

    def wave(times: int, phase: float = 0.0) -> float:
        return math.sin(2 * math.pi * times * t_s / period_s + phase)

    return Pose(
        lean=40 * wave(1) + 13 * wave(2, 0.9),
        tilt=math.radians(3.4 * wave(1, -0.7) + 1.3 * wave(3, 1.0)),
        nod=5 * wave(2, 0.4) + 2 * wave(5, 2.0),
        turn=7 * wave(2, 0.2) + 2.5 * wave(3, 2.2),
        breath=5 * wave(3),
        near=1 + 0.014 * wave(1, 2.0),
        hands=(7 * wave(1, 0.8), 5 * wave(2, 1.9)),
        eyes=max(math.exp(-(((t_s - blink) / _BLINK_S * 1.9) ** 4)) for blink in _BLINKS_S),
    )


def cut_out() -> Cutout:
    """Return the person of scikit-image's astronaut picture, twice as large and a little sharper."""
    import skimage

    small = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    large = cv2.resize(small, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_LANCZOS4)
    alpha, inside = _matte(large)
    picture = large.astype(np.float32) / 255
    sharp = picture + 0.55 * (picture - cv2.GaussianBlur(picture, (0, 0), 1.6))
    # At the rim the pixels hold some of the old background: there the person's colour from further inside is taken.
    clean = cv2.GaussianBlur(inside, (0, 0), 2.0)[..., None]
    colour = np.clip(sharp * clean + _spread(picture, inside) * (1 - clean), 0, 1)
    return Cutout(np.dstack([colour * alpha[..., None], alpha]).astype(np.float32))


def _matte(picture: npt.NDArray[np.uint8]) -> tuple[Plane, Plane]:
    """Return how much of each pixel is the person, and where it is nothing else (1 well inside), ``float32[H, W]``."""
    outline = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(outline, [np.array(_OUTLINE, np.int32)], 1)
    labels = np.where(outline, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[_grown(outline, -16) > 0] = cv2.GC_FGD
    labels[_grown(outline, 14) == 0] = cv2.GC_BGD
    cv2.setRNGSeed(0)
    cv2.grabCut(picture, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), 6, cv2.GC_INIT_WITH_MASK)
    person = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    # The matte lies a pixel and a half inside of the cut: the camera's own blur made the rim half background.
    soft = cv2.GaussianBlur(_grown(person, -1).astype(np.float32), (0, 0), 1.5)
    alpha = np.clip((soft - 0.25) / 0.7, 0, 1)
    return alpha, _grown(person, -5).astype(np.float32)


def _grown(mask: npt.NDArray[np.uint8], by_px: int) -> npt.NDArray[np.uint8]:
    """Return `mask` larger by `by_px`, or smaller when that is negative; what the frame cuts off goes on outside."""
    side = 2 * abs(by_px) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    edge = abs(by_px)
    wide = cv2.copyMakeBorder(mask, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
    wide = (cv2.dilate if by_px > 0 else cv2.erode)(wide, kernel)
    return wide[edge:-edge, edge:-edge]


def _spread(picture: Plane, inside: Plane) -> Plane:
    """Return the colours of `inside` carried on outwards: nearest ones first (a normalised blur, wider and wider)."""
    result = np.zeros_like(picture)
    left = np.ones_like(inside)
    for width_px in (2.0, 4.0, 8.0, 16.0):
        weight = cv2.GaussianBlur(inside, (0, 0), width_px)
        colour = cv2.GaussianBlur(picture * inside[..., None], (0, 0), width_px) / np.maximum(weight, 1e-4)[..., None]
        share = left * np.clip(weight * 20, 0, 1)
        result += colour * share[..., None]
        left -= share
    return result + picture * left[..., None]


def moved(person: Cutout, pose: Pose) -> Plane:
    """Return the person in a pose, ``float32[1024, 1024, 4]`` as in `Cutout`."""
    y, x = np.mgrid[0:SIZE_PX, 0:SIZE_PX].astype(np.float32)
    x, y = _leaned(x, y, pose)
    x, y = _head_moved(x, y, pose)
    x, y = _breathed(x, y, pose)
    y = _blinked(x, y, pose.eyes)
    # The picture ends at the hips and beside the helmet: it goes on there as its last row and column.
    shot = cv2.remap(person.pixels, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.clip(shot, 0, 1)


def _leaned(x: Plane, y: Plane, pose: Pose) -> tuple[Plane, Plane]:
    """Sway from the hips, more with height, and step a little nearer."""
    height = np.clip((SIZE_PX - y) / 850, 0, None)
    x = x - pose.lean * height**1.4
    return (x - 512) / pose.near + 512, (y - SIZE_PX) / pose.near + SIZE_PX


def _head_moved(x: Plane, y: Plane, pose: Pose) -> tuple[Plane, Plane]:
    """Turn the head about the neck, let it nod, and let the face look aside within it."""
    share = _smooth(y, 430, 300)
    angle = -pose.tilt * share
    along, down = x - 446, y - 360
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = 446 + along * cos - down * sin, 360 + along * sin + down * cos - pose.nod * share
    face = np.exp(-(((x - 448) / 78) ** 2) - ((y - 225) / 100) ** 2)
    nose = np.exp(-(((x - 448) / 26) ** 2) - ((y - 232) / 40) ** 2)
    return x - pose.turn * (face + 0.35 * nose), y


def _breathed(x: Plane, y: Plane, pose: Pose) -> tuple[Plane, Plane]:
    """Raise and widen the shoulders, and move the helmet with the hands."""
    chest = np.exp(-(((y - 560) / 190) ** 2))
    x = x - (x - 450) * 0.0016 * pose.breath * chest
    y = y + pose.breath * chest
    helmet = np.exp(-(((x - 790) / 230) ** 2) - ((y - 900) / 220) ** 2)
    return x - pose.hands[0] * helmet, y - pose.hands[1] * helmet


def _blinked(x: Plane, y: Plane, shut: float) -> Plane:
    """Draw the upper lids down: the skin above an eye is stretched over it, the eye squeezed onto the lower lid."""
    for eye_x, eye_y in _EYES:
        top, bottom = eye_y - _LID_PX, eye_y + _LID_PX * 0.75
        fold = top + (bottom - top) * (0.1 + 0.74 * shut)
        rest = top + (bottom - top) * 0.1
        lid = np.interp(y, [top - 8, fold, bottom], [top - 8, rest, bottom])
        near = np.clip(1.25 * np.exp(-(((x - eye_x) / 27) ** 4)), 0, 1) * shut
        inside = (y > top - 8) & (y < bottom)
        y = np.where(inside, y + (lid - y) * near, y)
    return y.astype(np.float32)


def _smooth(value: Plane, start: float, end: float) -> Plane:
    """Return 0 at `start` to 1 at `end`, without a corner."""
    share = np.clip((value - start) / (end - start), 0, 1)
    return share * share * (3 - 2 * share)
