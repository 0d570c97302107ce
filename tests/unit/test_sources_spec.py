import sys

import pytest

from mirrorfx import resources
from mirrorfx.clock import FakeClock
from mirrorfx.errors import InvalidValue, MirrorFXError, SourceNotFound, SourceUnreadable
from mirrorfx.sources import CameraInfo, CameraSettings, list_cameras, open_spec, resolve_source
from mirrorfx.sources.camera import Camera
from mirrorfx.sources.cameras import find_camera
from mirrorfx.sources.pattern import Pattern
from mirrorfx.sources.still import StillImage
from mirrorfx.sources.video import VideoFile

CAMERAS = [CameraInfo(0, "HD Pro Webcam C920", "usb-046d_C920_A1-video-index0"), CameraInfo(2, "Elgato 4K", "")]


def opened(spec, **more):
    return open_spec(spec, clock=FakeClock(), size=(512, 256), **more)


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("camera", Camera),
        ("camera:3", Camera),
        ("camera:c920", Camera),
        ("pattern", Pattern),
        ("pattern:59.94", Pattern),
        ("film.mp4", VideoFile),
        ("~/film.mov", VideoFile),
        ("photo.JPG", StillImage),
        ("camera.png", StillImage),
    ],
)
def test_words_name_sources_without_touching_anything(spec, kind):
    assert type(opened(spec)) is kind


def test_the_pattern_has_the_working_size_and_the_rate_asked_for():
    info = opened("pattern:60").open()
    assert (info.size, info.rate_fps, info.live) == ((512, 256), 60, False)


def test_the_demo_clip_is_a_file_of_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "mirrorfx")
    with pytest.raises(MirrorFXError, match=r"demo\.mp4 is missing"):
        opened("demo")
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "demo.mp4").write_bytes(b"x")
    assert type(opened("demo")) is VideoFile


def test_camera_settings_reach_the_camera():
    settings = CameraSettings(width=640)
    assert opened("camera", camera=settings)._settings is settings


@pytest.mark.parametrize("spec", ["pattern:0", "pattern:fast", "pattern:1000", "pattern:nan"])
def test_an_impossible_rate_is_refused(spec):
    for attempt in (opened, resolve_source):
        with pytest.raises(InvalidValue, match=r"pattern:60"):
            attempt(spec)


def test_by_default_the_first_camera_is_taken():
    choice = resolve_source(None, cameras=lambda: CAMERAS)
    assert choice.spec == "camera:0"
    assert "C920" in choice.reason


@pytest.mark.parametrize(("cameras", "said"), [([], "No camera was found"), (None, "can't be listed")])
def test_without_a_camera_the_default_is_the_demo_clip_and_says_so(cameras, said):
    choice = resolve_source(None, cameras=lambda: cameras)
    assert choice.spec == "demo"
    assert said in choice.reason


def test_a_missing_camera_that_was_asked_for_is_an_error_that_names_the_others():
    with pytest.raises(SourceNotFound, match=r"no camera 77\. There is: camera:0 HD Pro Webcam C920 .*camera:2 Elgato"):
        resolve_source("camera:77", cameras=lambda: CAMERAS)
    with pytest.raises(SourceNotFound, match="none was found at all"):
        resolve_source("camera:77", cameras=list)


@pytest.mark.parametrize(
    ("spec", "taken"), [(None, "camera:0"), ("camera:2", "camera:2"), ("camera:c920", "camera:c920")]
)
def test_a_camera_that_is_awaited_is_taken_though_it_is_not_there(spec, taken):
    choice = resolve_source(spec, await_camera=True, cameras=list)
    assert choice.spec == taken
    assert "calm scene until" in choice.reason


def test_awaiting_a_camera_takes_the_one_that_is_there():
    choice = resolve_source(None, await_camera=True, cameras=lambda: [CameraInfo(3, "C920")])
    assert choice.spec == "camera:3"


def test_what_was_asked_for_is_taken(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"x")
    for spec in ("camera:2", "camera:elgato", "demo", "pattern:50", str(tmp_path / "a.mp4")):
        choice = resolve_source(spec, cameras=lambda: CAMERAS)
        assert choice.spec == spec
        assert "asked for" in choice.reason


def test_files_are_checked_before_anything_starts(tmp_path):
    (tmp_path / "a.mp4").touch()
    with pytest.raises(SourceUnreadable, match="empty"):
        resolve_source(str(tmp_path / "a.mp4"))
    with pytest.raises(SourceNotFound, match=r"Did you mean 'a\.mp4'"):
        resolve_source(str(tmp_path / "b.mp4"))


def test_a_mistyped_word_is_answered_with_the_nearest():
    with pytest.raises(SourceNotFound, match="Did you mean 'pattern'"):
        resolve_source("patern:60")


@pytest.mark.parametrize("which", ["0", "usb-046d_C920_A1-video-index0", "c920", "webcam", "046d"])
def test_a_camera_is_found_by_number_stable_name_or_part_of_its_name(which):
    assert find_camera(which, CAMERAS) is CAMERAS[0]


def test_a_name_that_fits_several_cameras_is_refused():
    with pytest.raises(SourceNotFound, match="not one but 2"):
        find_camera("e", CAMERAS)


def test_where_cameras_cant_be_listed_a_number_is_taken_on_trust():
    assert find_camera("3", None).index == 3
    with pytest.raises(SourceNotFound, match="use its number"):
        find_camera("c920", None)


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /sys and /dev")
def test_cameras_are_listed_from_names_in_the_file_system_alone(tmp_path):
    for number, name, place in ((10, "Elgato 4K", "0"), (0, "C920", "0"), (1, "C920", "1")):
        node = tmp_path / f"sys/class/video4linux/video{number}"
        node.mkdir(parents=True)
        (node / "name").write_text(f"{name}\n")
        (node / "index").write_text(f"{place}\n")
    for folder, link in (("by-path", "pci-0-usb-1"), ("by-id", "usb-C920"), ("by-path", "pci-0-usb-2")):
        path = tmp_path / "dev/v4l" / folder / link
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to("../../video10" if link.endswith("2") else "../../video0")
    assert list_cameras(tmp_path) == [
        CameraInfo(0, "C920", "usb-C920"),
        CameraInfo(10, "Elgato 4K", "pci-0-usb-2"),
    ]


def test_a_machine_without_cameras_has_an_empty_list(tmp_path):
    assert not list_cameras(tmp_path)
