"""What a run prints where there is no terminal: figures that were measured, and why there is no picture."""

from __future__ import annotations

from mirrorfx.cli._watch import RunWatcher

WORKERS = [{"name": "worker-0", "state": "ready"}, {"name": "worker-1", "state": "starting"}]


def test_nothing_is_said_about_frames_before_there_are_any(capsys):
    none_yet = {"recent": {"fps": 0.0, "latency_ms": {"p50": 0.0}}, "workers": WORKERS, "showing": "fallback"}
    with RunWatcher(None, "starting") as watcher:
        watcher.running(0.0, none_yet)
    assert capsys.readouterr().err == "    0.0 s  not ready: worker-1 · no picture: fallback scene\n"


def test_rate_and_latency_are_said_every_five_seconds(capsys):
    figures = {"recent": {"fps": 29.97, "latency_ms": {"p50": 61.6}}, "workers": WORKERS[:1], "showing": "program"}
    with RunWatcher(None, "starting") as watcher:
        for seconds in (0.0, 1.0, 4.9, 5.0):
            watcher.running(seconds, figures)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"    {s}.0 s  30.0 new frames/s · 62 ms behind the camera" for s in (0, 5)]


def test_a_notice_of_the_effect_is_said_once(capsys):
    figures = {"workers": [{"name": "w", "state": "ready", "details": {"notice": "It paints noise."}}]}
    with RunWatcher(None, "starting") as watcher:
        watcher.running(0.0, figures)
        watcher.running(9.0, figures)
    assert capsys.readouterr().err.count("It paints noise.") == 1
