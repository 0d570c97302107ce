"""Edits: prepared by all workers, committed together; sliders never wait for prompts."""

from __future__ import annotations

import pytest

from mirrorfx.clock import SECOND
from mirrorfx.errors import InvalidValue
from mirrorfx.params import ParamRegistry
from mirrorfx.processes.param_editor import ParamEditor


@pytest.fixture
def editor():
    return ParamEditor(ParamRegistry(), {"prompt": "a", "strength": 0.5}, 0)


def test_a_slider_holds_at_once(editor):
    assert editor.edit({"strength": 0.7}, 0.0, 10, [0, 1]) is None
    assert editor.state.at(10).strength == 0.7
    assert editor.state.revision == 1


def test_a_prompt_holds_when_the_last_worker_has_prepared_it(editor):
    ticket, state = editor.edit({"prompt": "b"}, 2.0, 0, [0, 1])
    assert state.settled(0).prompt == "b"
    assert editor.state.at(0).prompt == "a"
    assert editor.prepared(0, ticket, "", 5) == ""
    assert editor.state.at(5).prompt == "a", "one worker is not enough"
    editor.prepared(1, ticket, "", SECOND)
    assert editor.state.at(SECOND).mix("prompt") == (("a", 1.0),)
    assert dict(editor.state.at(2 * SECOND).mix("prompt")) == pytest.approx({"a": 0.5, "b": 0.5})
    assert editor.state.at(3 * SECOND).mix("prompt") == (("b", 1.0),)


def test_with_nobody_to_prepare_it_holds_at_once(editor):
    assert editor.edit({"prompt": "b"}, 0.0, 0, []) is None
    assert editor.state.at(0).prompt == "b"


def test_the_same_again_changes_nothing(editor):
    assert editor.edit({"prompt": "a", "strength": 0.5}, 1.0, 0, [0]) is None
    assert editor.state.revision == 0


def test_a_slider_moves_while_a_prompt_is_prepared_and_the_newest_word_counts(editor):
    ticket, _ = editor.edit({"prompt": "b", "strength": 0.9}, 0.0, 0, [0])
    editor.edit({"strength": 0.1}, 0.0, 5, [0])
    assert editor.state.at(5).strength == 0.1
    editor.prepared(0, ticket, "", 9)
    assert editor.state.at(9).prompt == "b"
    assert editor.state.at(9).strength == 0.1


def test_a_second_prompt_replaces_the_one_being_prepared(editor):
    first, _ = editor.edit({"prompt": "b"}, 0.0, 0, [0])
    second, _ = editor.edit({"prompt": "c"}, 0.0, 1, [0])
    editor.prepared(0, first, "", 2)
    assert editor.state.at(2).prompt == "a"
    editor.prepared(0, second, "", 3)
    assert editor.state.at(3).prompt == "c"
    assert editor.state.revision == 1


def test_a_dead_worker_holds_nobody_up(editor):
    ticket, _ = editor.edit({"prompt": "b"}, 0.0, 0, [0, 1])
    editor.prepared(0, ticket, "", 1)
    editor.forget_worker(1, 2)
    assert editor.state.at(2).prompt == "b"


def test_what_cannot_be_prepared_is_not_taken(editor):
    ticket, _ = editor.edit({"prompt": "b"}, 0.0, 0, [0, 1])
    assert editor.prepared(0, ticket, "out of memory", 1) == "out of memory"
    editor.prepared(1, ticket, "", 2)
    assert editor.state.at(2).prompt == "a"
    assert not editor.pending


def test_what_takes_for_ever_is_given_up(editor):
    editor.edit({"prompt": "b"}, 0.0, 0, [0, 1])
    assert editor.give_up_if_due(SECOND) == ""
    assert "worker [0, 1]" in editor.give_up_if_due(11 * SECOND)
    assert not editor.pending


def test_a_refused_edit_changes_nothing(editor):
    with pytest.raises(InvalidValue, match="from 0 to 1"):
        editor.edit({"prompt": "b", "strength": 7}, 0.0, 0, [0])
    assert not editor.pending
    assert editor.state.revision == 0
