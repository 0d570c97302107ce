"""The desk's look: dark and calm, for a dim room, readable from two metres."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PyQt6.QtGui import QColor, QFont, QPalette
from PyQt6.QtWidgets import QLabel, QPushButton, QStyleFactory

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QApplication

__all__ = [
    "ACCENT",
    "BAD",
    "FAINT",
    "GOOD",
    "LINE",
    "MUTED",
    "NEXT",
    "PANEL",
    "TEXT",
    "TROUGH",
    "WARN",
    "apply_theme",
    "label",
    "small_button",
]

BACK: Final = "#101215"
PANEL: Final = "#181b20"
RAISED: Final = "#21252c"
HOVER: Final = "#2a2f38"
TROUGH: Final = "#2d323b"
LINE: Final = "#2b3039"
TEXT: Final = "#eceef1"
MUTED: Final = "#a3abb8"
FAINT: Final = "#767f8d"
ACCENT: Final = "#efb366"
GOOD: Final = "#7fcfa5"
WARN: Final = "#f0c75e"
BAD: Final = "#ff8a7f"
NEXT: Final = "#8cc4ff"
"""What is cued, as against `ACCENT`, what is on the wall."""

_FAMILIES = ["Inter", "Noto Sans", "Segoe UI", "SF Pro Text", "Helvetica Neue", "DejaVu Sans"]

_SHEET = f"""
* {{ font-size: 15px; color: {TEXT}; }}
QWidget#desk {{ background: {BACK}; }}
QFrame[role="panel"] {{ background: {PANEL}; border-radius: 12px; }}
QFrame[role="card"] {{ background: {RAISED}; border-radius: 8px; }}
QFrame[role="warning"] {{ background: #35301f; border: 1px solid #6b5a2a; border-radius: 8px; }}
QFrame[role="rule"] {{ background: {LINE}; max-height: 1px; min-height: 1px; border: none; }}

QLabel[role="brand"] {{ font-size: 21px; font-weight: 600; }}
QLabel[role="title"] {{ font-size: 13px; font-weight: 600; color: {MUTED}; }}
QLabel[role="muted"] {{ font-size: 13px; color: {MUTED}; }}
QLabel[role="note"] {{ font-size: 14px; }}
QLabel[role="param"] {{ font-size: 16px; }}
QLabel[role="value"] {{ font-size: 21px; }}
QLabel[role="huge"] {{ font-size: 60px; font-weight: 400; }}
QLabel[role="lag"] {{ font-size: 17px; }}
QLabel[role="lag"][level="warning"] {{ color: {WARN}; }}
QLabel[role="lag"][level="bad"] {{ color: {BAD}; font-weight: 600; }}
QLabel[role="lag"]:disabled {{ color: {FAINT}; font-weight: 400; }}
QLabel[role="sensor"] {{ font-size: 13px; }}
QLabel[role="letter"] {{ font-size: 15px; font-weight: 700; }}
QLabel:disabled, QCheckBox:disabled {{ color: {FAINT}; }}
QLabel[role="bad"] {{ font-size: 13px; color: {BAD}; }}

QPlainTextEdit, QLineEdit, QDoubleSpinBox, QComboBox {{
  background: {RAISED}; border: 1px solid {LINE}; border-radius: 8px; padding: 6px 10px;
  selection-background-color: #6d5330; selection-color: {TEXT};
}}
QPlainTextEdit {{ font-size: 20px; padding: 8px 8px; }}
QDoubleSpinBox {{ font-size: 18px; padding: 4px 8px; min-height: 28px; }}
QLineEdit, QComboBox {{ min-height: 26px; }}
QPlainTextEdit:focus, QLineEdit:focus, QDoubleSpinBox:focus, QComboBox:focus {{ border-color: {ACCENT}; }}
QPlainTextEdit:disabled, QLineEdit:disabled, QDoubleSpinBox:disabled, QComboBox:disabled {{ color: {FAINT}; }}

QComboBox {{ font-size: 17px; }}
QComboBox[role="small"] {{ font-size: 14px; padding: 6px 4px 6px 8px; }}
QComboBox[role="small"]::drop-down {{ width: 22px; }}
QDoubleSpinBox[role="small"], QDoubleSpinBox[role="set"] {{ font-size: 14px; padding: 1px 8px; min-height: 24px; }}
QDoubleSpinBox[role="set"] {{ border-color: {ACCENT}; color: {ACCENT}; }}
QPushButton[role="small"] {{ font-size: 14px; padding: 1px 12px; min-height: 26px; }}
QComboBox::drop-down {{ border: none; width: 34px; }}
QComboBox::down-arrow {{ image: none; }}
QComboBox QAbstractItemView {{
  background: {RAISED}; border: 1px solid {LINE}; padding: 4px; outline: none; selection-background-color: {HOVER};
}}
QComboBox QAbstractItemView::item {{ min-height: 34px; padding: 0 8px; border-radius: 6px; }}
QComboBox QAbstractItemView::item:disabled {{ color: {FAINT}; }}

QPushButton, QToolButton {{
  background: {RAISED}; border: 1px solid {LINE}; border-radius: 8px; padding: 6px 14px; min-height: 26px;
}}
QToolButton {{ padding: 4px; min-width: 28px; min-height: 28px; font-size: 18px; }}
QPushButton:hover, QToolButton:hover {{ background: {HOVER}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {TROUGH}; }}
QPushButton:focus, QToolButton:focus {{ border-color: {ACCENT}; }}
QPushButton:checked {{ background: {HOVER}; border-color: {ACCENT}; color: {ACCENT}; }}
QPushButton:disabled, QToolButton:disabled {{ color: {FAINT}; background: {PANEL}; }}
QLineEdit QToolButton {{ background: transparent; border: none; padding: 0; min-width: 0; min-height: 0; }}
QToolButton[role="flat"] {{
  background: transparent; border: 1px solid transparent; font-size: 13px; padding: 2px 10px;
}}
QToolButton[role="sign"] {{
  background: transparent; border: 1px solid transparent; padding: 1px; min-width: 22px; min-height: 22px;
}}
QToolButton[role="sign"]:hover {{ background: {HOVER}; }}
QToolButton[role="sign"]:focus {{ border-color: {ACCENT}; }}
QMenu {{ background: {RAISED}; border: 1px solid {LINE}; padding: 4px; }}
QMenu::item {{ padding: 7px 16px; border-radius: 6px; }}
QMenu::item:selected {{ background: {HOVER}; }}
QMenu::item:disabled {{ color: {FAINT}; }}
QToolButton[role="flat"]:hover {{ background: {HOVER}; }}
QToolButton[role="flat"]:focus {{ border-color: {ACCENT}; }}
QToolButton[role="small"] {{ font-size: 13px; padding: 0 10px; min-height: 20px; border-radius: 6px; }}

QPushButton[role="go"] {{ background: {NEXT}; color: #0e1620; font-size: 19px; font-weight: 600; min-height: 52px; }}
QPushButton[role="go"]:hover {{ background: #9fceff; }}
QPushButton[role="go"]:pressed {{ background: #6fa5dd; }}
QPushButton[role="go"]:disabled {{ background: {RAISED}; color: {MUTED}; }}
QPushButton[role="panic"] {{ padding: 0; min-height: 50px; max-height: 50px; }}
QPushButton[role="panic"]:disabled {{ background: {PANEL}; }}
QPushButton[role="panic"][on="true"] {{ background: #6b4a1c; border: 1px solid {ACCENT}; }}
QPushButton[role="panic"][what="blackout"][on="true"] {{ background: #7d2a22; border: 1px solid {BAD}; }}
QLabel[role="panic-word"] {{ font-size: 17px; font-weight: 600; }}
QLabel[role="panic-state"] {{ font-size: 13px; color: {MUTED}; }}
QPushButton[on="true"] QLabel[role="panic-state"] {{ color: {TEXT}; font-weight: 600; }}
QLabel[role="panic-word"]:disabled, QLabel[role="panic-state"]:disabled {{ color: {FAINT}; }}
QPushButton[role="big"] {{ font-size: 17px; min-height: 52px; }}

QTableView {{ background: transparent; border: none; outline: none; gridline-color: {LINE}; font-size: 14px; }}
QTableView:disabled, QHeaderView::section:disabled {{ color: {FAINT}; }}
QTableView::item {{ padding: 0 4px; }}
QTableView::item:hover {{ background: {RAISED}; }}
QTableView::item:selected {{ background: {HOVER}; color: {TEXT}; }}
QHeaderView {{ background: transparent; }}
QHeaderView::section {{
  background: transparent; color: {MUTED}; border: none; padding: 4px; font-size: 13px; font-weight: 600;
}}
QTableView QLineEdit, QTableView QComboBox {{ border-radius: 0; padding: 0 4px; min-height: 0; font-size: 14px; }}
QTableCornerButton::section {{ background: transparent; border: none; }}

QListWidget, QListView {{ background: transparent; border: none; outline: none; }}
QListWidget[role="popup"] {{ background: {RAISED}; border: 1px solid {ACCENT}; border-radius: 8px; padding: 4px; }}
QListWidget[role="popup"]::item {{ min-height: 34px; }}
QListWidget::item {{ border-radius: 7px; padding: 0 8px; color: {TEXT}; }}
QListWidget::item:hover:enabled {{ background: {RAISED}; }}
QListWidget::item:selected {{ background: {HOVER}; color: {TEXT}; }}
QListWidget::item:disabled {{ color: {MUTED}; }}
QListWidget::item:selected:focus {{ border: 1px solid {ACCENT}; }}

QTabWidget::pane {{ border: none; padding-top: 14px; }}
QTabBar {{ background: transparent; }}
QTabBar::tab {{
  background: transparent; color: {MUTED}; border: none; border-bottom: 2px solid transparent;
  padding: 4px 4px 7px 4px; margin-right: 20px;
}}
QTabBar::tab:hover {{ color: {TEXT}; }}
QTabBar::tab:selected {{ color: {TEXT}; border-bottom-color: {ACCENT}; font-weight: 600; }}
QTabBar::tab:focus {{ color: {ACCENT}; }}

QScrollArea, QScrollArea > QWidget > QWidget#inside {{ background: transparent; border: none; }}
QScrollBar:vertical {{ background: transparent; width: 8px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {TROUGH}; border-radius: 4px; min-height: 32px; }}
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {{
  background: none; border: none; height: 0;
}}
QProgressBar {{ background: {TROUGH}; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }}
QProgressBar::chunk {{ background: {ACCENT}; border-radius: 3px; }}
QCheckBox {{ spacing: 10px; min-height: 30px; }}
QCheckBox::indicator {{
  width: 20px; height: 20px; border: 1px solid {FAINT}; border-radius: 5px; background: {RAISED};
}}
QCheckBox::indicator:hover, QCheckBox::indicator:focus, QCheckBox::indicator:checked {{ border-color: {ACCENT}; }}
QCheckBox::indicator:disabled {{ border-color: {LINE}; background: {PANEL}; }}
QToolTip {{ background: {RAISED}; color: {TEXT}; border: 1px solid {LINE}; padding: 6px; font-size: 14px; }}
"""


def apply_theme(app: QApplication) -> None:
    """Dress the application, whatever the desktop's own colours are."""
    app.setStyle(QStyleFactory.create("Fusion"))
    font = QFont()
    font.setFamilies(_FAMILIES)
    app.setFont(font)
    app.setPalette(_palette())
    app.setStyleSheet(_SHEET)


def label(text: str, role: str = "") -> QLabel:
    """Return a label that looks as its role says; see the sheet above."""
    made = QLabel(text)
    made.setProperty("role", role)
    return made


def small_button(text: str, hint: str) -> QPushButton:
    """Return a small button; `hint` is read when it is pointed at and said of it, the text where there is none."""
    made = QPushButton(text)
    made.setProperty("role", "small")
    made.setToolTip(hint)
    made.setAccessibleName(hint or text)
    return made


def _palette() -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for part, colour in (
        (role.Window, BACK),
        (role.Base, RAISED),
        (role.AlternateBase, PANEL),
        (role.Button, RAISED),
        (role.WindowText, TEXT),
        (role.Text, TEXT),
        (role.ButtonText, TEXT),
        (role.PlaceholderText, FAINT),
        (role.Highlight, HOVER),
        (role.HighlightedText, TEXT),
        (role.ToolTipBase, RAISED),
        (role.ToolTipText, TEXT),
    ):
        palette.setColor(part, QColor(colour))
    return palette
