"""``mirrorfx screen``: what is asked is kept by the screen's name; what can't be changes nothing."""

from __future__ import annotations

import pytest

from mirrorfx.cli.__main__ import main
from mirrorfx.geometry import load_screen


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MIRRORFX_CONFIG_DIR", str(tmp_path))


def test_what_is_asked_is_kept_for_that_screen_alone(capsys):
    assert main(["screen", "HDMI-1", "--rotate", "90", "--scaling", "fill", "--test-grid", "on"]) == 0
    assert "screens.toml" in capsys.readouterr().out
    assert main(["screen", "HDMI-1", "--keystone", "0.02,0", "0.98,0.03", "1,1", "0,0.97"]) == 0
    assert main(["screen", "HDMI-1", "--mask", "0.02,0,0.03,0", "--flip-x", "on"]) == 0
    kept = load_screen("HDMI-1")
    assert (kept.rotation, kept.scaling, kept.test_grid, kept.flip_x) == (90, "fill", True, True)
    assert kept.keystone[1] == (0.98, 0.03)
    assert (kept.mask_left, kept.mask_right) == (0.02, 0.03)
    assert load_screen("DP-2").rotation == 0


def test_asking_shows_and_changes_nothing(capsys, tmp_path):
    assert main(["screen", "DP-2"]) == 0
    assert "rotation" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_reset_starts_again():
    main(["screen", "DP-2", "--rotate", "180"])
    main(["screen", "DP-2", "--reset"])
    assert load_screen("DP-2").rotation == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rotate", "45"], "90"),
        (["--mask", "wide"], "4 numbers"),
        (["--mask", "0.9,0,0,0"], "dark edge"),
        (["--keystone", "0,0", "1", "1,1", "0,1"], "2 numbers"),
        (["--keystone", "1,1", "0,0", "1,0", "0,1"], "fold"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(words, said, capsys):
    main(["screen", "DP-2", "--flip-y", "on"])
    assert main(["screen", "DP-2", *words]) == 2
    assert said in capsys.readouterr().err.lower()
    assert load_screen("DP-2").flip_y
