"""Whether somebody is there: rules on the virtual clock, motion in drawn pictures, the detector on packaged ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mirrorfx.clock import MS, SECOND
from mirrorfx.errors import PresenceUnavailable
from mirrorfx.processes.presence import Watch
from mirrorfx.show import person_detector
from mirrorfx.show.motion import Motion
from mirrorfx.show.person_detector import DetectorState, PersonDetector, detector_state, regions_of
from mirrorfx.show.presence import Presence, PresenceRules

RULES = PresenceRules()
STRONG, BREATH = 0.05, 0.001


class Room:
    """A room on the virtual clock: pictures ten times a second, looks five times."""

    def __init__(self, rules=RULES):
        self.now_ns = 100 * SECOND
        self.presence = Presence(rules, self.now_ns)

    @property
    def somebody(self):
        return self.presence.somebody

    def goes_on(self, seconds, *, motion=0.0, person=False, camera=True):
        """Let time pass; return after how many seconds presence changed first, if it did."""
        start_ns, before, changed_s = self.now_ns, self.somebody, None
        for tenth in range(round(seconds * 10)):
            self.now_ns += 100 * MS
            if camera:
                self.presence.saw_motion(motion, self.now_ns)
                if tenth % 2 == 0:
                    self.presence.looked(self.now_ns, found=person)
            self.presence.mind(self.now_ns)
            if changed_s is None and self.somebody is not before:
                changed_s = (self.now_ns - start_ns) / SECOND
        return changed_s

    def empties(self):
        self.goes_on(21)
        assert not self.somebody


def test_it_begins_with_somebody_and_a_room_without_anyone_empties_after_its_time():
    room = Room()
    assert room.goes_on(19.5) is None
    assert room.goes_on(1) == 0.5


def test_motion_wakes_with_the_next_picture_and_a_look_confirms():
    room = Room()
    room.empties()
    assert room.goes_on(1, motion=STRONG) == 0.1
    assert room.presence.doubts
    room.goes_on(5, motion=BREATH, person=True)
    assert room.somebody
    assert not room.presence.doubts


def test_a_group_that_stands_still_for_minutes_stays_there():
    room = Room()
    assert room.goes_on(600, motion=BREATH, person=True) is None
    assert room.goes_on(30) == pytest.approx(20, abs=0.3)


def test_a_person_who_is_found_now_and_then_stays_there():
    room = Room()
    for _ in range(20):
        room.goes_on(14, motion=BREATH)
        room.goes_on(0.3, motion=BREATH, person=True)
    assert room.somebody


def test_a_curtain_wakes_for_a_moment_and_is_believed_less_and_less():
    room = Room()
    room.empties()
    awake_s = 0.0
    for _ in range(600):
        room.goes_on(0.1, motion=STRONG)
        awake_s += 0.1 * room.somebody
    assert 1.4 < awake_s < 8
    assert room.goes_on(1, motion=STRONG, person=True) is not None or room.somebody  # a person is seen all the same


def test_who_was_found_by_looks_alone_needs_two_of_them():
    room = Room()
    room.empties()
    room.goes_on(1, motion=BREATH)
    room.presence.looked(room.now_ns, found=True)
    assert not room.somebody
    room.goes_on(4, motion=BREATH)
    room.presence.looked(room.now_ns, found=True)
    assert not room.somebody, "the first was too long ago"
    room.goes_on(1, motion=BREATH)
    room.presence.looked(room.now_ns, found=True)
    assert room.somebody


def test_a_poster_of_a_person_in_a_still_room_is_furniture():
    room = Room()
    assert room.goes_on(70, person=True) is None
    assert room.goes_on(30, person=True) is not None
    room.goes_on(30, person=True)
    assert not room.somebody


def test_a_lost_camera_counts_as_nobody():
    room = Room()
    room.goes_on(30, motion=BREATH, person=True)
    assert room.goes_on(30, camera=False) == pytest.approx(20, abs=0.5)


def test_by_motion_who_stands_still_counts_as_gone():
    room = Room(PresenceRules(leave_after_ns=5 * SECOND, by_motion=True))
    assert room.goes_on(60, motion=BREATH) is None
    assert room.goes_on(6) == pytest.approx(5, abs=0.1)
    assert room.goes_on(1, motion=STRONG) == 0.1
    assert room.goes_on(3) is None, "no look is waited for"


# Motion


def room_picture(seed=1, size=(384, 384)):
    rng = np.random.default_rng(seed)
    rough = rng.integers(40, 200, (12, 12, 3)).repeat(32, 0).repeat(32, 1).astype(np.uint8)
    return np.dstack([rough[: size[1], : size[0]], np.full(size[::-1], 255, np.uint8)])


def noisy(picture, seed, amount=6):
    noise = np.random.default_rng(seed).normal(0, amount, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def shares(pictures):
    motion = Motion()
    return [motion.share(picture) for picture in pictures]


def test_noise_and_the_light_are_no_motion():
    still = room_picture()
    assert max(shares([noisy(still, seed) for seed in range(8)])) < RULES.slight
    brightening = [still + np.uint8(6 * step) for step in range(8)]
    assert max(shares(brightening)) < RULES.slight


def test_who_walks_at_four_metres_is_strong_motion_at_once():
    pictures = [noisy(room_picture(), seed) for seed in range(8)]
    for step, picture in enumerate(pictures[4:]):
        picture[120:280, 6 * step : 6 * step + 16] = 20  # the first of them is half a person at the picture's edge
    told = shares(pictures)
    assert max(told[:4]) < RULES.slight
    assert min(told[4:]) > RULES.strong


def test_a_breath_is_slight_motion():
    still = room_picture()
    moved = still.copy()
    moved[150:170, 190:200] = 255 - moved[150:170, 190:200]
    assert RULES.slight < shares([still, still, still, moved])[-1] < RULES.strong


# Where it looks


@pytest.mark.parametrize("size", [(384, 384), (384, 216), (216, 384), (300, 384)])
def test_the_regions_are_squares_that_cover_the_picture_at_two_sizes(size):
    regions = regions_of(size)
    assert all(region.width == region.height for region in regions)
    for side in {region.width for region in regions}:
        seen = np.zeros(size[::-1], bool)
        for region in regions:
            if region.width == side:
                assert region.x + side <= size[0]
                assert region.y + side <= size[1]
                seen[region.y : region.y + side, region.x : region.x + side] = True
        assert seen.all()
    assert len(regions) == len(set(regions)) <= 18


def test_every_region_has_its_turn_and_where_somebody_was_found_is_looked_at_every_other_time():
    looked, there = [], set()

    def look(_picture, region):
        looked.append(region)
        return region in there

    watch = Watch(RULES, (384, 384), look, 0)
    picture = room_picture()
    regions = regions_of((384, 384))
    for step in range(len(regions)):
        watch.look(picture, step * SECOND)
    assert set(looked) == set(regions)
    there.add(regions[3])
    looked.clear()
    for step in range(100, 100 + 4 * len(regions)):
        watch.look(picture, step * SECOND)
    assert set(looked) == set(regions)
    assert looked.count(regions[3]) >= 1.5 * len(regions)


def test_looks_are_rare_while_all_is_clear_and_at_once_in_doubt():
    looked = []
    watch = Watch(RULES, (384, 384), lambda *_: looked.append(0), 0)
    picture = room_picture()

    def pass_on(start_s, seconds):
        looked.clear()
        for step in range(round(seconds * 50)):
            now_ns = round((start_s + step / 50) * SECOND)
            watch.presence.mind(now_ns)
            watch.look(picture, now_ns)
        return len(looked)

    assert pass_on(0, 10) == 25
    pass_on(10, 15)
    assert not watch.presence.somebody
    assert pass_on(30, 10) == 50
    watch.presence.saw_motion(STRONG, 40 * SECOND)
    assert pass_on(40, 1) == 50


# The detector

needs_detector = pytest.mark.skipif(not detector_state().ok, reason=f"no person detector: {detector_state().reason}")


@pytest.fixture(scope="module")
def detector():
    return PersonDetector()


def bgrx(rgb):
    return np.dstack([rgb[..., ::-1], np.full(rgb.shape[:2], 255, np.uint8)])


def packaged(name):
    skimage_data = pytest.importorskip("skimage.data")
    picture = getattr(skimage_data, name)()
    return picture if picture.ndim == 3 else np.dstack([picture] * 3)


def placed(person, background, height_px):
    """Return `background` with `person` before it, so many pixels high of 384."""
    import cv2

    canvas = cv2.resize(background, (384, 384), interpolation=cv2.INTER_AREA)
    scale = height_px / person.shape[0]
    small = cv2.resize(person, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = small.shape[:2]
    canvas[384 - height :, 192 - width // 2 : 192 - width // 2 + width] = small
    return bgrx(canvas)


def finds(detector, picture):
    return any(detector.look(picture, region) for region in regions_of((384, 384)))


@needs_detector
@pytest.mark.parametrize("height_px", [384, 250, 150, 100])
def test_it_finds_a_person_near_and_far(detector, height_px):
    assert finds(detector, placed(packaged("astronaut"), packaged("brick"), height_px))


@needs_detector
def test_it_finds_somebody_at_the_edge_of_what_is_dark(detector):
    picture = placed(packaged("astronaut"), packaged("brick"), 220)
    assert finds(detector, (picture * 0.35).astype(np.uint8))


@needs_detector
@pytest.mark.parametrize("name", ["brick", "coffee", "chelsea", "coins", "page", "grass", "gravel"])
def test_it_finds_nobody_in_pictures_without_anyone(detector, name):
    import cv2

    assert not finds(detector, bgrx(cv2.resize(packaged(name), (384, 384), interpolation=cv2.INTER_AREA)))


def test_what_is_lacking_is_told_with_its_fix(monkeypatch):
    monkeypatch.setattr(person_detector, "_folder", lambda: None)
    state = detector_state()
    assert not state.ok
    assert "pip install --no-deps mediapipe==0.10.21" in state.fix
    with pytest.raises(PresenceUnavailable, match="mediapipe"):
        PersonDetector()
    monkeypatch.setattr(person_detector, "_installed", lambda _: False)
    assert "ai-edge-litert" in detector_state().reason


@pytest.mark.parametrize("error", [ModuleNotFoundError("no", name="it"), OSError("broken"), SystemError("broken")])
def test_a_runtime_that_is_broken_is_told_to_doctor(monkeypatch, error):
    from mirrorfx.cli._doctor_software import presence

    def broken(_path):
        raise error

    monkeypatch.setattr(person_detector, "detector_state", lambda: DetectorState(ok=True))
    monkeypatch.setattr(person_detector, "_folder", lambda: Path())
    monkeypatch.setattr(person_detector, "_interpreter", broken)
    (found,) = presence()
    assert (found.state, found.is_fatal) == ("missing", False)
    assert "pip install" in found.fix
