"""How a mirror ends: nothing may outlive it, whatever happened."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from mirrorfx.errors import ProcessFailed

from .conftest import Saboteur

pytestmark = pytest.mark.process

RUN = [sys.executable, "-m", "mirrorfx.cli.__main__", "run", "--headless", "--source", "pattern:30", "--size", "256"]


def wait_until(check, timeout_s=15.0):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if check():
            return True
        time.sleep(0.02)
    return False


def test_no_orphan_and_no_memory_is_left_when_the_launcher_is_killed(tmp_path):
    before = set(Path("/dev/shm").iterdir())
    film = tmp_path / "film.mp4"
    launcher = subprocess.Popen([*RUN, "--effect", "passthrough", "--record", str(film)], stderr=subprocess.DEVNULL)
    family = psutil.Process(launcher.pid)
    assert wait_until(lambda: film.exists() and film.stat().st_size > 20_000), "it records"
    children = family.children(recursive=True)
    assert len([c for c in children if c.name().startswith("mfx-")]) >= 5
    launcher.send_signal(signal.SIGKILL)
    launcher.wait(5)
    assert wait_until(lambda: not any(c.is_running() and c.status() != psutil.STATUS_ZOMBIE for c in children))
    assert set(Path("/dev/shm").iterdir()) <= before
    import av

    with av.open(str(film)) as container:
        assert sum(1 for _ in container.decode(video=0)) > 10, "a killed run's film plays"


def test_ctrl_c_ends_in_order_and_the_report_is_written(tmp_path):
    report = tmp_path / "r.json"
    launcher = subprocess.Popen(
        [*RUN, "--effect", "passthrough", "--seconds", "60", "--report", str(report)], stderr=subprocess.DEVNULL
    )
    family = psutil.Process(launcher.pid)
    assert wait_until(lambda: sum(c.name().startswith("mfx-") for c in family.children(recursive=True)) >= 5)
    time.sleep(2.0)
    launcher.send_signal(signal.SIGINT)
    assert launcher.wait(15) == 0
    assert json.loads(report.read_text())["frames"]["shown"] > 0


def test_an_effect_that_raises_is_started_again_and_its_reason_is_told(run_mirror, third_party):
    third_party(
        "moody",
        """
        from mirrorfx.effects.base import Effect
        class Made(Effect):
            name = "moody"
            def render(self, frame, params, out):
                if frame.seq == 20:
                    raise RuntimeError("out of paint")
                out[..., :3] = frame.pixels
                out[..., 3] = 255
        """,
    )
    outcome = run_mirror(Saboteur(99, "", 0), effect="moody", seconds=4.0)
    workers = outcome.report["workers"]
    assert sum(worker["restarts"] for worker in workers) == 1
    assert outcome.report["frames"]["shown"] > 60


def test_a_worker_that_dies_at_import_ends_the_run_with_its_reason(run_mirror, third_party):
    third_party(
        "stillborn",
        """
        import multiprocessing, os
        from mirrorfx.effects.base import Effect
        if (multiprocessing.current_process().name or "").startswith("mfx-worker"):
            os._exit(3)
        class Made(Effect):
            name = "stillborn"
            def render(self, frame, params, out):
                raise AssertionError
        """,
    )
    with pytest.raises(ProcessFailed, match="ended with code 3"):
        run_mirror(effect="stillborn", seconds=3.0)


def test_an_effect_that_cannot_open_ends_the_run_with_its_reason(run_mirror, third_party):
    third_party(
        "gpu_only",
        """
        from mirrorfx.effects.base import Effect
        from mirrorfx.errors import EffectUnavailable
        class Made(Effect):
            name = "gpu_only"
            def open(self, context):
                raise EffectUnavailable("There is no GPU here. Plug one in.")
            def render(self, frame, params, out):
                raise AssertionError
        """,
    )
    with pytest.raises(ProcessFailed, match="no GPU here"):
        run_mirror(effect="gpu_only", seconds=3.0)


def test_an_engine_that_can_never_start_ends_the_run(run_mirror, monkeypatch):
    monkeypatch.setattr("mirrorfx.processes.launcher.engine_main", None)
    with pytest.raises(ProcessFailed, match="engine can't start"):
        run_mirror(seconds=3.0)


def test_a_source_that_goes_away_gives_the_fallback_scene_and_comes_back(run_mirror, tmp_path):
    import cv2
    import numpy as np

    # A camera process that stands still is a camera that gives nothing.
    saboteur = Saboteur(1.0, "mfx-camera", signal.SIGSTOP, then_s=4.0, then=signal.SIGCONT)
    cv2.imwrite(str(tmp_path / "still.png"), np.zeros((300, 300, 3), np.uint8))
    outcome = run_mirror(saboteur, seconds=7.0, source=str(tmp_path / "still.png"))
    assert any(figures.get("showing") == "fallback" for figures in saboteur.figures[10:])
    assert outcome.report["showing"] == "picture"
