"""Prompts as artists write them."""

import random
from dataclasses import FrozenInstanceError

import pytest

from mirrorfx.diffusion.prompts import BLEND, Lora, Prompt, Span, Text, mixed_texts, parse_prompt
from mirrorfx.errors import InvalidValue
from mirrorfx.params import ParamRegistry, Params


def spans(text):
    (only,) = parse_prompt(text).texts
    return [(span.text, span.weight) for span in only.spans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("   ", []),
        ("a cat", [("a cat", 1.0)]),
        ("a (red) cat", [("a ", 1.0), ("red", 1.1), (" cat", 1.0)]),
        ("((red)) cat", [("red", 1.21), (" cat", 1.0)]),
        ("(((red)))", [("red", 1.331)]),
        ("[dark] sky", [("dark", 0.9091), (" sky", 1.0)]),
        ("(red:1.3)", [("red", 1.3)]),
        ("(red: .5 )", [("red", 0.5)]),
        ("(red:0)", [("red", 0.0)]),
        ("((red) fox:2)", [("red", 2.2), (" fox", 2.0)]),
        ("([fog])", [("fog", 1.0)]),
        ("([(fog:10)])", [("fog", 10.0)]),
        ("a ([fog]) b", [("a fog b", 1.0)]),
        (r"\(smile\) \[x\]", [("(smile) [x]", 1.0)]),
        (r"(at 12\:30:1.5)", [("at 12:30", 1.5)]),
        ("at 12:30", [("at 12:30", 1.0)]),
        ("[at 12:30h]", [("at 12:30h", 0.9091)]),
        (r"back\slash \\ end\ ", [("back\\slash \\ end\\", 1.0)]),
        ("I <3 (you)", [("I <3 ", 1.0), ("you", 1.1)]),
        (r"\<lora:x:1>", [("<lora:x:1>", 1.0)]),
        ("  two\n\tgaps  ( x ) ( )", [("two gaps ", 1.0), (" x", 1.1)]),
        ("()", []),
        ("naïve café 日本 🎨", [("naïve café 日本 🎨", 1.0)]),
    ],
)
def test_emphasis(text, expected):
    assert spans(text) == expected


def test_loras_are_taken_out_wherever_they_stand():
    prompt = parse_prompt("a <lora:ink wash:0.8> fox (red <LoRA:glow> coat:1.2) <lora:sub-tle.v2:-.25>")
    assert prompt.loras == (Lora("ink wash", 0.8), Lora("glow", 1.0), Lora("sub-tle.v2", -0.25))
    assert prompt.texts == (Text((Span("a fox ", 1.0), Span("red coat", 1.2))),)


def test_a_lora_named_twice_alike_counts_once():
    assert parse_prompt("a <lora:x:0.5> | b <lora:x:.5>").loras == (Lora("x", 0.5),)


def test_a_pair():
    prompt = parse_prompt("a (cat) | a dog <lora:x:0.5>")
    cat, dog = prompt.texts
    assert (cat.plain, dog.plain) == ("a cat", "a dog")
    assert prompt.loras == (Lora("x", 0.5),)
    assert prompt.weighted(0.25) == ((cat, 0.75), (dog, 0.25))
    assert prompt.weighted(0) == ((cat, 1.0), (dog, 0.0))
    assert prompt.weighted(1) == ((cat, 0.0), (dog, 1.0))
    assert parse_prompt("alone").weighted(0.7) == ((Text((Span("alone"),)), 1.0),)
    assert [text.plain for text in parse_prompt("a |").texts] == ["a", ""]
    assert spans(r"a \| b") == [("a | b", 1.0)]


def test_fading_prompts_and_their_pairs_are_mixed_together():
    params = Params({"prompt": "b", "blend": 0.25}, mixes={"prompt": (("a | b", 0.8), ("b", 0.2))})
    shares = {text.plain: weight for text, weight in mixed_texts(params)}
    assert shares == pytest.approx({"a": 0.6, "b": 0.4})
    assert mixed_texts(Params({"prompt": "a"})) == ((Text((Span("a"),)), 1.0),)


