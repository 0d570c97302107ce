"""What requests bring along: what is right comes back, anything else gets a sentence that says what to send."""

import pytest

from mirrorfx.errors import ControlError, InvalidValue
from mirrorfx.processes.arguments import fade_seconds, tables_argument, text_argument

EXAMPLE = '[{"preset": "Ice"}].'


def test_what_is_right_comes_back():
    asked = {"name": "Ice", "cues": [{"preset": "Ice"}], "fade_s": 2}
    assert text_argument(asked, "name") == "Ice"
    assert tables_argument(asked, "cues", EXAMPLE) == [{"preset": "Ice"}]
    assert fade_seconds(asked) == 2.0
    assert fade_seconds({}) is None


@pytest.mark.parametrize("value", [None, "Ice", {"preset": "Ice"}, ["Ice"], [{}, 3]])
def test_anything_but_a_list_of_tables_is_refused_with_an_example(value):
    with pytest.raises(ControlError, match=r'lacks "cues", such as \[\{"preset": "Ice"\}\]\.'):
        tables_argument({"cues": value}, "cues", EXAMPLE)


@pytest.mark.parametrize("value", [None, 3, ["Ice"]])
def test_anything_but_text_is_refused(value):
    with pytest.raises(ControlError, match="lacks 'name', which must be text"):
        text_argument({"name": value}, "name")


@pytest.mark.parametrize("value", [-1, 601, True, "2", float("nan")])
def test_what_is_no_time_is_refused(value):
    with pytest.raises(InvalidValue, match="it must be seconds from 0 to 600"):
        fade_seconds({"fade_s": value})
