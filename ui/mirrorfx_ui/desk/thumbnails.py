"""The presets' pictures, painted in the background by a process of this machine when they are missing."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QObject, QProcess, pyqtSignal
from PyQt6.QtGui import QPixmap

from mirrorfx.resources import thumbnail_path
from mirrorfx_ui.desk.bridge import Link

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mirrorfx.control.protocol import Reply
    from mirrorfx_ui.desk.bridge import Bridge

__all__ = ["EFFECT", "Thumbnails"]

EFFECT = "style"
"""What paints them: it needs no GPU, which is the show's."""
_SIDE_PX = 256
_COMMAND = (sys.executable, "-m", "mirrorfx.cli", "presets", "thumbnails")
_OPTIONS = ("--stdin", "--effect", EFFECT, "--size", str(_SIDE_PX))
_END_MS = 1000


class Thumbnails(QObject):
    """Pictures by stamp. One preset is painted after the other, at the lowest priority, none before the show runs.

    The painter is given each preset's text, so that a desk shows what an engine on another machine has. It ends when
    its input does, at the latest when the desk is gone.

    Args:
        bridge: to the engine that has the presets.
        command: what paints; options are added.
    """

    made = pyqtSignal(int)
    """The picture for this stamp is there now."""
    progress_changed = pyqtSignal()
    """`progress` or `trouble` says something else."""

    def __init__(self, bridge: Bridge, parent: QObject | None = None, command: Sequence[str] = _COMMAND) -> None:
        super().__init__(parent)
        self.progress: tuple[int, int] | None = None
        """(which, of how many) is being painted; None when nothing is."""
        self.trouble = ""
        """Why there are no new pictures."""
        self._bridge = bridge
        self._command = (*command, *_OPTIONS)
        self._pixmaps: dict[int, QPixmap] = {}
        self._names: dict[int, str] = {}
        self._failed: set[int] = set()
        self._under_way: int | None = None
        self._painted = 0
        self._process: QProcess | None = None
        self._may_paint = False
        self._read = b""

    def allow(self) -> None:
        """Let pictures be painted, as soon as all workers are ready: the show's start goes first."""
        self._bridge.figures_changed.connect(self._when_ready)

    def show_presets(self, presets: Sequence[Mapping[str, Any]]) -> None:
        """Take which presets there are; pictures of others are let go."""
        self._names = {int(preset["stamp"]): str(preset["name"]) for preset in presets if "stamp" in preset}
        self._pixmaps = {stamp: pixmap for stamp, pixmap in self._pixmaps.items() if stamp in self._names}
        self._failed &= self._names.keys()
        self._paint_next()

    def picture(self, stamp: int) -> QPixmap | None:
        """Return the picture for `stamp`; None when it was not painted yet."""
        pixmap = self._pixmaps.get(stamp)
        if pixmap is None and stamp in self._names:
            pixmap = self._pixmaps[stamp] = QPixmap(str(thumbnail_path(stamp, EFFECT, _SIDE_PX)))
        return pixmap if pixmap is not None and not pixmap.isNull() else None

    def close(self) -> None:
        """End the painter. Safe to call twice."""
        self._may_paint = False
        self._process = None
        for process in self.findChildren(QProcess):
            process.blockSignals(True)
            process.kill()
            process.waitForFinished(_END_MS)
            process.deleteLater()

    def _when_ready(self, figures: Mapping[str, Any]) -> None:
        workers = figures.get("workers", [])
        if workers and all(worker.get("state") != "starting" for worker in workers):
            self._bridge.figures_changed.disconnect(self._when_ready)
            self._may_paint = True
            self._paint_next()

    def _missing(self) -> list[int]:
        return [stamp for stamp in self._names if stamp not in self._failed and self.picture(stamp) is None]

    def _paint_next(self) -> None:
        if not self._may_paint or self._under_way is not None:
            return
        missing = self._missing()
        if not missing:
            self._rest()
            return
        self._under_way = missing[0]
        self.progress = (self._painted + 1, self._painted + len(missing))
        self.progress_changed.emit()
        self._bridge.ask("export", self._give, name=self._names[missing[0]])

    def _give(self, reply: Reply) -> None:
        stamp = self._under_way
        if not self._may_paint or stamp is None:
            return
        if not reply.ok:
            self._refused(stamp, reply.error)
            return
        if self._process is None:
            self._process = self._started()
        job = json.dumps({"stamp": stamp, "toml": reply.result.get("toml", "")})
        self._process.write(job.encode() + b"\n")

    def _refused(self, stamp: int, why: str) -> None:
        if self._bridge.link is Link.CONNECTED:
            self._done(stamp, error=why)
        else:  # the engine is being restarted: its first state starts it again
            self._under_way = None
            self._rest()

    def _started(self) -> QProcess:
        process = QProcess(self)
        process.readyReadStandardOutput.connect(self._take)
        process.finished.connect(self._ended)
        process.errorOccurred.connect(self._broken)
        process.start(self._command[0], self._command[1:])
        return process

    def _take(self) -> None:
        assert self._process is not None
        *lines, self._read = (self._read + bytes(self._process.readAllStandardOutput().data())).split(b"\n")
        for line in lines:
            try:
                answer = json.loads(line)
                self._done(int(answer.get("stamp", self._under_way)), error=str(answer.get("error", "")))
            except (ValueError, TypeError, AttributeError):
                self._give_up(line.decode(errors="replace"))

    def _done(self, stamp: int, *, error: str) -> None:
        self._under_way = None
        self._painted += 1
        self._pixmaps.pop(stamp, None)
        if error or self.picture(stamp) is None:
            self._failed.add(stamp)
            self.trouble = error or self.tr("A picture was painted and can't be read.")
        else:
            self.made.emit(stamp)
        self._paint_next()

    def _ended(self) -> None:
        if self._under_way is not None:
            assert self._process is not None
            words = bytes(self._process.readAllStandardError().data()).decode(errors="replace").strip()
            self._give_up(words.splitlines()[-1] if words else self.tr("The painter ended without a word."))

    def _broken(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._give_up(self.tr("The painter can't be started."))

    def _give_up(self, why: str) -> None:
        """Nothing more is painted by this desk; what there is stays in use."""
        self.trouble = why
        self._under_way = None
        self.close()
        self._rest()

    def _rest(self) -> None:
        self._painted = 0
        if self._process is not None:
            process, self._process = self._process, None
            process.finished.connect(process.deleteLater)
            process.closeWriteChannel()  # it ends, and its networks with it
        if self.progress is not None or self.trouble:
            self.progress = None
            self.progress_changed.emit()
