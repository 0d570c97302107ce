"""What clients may ask of the wall's window, without one."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from mirrorfx.errors import ControlError, InvalidValue, UnknownName
from mirrorfx.processes.settings import MirrorSettings
from mirrorfx.processes.wall_verbs import WallVerbs

SAYS = {
    "screens": [{"name": "HDMI-1", "width": 1920, "height": 1080, "hz": 60.0, "primary": True}],
    "screen": "HDMI-1",
    "fullscreen": True,
    "grid": False,
    "edit": False,
    "corners": [[0, 0], [1, 0], [1, 1], [0, 1]],
    "problem": "",
}


class Engine:
    def __init__(self, says=SAYS, **settings):
        self.settings = MirrorSettings(**settings)
        self.sent, self.notices, self.published = [], [], 0
        self.wall = SimpleNamespace(send=lambda message: self.sent.append(json.loads(message.text)))
        self.commands = SimpleNamespace(publish_state=self._publish)
        self.verbs = WallVerbs(self)
        self.verbs.heard({"wall": says})

    def _publish(self):
        self.published += 1

    def notice(self, text, level="info"):
        self.notices.append((level, text))

    def ask(self, **arguments):
        return self.verbs.verbs()["wall"](arguments)


@pytest.mark.parametrize(
    "wish",
    [
        {"identify": True},
        {"grid": False},
        {"edit": True},
        {"corners": [[0.1, 0], [1, 0], [1, 1], [0, 1]]},
        {"corners": None},
        {"fullscreen": "HDMI-1"},
        {"fullscreen": ""},
        {"fullscreen": None},
    ],
)
def test_what_is_possible_is_passed_on(wish):
    engine = Engine()
    engine.ask(**wish, origin="desk-1")
    assert engine.sent == [wish]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"grids": True}, "Did you mean 'grid'"),
        ({"grid": 1}, "true or false"),
        ({"corners": [[0, 0]]}, "four corners"),
        ({"corners": [[1, 1], [0, 0], [1, 0], [0, 1]]}, "fold"),
        ({"corners": [[-3, 0], [1, 0], [1, 1], [0, 1]]}, "too far out"),
        ({"fullscreen": "HDMI-7"}, "HDMI-1"),
    ],
)
def test_what_is_not_is_refused_with_the_reason(wish, said):
    engine = Engine()
    with pytest.raises((InvalidValue, UnknownName), match=said):
        engine.ask(**wish)
    assert engine.sent == []


def test_without_a_window_there_is_nothing_to_place():
    engine = Engine(says=None)
    with pytest.raises(ControlError, match="no window"):
        engine.ask(grid=True)
    assert engine.verbs.state() == {"wall": None}


def test_clients_are_told_only_what_is_new():
    engine = Engine()
    before = engine.published
    engine.verbs.heard({"wall": dict(SAYS)})
    assert engine.published == before
    engine.verbs.heard({"wall": SAYS | {"grid": True}})
    assert engine.published == before + 1
    assert engine.verbs.state()["wall"]["grid"]


def test_a_geometry_that_could_not_be_saved_is_told_once():
    engine = Engine()
    for _ in range(2):
        engine.verbs.heard({"wall": SAYS | {"problem": "The disk is full."}})
    assert engine.notices == [("error", "The disk is full.")]


def test_a_kiosks_wall_stays_on_its_screen():
    engine = Engine(kiosk=object())
    with pytest.raises(ControlError, match="stays on its screen"):
        engine.ask(fullscreen=None)
    engine.ask(grid=True)
    assert engine.sent == [{"grid": True}]
