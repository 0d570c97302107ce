"""What every window's test needs: a platform without a screen, and nothing left running afterwards."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import threading
from pathlib import Path

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parent))

# pytest-xvfb starts its screen only after this file is read, if it is among what pytest was asked for.
if not os.environ.get("DISPLAY") and not shutil.which("Xvfb"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


_PATIENCE_MS = 30_000
"""How long to wait for what must come: five seconds, as pytest-qt has it, are sometimes too few on a busy machine."""


_END_S = 5.0
"""How long a process that was told to end may take."""


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Waits end when what they wait for comes, so a long limit costs nothing."""
    from pytestqt.qtbot import QtBot

    for wait in (QtBot.waitUntil, QtBot.waitSignal, QtBot.waitSignals, QtBot.waitExposed):
        monkeypatch.setitem(wait.__kwdefaults__, "timeout", _PATIENCE_MS)


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """No test reads or writes what the user keeps."""
    monkeypatch.setenv("MIRRORFX_CONFIG_DIR", str(tmp_path / "config"))


@pytest.fixture(scope="session")
def processes(qapp):
    """Those that were there before the first test: the virtual screen's server."""
    return children()


@pytest.fixture(autouse=True)
def nothing_left_running(qapp, processes):
    """A thread, a timer or a process that outlives its test fails it, and is named."""
    from PyQt6.QtCore import QCoreApplication, QEvent, QTimer
    from PyQt6.QtWidgets import QWidget

    before = set(threading.enumerate())
    yield
    for widget in qapp.topLevelWidgets():
        if isinstance(widget, QWidget):
            widget.close()
            widget.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    threads = [thread.name for thread in set(threading.enumerate()) - before if thread.is_alive()]
    assert not threads, f"threads left running: {threads}"
    # By type(), since isinstance() also asks an object for its __class__, and torch's deprecated names warn then.
    timers = [t for t in gc.get_objects() if issubclass(type(t), QTimer) and _is_active(t)]
    assert not timers, f"timers left running: {[(t.parent(), t.interval()) for t in timers]}"
    assert not (left := outliving(processes)), f"processes left running: {left}"


def children():
    """Processes that this one has started, and theirs."""
    return set(psutil.Process().children(recursive=True))


def outliving(before):
    """End what has been started since and does not end by itself; return its command lines."""
    started = [child for child in children() - before if not is_pythons_own(child)]
    _, alive = psutil.wait_procs(started, _END_S)
    left = [" ".join(process.cmdline())[:200] for process in alive]
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, _END_S)
    return left


def is_pythons_own(process):
    """Whether it counts shared memory for multiprocessing: it ends with the tests."""
    try:
        return "resource_tracker" in " ".join(process.cmdline())
    except psutil.Error:  # it has ended
        return False


def _is_active(timer):
    try:
        return timer.isActive()
    except RuntimeError:  # its C++ half is gone
        return False


@pytest.fixture
def engine(qapp):
    """A scripted engine behind a real control server."""
    from fake_engine import FakeEngine

    made = FakeEngine()
    made.start()
    yield made
    made.close()


@pytest.fixture
def bridge(engine):
    from mirrorfx_ui.desk.bridge import Bridge

    made = Bridge(engine.server.url)
    yield made
    made.close()


@pytest.fixture
def desk(engine, bridge, qtbot):
    """A desk that is connected and shows the engine's state."""
    from mirrorfx_ui.desk.bridge import Link
    from mirrorfx_ui.desk.window import DeskWindow

    window = DeskWindow(bridge)
    qtbot.addWidget(window, before_close_func=lambda _window: bridge.close())
    window.show()
    with qtbot.waitExposed(window):
        pass
    window.activateWindow()  # nobody else does where there is no window manager, and keys go to the active window
    qtbot.waitUntil(window.isActiveWindow)
    bridge.start()
    qtbot.waitUntil(lambda: bridge.link is Link.CONNECTED and bool(window.params.controls) and engine.greeted)
    return window
