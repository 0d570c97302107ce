"""What a program may tell a `Mirror`, and what is refused before anything starts."""

from __future__ import annotations

import math

import pytest

from mirrorfx import Mirror
from mirrorfx.errors import InvalidValue, UnknownName


@pytest.mark.parametrize("name", ["seconds", "frames"])
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_an_end_that_never_comes_is_refused(name, value):
    with pytest.raises(InvalidValue, match=f"--{name} is .*more than 0"):
        Mirror(source="demo", effect="passthrough", **{name: value})


def test_an_option_that_the_effect_does_not_read_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match=r"effect sleep called 'servce_ms'\. Did you mean 'service_ms'"):
        Mirror(source="demo", effect="sleep", effect_options=(("servce_ms", "5"),))
    with pytest.raises(UnknownName, match="effect paint called 'service_ms'"):
        Mirror(source="demo", effect="paint", effect_options=(("service_ms", "5"),))


def test_options_of_the_effect_that_carries_another_are_taken(third_party):
    carried = third_party(
        "carried",
        """
        from mirrorfx.effects.passthrough import Passthrough
        class Made(Passthrough):
            name = "carried"
            carried_by = "sleep"
            options = ("depth",)
        """,
    )
    Mirror(source="demo", effect=carried, effect_options=(("depth", "1"), ("service_ms", "5")))
    with pytest.raises(UnknownName, match="depth, fail_at"):
        Mirror(source="demo", effect=carried, effect_options=(("width", "1"),))


def test_an_effect_that_names_no_options_may_read_any(third_party):
    made = third_party(
        "anything",
        """
        from mirrorfx.effects.base import Effect
        class Made(Effect):
            name = "anything"
            def render(self, frame, params, out):
                pass
        """,
    )
    Mirror(source="demo", effect=made, effect_options=(("depth", "1"),))
