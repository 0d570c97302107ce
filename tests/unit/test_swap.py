"""Who has which networks and has prepared what; who is sent to catch up, and when."""

from __future__ import annotations

import pytest

from mirrorfx.clock import SECOND
from mirrorfx.effects.base import Effect
from mirrorfx.errors import InvalidValue
from mirrorfx.params import Kind, Param, ParamRegistry
from mirrorfx.processes import swap as swap_module
from mirrorfx.processes.param_editor import ParamEditor
from mirrorfx.processes.swap import Swaps

LORA = Param(name="lora", kind=Kind.TEXT, default="")


class Swapping(Effect):
    name = "swapping"
    params = (LORA,)
    gone = False

    @classmethod
    def networks(cls, values):
        if cls.gone or values["lora"] == "nowhere":
            raise InvalidValue(f"There is no file {values['lora']!r}. Choose another.")
        return str(values["lora"])

    def render(self, frame, params, out):
        raise AssertionError


class Hand:
    """A worker that only remembers what it is told."""

    def __init__(self, number):
        self.number = number
        self.ready = True
        self.effect = "swapping"
        self.asked = []
        self.told = []

    def tell(self, state):
        self.told.append(dict(state.values))

    def swap(self, ticket, state):
        self.asked.append((ticket, dict(state.values)))


@pytest.fixture
def editor(monkeypatch):
    monkeypatch.setattr(swap_module, "effect_class", lambda _name: Swapping)
    monkeypatch.setattr(Swapping, "gone", False)
    return ParamEditor(ParamRegistry((LORA,)), {"prompt": "a"}, 0)


@pytest.fixture
def swaps(editor):
    return Swaps(editor)


@pytest.fixture
def hands(swaps):
    made = [Hand(0), Hand(1), Hand(2)]
    for hand in made:
        swaps.started(hand)
    return made


def begin(editor, swaps, leader, lora):
    asked = editor.edit({"lora": lora}, 0.0, 0, [leader.number], swap=True)
    swaps.ask(leader, *asked, 0)
    return asked[0]


def answer(editor, swaps, hand, ticket, problem=""):
    swaps.answered(hand, ticket, problem, 0)
    return editor.prepared(hand.number, ticket, problem, 0)


def fitting(swaps, hands):
    return [hand.number for hand in hands if swaps.fits(hand)]


def test_all_that_started_with_what_is_in_force_fit_once_they_are_ready(swaps, hands):
    hands[1].ready = False
    assert fitting(swaps, hands) == [0, 2]


def test_the_others_paint_until_the_leader_has_swapped_then_only_the_leader(editor, swaps, hands):
    ticket = begin(editor, swaps, hands[2], "ink")
    assert hands[2].asked[0][1]["lora"] == "ink"
    assert hands[2].told[0]["lora"] == "", "what it goes back to"
    assert fitting(swaps, hands) == [0, 1]
    assert editor.state.values["lora"] == ""
    answer(editor, swaps, hands[2], ticket)
    assert editor.state.values["lora"] == "ink"
    assert fitting(swaps, hands) == [2]


def test_the_others_follow_one_at_a_time(editor, swaps, hands):
    answer(editor, swaps, hands[2], begin(editor, swaps, hands[2], "ink"))
    swaps.send_those_behind(hands, 0)
    swaps.send_those_behind(hands, 0)
    assert [len(hand.asked) for hand in hands] == [1, 0, 1]
    answer(editor, swaps, hands[0], hands[0].asked[0][0])
    assert fitting(swaps, hands) == [0, 2]
    swaps.send_those_behind(hands, 0)
    answer(editor, swaps, hands[1], hands[1].asked[0][0])
    assert fitting(swaps, hands) == [0, 1, 2]
    swaps.send_those_behind(hands, 0)
    assert [len(hand.asked) for hand in hands] == [1, 1, 1], "and then there is peace"


def test_a_leader_that_fails_paints_on_as_before(editor, swaps, hands):
    ticket = begin(editor, swaps, hands[2], "ink")
    assert answer(editor, swaps, hands[2], ticket, "doesn't fit") == "doesn't fit"
    assert fitting(swaps, hands) == [0, 1, 2]
    assert editor.state.values["lora"] == ""


def test_a_lost_leader_drops_the_edit_and_holds_nobody_up(editor, swaps, hands):
    begin(editor, swaps, hands[2], "ink")
    swaps.lost(2)
    assert "lost while it changed its networks" in editor.forget_worker(2, 0)
    assert not editor.pending
    assert fitting(swaps, hands) == [0, 1]
    begin(editor, swaps, hands[1], "chalk")
    assert hands[1].asked


def test_a_lost_follower_does_not_keep_the_next_waiting(editor, swaps, hands):
    answer(editor, swaps, hands[2], begin(editor, swaps, hands[2], "ink"))
    swaps.send_those_behind(hands, 0)
    swaps.lost(0)
    hands[0].ready = False
    swaps.send_those_behind(hands, 0)
    assert hands[1].asked
    swaps.started(hands[0])
    hands[0].ready = True
    assert swaps.fits(hands[0]), "its next life warms up with what is in force"


