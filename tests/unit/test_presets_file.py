"""Reading a preset's file: what is allowed, and what people are told about the rest."""

import pytest

from mirrorfx.errors import PresetInvalid, PresetNotFound
from mirrorfx.params import Kind, Param, ParamRegistry
from mirrorfx.presets import Preset, load_preset
from mirrorfx.presets.names import check_name, slug
from mirrorfx.presets.preset import parse_preset

GRAIN = Param(name="grain", kind=Kind.FLOAT, default=0.5)
REGISTRY = ParamRegistry((GRAIN,))

WHOLE = """\
# Made in the studio.
format = 1
name = "Oil portrait"
category = "painting"
reviewed = ["style"]

[params]
prompt = "an oil painting, ☂"  # short
strength = 0.55
seed = 11
drift = 3
grain = 0.25

[fade]
seconds = 2.5
"""


def problems(text):
    with pytest.raises(PresetInvalid) as error:
        parse_preset(text, REGISTRY)
    return str(error.value).splitlines()


def with_line(old, new):
    assert old in WHOLE
    return WHOLE.replace(old, new)


def test_a_whole_preset_is_read():
    params = {"prompt": "an oil painting, ☂", "strength": 0.55, "seed": 11, "drift": 3.0, "grain": 0.25}
    expected = Preset(name="Oil portrait", params=params, category="painting", fade_s=2.5, reviewed=("style",))
    assert parse_preset(WHOLE, REGISTRY) == expected


def test_only_the_format_and_the_name_are_required():
    assert parse_preset('format = 1\nname = "x"', REGISTRY) == Preset(name="x")


@pytest.mark.parametrize("text", ["\ufeff" + WHOLE, WHOLE.replace("\n", "\r\n")], ids=["byte order mark", "CRLF"])
def test_what_editors_on_windows_write_is_read(tmp_path, text):
    path = tmp_path / "oil.toml"
    path.write_bytes(text.encode())
    assert load_preset(path, REGISTRY) == parse_preset(WHOLE, REGISTRY)
    assert load_preset(path, REGISTRY).path == path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("strength = 0.55", "strength = 7", "line 9: strength is 7; it must be a number from 0 to 1."),
        ("strength = 0.55", "strenght = 0.5", "line 9: There is no param called 'strenght'. Did you mean 'strength'?"),
        ('name = "Oil', 'nmae = "Oil', "line 3: There is no key called 'nmae'. Did you mean 'name'?"),
        ("[params]", "[parms]", "line 7: There is no key called 'parms'. Did you mean 'params'?"),
        ("seconds =", "second =", "line 15: There is no key in [fade] called 'second'. Did you mean 'seconds'?"),
        ("seconds = 2.5", "seconds = -1", "line 15: seconds is -1; it must be a number from 0 to 600 s."),
        ("format = 1", "format = 2", "line 2: format is 2: a newer MirrorFX wrote it. This one reads format 1"),
        ("format = 1", 'format = "1"', "line 2: format is '1'; it must be 1."),
        ("format = 1", "format = true", "line 2: format is True; it must be 1."),
        ('"Oil portrait"', '"a/b"', "line 3: name is 'a/b'; it can't have slashes"),
        ('"Oil portrait"', "3", "line 3: name is 3; it must be text in quotes."),
        ('"painting"', "3", "line 4: category is 3; it must be text in quotes"),
        ('["style"]', '"style"', "line 5: reviewed is 'style'; it must be a list of effects"),
        ("[fade]\nseconds = 2.5", "[[fade]]\nseconds = 2.5", "line 14: fade is [{'seconds': 2.5}]; it must be a table"),
        ("strength = 0.55", "strength 0.55", "not readable as TOML: Expected '=' after a key"),
        (
            "strength = 0.55",
            "strength = 0.5\nstrength = 0.6",
            "not readable as TOML: Cannot overwrite a value",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(old, new, message):
    (problem,) = [line for line in problems(with_line(old, new)) if message in line]
    assert problem.startswith("The preset")


def test_all_mistakes_are_told_in_the_order_of_their_lines():
    text = WHOLE.replace("0.55", "7").replace("seed =", "sed =").replace("2.5", "9999").replace('"painting"', "1")
    assert [line.split(": ")[0] for line in problems(text)] == [f"The preset, line {n}" for n in (4, 9, 10, 15)]


def test_a_newer_format_is_the_only_thing_said_about_its_file():
    assert len(problems(WHOLE.replace("format = 1", "format = 9").replace("[params]", "[knobs]"))) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('format = 1\nname = "x"\nparams.strength = 7', 3),
        ('format = 1\nname = "x"\nparams = { strength = 7 }', 3),
        ('format = 1\nname = "x"\n[ params ]\n"strength" = 7', 4),
        ('format = 1\nname = "x"\n[params]\nprompt = """\nstrength = 1\n"""\nstrength = 7', 7),
        ('format = 1\nname = "x"\n[params]\nprompt = "\u2028"\nstrength = 7', 5),
    ],
)
def test_the_line_is_found_however_the_value_is_written(text, line):
    assert problems(text) == [f"The preset, line {line}: strength is 7; it must be a number from 0 to 1."]


