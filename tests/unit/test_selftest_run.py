"""Whole selftests with real worker processes, small and short."""

import importlib.util
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import av
import pytest

from mirrorfx.cli import selftest as command
from mirrorfx.cli.__main__ import main
from mirrorfx.clock import MonotonicClock
from mirrorfx.errors import EffectFailed
from mirrorfx.selftest import runner
from mirrorfx.selftest.findings import Verdict
from mirrorfx.selftest.runner import run_selftest
from mirrorfx.selftest.settings import Amount, SelftestSettings

pytestmark = pytest.mark.process

LITTLE = Amount(
    strengths=(0.3, 0.8), seeds=(1, 2), preset_strengths=(), timed_frames=5, ladder_frames=0, film_s=0.8, film_fps=25
)


def little(folder, effect="paint", **changes):
    return SelftestSettings(folder=folder, effect=effect, size=(64, 64), amount=LITTLE, **changes)


def ignore(_what, _share):
    """Report to nobody."""


@pytest.fixture(scope="module")
def painted(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "home", lambda: home)
        report = run_selftest(
            little(home / "st", zipped=True), MonotonicClock(), lambda what, share: told.append((what, share))
        )
    return home, report, told


def test_a_whole_selftest_passes(painted):
    _, report, told = painted
    assert report.state == "complete"
    assert [check for check in report.checks if check.verdict is Verdict.FAIL] == []
    assert all(section.checks for section in report.sections)
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_its_workers_agree_to_the_bit_and_strength_0_is_the_frame(painted):
    _, report, _ = painted
    found = {section.name: section.figures for section in report.sections}
    assert found["workers"]["cpu"] == {"largest": 0, "mean": 0.0, "same_kind": True}
    assert found["strength"]["zero_psnr_db"]["found"] is None
    assert found["timings"]["ms"]["least"] > 0


def test_every_link_of_the_page_leads_to_a_file(painted):
    home, _, _ = painted
    files = set(re.findall(r'(?:src|href|poster)="([^"#]+)"', (home / "st/index.html").read_text()))
    assert len(files) > 30
    assert [file for file in files if not (home / "st" / file).is_file()] == []


def test_the_film_has_all_its_pictures(painted):
    home, _, _ = painted
    with av.open(str(home / "st/drift.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == LITTLE.film_frames


def test_nothing_that_is_sent_names_a_folder_of_this_machine(painted):
    home, report, _ = painted
    with zipfile.ZipFile(home / "st.zip") as packed:
        sent = {name: packed.read(name) for name in packed.namelist()}
    written = json.loads(sent["st/report.json"])
    assert set(sent) == {f"st/{file}" for file in written["files"]}
    assert [name for name, content in sent.items() if str(home).encode() in content] == []
    assert "demo clip only" in report.shows


def test_a_second_run_takes_the_first_ones_place_and_a_stranger_is_safe(painted):
    home, _, _ = painted
    stale = home / "st/pictures/frame.png"
    before = stale.stat().st_mtime_ns
    run_selftest(little(home / "st", "passthrough"), MonotonicClock(), ignore)
    assert stale.stat().st_mtime_ns != before


def test_an_effect_without_a_strength_fails_that_check(tmp_path):
    report = run_selftest(little(tmp_path / "st", "passthrough"), MonotonicClock(), ignore)
    verdicts = {check.name: check.verdict for check in report.checks}
    assert verdicts["Strength 0.50 and 0.55 differ"] is Verdict.FAIL
    assert verdicts["Seeds give different pictures"] is Verdict.FAIL
    assert verdicts["Strength 0 gives the frame back"] is Verdict.PASS


def failing(problem):
    def fill(_studio, _section):
        raise problem

    return fill


@pytest.mark.parametrize("problem", [EffectFailed("out of memory"), ZeroDivisionError("by zero")], ids=repr)
def test_a_section_that_fails_says_why_and_the_others_go_on(tmp_path, monkeypatch, problem):
    parts = {part.name: part for part in runner._PARTS}
    chosen = (replace(parts["strengths"], fill=failing(problem)), parts["timings"])
    monkeypatch.setattr(runner, "_PARTS", chosen)
    report = run_selftest(little(tmp_path / "st"), MonotonicClock(), ignore)
    looks, timings = report.sections
    assert (looks.checks[0].verdict, str(problem) in looks.checks[0].words) == (Verdict.FAIL, True)
    assert timings.figures["frames"] == 5
    assert str(problem) in (tmp_path / "st/index.html").read_text()


def test_a_cancelled_selftest_leaves_the_page_of_what_is_done(tmp_path):
    def cancel(what, share):
        if what.startswith("All built-in presets") and share > 0.15:
            raise KeyboardInterrupt

    report = run_selftest(little(tmp_path / "st", zipped=True), MonotonicClock(), cancel)
    assert report.state == "cancelled"
    done = {section.name: section for section in report.sections}
    assert done["strengths"].checks[0].verdict is Verdict.PASS
    assert [check.words for check in done["drift"].checks] == ["cancelled before it was done"]
    html = (tmp_path / "st/index.html").read_text()
    assert "It was cancelled" in html
    assert "preset-" in html  # the presets painted so far
    assert (tmp_path / "st.zip").exists()


def test_the_command_says_where_the_page_is_and_what_is_in_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("mirrorfx.selftest.settings.QUICK", LITTLE)
    parts = {part.name: part for part in runner._PARTS}
    monkeypatch.setattr(runner, "_PARTS", (parts["timings"],))
    words = ["selftest", "--effect", "paint", "--quick", "--size", "64", "--zip", "--out", str(tmp_path / "st")]
    assert main(words) == 0
    said = capsys.readouterr().err
    assert str(tmp_path / "st/index.html") in said
    assert str(tmp_path / "st.zip") in said
    assert "demo clip only" in said


@pytest.mark.parametrize(("verdict", "state", "status"), [("fail", "complete", 1), ("unknown", "cancelled", 130)])
def test_the_exit_status_tells_of_failed_checks_and_of_ctrl_c(tmp_path, monkeypatch, verdict, state, status):
    from mirrorfx.selftest.findings import Report, Section

    def pretend(*_):
        report = Report({}, "", state, [Section("a", "A", "")])
        report.sections[0].check("c", Verdict(verdict), "")
        return report

    monkeypatch.setattr(runner, "run_selftest", pretend)
    assert main(["selftest", "--effect", "paint", "--out", str(tmp_path / "st")]) == status
    assert command.__doc__


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None or importlib.util.find_spec("diffusers") is None,
    reason="torch and diffusers are not installed",
)
def test_the_tiny_turbo_goes_the_whole_way(tmp_path, monkeypatch):
    monkeypatch.setenv("MIRRORFX_CACHE_DIR", str(tmp_path / "cache"))
    parts = {part.name: part for part in runner._PARTS}
    monkeypatch.setattr(runner, "_PARTS", tuple(parts[name] for name in ("strengths", "workers", "drift", "strength")))
    options = (("model", "tiny"), ("accelerator", "eager"))
    report = run_selftest(little(tmp_path / "st", "turbo", options=options), MonotonicClock(), ignore)
    assert {check.name: check.verdict for check in report.checks if check.verdict is not Verdict.PASS} == {}
    figures = {section.name: section.figures for section in report.sections}
    assert figures["strength"]["one_levels"]["largest"] == 0
    assert figures["workers"]["cpu"]["largest"] == 0
    assert report.facts["Accelerator"] == "eager"
