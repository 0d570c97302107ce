"""The preset library: the user's own go before the built-in ones, and one bad file never takes the rest down."""

import logging
import os
import sys
from dataclasses import replace

import pytest

from mirrorfx.errors import PresetInvalid, PresetNotFound, PresetNotSaved
from mirrorfx.params import Kind, Param, ParamRegistry
from mirrorfx.presets import Preset, PresetLibrary, all_params
from mirrorfx.presets import library as preset_library

REGISTRY = ParamRegistry()


@pytest.fixture
def builtin(tmp_path):
    folder = tmp_path / "builtin"
    folder.mkdir()
    write(folder, "oil.toml", "Oil", seed=1)
    write(folder, "ice.toml", "Ice", seed=2)
    return folder


@pytest.fixture
def user(tmp_path):
    folder = tmp_path / "user"
    folder.mkdir()
    return folder


def write(folder, file_name, name, *, seed=0):
    path = folder / file_name
    path.write_text(f'format = 1\nname = "{name}"\ncategory = "test"\n[params]\nseed = {seed}\n', encoding="utf-8")
    return path


def touch(path, text):
    """Write so that the time differs, however coarse the file system's clock is."""
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 10**9 * len(text)))


@pytest.fixture
def library(builtin, user):
    return PresetLibrary(builtin, user, REGISTRY)


def test_the_names_are_sorted_whatever_the_case(builtin, user):
    write(user, "a.toml", "art deco")
    assert PresetLibrary(builtin, user, REGISTRY).names() == ["art deco", "Ice", "Oil"]


def test_the_users_folder_need_not_exist(builtin, tmp_path):
    assert PresetLibrary(builtin, tmp_path / "none", REGISTRY).names() == ["Ice", "Oil"]


@pytest.mark.parametrize("name", ["Oil", "oil", " OIL "])
def test_a_preset_is_found_whatever_the_case(library, name):
    assert library.get(name).params["seed"] == 1


def test_an_unknown_preset_names_the_nearest(library):
    with pytest.raises(PresetNotFound, match=r"no preset called 'oli'\. Did you mean 'Oil'\? Known: Ice, Oil\."):
        library.get("oli")


def test_the_users_preset_shadows_the_built_in_one(builtin, user):
    write(user, "mine.toml", "OIL", seed=99)
    library = PresetLibrary(builtin, user, REGISTRY)
    assert library.names() == ["Ice", "OIL"]
    assert library.get("oil").params["seed"] == 99
    assert not library.is_builtin("Oil")
    assert library.is_builtin("ice")
    assert not library.is_builtin("nothing")


def test_a_preset_is_resolved_by_name_or_by_file(library, tmp_path):
    path = write(tmp_path, "else.toml", "Elsewhere", seed=5)
    assert library.resolve("ice").params["seed"] == 2
    assert library.resolve(str(path)).name == "Elsewhere"
    with pytest.raises(PresetNotFound, match="There is no preset file"):
        library.resolve("missing.toml")
    with pytest.raises(PresetNotFound, match="There is no preset file"):
        library.resolve(f"folder{os.sep}oil")


def test_a_saved_preset_is_the_users_own(library, user):
    library.save(replace(library.get("oil"), params={"seed": 50}))
    assert library.get("Oil").params["seed"] == 50
    assert [path.name for path in user.iterdir()] == ["oil.toml"]
    library.save(replace(library.get("oil"), params={"seed": 51}))
    assert sorted(path.name for path in user.iterdir()) == ["oil.toml", "oil.toml.bak"]
    assert library.get("Oil").params["seed"] == 51


def test_saving_never_touches_a_built_in_file(library, builtin):
    before = {path.name: path.read_bytes() for path in builtin.iterdir()}
    library.save(replace(library.get("oil"), params={"seed": 50}))
    library.delete("oil")
    assert {path.name: path.read_bytes() for path in builtin.iterdir()} == before


def test_a_preset_goes_back_to_the_file_it_was_in(builtin, user):
    path = write(user, "some-odd-name.toml", "Mine", seed=5)
    library = PresetLibrary(builtin, user, REGISTRY)
    saved = library.save(Preset(name="mine", params={"seed": 6}))
    assert saved.path == path
    assert library.get("mine").params["seed"] == 6


