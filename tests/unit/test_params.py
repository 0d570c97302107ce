"""Params: what is allowed, how values fade, and that the state survives the way to another process."""

import pytest

from mirrorfx.clock import SECOND
from mirrorfx.errors import InvalidValue, UnknownName
from mirrorfx.params import CORE_PARAMS, Drift, Kind, Morph, Offset, Param, ParamRegistry, ParamState

GRAIN = Param(name="grain", kind=Kind.FLOAT, default=0.5, maximum=2.0, unit="px", morph=Morph.LINEAR)
DOTS = Param(name="dots", kind=Kind.INT, default=10, minimum=1, maximum=99, morph=Morph.LINEAR)
GLOW = Param(name="glow", kind=Kind.BOOL, default=False)
PAPER = Param(name="paper", kind=Kind.CHOICE, default="rough", choices=("rough", "smooth"))
REGISTRY = ParamRegistry((GRAIN, DOTS, GLOW, PAPER))
START = 5 * SECOND


def initial(**values):
    return ParamState.initial(REGISTRY, values, START)


@pytest.mark.parametrize("param", [*CORE_PARAMS, GRAIN, DOTS, GLOW, PAPER], ids=lambda p: p.name)
def test_every_default_is_valid(param):
    assert param.check(param.default) == param.default


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("strength", 7, "strength is 7; it must be a number from 0 to 1."),
        ("strength", -0.01, "strength is -0.01; it must be a number from 0 to 1."),
        ("strength", float("nan"), "strength is nan"),
        ("strength", float("inf"), "strength is inf"),
        pytest.param("strength", 10**400, "strength is a number of over 20 digits", id="strength-huge"),
        ("strength", True, "strength is True; it must be a number"),
        ("strength", "0.5", "strength is '0.5'; it must be a number"),
        ("drift", 61, "drift is 61; it must be a number from 0 to 60 keyframes/min."),
        ("seed", 1.5, "seed is 1.5; it must be a whole number from 0 to 4294967295."),
        ("seed", -1, "seed is -1"),
        ("seed", 2**32, "seed is 4294967296"),
        ("seed", False, "seed is False"),
        ("prompt", 3, "prompt is 3; it must be text in quotes."),
        ("prompt", "x" * 2001, "prompt has 2001 characters; 2000 are the most."),
        ("glow", 1, "glow is 1; it must be true or false."),
        ("paper", "smoth", "There is no paper choice called 'smoth'. Did you mean 'smooth'? Known: rough, smooth."),
    ],
)
def test_a_value_that_is_not_allowed_says_what_is(name, value, message):
    with pytest.raises(InvalidValue) as error:
        REGISTRY.check({name: value})
    assert message in str(error.value)


@pytest.mark.parametrize("name", [name for name in REGISTRY if name != "prompt"])
def test_a_number_that_python_can_not_print_is_refused_like_any_other(name):
    with pytest.raises(InvalidValue, match="a number of over 20 digits"):
        REGISTRY.check({name: 10**5000})


@pytest.mark.parametrize(
    ("name", "value", "checked"),
    [
        ("strength", 1, 1.0),
        ("strength", 0, 0.0),
        ("seed", 7.0, 7),
        ("seed", 2**32 - 1, 2**32 - 1),
        ("prompt", "  two\n\tlines\x00 ", "two lines"),
        ("prompt", "caf\udce9 noir", "caf  noir"),
        ("prompt", "x" * 2000, "x" * 2000),
        ("paper", "smooth", "smooth"),
    ],
)
def test_a_value_is_converted_to_its_type(name, value, checked):
    result = REGISTRY.check({name: value})[name]
    assert result == checked
    assert type(result) is type(checked)


def test_an_unknown_param_names_the_nearest():
    with pytest.raises(UnknownName, match=r"no param called 'strenght'\. Did you mean 'strength'"):
        REGISTRY.check({"strenght": 0.5})


def test_the_registry_has_the_core_params_and_the_effects_own():
    assert list(REGISTRY) == ["prompt", "strength", "seed", "drift", "grain", "dots", "glow", "paper"]
    assert REGISTRY.defaults() == {name: param.default for name, param in REGISTRY.items()}
    assert GRAIN.osc == "/mirrorfx/effect/grain"


def test_the_drift_is_a_function_of_the_time():
    drift = Drift(phase0=2.0, t0_ns=START, rate=6.0)
    assert drift.phase(START) == 2.0
    assert drift.phase(START + 10 * SECOND) == pytest.approx(3.0)


