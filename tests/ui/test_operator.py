"""An operator's evening: a real mirror with wall and desk on a virtual screen, real mouse and keys."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from operator_desk import BLACKOUT_ON, NEXT, Operated, Screen, until

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not (shutil.which("Xvfb") and shutil.which("xdotool")), reason="needs Xvfb and xdotool"),
]

CARD_X, CARDS_Y = 105, range(200, 560, 36)
NAME = "Opening night"


@pytest.fixture
def screen(tmp_path):
    made = Screen(tmp_path)
    yield made
    made.close()


@pytest.fixture
def start(screen, tmp_path):
    """Start a mirror; a second one finds what the first has kept."""
    started = []

    def make(*options):
        started.append(Operated(screen, tmp_path, *options))
        started[-1].wait_until_ready()
        return started[-1]

    yield make
    for mirror in started:
        mirror.close()
    assert not [mirror for mirror in started if "Traceback" in mirror.said()]


def choose_a_preset(mirror):
    """Click on cards until one is cued; return its name."""
    for y in CARDS_Y:
        mirror.click(CARD_X, y)
        try:
            return until(lambda: mirror.state["cue"], "a cue", 3.0)
        except AssertionError:
            continue  # a heading, or the space between two cards
    raise AssertionError("no click on the presets has cued one")


def go(mirror, name):
    until(lambda: mirror.screen.has_much_of(NEXT), "GO, ready to be pressed")
    mirror.key(mirror.desk, "space")
    until(lambda: mirror.state["preset"] == name and not mirror.state["fade"], "the preset on the wall")
    assert not mirror.state["dirty"]


def drag_strength(mirror, by_px):
    """Drag the fader of strength; return the value before and after."""
    before = mirror.values()["strength"]
    x, y = mirror.screen.find_fader()
    mirror.drag((x + 8, y), x + 8 + by_px)
    until(lambda: mirror.values()["strength"] != before and mirror.state["dirty"], "another strength")
    seen = []

    def at_rest():
        """The state has told the same twice: the last step of the drag has arrived."""
        count = len(mirror.figures)
        if not seen or seen[-1] != (mirror.values()["strength"], count):
            seen.append((mirror.values()["strength"], count))
        return len(seen) > 2 and seen[-1][0] == seen[-2][0] == seen[-3][0]

    until(at_rest, "the end of the drag")
    return before, mirror.values()["strength"]


def panic_is(mirror, *, blackout=False, below=None):
    until(lambda: (mirror.state["panic"]["blackout"], mirror.state["panic"]["below"]) == (blackout, below), "the panic")


def is_black(mirror):
    return not mirror.screen.wall().any()


def blackout_on_and_off(mirror, window):
    mirror.key(window, "b")
    until(lambda: is_black(mirror), "black on the wall")
    panic_is(mirror, blackout=True)
    until(lambda: mirror.screen.has_much_of(BLACKOUT_ON), "the desk's button, red")
    mirror.key(window, "b")
    until(lambda: not is_black(mirror), "the picture again")
    panic_is(mirror)
    until(lambda: not mirror.screen.has_much_of(BLACKOUT_ON), "the desk's button as it was")


def freeze_on_and_off(mirror):
    mirror.key(mirror.desk, "f")
    panic_is(mirror, below="freeze")
    picture, told = mirror.screen.wall(), len(mirror.figures)
    until(lambda: len(mirror.figures) >= told + 3, "figures")
    assert np.array_equal(mirror.screen.wall(), picture)
    mirror.key(mirror.wall, "f")
    panic_is(mirror)
    until(lambda: not np.array_equal(mirror.screen.wall(), picture), "a picture that moves")


def names(mirror):
    return [preset["name"] for preset in mirror.state["presets"]]


def test_an_operators_evening_and_the_next_one(start):
    mirror = start("--restore", "always")
    assert NAME not in names(mirror)
    go(mirror, choose_a_preset(mirror))

    before, after = drag_strength(mirror, -60)
    assert after < before
    mirror.key(mirror.desk, "ctrl+z")
    until(lambda: mirror.values()["strength"] == before, "undo, in one step")
    mirror.key(mirror.desk, "ctrl+shift+z")
    until(lambda: mirror.values()["strength"] == after, "redo")

    blackout_on_and_off(mirror, mirror.desk)
    blackout_on_and_off(mirror, mirror.wall)
    freeze_on_and_off(mirror)

    mirror.key(mirror.desk, "ctrl+shift+s")
    mirror.screen.do("type", NAME)
    mirror.screen.do("key", "Return")
    until(lambda: NAME in names(mirror) and mirror.state["preset"] == NAME, "the saved preset")
    values = dict(mirror.values())
    assert mirror.close_wall() == 0
    assert mirror.close() == []

    again = start("--restore", "always", "--preset", NAME)
    assert again.state["preset"] == NAME
    assert NAME in names(again)
    assert again.values() == values
    assert not again.state["dirty"]
    assert not again.state["session"]["offer"]
    assert again.interrupt() == 0
    assert again.close() == []


def test_after_a_power_cut_go_on_restores(start, tmp_path):
    mirror = start()
    mirror.key(mirror.desk, "1")
    until(lambda: mirror.state["preset"] and not mirror.state["fade"], "the first preset")
    _, strength = drag_strength(mirror, -50)
    kept = tmp_path / "state" / "session.json"
    until(lambda: kept.exists() and json.loads(kept.read_bytes())["values"]["strength"] == strength, "the session")
    before = mirror.state
    mirror.kill()

    again = start()
    assert again.state["session"]["offer"]["preset"] == before["preset"]
    assert again.values()["strength"] != strength
    again.click(*until(again.screen.find_first_button_of_banner, "the question on the desk"))
    until(lambda: again.values() == before["values"], "the values of before")
    until(lambda: not again.state["session"]["offer"], "the end of the question")
    until(lambda: again.state["preset"] == before["preset"], "the preset of before")
    assert again.state["dirty"]
    assert again.interrupt() == 0
    assert again.close() == []