def test_an_empty_file_is_told_what_it_lacks():
    first, second = problems("")
    assert "format is missing. Write, for example, format = 1" in first
    assert 'name is missing. Write, for example, name = "Oil portrait"' in second


def test_a_param_of_an_effect_that_nobody_knows_is_a_mistake():
    with pytest.raises(PresetInvalid, match="no param called 'grain'"):
        parse_preset(WHOLE, ParamRegistry())


def test_an_effect_gets_only_the_params_that_it_knows():
    preset = parse_preset(WHOLE, REGISTRY)
    assert preset.values_for(REGISTRY)["grain"] == 0.25
    assert "grain" not in preset.values_for(ParamRegistry())


def test_changed_params_are_not_reviewed_any_more():
    preset = parse_preset(WHOLE, REGISTRY)
    assert preset.with_params(dict(preset.params)) == preset
    changed = preset.with_params(dict(preset.params) | {"seed": 12})
    assert changed.reviewed == ()
    assert (changed.name, changed.params["seed"]) == ("Oil portrait", 12)


def test_a_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(PresetNotFound, match=r"There is no preset file .*oil\.toml"):
        load_preset(tmp_path / "oil.toml", REGISTRY)


def test_what_is_not_a_text_file_is_refused(tmp_path):
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "latin.toml").write_bytes('name = "café"'.encode("latin-1"))
    (tmp_path / "large.toml").write_bytes(b"#" * 300_000)
    with pytest.raises(PresetInvalid, match="is not a file"):
        load_preset(tmp_path / "folder.toml", REGISTRY)
    with pytest.raises(PresetInvalid, match="is not text in UTF-8"):
        load_preset(tmp_path / "latin.toml", REGISTRY)
    with pytest.raises(PresetInvalid, match="has 300000 bytes; a preset has 262144 at most"):
        load_preset(tmp_path / "large.toml", REGISTRY)


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000], ids=["NUL", "too long for a disk"])
def test_a_path_that_no_file_can_have_is_refused(tmp_path, name):
    with pytest.raises((PresetInvalid, PresetNotFound)):
        load_preset(tmp_path / f"{name}.toml", REGISTRY)


def test_deep_nesting_and_endless_numbers_are_refused():
    assert "not readable as TOML" in problems("x = " + "[" * 50_000)[0]
    assert "not readable as TOML" in problems("x = " + "9" * 5_000)[0]


def outcome(path, content):
    """Load a file that holds `content`: the preset's type or the error's, or whatever must not happen."""
    path.write_bytes(content)
    try:
        return type(load_preset(path, REGISTRY))
    except PresetInvalid as error:
        return type(error) if str(error).startswith(str(path)) else error


def test_a_file_cut_off_anywhere_is_a_preset_or_a_clear_error(tmp_path):
    whole = WHOLE.encode()
    outcomes = {outcome(tmp_path / "cut.toml", whole[:end]) for end in range(len(whole))}
    assert outcomes == {Preset, PresetInvalid}


@pytest.mark.parametrize("spoilt", [0x00, 0x0A, 0x22, 0x5B, 0xFF])
def test_a_file_with_any_one_byte_spoilt_is_a_preset_or_a_clear_error(tmp_path, spoilt):
    whole = WHOLE.encode()
    outcomes = {
        outcome(tmp_path / "spoilt.toml", whole[:place] + bytes([spoilt]) + whole[place + 1 :])
        for place in range(len(whole))
    }
    assert outcomes <= {Preset, PresetInvalid}
    assert PresetInvalid in outcomes


@pytest.mark.parametrize(
    "name",
    [
        *("", "   ", "a/b", "a\\b", "../up", "tab\there", "bell\a", "line\nbreak", "...", "—", "x" * 61),
        *("oil.toml", "CON", "nul", "com1", "LPT9!", "\u202eevil", "\ud800x"),
    ],
)
def test_a_name_that_no_file_or_list_could_carry_is_refused(name):
    with pytest.raises(PresetInvalid):
        check_name(name)


@pytest.mark.parametrize(
    ("name", "file_name"),
    [
        ("Oil portrait", "oil-portrait"),
        ("  Oil & Gold!  ", "oil-gold"),
        ("浮世絵", "浮世絵"),
        ("Ärger_1", "ärger-1"),
        ("ﬁre", "fire"),
        ("console", "console"),
        ("x" * 60, "x" * 48),
    ],
)
def test_a_name_becomes_a_file_name(name, file_name):
    assert slug(check_name(name)) == file_name


def test_the_longest_name_fits_every_file_system():
    assert len(f"{slug(check_name('😀浮' * 30))}-99.toml.bad-99".encode()) <= 255
    assert len(f"{slug('𝒳' * 60 + '浮' * 60)}-99.toml.bad-99".encode()) <= 255
