"""What clients may ask about the camera, without processes."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from mirrorfx.clock import SECOND
from mirrorfx.errors import InvalidValue, MirrorFXError, SourceNotFound, UnknownName
from mirrorfx.processes.camera_verbs import CameraVerbs
from mirrorfx.processes.settings import MirrorSettings
from mirrorfx.sources import CameraInfo
from mirrorfx.testing import FakeClock

OPEN = {
    "state": "open",
    "name": "C920",
    "live": True,
    "size": [1280, 720],
    "rate_fps": 30.0,
    "controls": {"exposure": 156.0, "gain": 0.0, "white_balance": 4000.0, "focus": None},
}


class Engine:
    def __init__(self, source="camera:0", says=OPEN):
        self.settings = MirrorSettings(source=source)
        self.clock = FakeClock()
        self.told, self.changes, self.notices = [], [], []
        self.intake = SimpleNamespace(says=says, tell=self._tell, change_source=self.changes.append)
        self.cameras = [CameraInfo(0, "C920", "usb-C920"), CameraInfo(2, "Cam Link")]
        self.verbs = CameraVerbs(self, lambda: self.cameras)

    def _tell(self, text):
        self.told.append(json.loads(text))

    def notice(self, text, level="info"):
        self.notices.append((level, text))

    def ask(self, do, **arguments):
        return self.verbs.verbs()[do](arguments)

    @property
    def camera(self):
        return self.verbs.state()["camera"]

    @property
    def sources(self):
        return self.verbs.state()["sources"]


def test_what_is_asked_for_goes_to_the_camera_and_into_the_settings_of_its_next_life():
    engine = Engine()
    engine.ask("camera", exposure=80, rotation=90, zoom=2, origin="desk-1")
    engine.ask("camera", exposure=None, focus=12.5, mirror=False)
    assert engine.told[0]["camera"]["exposure"] == 80
    assert engine.told[1] == {
        "geometry": {"rotation": 90, "mirror": False, "zoom": 2.0, "pan_x": 0.0, "pan_y": 0.0},
        "mirror": False,
        "camera": {"exposure": None, "gain": None, "white_balance": None, "focus": 12.5},
    }
    assert engine.settings.camera.focus == 12.5
    assert engine.settings.geometry.rotation == 90
    assert engine.camera["asked"]["mirror"] is False


def test_what_looks_at_visitors_is_a_mirror_unless_told_otherwise():
    assert Engine().camera["asked"]["mirror"] is True
    assert Engine(source="demo", says=OPEN | {"live": False}).camera["asked"]["mirror"] is False


def test_what_it_really_does_and_what_it_lacks_is_told():
    camera = Engine().camera
    assert (camera["name"], camera["size"], camera["state"]) == ("C920", [1280, 720], "open")
    assert camera["real"]["exposure"] == 156.0
    assert camera["lacks"] == {"focus": "The driver of C920 doesn't offer it."}
    clip = Engine(source="demo", says=OPEN | {"live": False, "controls": {}}).camera
    assert set(clip["lacks"]) == {"exposure", "gain", "white_balance", "focus"}
    assert clip["lacks"]["gain"] == "Only a camera has this."
    lost = Engine(says={"state": "lost", "reason": "unplugged"}).camera
    assert (lost["reason"], lost["lacks"]["gain"]) == ("unplugged", "The source is not open.")


@pytest.mark.parametrize(
    "arguments",
    [
        {"exposure": "bright"},
        {"exposure": float("nan")},
        {"gain": 10**400},
        {"focus": True},
        {"rotation": 45},
        {"zoom": 0.5},
        {"pan_x": -2},
        {"mirror": "yes"},
        {"exposures": 1},
    ],
)
def test_what_is_not_possible_is_refused_whole(arguments):
    engine = Engine()
    before = engine.settings
    with pytest.raises((InvalidValue, UnknownName)):
        engine.ask("camera", **{"gain": 5, **arguments})
    assert engine.settings == before
    assert engine.told == []


def test_sources_are_chosen_by_name():
    engine = Engine()
    assert [(s["name"], s["label"], s["current"]) for s in engine.sources] == [
        ("camera:usb-C920", "C920", True),
        ("camera:2", "Cam Link", False),
        ("demo", "Demo clip", False),
        ("pattern", "Test pattern", False),
    ]
    assert engine.ask("source", name="camera:2") == {"source": "camera:2"}
    assert [s["name"] for s in engine.sources if s["current"]] == ["camera:2"]
    assert len(engine.changes) == 1


def test_a_file_or_a_camera_that_was_unplugged_stays_in_the_list(tmp_path):
    engine = Engine(source=str(tmp_path / "man.mp4"))
    assert engine.sources[-1] == {"name": str(tmp_path / "man.mp4"), "label": "man.mp4", "current": True}
    engine = Engine(source="camera:usb-Gone")
    assert engine.sources[-1] == {"name": "camera:usb-Gone", "label": "camera:usb-Gone", "current": True}


@pytest.mark.parametrize("name", ["", "camera:7", "nowhere.mp4", "pattern:1000"])
def test_a_source_that_is_not_there_is_refused_and_the_old_one_goes_on(name):
    engine = Engine()
    with pytest.raises(MirrorFXError):
        engine.ask("source", name=name)
    assert engine.settings.source == "camera:0"
    assert engine.changes == []


def test_a_camera_that_is_plugged_in_is_told():
    engine = Engine()
    now_ns = engine.clock.now_ns()
    engine.verbs.mind(now_ns)
    assert not engine.verbs.mind(now_ns + 3 * SECOND)
    engine.cameras = [*engine.cameras, CameraInfo(4, "New")]
    assert engine.verbs.mind(now_ns + 6 * SECOND)
    assert "New" in [s["label"] for s in engine.sources]
    engine.intake.says = OPEN | {"state": "lost"}
    assert engine.verbs.mind(now_ns + 6 * SECOND)


def test_a_session_with_a_source_that_is_gone_is_told():
    engine = Engine()
    engine.verbs.restore({"rotation": 180, "source": "camera:usb-Gone"})
    assert engine.settings.geometry.rotation == 180
    assert engine.settings.source == "camera:0"
    assert engine.notices[0][0] == "warning"
    engine.verbs.restore({"rotation": 33})
    assert len(engine.notices) == 2


def test_where_cameras_cannot_be_listed_numbers_are_offered():
    engine = Engine(source="demo", says=OPEN | {"live": False})
    engine.cameras = None
    engine.verbs.mind(engine.clock.now_ns() + 9 * SECOND)
    assert [s["name"] for s in engine.sources][:2] == ["camera:0", "camera:1"]
    with pytest.raises(SourceNotFound):
        engine.ask("source", name="camera:c920")
