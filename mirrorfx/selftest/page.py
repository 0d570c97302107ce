"""The page: one HTML file that opens from the disk, without scripts, fonts or anything else from elsewhere."""

from __future__ import annotations

import math
from functools import singledispatch
from html import escape
from typing import TYPE_CHECKING

from mirrorfx.selftest.findings import Cell, Chart, Film, Pictures, Sheet, Table, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mirrorfx.selftest.findings import Check, Report, Section

__all__ = ["page"]

_SIGNS = {Verdict.PASS: ("✓", "passed"), Verdict.FAIL: ("✗", "failed"), Verdict.UNKNOWN: ("?", "unknown")}
_STATES = {
    "running": "It was not finished: the page has what was done until then.",
    "cancelled": "It was cancelled: the page has what was done until then.",
    "complete": "",
}
_CHART_W, _CHART_H = 1000.0, 220.0
_TICKS = 6
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 16.0, 14.0, 36.0
_STYLE = """
:root { color-scheme: dark; --ground: #0e1014; --raised: #171a21; --line: #2b303b; --text: #e8e6e1; --soft: #a3a7b0;
  --pass: #7fd6a4; --fail: #ff9a8b; --unknown: #f2ce7c; --accent: #e9b872; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.55 system-ui, "Segoe UI", "DejaVu Sans",
  sans-serif; }
main, header { max-width: 1500px; margin: 0 auto; padding: 0 clamp(16px, 3vw, 48px); }
header { padding-top: 40px; }
h1 { font-size: 34px; font-weight: 650; letter-spacing: -.02em; margin: 0 0 4px; }
h2 { font-size: 24px; font-weight: 620; letter-spacing: -.01em; margin: 0 0 6px; }
p { margin: 0 0 14px; max-width: 78ch; }
.soft, figcaption, th, dt { color: var(--soft); }
section { margin: 44px 0; padding-top: 28px; border-top: 1px solid var(--line); }
.verdicts { display: flex; flex-wrap: wrap; gap: 12px; margin: 20px 0; }
.count { background: var(--raised); border: 1px solid var(--line); border-radius: 10px; padding: 10px 18px; }
.count b { font-size: 24px; margin-right: 6px; }
ul.checks { list-style: none; margin: 14px 0 20px; padding: 0; display: grid; gap: 5px; }
ul.checks li { background: var(--raised); border-radius: 8px; padding: 7px 14px; border-left: 4px solid; display: flex;
  flex-wrap: wrap; gap: 0 18px; }
ul.checks b { font-weight: 600; flex: 1 1 19em; max-width: 26em; }
ul.checks .words { color: var(--soft); flex: 3 1 26em; overflow-wrap: anywhere; }
.sign { font-weight: 700; flex: 0 0 6.4em; }
.pass { color: var(--pass); border-color: var(--pass); }
.fail { color: var(--fail); border-color: var(--fail); }
.unknown { color: var(--unknown); border-color: var(--unknown); }
li b { color: var(--text); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 5px 24px; margin: 0 0 20px; }
dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 22px 0; }
figcaption { margin: 6px 0 0; font-size: 14px; }
figure > figcaption:first-child { margin: 0 0 8px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th { font-weight: 500; font-size: 14px; text-align: left; padding: 4px 14px 6px 0; }
td { padding: 4px 14px 4px 0; font-variant-numeric: tabular-nums; }
.figures td, .figures th { border-bottom: 1px solid var(--line); padding: 7px 26px 7px 0; }
.figures td:not(:last-child) { white-space: nowrap; }
.sheet { width: 100%; table-layout: fixed; min-width: 760px; }
.sheet th, .sheet td { padding: 3px; vertical-align: top; }
.sheet tbody th { width: 150px; color: var(--text); font-size: 15px; padding: 3px 14px 3px 0; }
.sheet thead th:first-child { width: 150px; }
.sheet tbody th small { display: block; color: var(--soft); font-size: 12.5px; line-height: 1.4; margin-top: 3px; }
.few { max-width: 640px; min-width: 0; }
img, video { display: block; width: 100%; height: auto; border-radius: 6px; background: #000; }
video { max-width: 768px; }
td small { color: var(--soft); }
.row { display: grid; gap: 10px; grid-template-columns: repeat(auto-fit, minmax(min(180px, 100%), 1fr)); }
.row figure { margin: 0; max-width: 620px; }
svg { width: 100%; height: auto; display: block; background: var(--raised); border-radius: 8px; }
svg text { fill: var(--soft); font: 13px system-ui, "DejaVu Sans", sans-serif; }
nav { display: flex; flex-wrap: wrap; gap: 6px 20px; }
a { color: var(--accent); }
footer { padding: 12px 0 60px; color: var(--soft); }
"""