def test_the_newest_word_counts_for_a_leader_that_is_away(editor, swaps, hands):
    first = begin(editor, swaps, hands[2], "ink")
    second = begin(editor, swaps, hands[2], "chalk")
    begin(editor, swaps, hands[2], "coal")
    assert len(hands[2].asked) == 1, "one request at a time"
    answer(editor, swaps, hands[2], first)
    third, values = hands[2].asked[1]
    assert values["lora"] == "coal"
    assert third != second
    assert editor.state.values["lora"] == ""
    answer(editor, swaps, hands[2], third)
    assert editor.state.values["lora"] == "coal"
    assert fitting(swaps, hands) == [2]


def test_taking_an_edit_back_while_the_leader_is_away_brings_the_leader_back(editor, swaps, hands):
    ticket = begin(editor, swaps, hands[2], "ink")
    assert swaps.plan("swapping", {"lora": ""}) == (True, False)
    assert editor.edit({"lora": ""}, 0.0, 0, [0, 1]) is None
    answer(editor, swaps, hands[2], ticket)
    assert editor.state.values["lora"] == ""
    assert fitting(swaps, hands) == [0, 1]
    swaps.send_those_behind(hands, 0)
    answer(editor, swaps, hands[2], hands[2].asked[1][0])
    assert fitting(swaps, hands) == [0, 1, 2]


def test_a_prompt_given_while_the_leader_is_away_joins_the_edit(editor, swaps, hands):
    begin(editor, swaps, hands[2], "ink")
    assert swaps.plan("swapping", {"prompt": "b"}) == (False, True)
    asked = editor.edit({"prompt": "b"}, 0.0, 0, [2])
    swaps.ask(hands[2], *asked, 0)
    answer(editor, swaps, hands[2], hands[2].asked[0][0])
    assert hands[2].asked[1][1]["prompt"] == "b"
    answer(editor, swaps, hands[2], asked[0])
    assert (editor.state.values["lora"], editor.state.values["prompt"]) == ("ink", "b")


def test_a_slider_does_not_wait_for_a_swap(editor, swaps, hands):
    ticket = begin(editor, swaps, hands[2], "ink")
    assert editor.edit({"strength": 0.1}, 0.0, 0, [2]) is None
    assert editor.state.values["strength"] == 0.1
    answer(editor, swaps, hands[2], ticket)
    assert (editor.state.values["lora"], editor.state.values["strength"]) == ("ink", 0.1)


def test_a_worker_that_was_warming_up_when_an_edit_was_taken_prepares_it_before_it_paints(editor, swaps, hands):
    hands[0].ready = False
    ticket, _state = editor.edit({"prompt": "b"}, 0.0, 0, [1, 2])
    for number in (1, 2):
        editor.prepared(number, ticket, "", 0)
    hands[0].ready = True
    assert fitting(swaps, hands) == [1, 2]
    swaps.send_those_behind(hands, 0)
    ((ticket, values),) = hands[0].asked
    assert values["prompt"] == "b"
    assert not swaps.answered(hands[0], ticket + 1, "", 0)
    swaps.answered(hands[0], ticket, "", 0)
    assert fitting(swaps, hands) == [0, 1, 2]


def test_who_dies_after_preparing_an_edit_has_not_prepared_it_in_its_next_life(editor, swaps, hands):
    ticket, _state = editor.edit({"prompt": "b"}, 0.0, 0, [0, 1])
    editor.prepared(0, ticket, "", 0)
    swaps.lost(0)
    editor.forget_worker(0, 0)
    swaps.started(hands[0])
    editor.prepared(1, ticket, "", 0)
    assert editor.state.values["prompt"] == "b"
    assert fitting(swaps, hands) == [1]


def test_who_only_has_to_prepare_does_not_wait_for_a_swap(editor, swaps, hands):
    hands[0].ready = False
    ticket, _state = editor.edit({"prompt": "b"}, 0.0, 0, [1, 2])
    for number in (1, 2):
        editor.prepared(number, ticket, "", 0)
    begin(editor, swaps, hands[2], "ink")
    hands[0].ready = True
    swaps.send_those_behind(hands, 0)
    assert hands[0].asked


def test_errands_have_a_generous_limit(editor, swaps, hands):
    begin(editor, swaps, hands[2], "ink")
    assert swaps.overdue(119 * SECOND) == []
    assert editor.give_up_if_due(119 * SECOND) == ""
    assert swaps.overdue(120 * SECOND) == [2]
    assert "within 120 s" in editor.give_up_if_due(120 * SECOND)


def test_an_edit_that_can_never_be_is_refused_and_a_file_that_vanishes_later_changes_nothing(editor, swaps, hands):
    with pytest.raises(InvalidValue, match="no file 'nowhere'"):
        swaps.plan("swapping", {"lora": "nowhere"})
    answer(editor, swaps, hands[2], begin(editor, swaps, hands[2], "ink"))
    assert fitting(swaps, hands) == [2]
    Swapping.gone = True
    editor.edit({"strength": 0.2}, 0.0, 0, [2])
    assert fitting(swaps, hands) == [2]