def test_a_new_drift_rate_never_jumps():
    state = initial(drift=6.0)
    later = START + 25 * SECOND
    edited = state.edited({"drift": 30.0}, later)
    assert edited.at(later).phase == pytest.approx(state.at(later).phase) == pytest.approx(2.5)
    assert edited.at(later + 2 * SECOND).phase == pytest.approx(3.5)
    held = edited.edited({"drift": 0.0}, later)
    assert held.at(later + 3600 * SECOND).phase == pytest.approx(2.5)


def test_an_edit_of_something_else_leaves_the_drift_alone():
    state = initial(drift=6.0)
    assert state.edited({"strength": 0.2}, START + SECOND).drift == state.drift


def test_the_first_state_has_the_defaults_under_the_values():
    params = initial(strength=0.25).at(START)
    assert (params.strength, params.seed, params["paper"]) == (0.25, 7, "rough")
    assert params.prompt == CORE_PARAMS[0].default
    assert params.number("grain") == 0.5
    with pytest.raises(InvalidValue):
        initial(strength=2)


def test_without_a_fade_an_edit_is_there_at_once():
    state = initial().edited({"strength": 0.1, "prompt": "ice"}, START)
    params = state.at(START)
    assert (params.strength, params.prompt, params.revision) == (0.1, "ice", 1)
    assert params.mix("prompt") == (("ice", 1.0),)
    assert not state.fading(START)


def test_numbers_fade_smoothly_between():
    state = initial(strength=0.2).edited({"strength": 1.0}, START, fade_s=4.0)
    curve = [state.at(START + quarter * SECOND).strength for quarter in range(5)]
    assert curve == pytest.approx([0.2, 0.2 + 0.8 * 0.15625, 0.6, 0.2 + 0.8 * 0.84375, 1.0])
    assert state.at(START - SECOND).strength == pytest.approx(0.2)
    assert state.fading(START + 3 * SECOND)
    assert not state.fading(START + 4 * SECOND)


def test_whole_numbers_stay_whole_during_a_fade():
    state = initial(dots=10).edited({"dots": 21}, START, fade_s=2.0)
    half = state.at(START + SECOND)["dots"]
    assert half == 16
    assert isinstance(half, int)


def test_texts_and_seeds_fade_by_weights_that_sum_to_one():
    state = initial(prompt="fire", seed=1).edited({"prompt": "ice", "seed": 2}, START, fade_s=2.0)
    params = state.at(START + SECOND)
    assert params.prompt == "ice"
    assert dict(params.mix("prompt")) == pytest.approx({"fire": 0.5, "ice": 0.5})
    assert dict(params.mix("seed")) == pytest.approx({1: 0.5, 2: 0.5})
    assert state.at(START).mix("prompt") == (("fire", 1.0),)
    assert state.at(START + 2 * SECOND).mix("prompt") == (("ice", 1.0),)


def test_what_can_not_fade_is_cut():
    state = initial().edited({"paper": "smooth", "glow": True}, START, fade_s=2.0)
    assert state.at(START)["paper"] == "smooth"
    assert state.at(START)["glow"] is True
    assert not state.fading(START)


def test_a_fade_that_is_interrupted_goes_on_from_where_it_stands():
    first = initial(prompt="fire", strength=0.0).edited({"prompt": "ice", "strength": 1.0}, START, fade_s=2.0)
    half = START + SECOND
    second = first.edited({"prompt": "gold", "strength": 0.0}, half, fade_s=2.0)
    before, after = first.at(half), second.at(half)
    assert after.strength == pytest.approx(before.strength) == pytest.approx(0.5)
    assert dict(after.mix("prompt")) == pytest.approx(dict(before.mix("prompt")))
    assert second.at(half + SECOND).strength == pytest.approx(0.25)
    assert dict(second.at(half + SECOND).mix("prompt")) == pytest.approx({"fire": 0.25, "ice": 0.25, "gold": 0.5})


@pytest.mark.parametrize("fade_s", [0.0, 0.5])
def test_turning_one_knob_leaves_the_fades_of_the_others_alone(fade_s):
    fading = initial(prompt="fire", strength=0.0).edited({"prompt": "ice", "strength": 1.0}, START, fade_s=4.0)
    turned = fading.edited({"strength": 0.3}, START + SECOND, fade_s=fade_s)
    for t_s in (1, 2, 3, 4, 5):
        t_ns = START + t_s * SECOND
        assert turned.at(t_ns).mix("prompt") == fading.at(t_ns).mix("prompt")
    assert turned.at(START + 2 * SECOND).strength == 0.3


def test_a_fade_can_be_cut_short():
    fading = initial(prompt="fire").edited({"prompt": "ice"}, START, fade_s=4.0)
    cut = fading.edited({"prompt": "ice"}, START + SECOND)
    assert cut.at(START + SECOND).mix("prompt") == (("ice", 1.0),)


