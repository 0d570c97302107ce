"""Saving presets: comments survive, and no failure loses what was saved before."""

import errno
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mirrorfx import files
from mirrorfx.errors import PresetInvalid, PresetNotSaved
from mirrorfx.params import ParamRegistry
from mirrorfx.presets import Preset, load_preset
from mirrorfx.presets.store import backup_path, is_damaged, save_preset

REGISTRY = ParamRegistry()
OIL = Preset(
    name="Oil portrait",
    category="painting",
    fade_s=2.5,
    params={"prompt": 'an "oil" painting\\, ☂', "strength": 0.55, "seed": 11, "drift": 3.0},
    reviewed=("style",),
)
COMMENTED = """\
# Made in the studio.
name   = "Oil portrait"   # do not rename
format = 1

[fade]
seconds = 4   # slow

# What the visitors see:
[params]
drift    = 3
strength = 5.5e-1  # keeps faces
prompt   = '''an "oil" painting\\, ☂'''
seed     = 11

# The end.
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "oil-portrait.toml"


def edited(preset, **params):
    return replace(preset, params=dict(preset.params) | params)


def test_what_is_saved_is_read_back(path):
    saved = save_preset(OIL, path, REGISTRY)
    assert load_preset(path, REGISTRY) == saved == OIL
    assert saved.path == path


def test_a_preset_with_nothing_but_a_name_is_saved(path):
    save_preset(Preset(name="x"), path, REGISTRY)
    assert load_preset(path, REGISTRY) == Preset(name="x")


def test_the_folder_is_made(tmp_path):
    path = tmp_path / "config" / "presets" / "oil.toml"
    save_preset(OIL, path, REGISTRY)
    assert load_preset(path, REGISTRY) == OIL


def test_comments_order_and_writing_survive_a_save(path):
    path.write_text(COMMENTED, encoding="utf-8")
    preset = load_preset(path, REGISTRY)
    save_preset(edited(preset, strength=0.25), path, REGISTRY)
    kept = path.read_text(encoding="utf-8")
    expected = COMMENTED.replace("5.5e-1 ", "0.25 ")
    for line in expected.splitlines():
        assert line in kept
    order = [kept.index(line) for line in expected.splitlines() if line]
    assert order == sorted(order)


def test_a_param_that_the_preset_has_no_more_is_taken_out(path):
    path.write_text(COMMENTED, encoding="utf-8")
    preset = load_preset(path, REGISTRY)
    save_preset(replace(preset, params={"strength": 0.55}), path, REGISTRY)
    assert dict(load_preset(path, REGISTRY).params) == {"strength": 0.55}
    assert "5.5e-1  # keeps faces" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        'format = 1\nname = "x"\nparams.strength = 0.1  # dotted\n',
        'format = 1\nname = "x"\nparams = { strength = 0.1 }  # inline\nfade = { seconds = 1 }\n',
        'format = 1\nname = "x"\n[fade]\n[params]\n[params.old]\n',
        "[params]\nstrength = 0.1\n[unknown]\nx = 3\n",
        "strength 3 not TOML",
        "",
    ],
)
def test_whatever_the_file_was_like_the_preset_is_saved(path, text):
    path.write_text(text, encoding="utf-8")
    save_preset(OIL, path, REGISTRY)
    assert load_preset(path, REGISTRY) == OIL


def test_a_new_file_has_the_comments_of_the_one_it_comes_from(tmp_path, path):
    path.write_text(COMMENTED, encoding="utf-8")
    copy = tmp_path / "copy.toml"
    save_preset(replace(load_preset(path, REGISTRY), name="Copy"), copy, REGISTRY)
    assert "# What the visitors see:" in copy.read_text(encoding="utf-8")
    assert load_preset(copy, REGISTRY).name == "Copy"
    assert path.read_text(encoding="utf-8") == COMMENTED


def test_the_version_before_is_kept(path):
    save_preset(OIL, path, REGISTRY)
    first = path.read_bytes()
    save_preset(edited(OIL, seed=12), path, REGISTRY)
    assert backup_path(path).read_bytes() == first
    save_preset(edited(OIL, seed=12), path, REGISTRY)
    assert backup_path(path).read_bytes() == first, "saving the same again must not push the older version out"


def test_what_was_no_preset_is_kept_beside_the_backup(path):
    save_preset(OIL, path, REGISTRY)
    save_preset(edited(OIL, seed=12), path, REGISTRY)
    backup = backup_path(path).read_bytes()
    path.write_bytes(b"\0\0\0")
    save_preset(edited(OIL, seed=13), path, REGISTRY)
    assert path.with_name("oil-portrait.toml.bad").read_bytes() == b"\0\0\0"
    assert backup_path(path).read_bytes() == backup


def test_a_link_stays_a_link(tmp_path, path):
    target = tmp_path / "elsewhere" / "oil.toml"
    save_preset(OIL, target, REGISTRY)
    path.symlink_to(target)
    save_preset(edited(OIL, seed=12), path, REGISTRY)
    assert path.is_symlink()
    assert load_preset(target, REGISTRY).params["seed"] == 12


def test_the_permissions_stay(path):
    save_preset(OIL, path, REGISTRY)
    path.chmod(0o640)
    save_preset(edited(OIL, seed=12), path, REGISTRY)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    "preset",
    [replace(OIL, name="a/b"), edited(OIL, strength=7), edited(OIL, nonsense=1), replace(OIL, fade_s=-1.0)],
    ids=["name", "value", "param", "fade"],
)
def test_a_preset_that_is_not_allowed_is_never_written(path, preset):
    save_preset(OIL, path, REGISTRY)
    before = path.read_bytes()
    with pytest.raises(PresetInvalid):
        save_preset(preset, path, REGISTRY)
    assert path.read_bytes() == before
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name]


STEPS = {
    "opening": (Path, "open"),
    "flushing": (os, "fsync"),
    "renaming": (os, "replace"),
    "permissions": (files.shutil, "copymode"),
}
CODES = [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO]


@pytest.mark.parametrize("code", CODES, ids=lambda code: errno.errorcode[code])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("which", [1, 2])
def test_when_the_disk_says_no_the_old_file_is_intact(path, monkeypatch, code, step, which):
    """The second time a step is taken it is for the preset; the first time for its backup."""
    save_preset(OIL, path, REGISTRY)
    save_preset(edited(OIL, seed=12), path, REGISTRY)
    before = path.read_bytes()
    owner, name = STEPS[step]
    real, calls = getattr(owner, name), []

    def refuse(*args, **kwargs):
        if owner is Path and "x" not in str(args[1:2]):
            return real(*args, **kwargs)
        calls.append(args)
        # Flushing happens twice a file: its content, then its folder.
        if len(calls) == (2 * which - 1 if name == "fsync" else which):
            raise OSError(code, os.strerror(code))
        return real(*args, **kwargs)

    monkeypatch.setattr(owner, name, refuse)
    with pytest.raises(PresetNotSaved, match=f"{os.strerror(code)}. The version saved before is intact"):
        save_preset(edited(OIL, seed=13), path, REGISTRY)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert load_preset(backup_path(path), REGISTRY).params["seed"] in (11, 12)
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name, backup_path(path).name]
    assert save_preset(edited(OIL, seed=13), path, REGISTRY).params["seed"] == 13


def test_a_full_disk_names_the_way_out(path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PresetNotSaved) as error:
        save_preset(OIL, path, REGISTRY)
    assert "'Oil portrait' could not be saved" in str(error.value)
    assert "No space left on device. Nothing was written. Make room on that disk, then save again." in str(error.value)
    assert list(path.parent.iterdir()) == []


def test_a_folder_that_can_not_be_made_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PresetNotSaved, match=r"could not be saved as .*: (Not a directory|File exists)"):
        save_preset(OIL, tmp_path / "file" / "presets" / "oil.toml", REGISTRY)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")
@pytest.mark.parametrize("killed_at", range(1, 12))
def test_a_process_killed_in_the_middle_leaves_the_old_or_the_new(path, killed_at):
    save_preset(OIL, path, REGISTRY)
    child = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(killed_at)], check=False, capture_output=True, timeout=60
    )
    assert child.stderr == b""
    assert child.returncode in (-signal.SIGKILL, 0)
    assert load_preset(path, REGISTRY).params["seed"] in (11, 99)
    backup = backup_path(path)
    assert not backup.exists() or load_preset(backup, REGISTRY).params["seed"] == 11
    assert child.returncode == -signal.SIGKILL or killed_at > 8, "the test must reach the steps it names"


KILLED = """\
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from mirrorfx.params import ParamRegistry
from mirrorfx.presets import load_preset
from mirrorfx.presets.store import save_preset

path, killed_at, steps = Path(sys.argv[1]), int(sys.argv[2]), 0
registry = ParamRegistry()
preset = load_preset(path, registry)
preset = replace(preset, params=dict(preset.params) | {"seed": 99})

import tomlkit  # before the hook, which counts its files too otherwise

def step(event, args):
    global steps
    if event in ("open", "os.rename", "os.chmod", "os.remove") and str(path.parent) in str(args[0]):
        steps += 1
        if steps == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(step)
save_preset(preset, path, registry)
"""


def test_damage_is_told_from_a_mistake(tmp_path):
    def damaged(content):
        (tmp_path / "x.toml").write_bytes(content)
        return is_damaged(tmp_path / "x.toml")

    whole = b'format = 1\nname = "x"\n[params]\nstrength = 0.5\n'
    assert [damaged(c) for c in (b"", b"\0" * 64, b"\xff\xfe", whole[:-8], whole[:11], b"format = 1")] == [True] * 6
    mistakes = (whole, whole + b"sed = 3", whole.replace(b"0.5", b"7"), whole.replace(b"= 1", b"= 9"))
    assert [damaged(content) for content in mistakes] == [False] * 4
    assert not is_damaged(tmp_path / "missing.toml")
