"""How warm, full and busy a worker's device is, in one line; what can't be read says why when pointed at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtWidgets import QHBoxLayout, QLabel, QWidget

from mirrorfx_ui.desk.theme import label

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SensorLine"]

_NOTHING = "–"
_GB_MB = 1024


class SensorLine(QWidget):
    """Temperature, memory, load and power."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.temperature, self.memory, self.busy, self.power = (label(_NOTHING, "sensor") for _ in range(4))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(14)
        for part in (self.temperature, self.memory, self.busy, self.power):
            row.addWidget(part)
        row.addStretch()

    def show_sensors(self, told: Mapping[str, Any] | None) -> None:
        """Show a worker's ``sensors``; None: it has not been read yet."""
        self.setVisible(told is not None)
        if told is None:
            return
        gpu = told["kind"] == "gpu"
        tr = self.tr
        used, total = told["memory_mb"], told["memory_total_mb"]
        memory = _NOTHING if used is None else _memory(used, total) if gpu else _size(used)
        busy = _with_unit(told["busy"], 100, tr("% GPU") if gpu else tr("% CPU"))
        for part, name, text, meaning in (
            (self.temperature, "temperature_c", _with_unit(told["temperature_c"], 1, "°C"), tr("Temperature")),
            (self.memory, "memory_mb", memory, tr("GPU memory in use") if gpu else tr("Memory of its process")),
            (self.busy, "busy", busy, tr("GPU load") if gpu else tr("Its share of all CPU cores")),
            (self.power, "power_w", _with_unit(told["power_w"], 1, "W"), tr("Power")),
        ):
            _show(part, text, meaning, str(told["missing"].get(name, "")))
        self.power.setVisible(gpu)
        self.setAccessibleName(", ".join(part.accessibleName() for part in (self.temperature, self.memory, self.busy)))


def _show(part: QLabel, text: str, meaning: str, reason: str) -> None:
    part.setText(text)
    part.setToolTip(f"{meaning}: {reason}" if reason else meaning)
    part.setAccessibleName(f"{meaning}: {reason or text}")


def _with_unit(value: float | None, factor: float, unit: str) -> str:
    return f"{_NOTHING} {unit}" if value is None else f"{factor * value:.0f} {unit}"


def _memory(used_mb: float, total_mb: float) -> str:
    return f"{used_mb / _GB_MB:.1f} / {total_mb / _GB_MB:.0f} GB"


def _size(mb: float) -> str:
    return f"{mb:.0f} MB" if mb < _GB_MB else f"{mb / _GB_MB:.1f} GB"
