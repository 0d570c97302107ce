"""Pictures of presets: painted from the demo clip, kept by what a preset sets, never more than so many."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from mirrorfx.cli import _thumbnails
from mirrorfx.cli.__main__ import main
from mirrorfx.errors import EffectUnavailable, SinkUnavailable, UnknownName
from mirrorfx.presets import Preset
from mirrorfx.presets.thumbnails import ThumbnailPainter, prune
from mirrorfx.resources import thumbnail_path


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MIRRORFX_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "thumbnails"


@pytest.fixture
def painter():
    with ThumbnailPainter("paint", 64) as made:
        yield made


def test_a_picture_is_square_marked_with_its_effect_and_painted_once(painter, monkeypatch):
    preset = Preset(name="One", params={"strength": 1.0})
    path = painter.make(preset, preset.stamp)
    assert cv2.imread(str(path)).shape == (64, 64, 3)
    assert "-paint-64-" in path.name
    monkeypatch.setattr(painter, "_painted", lambda preset: pytest.fail("it is there already"))
    assert painter.make(preset, preset.stamp) == path


def test_what_a_preset_sets_decides_its_picture_not_its_name(painter):
    preset = Preset(name="One", params={"strength": 1.0})
    assert replace(preset, name="Two").stamp == preset.stamp
    other = preset.with_params({"strength": 0.0})
    assert other.stamp != preset.stamp
    first, second = (cv2.imread(str(painter.make(p, p.stamp))) for p in (preset, other))
    assert (first != second).any()


def test_another_effect_or_size_has_other_files():
    paths = {thumbnail_path(1, "style", 64), thumbnail_path(1, "paint", 64), thumbnail_path(1, "style", 128)}
    assert len(paths) == 3


def test_those_that_nobody_has_used_for_the_longest_go_first(tmp_path):
    for age in range(6):
        path = tmp_path / f"{age}.jpg"
        path.touch()
        os.utime(path, (1000 - age, 1000 - age))
    prune(tmp_path, most=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.jpg", "1.jpg"]


def test_a_cache_that_cannot_be_written_to_is_told(painter, cache):
    cache.parent.mkdir(parents=True)
    cache.write_text("a file where the folder should be")
    with pytest.raises(SinkUnavailable, match="MIRRORFX_CACHE_DIR"):
        painter.make(Preset(name="One"), 1)


def test_an_effect_that_is_not_there_is_refused_at_once():
    with pytest.raises(UnknownName):
        ThumbnailPainter("stile", 64)


def test_jobs_are_answered_one_by_one_and_a_bad_one_ends_nothing(painter, capsys):
    jobs = ['{"stamp": 5, "toml": "format = 1\\nname = \\"A\\""}', "junk", '{"stamp": 6, "toml": "name = 1"}']
    _thumbnails.answer_jobs(painter, jobs)
    first, second, third = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first == {"stamp": 5, "picture": str(painter.path(5))}
    assert "is no job" in second["error"]
    assert third["stamp"] == 6
    assert "format is missing" in third["error"]


@pytest.mark.parametrize(("words", "said"), [(["--size", "9"], "from 64 to 512"), (["--effect", "stile"], "'style'")])
def test_bad_input(words, said, capsys, monkeypatch):
    monkeypatch.setattr(_thumbnails, "_step_back", lambda: None)
    assert main(["presets", "thumbnails", *words]) == 2
    assert said in capsys.readouterr().err


def test_the_command_paints_what_is_missing_and_keeps_going_after_a_failure(monkeypatch, capsys, cache):
    monkeypatch.setattr(_thumbnails, "_step_back", lambda: None)
    made = ThumbnailPainter.make

    def make(self, preset, stamp):
        if preset.name == "Ice":
            raise EffectUnavailable("no ice today")
        return made(self, preset, stamp)

    monkeypatch.setattr(ThumbnailPainter, "make", make)
    monkeypatch.setattr(ThumbnailPainter, "_painted", lambda self, preset: cv2.imread(str(blank)))
    blank = cache.parent / "blank.png"
    blank.parent.mkdir(parents=True)
    cv2.imwrite(str(blank), np.zeros((64, 64, 3), np.uint8))
    assert main(["presets", "thumbnails", "--effect", "paint", "--size", "64"]) == 1
    err = capsys.readouterr().err
    assert "no ice today" in err
    assert "painted with paint, 0 were there" in err
    count = len(list(cache.iterdir()))
    assert count > 20
    assert main(["presets", "thumbnails", "--effect", "paint", "--size", "64"]) == 1
    assert f"0 painted with paint, {count} were there" in capsys.readouterr().err


def test_the_painter_ends_with_its_input_and_steps_back(tmp_path):
    program = (
        "import sys, psutil; from mirrorfx.cli.__main__ import main; "
        "code = main(['presets', 'thumbnails', '--stdin']); print(psutil.Process().nice(), code)"
    )
    done = subprocess.run([sys.executable, "-c", program], input="", capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["19", "0"], done.stderr