def test_fades_that_are_over_are_forgotten():
    state = initial()
    for number in range(100):
        state = state.edited({"prompt": f"prompt {number}"}, START + number * SECOND, fade_s=0.5)
    assert set(state.fades) == {"prompt"}
    assert len(state.fades["prompt"].start) == 1


def test_a_mix_stays_small_and_keeps_where_it_is_going():
    state = initial(prompt="p0")
    for number in range(1, 12):
        t_ns = START + number * SECOND // 4
        state = state.edited({"prompt": f"p{number}"}, t_ns, fade_s=2.0)
        mix = state.at(t_ns + SECOND // 8).mix("prompt")
        assert len(mix) <= 8
        assert f"p{number}" in dict(mix)
        assert sum(weight for _, weight in mix) == pytest.approx(1.0)
        weights = [weight for _, weight in mix]
        assert weights == sorted(weights, reverse=True)


def test_an_edit_leaves_the_state_before_it_unchanged():
    state = initial(strength=0.2)
    state.edited({"strength": 0.9}, START, fade_s=1.0)
    assert state.at(START + SECOND).strength == 0.2
    with pytest.raises(TypeError):
        state.at(START).values["strength"] = 1.0


def test_the_state_is_the_same_in_another_process():
    state = initial(prompt="Ōkami „Wolf“ ☂", seed=2**32 - 1)
    state = state.edited({"prompt": "ice", "strength": 1, "dots": 3}, START, fade_s=3.0)
    state = state.edited({"prompt": "gold", "drift": 11.5, "seed": 3}, START + SECOND, fade_s=3.0)
    received = ParamState.from_json(state.to_json())
    assert received == state
    assert received.to_json() == state.to_json()
    for tenth in range(50):
        t_ns = START + tenth * SECOND // 10
        assert received.at(t_ns) == state.at(t_ns)
    again = received.edited({"prompt": "fire"}, START + 2 * SECOND, fade_s=1.0)
    assert again == state.edited({"prompt": "fire"}, START + 2 * SECOND, fade_s=1.0)


def test_a_command_line_that_is_not_utf8_can_be_sent():
    values = REGISTRY.check({"prompt": b"caf\xe9".decode("utf-8", "surrogateescape")})
    assert ParamState.from_json(initial(**values).to_json()).at(START).prompt == "caf"


def test_an_offset_is_added_to_where_a_fade_stands_and_leaves_no_trace():
    fading = initial(strength=0.2).edited({"strength": 0.6}, START, fade_s=4.0)
    louder = fading.modulated({"strength": Offset(0.1, 0.0, 1.0)}, START)
    half = START + 2 * SECOND
    assert louder.at(half).strength == pytest.approx(0.5)
    assert louder.revision == fading.revision + 1
    assert louder.values == fading.values
    assert louder.modulated({}, half).at(half).strength == fading.at(half).strength


def test_an_offset_stays_within_its_range():
    state = initial(strength=0.9)
    assert state.modulated({"strength": Offset(0.5, 0.0, 1.0)}, START).at(START).strength == 1.0
    assert state.modulated({"strength": Offset(-5, 0.1, 1.0)}, START).at(START).strength == 0.1


def test_an_edit_under_an_offset_fades_from_the_value_itself():
    loud = initial(strength=0.2).modulated({"strength": Offset(0.5, 0.0, 1.0)}, START)
    edited = loud.edited({"strength": 0.4}, START, fade_s=2.0)
    assert edited.at(START).strength == pytest.approx(0.7), "the offset goes on"
    assert edited.modulated({}, START).at(START).strength == pytest.approx(0.2)


def test_a_drift_that_is_modulated_never_jumps_and_goes_back_to_its_rate():
    state = initial(drift=6.0)
    moments = [START + step * SECOND for step in range(0, 60, 10)]
    for index, t_ns in enumerate(moments):
        before = state.at(t_ns).phase
        state = state.modulated({"drift": Offset(6.0 * (index % 2), 0.0, 60.0)}, t_ns)
        assert state.at(t_ns).phase == pytest.approx(before)
    assert state.at(START + 60 * SECOND).phase == pytest.approx(6.0 + 3.0), "half the time at twice the rate"
    edited = state.edited({"strength": 0.5}, START + 60 * SECOND)
    assert edited.drift.rate == 12.0, "an edit of something else leaves the modulation alone"
    assert state.modulated({}, START + 60 * SECOND).drift.rate == 6.0


def test_offsets_reach_another_process():
    state = initial().modulated({"strength": Offset(0.25, 0.0, 1.0)}, START)
    assert ParamState.from_json(state.to_json()) == state