def test_names_that_share_a_file_name_get_two_files(library, user):
    library.save(Preset(name="A B", params={"seed": 1}))
    library.save(Preset(name="A-B", params={"seed": 2}))
    assert (library.get("A B").params["seed"], library.get("A-B").params["seed"]) == (1, 2)
    assert sorted(path.name for path in user.iterdir()) == ["a-b-2.toml", "a-b.toml"]


def test_saving_never_overwrites_a_file_that_is_not_that_preset(builtin, user):
    broken = user / "mine.toml"
    broken.write_text('format = 1\nname = "Mine"\n[params]\nsed = 3\n')
    before = broken.read_bytes()
    library = PresetLibrary(builtin, user, REGISTRY)
    assert library.save(Preset(name="Mine")).path == user / "mine-2.toml"
    assert broken.read_bytes() == before


def test_saving_as_needs_a_name_that_is_free(library):
    copy = library.save_as(library.get("oil"), "  Oil two ")
    assert (copy.name, library.get("oil two").params["seed"]) == ("Oil two", 1)
    with pytest.raises(PresetNotSaved, match="have a preset called 'oil TWO' already"):
        library.save_as(library.get("oil"), "oil TWO")
    with pytest.raises(PresetInvalid, match="slashes"):
        library.save_as(library.get("oil"), "../oil")


def test_a_deleted_preset_uncovers_the_built_in_one_and_stays_as_backup(library, user):
    library.save(replace(library.get("oil"), params={"seed": 50}))
    library.delete("OIL")
    assert library.get("oil").params["seed"] == 1
    assert [path.name for path in user.iterdir()] == ["oil.toml.bak"]


def test_a_built_in_preset_can_not_be_deleted(library):
    with pytest.raises(PresetNotFound, match=r"no preset of your own called 'oil'\. The built-in one can't be deleted"):
        library.delete("oil")
    with pytest.raises(PresetNotFound, match="no preset of your own called 'nothing'"):
        library.delete("nothing")


def test_a_failed_save_leaves_the_library_as_it_was(library, monkeypatch):
    library.save(Preset(name="Mine", params={"seed": 1}))

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PresetNotSaved):
        library.save(Preset(name="Mine", params={"seed": 2}))
    library.reload()
    assert library.get("mine").params["seed"] == 1


def test_a_damaged_file_is_set_aside_and_the_rest_loads(builtin, user, caplog):
    write(user, "good.toml", "Good", seed=3)
    (user / "bad.toml").write_bytes(b"format = 1\nna")
    (user / "bad.toml.bad").write_bytes(b"an earlier one")
    with caplog.at_level(logging.WARNING):
        library = PresetLibrary(builtin, user, REGISTRY)
    assert library.names() == ["Good", "Ice", "Oil"]
    assert sorted(p.name for p in user.iterdir()) == ["bad.toml.bad", "bad.toml.bad-2", "good.toml"]
    assert (user / "bad.toml.bad").read_bytes() == b"an earlier one"
    assert (user / "bad.toml.bad-2").read_bytes() == b"format = 1\nna"
    (problem,) = library.problems
    assert "not readable as TOML" in str(problem)
    assert str(problem).endswith("The file was set aside as bad.toml.bad-2.")
    assert str(problem) in caplog.text
    library.reload()
    assert library.problems == (problem,)


def test_a_damaged_file_gives_way_to_the_built_in_one(builtin, user):
    (user / "oil.toml").write_bytes(b"\0" * 100)
    assert PresetLibrary(builtin, user, REGISTRY).get("oil").params["seed"] == 1


def test_a_mistake_is_left_where_its_author_finds_it_and_is_no_silent_fallback(builtin, user):
    path = write(user, "oil.toml", "Oil", seed=-4)
    library = PresetLibrary(builtin, user, REGISTRY)
    assert path.exists()
    with pytest.raises(PresetInvalid, match=r"line 5: seed is -4"):
        library.get("Oil")
    assert [problem.path for problem in library.problems] == [path]
    assert library.get("ice").params["seed"] == 2


def test_a_newer_format_is_left_alone(builtin, user):
    path = user / "new.toml"
    path.write_text('format = 2\nname = "New"\nlayers = [1, 2]\n')
    library = PresetLibrary(builtin, user, REGISTRY)
    assert path.exists()
    assert "a newer MirrorFX wrote it" in str(library.problems[0])