def test_the_blend_is_a_param_that_effects_can_declare():
    assert ParamRegistry([BLEND]).check({"blend": 1}) == {"blend": 1.0}


@pytest.mark.parametrize(
    ("text", "character", "why"),
    [
        ("a (cat", 3, r"'\(' is never closed. Add '\)'"),
        ("a [cat (x)", 3, r"'\[' is never closed. Add '\]'"),
        ("a cat)", 6, r"'\)' closes nothing.*\\\)"),
        ("(a]", 3, "']' closes nothing"),
        ("a ] (b", 3, "']' closes nothing"),
        ("(a:b)", 3, "'b' is no weight"),
        ("(a:)", 3, "'' is no weight"),
        ("(a:1.2.3)", 3, "'1.2.3' is no weight"),
        ("(a:nan)", 3, "'nan' is no weight"),
        ("(a:1e3)", 3, "'1e3' is no weight"),
        ("(a:１)", 3, "is no weight"),
        ("(a:1 (b))", 3, "'1' is no weight"),
        ("(a:1", 3, "'1' is no weight"),
        ("(a:-1)", 3, "the weight is '-1'; it must be from 0 to 10"),
        ("(a:11)", 3, "from 0 to 10"),
        ("x ((a:6):6)", 3, "comes to more than 10"),
        ("(" * 30 + "a" + ")" * 30, 6, "comes to more than 10"),
        ("[a:0.5]", 3, "round brackets"),
        ("a | b | c", 7, "a second '|'"),
        ("(a | b)", 4, "can't be in brackets"),
        ("a <lora:x:1", 3, "never closed"),
        ("<lora::1>", 1, "is no name"),
        ("<lora:../x:1>", 1, "is no name"),
        ("<lora:x:>", 1, "weight is ''"),
        ("<lora:x:big>", 1, "weight is 'big'"),
        ("<lora:x:1:2>", 1, "weight is '1:2'"),
        ("<lora:x:99>", 1, "weight is '99'"),
        ("<lora:x:1> <lora:x:2>", 12, "another weight"),
        ("(a:" + "9" * 60 + ")", 3, r"9\.\.\."),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text, character, why):
    with pytest.raises(InvalidValue, match=f"^Prompt, character {character}: .*{why}"):
        parse_prompt(text)


@pytest.mark.parametrize(
    "text", ["a (b:1.25) [c] | d\\: \\( <lora:x>", "(a\\:b:2) <lora:y:0.3333>", "", "|", "\\\\("[:2]]
)
def test_round_trip(text):
    prompt = parse_prompt(text)
    assert parse_prompt(str(prompt)) == prompt


def test_written_out():
    assert str(parse_prompt(" ((a)) b:c [d] <lora:x>| (e\\:f) ")) == "(a:1.21) b:c (d:0.9091) | (e\\:f:1.1) <lora:x:1>"


PIECES = [
    *"()[]|:<>\\ .,-059aé\u2003\n🎨\x00",
    "<lora:",
    "<lora:x:1>",
    "(a:1.2)",
    "((",
    "))",
    "word ",
    ":1.3)",
    "\\(",
    "\\:",
]


def test_fuzz():
    """Whatever is written gives a prompt that survives a round trip, or an InvalidValue."""
    rng = random.Random(20261122)
    read = 0
    for _ in range(6000):
        text = "".join(rng.choices(PIECES, k=rng.randint(0, 12)))
        try:
            prompt = parse_prompt(text)
        except InvalidValue:
            continue
        read += 1
        again = parse_prompt(str(prompt))
        assert again == prompt, text
        assert all(0 <= span.weight <= 10 and span.text for part in prompt.texts for span in part.spans)
    assert read > 500


def test_a_prompt_can_not_be_changed_and_is_a_key():
    prompt = parse_prompt("a (b)")
    with pytest.raises(FrozenInstanceError):
        prompt.texts = ()
    assert {prompt: 1}[Prompt(prompt.texts)] == 1
