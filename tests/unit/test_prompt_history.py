"""The prompts of earlier evenings."""

import json

import pytest

from mirrorfx_ui.desk.prompt_history import PromptHistory


def test_prompts_are_kept_the_newest_last_and_none_twice(tmp_path):
    path = tmp_path / "folder" / "prompts.json"
    history = PromptHistory(path)
    for prompt in ("ice", "fire", "ice", "ice", ""):
        history.add(prompt)
    assert PromptHistory(path).prompts == ["fire", "ice"]


def test_only_the_last_fifty_are_kept(tmp_path):
    history = PromptHistory(tmp_path / "prompts.json")
    for number in range(60):
        history.add(str(number))
    assert history.prompts == [str(number) for number in range(10, 60)]


def test_going_back_and_forth(tmp_path):
    history = PromptHistory(tmp_path / "prompts.json")
    for prompt in ("ice", "fire"):
        history.add(prompt)
    assert history.before("something half typed") == "fire"
    assert history.before("fire") == "ice"
    assert history.before("ice") is None
    assert history.after("ice") == "fire"
    assert history.after("fire") is None
    assert history.after("something half typed") is None


@pytest.mark.parametrize("text", ["{", "[1, 2]", '{"a": 1}', "\udcff"])
def test_a_damaged_file_is_no_reason_to_stop(tmp_path, text):
    path = tmp_path / "prompts.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    history = PromptHistory(path)
    assert history.prompts == []
    history.add("ice")
    assert json.loads(path.read_text()) == ["ice"]


def test_a_disk_that_says_no_is_told_and_the_prompts_stay_at_hand(tmp_path):
    (tmp_path / "file").write_text("")
    history = PromptHistory(tmp_path / "file" / "prompts.json")
    history.add("ice")
    assert history.prompts == ["ice"]
    assert str(tmp_path) in history.problem