def page(report: Report) -> str:
    """Return the whole page."""
    title = "MirrorFX selftest"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"{_header(report, title)}\n<main>\n{_summary(report)}\n"
        + "\n".join(_section(section) for section in report.sections)
        + "\n<footer>All figures are in report.json. Click a picture to see it alone.</footer>"
        + "\n</main>\n</body>\n</html>\n"
    )


def _header(report: Report, title: str) -> str:
    counts = "".join(
        f'<div class="count {verdict}"><b>{count}</b>{_SIGNS[verdict][0]} {_SIGNS[verdict][1]}</div>'
        for verdict, count in report.counts().items()
    )
    state = _STATES[report.state]
    links = "".join(f'<a href="#{section.name}">{escape(section.title)}</a>' for section in report.sections)
    return (
        f'<header>\n<h1>{title}</h1>\n<p class="soft">{escape(report.facts.get("Effect", ""))} · '
        f"{escape(report.facts.get('Date', ''))}</p>\n"
        + (f"<p><b>{escape(state)}</b></p>\n" if state else "")
        + f'<div class="verdicts">{counts}</div>\n<p>{escape(report.shows)}</p>\n<nav>{links}</nav>\n</header>'
    )


def _summary(report: Report) -> str:
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in report.facts.items())
    return f'<section id="summary">\n<h2>Summary</h2>\n<dl>{facts}</dl>\n{_checks(report.checks)}\n</section>'


def _section(section: Section) -> str:
    blocks = "\n".join(_block(block) for block in section.blocks)
    body = blocks if section.blocks or section.checks else '<p class="soft">Not done yet.</p>'
    return (
        f'<section id="{section.name}">\n<h2>{escape(section.title)}</h2>\n'
        f'<p class="soft">{escape(section.intro)}</p>\n'
        f"{_checks(section.checks)}\n{body}\n</section>"
    )


def _checks(checks: Iterable[Check]) -> str:
    return '<ul class="checks">' + "".join(_check(check) for check in checks) + "</ul>"


def _check(check: Check) -> str:
    sign, word = _SIGNS[check.verdict]
    return (
        f'<li class="{check.verdict}"><span class="sign">{sign} {word}</span><b>{escape(check.name)}</b>'
        f'<span class="words">{escape(check.words)}</span></li>'
    )


def _picture(cell: Cell, name: str) -> str:
    file = escape(cell.picture)
    return f'<a href="{file}"><img src="{file}" alt="{escape(name)}" loading="lazy"></a>'


@singledispatch
def _block(block: object) -> str:
    raise TypeError(f"The page has no way to show a {type(block).__name__}.")


@_block.register
def _(block: Pictures) -> str:
    figures = "".join(
        f"<figure>{_picture(cell, cell.caption)}<figcaption>{escape(cell.caption)}</figcaption></figure>"
        for cell in block.cells
    )
    return f'<figure>{_caption(block.caption)}<div class="row">{figures}</div></figure>'


@_block.register
def _(block: Sheet) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in block.columns)
    body = "".join(_sheet_row(block, *row) for row in block.rows)
    few = " few" if len(block.columns) == 1 else ""
    return (
        f'<figure>{_caption(block.caption)}<div class="wide"><table class="sheet{few}"><thead><tr><th></th>{head}</tr>'
        f"</thead><tbody>{body}</tbody></table></div></figure>"
    )


