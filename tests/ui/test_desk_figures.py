"""The desk's right column: the plots, who painted, sensors, marks of events, lag, and the export."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtWidgets import QDialogButtonBox, QLineEdit, QToolTip

from mirrorfx_ui.desk.bridge import Link

sys.path.insert(0, str(Path(__file__).parent))
from fake_engine import FIGURES, worker

LEFT = Qt.MouseButton.LeftButton
START_S = 5000.01


def frames(count, first=0, start_s=START_S, lagged=()):
    """Frames of 25 a second, painted in turns; latency 90 to 99 ms."""
    return [
        [n, start_s + 0.04 * n, 90.0 + n % 10, 40.0 if n else 0.0, n % 2, int(n in lagged)]
        for n in range(first, first + count)
    ]


def told(desk, qtbot, count):
    qtbot.waitUntil(lambda: len(desk.figures.frames.rows) == count)


def curve(plot):
    return plot._curve.getData()


# Plots


def test_latency_and_interval_are_plotted_with_their_percentiles(desk, engine, qtbot):
    engine.publish_frames(frames(101), START_S + 4.04)
    told(desk, qtbot, 101)
    plots = desk.figures.plots
    assert [value.text() for value in plots.latency.values] == ["94", "99", "99"]
    assert [value.text() for value in plots.interval.values] == ["40", "40", "40"]
    x, y = curve(plots.latency.plot)
    assert len(x) == 2 * 21, "the lowest and the highest of each fifth of a second"
    assert (y[0], y[1]) == (91.0, 94.0), "the first frame has no interval"
    assert (y.min(), y.max()) == (90.0, 99.0)
    assert np.allclose(np.diff(x[2:-2:2]), 0.2)
    assert "p95 99 ms" in plots.latency.plot.accessibleName()
    shown = plots.latency.plot.getViewBox().viewRange()[0]
    assert shown[1] - shown[0] == pytest.approx(60)


def test_frames_are_taken_once_and_forgotten_after_a_minute(desk, engine, qtbot):
    engine.publish_frames(frames(50), START_S + 2)
    engine.publish_frames(frames(40, first=20), START_S + 2.4)
    told(desk, qtbot, 60)
    engine.publish_frames([[60, START_S + 70, 95.0, 40.0, 0, 0]], START_S + 70)
    told(desk, qtbot, 61)
    assert list(curve(desk.figures.plots.latency.plot)[1]) == [95.0, 95.0]
    assert len(desk.figures.frames.rows) == 61, "the file has them still"


def test_a_pause_is_not_drawn_over(desk, engine, qtbot):
    rows = frames(20)
    rows.append([20, START_S + 9, 95.0, 8200.0, 0, 1])
    rows.append([21, START_S + 9.04, 95.0, 40.0, 1, 0])
    engine.publish_frames(rows, START_S + 10)
    told(desk, qtbot, 22)
    connect = desk.figures.plots.latency.plot._curve.opts["connect"]
    assert list(connect[-4:]) == [True, False, True, False]
    assert all(connect[:-3])


def test_an_engine_on_a_clock_of_its_own_starts_afresh(desk, engine, qtbot):
    engine.publish_frames(frames(50), START_S + 2)
    told(desk, qtbot, 50)
    engine.publish_frames(frames(10, start_s=30.0), 30.5)
    told(desk, qtbot, 10)
    assert desk.figures.frames.now_s == pytest.approx(30.5, abs=5)
    assert set(curve(desk.figures.plots.latency.plot)[1]) <= {float(90 + n) for n in range(10)}
    assert [value.text() for value in desk.figures.plots.latency.values] == ["95", "99", "99"]


# Painters


def test_each_worker_has_a_lane_and_a_letter(desk, engine, qtbot):
    engine.publish_frames(frames(80, lagged=(70,)), START_S + 4)
    told(desk, qtbot, 80)
    strip = desk.figures.painters
    assert strip.lanes == [0, 1]
    assert [number for number, _ in strip.frames] == [0, 1] * 30
    assert [place for place, (_, lagged) in enumerate(strip.frames) if lagged] == [50]
    assert strip.accessibleName() == "Painted of the last 60 frames: A worker-0 30, B worker-1 30"
    assert [card.letter.text() for card in desk.figures.workers.cards] == ["A", "B"]
    picture = strip.grab().toImage()
    lanes = [picture.pixelColor(picture.width() - 3, y).name() for y in (7, 22)]
    assert lanes[1] == "#7fb8ef"
    assert lanes[0] != "#efb366", "the newest is B's"


def test_a_painter_that_is_gone_keeps_its_lane_while_it_is_in_sight(desk, engine, qtbot):
    engine.publish_frames(frames(10), START_S + 1, workers=[worker(0)])
    told(desk, qtbot, 10)
    assert desk.figures.painters.lanes == [0, 1]


# Counts, lag, sensors


def test_drops_and_repeats_are_told_by_cause(desk, engine, qtbot):
    engine.publish_figures()
    panel = desk.figures
    qtbot.waitUntil(lambda: panel.newer.value.text() == "214")
    assert [tile.value.text() for tile in (panel.newer, panel.late, panel.lost)] == ["214", "3", "1"]
    assert [tile.value.text() for tile in (panel.in_time, panel.behind, panel.held)] == ["1 790", "4", "6"]


@pytest.mark.parametrize(
    ("level", "share", "words"),
    [
        ("good", 0.01, "On the beat · 1.0 %"),
        ("warning", 0.011, "Lags a little · 1.1 %"),
        ("bad", 0.06, "Lags badly · 6.0 %"),
    ],
)
def test_lag_is_told_by_sign_and_words(desk, engine, qtbot, level, share, words):
    line = desk.figures.lag
    before = line.sign.pixmap().toImage()
    assert line.text.text() == "No beat yet"
    engine.publish_figures(lag={"frames": 3, "share": share, "level": level, "beat_ms": 37.0})
    qtbot.waitUntil(lambda: line.text.text().startswith(words))
    assert line.sign.pixmap().toImage() != before
    assert line.accessibleName() == line.text.text()
    assert "1 %" in line.toolTip()


def test_a_gpu_tells_its_temperature_memory_load_and_power(desk, engine, qtbot):
    sensors = {"kind": "gpu", "temperature_c": 64.0, "memory_mb": 10035.2, "memory_total_mb": 24576.0}
    sensors |= {"busy": 0.97, "power_w": None, "missing": {"power_w": "The driver doesn't tell: Not Supported."}}
    cpu = {"kind": "cpu", "temperature_c": None, "memory_mb": 75.2, "memory_total_mb": 24000.0, "busy": 0.024}
    cpu |= {"power_w": None, "missing": {"temperature_c": "This machine shows no CPU temperature."}}
    engine.publish_figures(workers=[worker(0, sensors=sensors), worker(1, sensors=cpu), worker(2)])
    qtbot.waitUntil(lambda: len(desk.figures.workers.cards) == 3)
    gpu, processor, unread = (card.sensors for card in desk.figures.workers.cards)
    assert [part.text() for part in (gpu.temperature, gpu.memory, gpu.busy, gpu.power)] == [
        "64 °C", "9.8 / 24 GB", "97 % GPU", "– W",
    ]  # fmt: skip
    assert "Not Supported" in gpu.power.toolTip()
    texts = [part.text() for part in (processor.temperature, processor.memory, processor.busy)]
    assert texts == ["– °C", "75 MB", "2 % CPU"]
    assert "no CPU temperature" in processor.temperature.toolTip()
    assert not processor.power.isVisible()
    assert not unread.isVisible()


# Events


def marks(desk):
    return [(event.kind, event.text) for event in desk.figures.log.events]


def test_what_happens_is_marked(desk, engine, bridge, qtbot):
    engine.publish_frames(frames(10), START_S + 1)
    told(desk, qtbot, 10)
    desk.figures.log.events.clear()
    cue = {"preset": "Ember", "fade_s": 1.0, "follow_s": None, "sound": None, "note": ""}
    engine.notice("worker-1 is gone: killed", "error")
    engine.publish_state(preset="Charcoal")
    engine.publish_state(effect="paint")
    engine.publish_state(list={"cues": [cue, cue], "at": 1, "running_follow_s": None})
    engine.publish_state(panic={"seen": "blackout"})
    engine.publish_state(panic={"seen": None})
    qtbot.waitUntil(lambda: len(desk.figures.log.events) >= 6)
    assert marks(desk) == [
        ("notice", "worker-1 is gone: killed"),
        ("preset", "Preset Charcoal"),
        ("effect", "Effect paint"),
        ("cue", "Cue 2"),
        ("panic", "BLACKOUT"),
        ("panic", "Back to the picture"),
    ]
    engine.close()
    qtbot.waitUntil(lambda: bridge.link is Link.LOST)
    assert marks(desk)[-1] == ("link", "The connection to the engine is lost")
    bridge.close()


def test_a_mark_tells_its_event_when_pointed_at(desk, engine, qtbot):
    engine.publish_frames(frames(10), START_S + 1)
    told(desk, qtbot, 10)
    engine.notice("worker-1 is gone: killed", "error")
    qtbot.waitUntil(lambda: len(desk.figures.log.events) == 1)
    event = desk.figures.log.events[0]
    engine.publish_frames([], event.t_s + 30)
    plot = desk.figures.plots.latency.plot
    qtbot.waitUntil(lambda: len(plot._marks.events) == 1 and desk.figures.frames.now_s >= event.t_s + 30)
    x = plot.getViewBox().mapViewToScene(QPointF(event.t_s - plot._t0_s, 0)).x()
    assert plot.event_at(x + 3) is event
    assert plot.event_at(x + 40) is None
    QToolTip.hideText()
    qtbot.mouseMove(plot.viewport(), QPoint(round(x) + 60, 30))
    qtbot.mouseMove(plot.viewport(), QPoint(round(x), 30))
    qtbot.waitUntil(lambda: "worker-1 is gone" in QToolTip.text())
    QToolTip.hideText()


def test_a_mark_is_drawn_with_its_letter(desk, engine, qtbot):
    engine.publish_frames(frames(10), START_S + 1)
    told(desk, qtbot, 10)
    plot = desk.figures.plots.latency.plot
    engine.publish_frames([], START_S + 20)
    qtbot.waitUntil(lambda: desk.figures.frames.now_s >= START_S + 20)
    before = plot.grab().toImage()
    desk.figures.log.add("preset", "info", "Preset Ember")
    plot.show_now(desk.figures.frames.now_s + 10, list(desk.figures.log.events))
    assert plot.grab().toImage() != before


# Export


def open_export(desk, qtbot):
    qtbot.waitUntil(desk.figures.export.isEnabled)
    desk.activateWindow()
    qtbot.waitUntil(desk.isActiveWindow)
    qtbot.keyClick(desk, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: desk.figures.export.dialog is not None and desk.figures.export.dialog.isVisible())
    return desk.figures.export.dialog


def save_as(dialog, path, qtbot):
    dialog.findChild(QLineEdit).setText(str(path))  # typed, its completer's list would lie over the button
    buttons = dialog.findChild(QDialogButtonBox)
    qtbot.mouseClick(buttons.button(QDialogButtonBox.StandardButton.Save), LEFT)


def test_the_report_the_events_and_the_frames_are_exported(desk, engine, qtbot, tmp_path):
    assert not desk.figures.export.isEnabled(), "there is nothing to export yet"
    engine.publish_frames(frames(30, lagged=(7,)), START_S + 2)
    engine.notice("The source is back: demo.")
    qtbot.waitUntil(lambda: bool(desk.figures.log.events))
    dialog = open_export(desk, qtbot)
    assert not dialog.isModal()
    path = tmp_path / "night.json"
    save_as(dialog, path, qtbot)
    qtbot.waitUntil(lambda: "night.json" in desk.notices.text.text())
    report = json.loads(path.read_text())
    assert report["frames"] == FIGURES["frames"]
    assert "frames_shown" not in report
    (event,) = report["events"]
    assert (event["kind"], event["level"], event["text"]) == ("notice", "info", "The source is back: demo.")
    with (tmp_path / "night-frames.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30
    assert rows[7] == {
        "seq": "7", "t_s": "5000.290000", "latency_ms": "97.0", "interval_ms": "40.0", "worker": "1", "lagged": "1",
    }  # fmt: skip
    desk.figures.export._thread.join()


def test_a_report_that_cannot_be_written_says_why(desk, engine, qtbot, tmp_path):
    engine.publish_frames(frames(5), START_S + 1)
    told(desk, qtbot, 5)
    desk.figures.export.write(str(tmp_path / "no such folder" / "report.json"))
    qtbot.waitUntil(lambda: "could not be written" in desk.notices.text.text())
    assert "No such file or directory" in desk.notices.text.text()
    assert "Choose another folder" in desk.notices.text.text()
    desk.figures.export._thread.join()