def test_built_in_files_are_never_set_aside(builtin, user):
    (builtin / "bad.toml").write_bytes(b"\0")
    library = PresetLibrary(builtin, user, REGISTRY)
    assert (builtin / "bad.toml").exists()
    assert len(library.problems) == 1


def test_without_repair_no_file_is_touched(builtin, user):
    (user / "bad.toml").write_bytes(b"\0")
    library = PresetLibrary(builtin, user, REGISTRY, repair=False)
    assert [path.name for path in user.iterdir()] == ["bad.toml"]
    assert len(library.problems) == 1


def test_a_damaged_file_that_can_not_be_set_aside_is_reported(builtin, user, monkeypatch, caplog):
    (user / "bad.toml").write_bytes(b"\0")

    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(preset_library, "set_aside", refuse)
    library = PresetLibrary(builtin, user, REGISTRY)
    assert library.names() == ["Ice", "Oil"]
    assert len(library.problems) == 1
    assert "could not be set aside" in caplog.text


def test_two_presets_of_one_name_are_reported(builtin, user):
    write(user, "one.toml", "Mine", seed=1)
    second = write(user, "two.toml", "MINE", seed=2)
    library = PresetLibrary(builtin, user, REGISTRY)
    assert library.get("mine").params["seed"] == 1
    (problem,) = library.problems
    assert problem.path == second
    assert "has the name 'MINE', which" in str(problem)
    assert "Rename one of them" in str(problem)


def test_other_files_are_no_presets(builtin, user):
    for name in ("oil.toml.bak", ".1234.tmp", "notes.txt"):
        (user / name).write_text("x")
    (user / "folder.toml").mkdir()
    library = PresetLibrary(builtin, user, REGISTRY)
    assert library.names() == ["Ice", "Oil"]
    assert library.problems == ()


def test_changed_new_and_deleted_files_are_noticed(library, user):
    assert library.reload() is False
    path = write(user, "new.toml", "New", seed=1)
    assert library.reload() is True
    assert library.get("new").params["seed"] == 1
    touch(path, path.read_text().replace("seed = 1", "seed = 22"))
    assert library.reload() is True
    assert library.get("new").params["seed"] == 22
    path.unlink()
    assert library.reload() is True
    assert library.names() == ["Ice", "Oil"]
    assert library.reload() is False


def test_a_file_that_is_being_edited_keeps_its_last_good_preset(library, user):
    path = write(user, "new.toml", "New", seed=1)
    library.reload()
    good = path.read_text()
    for half_written in ("", "format = 1\nna", good.replace("seed = 1", "seed = -1")):
        touch(path, half_written)
        assert library.reload() is True
        assert library.get("new").params["seed"] == 1
        assert len(library.problems) == 1
        assert path.exists()
    touch(path, good.replace("seed = 1", "seed = 333"))
    library.reload()
    assert library.get("new").params["seed"] == 333
    assert library.problems == ()


def test_a_preset_may_set_the_params_of_every_effect_that_can_be_imported(monkeypatch):
    class Grainy:
        params = (Param(name="grain", kind=Kind.FLOAT, default=0.5),)

    def effect_class(name):
        if name == "broken":
            raise preset_library.EffectUnavailable("it can't be imported")
        return Grainy

    import mirrorfx.effects

    monkeypatch.setattr(mirrorfx.effects, "effect_names", lambda: ("broken", "grainy"))
    monkeypatch.setattr(mirrorfx.effects, "effect_class", effect_class)
    assert set(all_params()) == {"prompt", "strength", "seed", "drift", "grain"}


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that even root can't write to")
def test_a_folder_that_nobody_can_write_to(builtin):
    from pathlib import Path

    library = PresetLibrary(builtin, Path("/proc/presets"), REGISTRY)
    with pytest.raises(PresetNotSaved, match=r"'Mine' could not be saved as /proc/presets/mine\.toml"):
        library.save(Preset(name="Mine"))


def test_a_folder_that_turned_read_only_is_a_problem_until_it_is_writable_again(library, user, monkeypatch):
    shut = {user}
    monkeypatch.setattr(preset_library.os, "access", lambda path, mode: path not in shut)
    assert library.reload()
    assert "read-only" in library.problems[0].message
    assert str(user) in library.problems[0].message
    assert not library.reload()
    shut.clear()
    assert library.reload()
    assert library.problems == ()