def _sheet_row(sheet: Sheet, heading: str, note: str, cells: list[Cell]) -> str:
    small = f"<small>{escape(note)}</small>" if note else ""
    pictures = "".join(
        f"<td>{_picture(cell, f'{heading}, {column}')}<small>{escape(cell.caption)}</small></td>"
        for column, cell in zip(sheet.columns, cells, strict=False)
    )
    return f"<tr><th>{escape(heading)}{small}</th>{pictures}</tr>"


@_block.register
def _(block: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in block.head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in block.rows)
    return (
        f'<figure>{_caption(block.caption)}<div class="wide"><table class="figures"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div></figure>"
    )


@_block.register
def _(block: Film) -> str:
    return (
        f'<figure>{_caption(block.caption)}<video controls loop muted playsinline preload="metadata" '
        f'poster="{escape(block.poster)}" src="{escape(block.film)}"></video></figure>'
    )


@_block.register
def _(block: Chart) -> str:
    most = max(block.values, default=0.0) or 1.0
    last = max(len(block.values) - 1, 1)
    line = " ".join(f"{_x(i / last):.1f},{_y(value / most):.1f}" for i, value in enumerate(block.values))
    label = f"{block.caption}: {block.y_label} over {block.x_label}, at most {_number(most)}"
    return (
        f"<figure>{_caption(f'{block.caption}, in {block.y_label}')}"
        f'<svg viewBox="0 0 {_CHART_W:g} {_CHART_H:g}" role="img" aria-label="{escape(label)}">'
        f"{_levels(most)}{_marks(block, last)}"
        f'<polyline points="{line}" fill="none" stroke="#e9b872" stroke-width="2" stroke-linejoin="round"/>'
        f"{_ticks(block, last)}</svg></figure>"
    )


def _levels(most: float) -> str:
    """Return the horizontal lines with their values."""
    return "".join(
        f'<line x1="{_x(0):g}" x2="{_x(1):g}" y1="{_y(share):.1f}" y2="{_y(share):.1f}" stroke="#2b303b"/>'
        f'<text x="{_x(0) - 8:g}" y="{_y(share) + 4:.1f}" text-anchor="end">{_number(most * share)}</text>'
        for share in (0.0, 0.5, 1.0)
    )


def _marks(block: Chart, last: int) -> str:
    """Return the vertical lines with their names."""
    lines = ((f"{_x(mark / last):.1f}", f"{_x(mark / last) + 6:.1f}") for mark in block.marks)
    return "".join(
        f'<line x1="{x}" x2="{x}" y1="{_y(1):g}" y2="{_y(0):g}" stroke="#5d6675" stroke-dasharray="4 5"/>'
        f'<text x="{text_x}" y="{_y(0) - 8:g}">{escape(block.mark_label)}</text>'
        for x, text_x in lines
    )


def _ticks(block: Chart, last: int) -> str:
    """Return the numbers and the name of the x axis."""
    length = last * block.step
    apart = _round_step(length / _TICKS)
    numbers = "".join(
        f'<text x="{_x(i * apart / length):.1f}" y="{_CHART_H - 12:g}" text-anchor="middle">{i * apart:g}</text>'
        for i in range(int(0.93 * length / apart) + 1)
    )
    name = f'<text x="{_x(1):g}" y="{_CHART_H - 12:g}" text-anchor="end">{escape(block.x_label)}</text>'
    return numbers + name


def _round_step(step: float) -> float:
    """Return the round number nearest above `step`: 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(times * power for times in (1, 2, 5, 10) if times * power >= step)


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _x(share: float) -> float:
    return _LEFT + (_CHART_W - _LEFT - _RIGHT) * share


def _y(share: float) -> float:
    return _CHART_H - _BOTTOM - (_CHART_H - _BOTTOM - _TOP) * share


def _caption(text: str) -> str:
    return f"<figcaption>{escape(text)}</figcaption>" if text else ""
