import errno
import os

import pytest

from mirrorfx.errors import InvalidValue, PresetNotSaved
from mirrorfx.geometry import OutputGeometry, load_screen, save_screen, screens_file

TURNED = OutputGeometry(rotation=90, keystone=((0.1, 0), (1, 0), (1, 1), (0, 0.9)), mask_left=0.05)


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("MIRRORFX_CONFIG_DIR", str(tmp_path / "config"))
    return tmp_path / "config" / "screens.toml"


def test_what_was_saved_is_loaded_by_the_screens_name(path):
    save_screen("HDMI-1", TURNED)
    save_screen("DELL U2720Q, “left”", OutputGeometry(flip_x=True))
    assert screens_file() == path
    assert load_screen("HDMI-1") == TURNED
    assert load_screen("DELL U2720Q, “left”").flip_x
    assert load_screen("DP-3") == OutputGeometry()


def test_comments_and_other_screens_stay(path):
    path.parent.mkdir()
    path.write_text(
        '# the wall in the foyer\n[screens."HDMI-1"]\nrotation = 90 # hung sideways\n[screens.DP-2]\nfuture = 1\n'
    )
    save_screen("HDMI-1", OutputGeometry(rotation=180))
    text = path.read_text()
    assert "# the wall in the foyer" in text
    assert "rotation = 180 # hung sideways" in text
    assert "future = 1" in text
    assert load_screen("HDMI-1").rotation == 180


def test_a_mistake_names_file_screen_and_setting(path):
    path.parent.mkdir()
    path.write_text('[screens."HDMI-1"]\nrotatoin = 90\n')
    with pytest.raises(InvalidValue, match=r"screens\.toml, screen HDMI-1: .*Did you mean 'rotation'"):
        load_screen("HDMI-1")
    assert load_screen("DP-1") == OutputGeometry()


@pytest.mark.parametrize("text", ["[screens", 'screens = "all"', "screens.HDMI-1 = 3"])
def test_a_wrong_structure_never_ends_in_a_traceback(path, text, caplog):
    path.parent.mkdir()
    path.write_text(text)
    assert load_screen("HDMI-1") == OutputGeometry()
    save_screen("HDMI-1", TURNED)
    assert load_screen("HDMI-1") == TURNED
    assert path.with_name("screens.toml.bad").read_text() == text
    assert "set aside" in caplog.text


def test_damaged_files_are_set_aside_and_none_is_lost(path):
    path.parent.mkdir()
    for content in (b"[scr", b"\xff\xfe", b"= ="):
        path.write_bytes(content)
        assert load_screen("HDMI-1") == OutputGeometry()
    kept = sorted(file.read_bytes() for file in path.parent.glob("screens.toml.bad*"))
    assert kept == sorted([b"[scr", b"\xff\xfe", b"= ="])


def test_a_full_disk_leaves_what_was_saved(path, monkeypatch):
    save_screen("HDMI-1", TURNED)
    before = path.read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PresetNotSaved, match=r"HDMI-1.*No space left.*intact"):
        save_screen("HDMI-1", OutputGeometry())
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["screens.toml"]


def test_a_folder_that_cant_be_made_is_an_error(path):
    path.parent.write_text("a file where the folder should be")
    with pytest.raises(PresetNotSaved, match="can't be saved"):
        save_screen("HDMI-1", TURNED)
