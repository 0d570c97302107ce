"""All words that people read at the desk go through tr(): its sources are parsed for those that do not."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import mirrorfx_ui.desk

SOURCES = sorted(Path(mirrorfx_ui.desk.__file__).parent.glob("*.py"))
TRANSLATED = {"tr", "_tr", "translate"}
NOT_SEEN = {"setProperty", "setObjectName", "QKeySequence", "setShortcut", "_key", "toString", "fromString"}
LOGGED = {"debug", "info", "warning", "exception", "critical"}
NO_WORDS = {"__all__", "_FAMILIES", "_SHEET"}
"""Exports, fonts, and the style sheet."""
EVERYWHERE = {"MirrorFX", "JPEG", "Fusion", "fps", "ms", "Hz", "GB", "MB"}
"""Names and units are the same in every language."""
PROTOCOL = {"waiting to restart", "color: "}
"""The engine's word for a state, and a style: nobody reads these."""
KEYS = re.compile(r"(, )?((Ctrl|Alt|Shift)\+)*([A-Z0-9]|F\d+|Del|Esc|Enter|Space|Up|Down)?")
FILES = re.compile(r"(\*\.\w+ ?)+")


def called(node):
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def is_unseen(node):
    """Whether nothing in it is for people to read, or has been through tr."""
    match node:
        case ast.Expr(value=ast.Constant()):
            return True  # a docstring
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name in NO_WORDS
        case ast.Call():
            return called(node) in TRANSLATED | NOT_SEEN | LOGGED
    return False


def literals(node):
    if is_unseen(node):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from literals(child)


def is_read(text):
    """Whether people would read it as words; the protocol's names are lower-case and have no blanks."""
    if text in PROTOCOL or KEYS.fullmatch(text) or FILES.fullmatch(text):
        return False
    words = [word for word in re.findall(r"[^\W\d_]{2,}", text) if word not in EVERYWHERE]
    is_name = text == text.lower() and re.fullmatch(r"[\w./:+*#%{}=&?\0-]+", text)
    is_date = re.fullmatch(r"[yMdHms: -]+", text)
    return bool(words) and not is_name and not is_date


def untranslated(source):
    return [(node.lineno, node.value) for node in literals(ast.parse(source)) if is_read(node.value)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_all_words_go_through_tr(path):
    assert untranslated(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        'button.setText("Save")',
        'x = f"{name} is too large."',
        'button.setToolTip(f"Key: {key}")',
        'label("On wall", "muted")',
        'button = _tool("Add", "", self._add)',
        'note.setText("is gone" if gone else "")',
    ],
)
def test_words_that_do_not_are_found(line):
    assert untranslated(line)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_what_tr_gets_is_whole(path):
    """A translation is looked up by the literal: what is put together first would never be found."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and called(node) in TRANSLATED - {"translate"}:
            assert isinstance(node.args[0], ast.Constant), f"line {node.lineno}"
