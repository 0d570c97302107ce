"""Damaged files are set aside under one scheme of names, and none is lost. (Whole writes: test_presets_store.py.)"""

import pytest

from mirrorfx.files import aside_path, set_aside


def test_an_earlier_bad_file_is_never_overwritten(tmp_path):
    path = tmp_path / "screens.toml"
    for content in (b"first", b"second", b"third"):
        path.write_bytes(content)
        assert set_aside(path).read_bytes() == content
    kept = {each.name.removeprefix("screens.toml"): each.read_bytes() for each in tmp_path.iterdir()}
    assert kept == {".bad": b"first", ".bad-2": b"second", ".bad-3": b"third"}


def test_a_link_to_nothing_takes_a_name_too(tmp_path):
    (tmp_path / "a.json.bad").symlink_to(tmp_path / "nowhere")
    assert aside_path(tmp_path / "a.json") == tmp_path / "a.json.bad-2"


def test_what_can_not_be_renamed_says_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        set_aside(tmp_path / "missing.toml")
