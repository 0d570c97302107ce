"""``mirrorfx presets``, as people call it."""

import pytest

from mirrorfx.cli.__main__ import main


@pytest.fixture(autouse=True)
def user_presets(tmp_path, monkeypatch):
    monkeypatch.setenv("MIRRORFX_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "200")
    folder = tmp_path / "config" / "presets"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def mirrorfx(capsys):
    def call(*words):
        status = main(["presets", *words])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def write(path, name, seed=1):
    path.write_text(f'format = 1\nname = "{name}"\n[params]\nseed = {seed}\n')
    return path


def test_the_list_has_the_built_in_presets_and_the_users_own(mirrorfx, user_presets):
    write(user_presets / "mine.toml", "[red]Mine")
    status, out, err = mirrorfx("list")
    assert (status, err) == (0, "")
    assert "Oil portrait" in out
    assert "[red]Mine (yours)" in out
    assert str(user_presets) in out


def test_the_list_names_what_is_wrong_and_touches_nothing(mirrorfx, user_presets):
    (user_presets / "bad.toml").write_bytes(b"\0")
    status, out, err = mirrorfx("list")
    assert status == 1
    assert "Oil portrait" in out
    assert "bad.toml is not readable as TOML" in err
    assert [path.name for path in user_presets.iterdir()] == ["bad.toml"]


def test_show_says_everything_about_one(mirrorfx, user_presets):
    path = write(user_presets / "mine.toml", "Mine", seed=77)
    status, out, _ = mirrorfx("show", "mine")
    assert status == 0
    assert "77" in out
    assert str(path) in out
    assert "nobody has looked at it yet" in out
    assert mirrorfx("show", str(path))[1] == out


def test_show_says_that_turbo_is_unreviewed(mirrorfx):
    assert "style (on turbo nobody has looked at it yet)" in mirrorfx("show", "oil portrait")[1]


def test_show_of_an_unknown_preset_is_one_clear_line(mirrorfx):
    status, _, err = mirrorfx("show", "oil portrat")
    assert status == 2
    assert "Did you mean 'Oil portrait'?" in err
    assert len(err.splitlines()) == 1


def test_all_is_well(mirrorfx):
    status, out, err = mirrorfx("check")
    assert (status, err) == (0, "")
    assert "preset files are good." in out


def test_check_names_every_mistake_of_every_file(mirrorfx, user_presets, tmp_path):
    write(user_presets / "good.toml", "Good")
    write(user_presets / "twin.toml", "GOOD")
    write(user_presets / "seed.toml", "Seed", seed=-1)
    two = write(user_presets / "two.toml", "a/b", seed=-2)
    two.write_text(two.read_text() + "strenght = 0.5\n")
    status, _, err = mirrorfx("check")
    assert status == 1
    for expected in (
        "seed.toml, line 4: seed is -1",
        "two.toml, line 2: name is 'a/b'",
        "two.toml, line 4: seed is -2",
        "two.toml, line 5: There is no param called 'strenght'. Did you mean 'strength'?",
        "twin.toml has the name 'GOOD', which",
    ):
        assert expected in err
    assert len(err.splitlines()) == 5


def test_check_takes_files_and_folders(mirrorfx, user_presets, tmp_path):
    good, bad = write(tmp_path / "good.toml", "Good"), write(tmp_path / "bad.toml", "Bad", seed=-1)
    assert mirrorfx("check", str(good))[:2] == (0, "1 of 1 preset file is good.\n")
    assert mirrorfx("check", str(good), str(bad), str(tmp_path / "none.toml"))[:2] == (
        1,
        "1 of 3 preset files are good.\n",
    )
    assert mirrorfx("check", str(tmp_path))[0] == 1
    (tmp_path / "empty").mkdir()
    code, _, err = mirrorfx("check", str(tmp_path / "empty"))
    assert (code, "no preset file" in err) == (1, True)


def test_paths_are_whole_however_narrow(mirrorfx, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    _, shown, _ = mirrorfx("show", "Ice")
    assert "…" not in shown
    monkeypatch.delenv("COLUMNS")
    _, shown, _ = mirrorfx("list")
    assert max(map(len, shown.splitlines())) > 80


def test_an_action_is_needed(capsys):
    assert main(["presets"]) == 2
    assert "list, show, check" in capsys.readouterr().err
