from __future__ import annotations

import cv2
import numpy as np
import pytest

from mirrorfx.errors import SinkUnavailable
from mirrorfx.sinks import write_picture


def gradient() -> np.ndarray:
    across = np.linspace(0, 255, 320, dtype=np.uint8)
    bgr = np.stack(
        [np.tile(across, (256, 1)), np.full((256, 320), 40, np.uint8), np.tile(across[::-1], (256, 1))], axis=2
    )
    return np.dstack([bgr, np.zeros((256, 320), np.uint8)])


@pytest.mark.parametrize("channels", [3, 4])
def test_png_comes_back_exactly_and_opaque(tmp_path, channels):
    path = write_picture(tmp_path / "a.png", gradient()[:, :, :channels])
    back = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(back, gradient()[:, :, :3])


def test_jpeg_comes_back_nearly(tmp_path):
    path = write_picture(tmp_path / "a.JPG", gradient())
    assert cv2.PSNR(cv2.imread(str(path)), np.ascontiguousarray(gradient()[:, :, :3])) > 35


def test_replaces_and_leaves_nothing_beside(tmp_path):
    (tmp_path / "a.png").write_bytes(b"old")
    write_picture(tmp_path / "a.png", gradient())
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("name", ["a.gif", "a"])
def test_refuses_other_suffixes(tmp_path, name):
    with pytest.raises(SinkUnavailable, match=r"a\.png"):
        write_picture(tmp_path / name, gradient())


def test_says_when_the_folder_is_missing(tmp_path):
    with pytest.raises(SinkUnavailable, match="Choose a folder"):
        write_picture(tmp_path / "nowhere" / "a.png", gradient())


def test_a_full_disk_leaves_the_old_picture(tmp_path, monkeypatch):
    old = write_picture(tmp_path / "a.png", gradient()).read_bytes()

    def no_space(_path, _content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", no_space)
    with pytest.raises(SinkUnavailable, match="the disk is full"):
        write_picture(tmp_path / "a.png", gradient() // 2)
    assert (tmp_path / "a.png").read_bytes() == old
    assert len(list(tmp_path.iterdir())) == 1
