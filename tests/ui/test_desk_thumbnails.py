"""The presets' pictures at the desk: painted one after the other by a process of their own, shown as they come."""

from __future__ import annotations

import subprocess
import sys

import pytest
from fake_engine import FIGURES, worker
from fake_presets import preset
from PyQt6.QtCore import QProcess

from mirrorfx.resources import thumbnail_path
from mirrorfx_ui.desk.thumbnails import _COMMAND, _OPTIONS, Thumbnails

PAINTER = """
import json, sys
from pathlib import Path
from mirrorfx.resources import thumbnail_path
for line in sys.stdin:
    job = json.loads(line)
    path = thumbnail_path(job["stamp"], "style", 256)
    path.parent.mkdir(parents=True, exist_ok=True)
    if job["stamp"] == 13:
        answer = {"stamp": 13, "error": "no such param"}
    elif job["stamp"] == 66:
        sys.stderr.write("Traceback\\nthe painter fell off the ladder\\n")
        sys.exit(1)
    else:
        answer = {"stamp": job["stamp"], "picture": str(path)}
        path.write_bytes(Path(sys.argv[1]).read_bytes())
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def thumbnails(desk, bridge, engine, tmp_path, monkeypatch, qtbot):
    """Those of the desk, with a painter that copies a picture and writes down what it was asked."""
    import cv2
    import numpy as np

    monkeypatch.setenv("MIRRORFX_CACHE_DIR", str(tmp_path / "cache"))
    picture = tmp_path / "picture.jpg"
    cv2.imwrite(str(picture), np.full((256, 256, 3), (0, 0, 200), np.uint8))
    script = tmp_path / "painter.py"
    script.write_text(PAINTER)
    made = Thumbnails(bridge, desk, command=(sys.executable, str(script), str(picture)))
    yield made
    made.close()


def known(*stamps):
    return [preset(f"P{stamp}", builtin=True, stamp=stamp) for stamp in stamps]


def running(thumbnails):
    return [p for p in thumbnails.findChildren(QProcess) if p.state() is not QProcess.ProcessState.NotRunning]


def test_nothing_is_painted_before_the_show_runs(thumbnails, engine, bridge, qtbot):
    engine.publish_state(presets=known(1, 2))
    thumbnails.show_presets(known(1, 2))
    thumbnails.allow()
    with qtbot.waitSignal(bridge.figures_changed):
        engine.publish_figures(workers=[worker(0, state="starting"), worker(1)])
    assert not running(thumbnails)
    assert thumbnails.progress is None
    with qtbot.waitSignal(thumbnails.progress_changed):
        engine.publish_figures(workers=FIGURES["workers"])
    assert thumbnails.progress == (1, 2)


def test_each_picture_is_shown_as_it_comes_and_the_painter_goes_home(thumbnails, engine, qtbot):
    engine.publish_state(presets=known(1, 2, 3))
    thumbnails.show_presets(known(1, 2, 3))
    assert thumbnails.picture(2) is None
    made, told = [], []
    thumbnails.made.connect(made.append)
    thumbnails.progress_changed.connect(lambda: told.append(thumbnails.progress))
    thumbnails.allow()
    engine.publish_figures()
    qtbot.waitUntil(lambda: thumbnails.progress is None and len(made) == 3, timeout=20_000)
    assert made == [1, 2, 3]
    assert told == [(1, 3), (2, 3), (3, 3), None]
    assert thumbnails.picture(2).width() == 256
    assert [arguments["name"] for do, arguments in engine.asked if do == "export"] == ["P1", "P2", "P3"]
    qtbot.waitUntil(lambda: not running(thumbnails), timeout=20_000)


def test_what_is_there_already_is_not_painted(thumbnails, engine, bridge, qtbot, tmp_path):
    path = thumbnail_path(4, "style", 256)
    path.parent.mkdir(parents=True)
    path.write_bytes((tmp_path / "picture.jpg").read_bytes())
    thumbnails.show_presets(known(4))
    thumbnails.allow()
    with qtbot.waitSignal(bridge.figures_changed):
        engine.publish_figures()
    assert thumbnails.picture(4) is not None
    assert thumbnails.progress is None
    assert not running(thumbnails)


def test_a_preset_that_cannot_be_painted_does_not_hold_up_the_others(thumbnails, engine, qtbot):
    engine.publish_state(presets=known(13, 14))
    thumbnails.show_presets(known(13, 14))
    thumbnails.allow()
    engine.publish_figures()
    qtbot.waitUntil(lambda: thumbnails.picture(14) is not None and thumbnails.progress is None, timeout=20_000)
    assert thumbnails.trouble == "no such param"
    thumbnails.show_presets(known(13, 14))
    assert thumbnails.progress is None, "it is not tried for ever"


def test_a_painter_that_falls_ends_it_with_its_last_words(thumbnails, engine, qtbot):
    engine.publish_state(presets=known(66, 67))
    thumbnails.show_presets(known(66, 67))
    thumbnails.allow()
    engine.publish_figures()
    qtbot.waitUntil(lambda: bool(thumbnails.trouble), timeout=20_000)
    assert thumbnails.trouble == "the painter fell off the ladder"
    assert thumbnails.progress is None
    assert not running(thumbnails)


def test_a_painter_that_is_not_there(desk, bridge, engine, qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("MIRRORFX_CACHE_DIR", str(tmp_path / "cache"))
    engine.publish_state(presets=known(1))
    made = Thumbnails(bridge, desk, command=(str(tmp_path / "nobody"),))
    made.show_presets(known(1))
    made.allow()
    engine.publish_figures()
    qtbot.waitUntil(lambda: bool(made.trouble))
    assert "can't be started" in made.trouble
    made.close()


def test_the_panel_says_how_far_it_is(desk, qtbot):
    pictures = desk.presets.thumbnails
    pictures.progress = (7, 23)
    pictures.progress_changed.emit()
    assert desk.presets.pictures.text() == "Making pictures 7/23"
    assert desk.presets.pictures.isVisible()
    pictures.progress = None
    pictures.progress_changed.emit()
    assert not desk.presets.pictures.isVisible()


def test_a_closed_desk_leaves_no_painter(thumbnails, engine, qtbot):
    engine.publish_state(presets=known(1, 2, 3))
    thumbnails.show_presets(known(1, 2, 3))
    thumbnails.allow()
    engine.publish_figures()
    qtbot.waitUntil(lambda: bool(running(thumbnails)))
    (process,) = running(thumbnails)
    thumbnails.close()
    assert process.state() is QProcess.ProcessState.NotRunning


def test_the_real_painter_starts_and_ends_with_its_input():
    done = subprocess.run([*_COMMAND, *_OPTIONS], input="", capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
