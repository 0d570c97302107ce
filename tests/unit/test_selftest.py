"""The selftest's own parts: how pictures are compared, whose folder it takes, what its page says."""

import json
import math
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from mirrorfx.cli.__main__ import main
from mirrorfx.clock import MonotonicClock
from mirrorfx.errors import EffectUnavailable, InvalidValue, SinkUnavailable
from mirrorfx.selftest import agreement, drift, ladder, strength
from mirrorfx.selftest.findings import Cell, Chart, Film, Pictures, Report, Section, Sheet, Table, Verdict
from mirrorfx.selftest.folder import Folder, without_paths
from mirrorfx.selftest.measures import Difference, amplified, difference, is_flat, jumps, psnr_db
from mirrorfx.selftest.page import page
from mirrorfx.selftest.painter import Painter
from mirrorfx.selftest.settings import SelftestSettings


def picture(level, size=64):
    return np.full((size, size, 3), level, np.uint8)


def noise(seed, size=64):
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)


def test_a_difference_is_in_levels_and_leaves_the_x_out():
    one, other = np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2, 4), np.uint8)
    other[..., 3] = 255
    other[0, 0, 0] = 12
    assert difference(one, other) == Difference(12, 1.0)
    assert amplified(one, other, 32).max() == 255
    assert difference(picture(200), picture(100)).largest == 100  # not wrapped round


def test_psnr():
    assert math.isinf(psnr_db(picture(9), picture(9)))
    assert psnr_db(picture(0), picture(255)) == pytest.approx(0.0)
    assert psnr_db(picture(0), picture(1)) == pytest.approx(48.13, abs=0.01)


def test_a_black_picture_is_flat_and_a_noisy_one_is_not():
    assert is_flat(picture(0))
    assert is_flat(picture(128))
    assert not is_flat(noise(0))


def test_a_jump_stands_out_and_a_slow_change_of_pace_does_not():
    pace = [1.0 + 0.5 * math.sin(i / 9) for i in range(60)]
    assert max(jumps(pace)) < 1.3
    pace[30] *= 4
    found = jumps(pace)
    assert found.index(max(found)) == 30
    assert max(found) > 3


def test_changes_that_nobody_sees_are_no_jumps():
    assert max(jumps([0.0, 0.0, 0.05, 0.0, 0.0])) == 1.0
    assert jumps([2.0]) == [1.0]


def judged_drift(changes, fps=25):
    section = Section("drift", "Drift", "")
    phases = [0.5 + 2 * i / (len(changes) + 1) for i in range(len(changes) + 1)]
    drift._judge(section, [Difference(9, change) for change in changes], phases, fps)
    return {check.name: check.verdict for check in section.checks}, section


def test_a_smooth_walk_passes_and_its_keyframes_are_found():
    verdicts, section = judged_drift([1.0] * 49)
    assert set(verdicts.values()) == {Verdict.PASS}
    assert section.figures["keyframes_at_picture"] == [13, 38]


def test_a_jump_at_a_keyframe_fails_both_checks():
    changes = [1.0] * 49
    changes[12] = 8.0
    verdicts, _ = judged_drift(changes)
    assert verdicts["There is no jump at a keyframe"] is Verdict.FAIL
    assert verdicts["The drift walks without a jump"] is Verdict.FAIL


def test_a_jump_between_keyframes_fails_one():
    changes = [1.0] * 49
    changes[25] = 8.0
    verdicts, _ = judged_drift(changes)
    assert verdicts["There is no jump at a keyframe"] is Verdict.PASS
    assert verdicts["The drift walks without a jump"] is Verdict.FAIL


def test_a_walk_that_stands_still_is_not_called_smooth():
    verdicts, _ = judged_drift([0.0] * 49)
    assert verdicts == {"The drift walks without a jump": Verdict.UNKNOWN}


@pytest.mark.parametrize(
    ("worst", "same", "verdict"),
    [
        (Difference(0, 0.0), True, Verdict.PASS),
        (Difference(1, 0.01), True, Verdict.UNKNOWN),
        (Difference(3, 0.2), False, Verdict.PASS),
        (Difference(9, 0.2), False, Verdict.FAIL),
        (Difference(3, 0.6), True, Verdict.FAIL),
    ],
)
def test_two_workers_of_one_kind_must_agree_and_two_kinds_nearly(worst, same, verdict):
    assert agreement._verdict(worst, same=same)[0] is verdict


def test_strength_checks_can_fail():
    section = Section("strength", "Strength", "")
    strength._check_zero(section, noise(1), noise(2))
    strength._check_step(section, noise(1), noise(1))
    strength._check_one(section, noise(1), noise(2), turbo=True)
    assert [check.verdict for check in section.checks] == [Verdict.FAIL] * 3
    assert json.dumps(section.figures, allow_nan=False)


def test_an_accelerator_that_paints_something_else_is_named():
    section = Section("accelerators", "Accelerators", "")
    rungs = [
        ladder._Rung("eager", 40.0, 41.0, 42.0),
        ladder._Rung("graph", 20.0, 21.0, 22.0, Difference(1, 0.01)),
        ladder._Rung("compile", 10.0, 11.0, 12.0, Difference(200, 60.0)),
        ladder._Rung("fp8", problem="it is not built yet"),
    ]
    ladder._judge(section, rungs, "graph")
    same, fastest = section.checks
    assert same.verdict is Verdict.FAIL
    assert "compile" in same.words
    assert fastest.verdict is Verdict.UNKNOWN
    assert rungs[3].row()[-1] == "it is not built yet"
    ladder._judge(section, rungs[:2], "graph")
    assert [check.verdict for check in section.checks[2:]] == [Verdict.PASS, Verdict.PASS]
    ladder._judge(section, rungs[3:], "")
    assert section.checks[-1].verdict is Verdict.FAIL


def test_the_folder_takes_back_only_what_an_earlier_selftest_wrote(tmp_path):
    first = Folder(tmp_path / "st")
    old = first.picture("old", noise(0))
    first.write_report({})
    (tmp_path / "st/notes.txt").write_text("mine")
    outside = tmp_path / "precious"
    outside.write_text("mine")
    report = json.loads((tmp_path / "st/report.json").read_text())
    report["files"].append("../precious")
    (tmp_path / "st/report.json").write_text(json.dumps(report))
    Folder(tmp_path / "st")
    assert not (tmp_path / "st" / old).exists()
    assert (tmp_path / "st/notes.txt").read_text() == "mine"
    assert outside.read_text() == "mine"


def test_somebody_elses_folder_file_or_zip_is_refused_and_left_alone(tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/report.json").write_text('{"made_by": "somebody"}')
    with pytest.raises(InvalidValue, match="was not made by a selftest"):
        Folder(tmp_path / "theirs")
    assert [path.name for path in (tmp_path / "theirs").iterdir()] == ["report.json"]
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidValue, match="is a file"):
        Folder(tmp_path / "file")
    (tmp_path / "new.zip").write_bytes(b"not a zip")
    with pytest.raises(InvalidValue, match=r"new\.zip is there"):
        Folder(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_made_names_the_fix(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkUnavailable, match="--out"):
        Folder(tmp_path / "file/inside")


def test_an_empty_folder_is_taken(tmp_path):
    assert Folder(tmp_path).path == tmp_path


def test_pictures_are_reduced_unless_they_are_wanted_whole(tmp_path):
    import cv2

    folder = Folder(tmp_path / "st")
    small = cv2.imread(str(tmp_path / "st" / folder.picture("small", noise(0, 1024))))
    whole = cv2.imread(str(tmp_path / "st" / folder.picture("whole", noise(0, 1024), whole=True)))
    assert small.shape == (512, 512, 3)
    assert (whole == noise(0, 1024)).all()


def test_texts_lose_personal_paths(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: Path("/home/adalovelace"))
    text = "in /home/adalovelace/models and /media/adalovelace/disk/x and /srv/art/sdxl/unet"
    assert without_paths(text, [Path("/srv/art/sdxl")]) == "in ~/models and /media/…/disk/x and …/sdxl/unet"
    folder = Folder(tmp_path / "st")
    folder.write_report({"why": f"no room in {tmp_path}/st/pictures, see /home/adalovelace/log"})
    written = (tmp_path / "st/report.json").read_text()
    assert str(tmp_path) not in written
    assert "adalovelace" not in written


def test_a_home_folder_at_the_root_changes_nothing(monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: Path("/"))
    assert without_paths("a/b /c") == "a/b /c"


def test_the_zip_holds_what_the_selftest_wrote_and_nothing_else(tmp_path):
    folder = Folder(tmp_path / "st")
    folder.picture("one", noise(0))
    (tmp_path / "st/notes.txt").write_text("mine")
    folder.write_report({})
    with zipfile.ZipFile(folder.pack()) as packed:
        assert sorted(packed.namelist()) == ["st/pictures/one.jpg", "st/report.json"]
    Folder(tmp_path / "st")  # its own zip is no obstacle


class Outline(HTMLParser):
    """Collects links and text, and sees that every element is closed."""

    VOID = frozenset({"img", "meta", "line", "polyline"})

    def __init__(self, html):
        super().__init__()
        self.links, self.open, self.words = [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href", "poster")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href", "poster")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def full_report(state="complete"):
    section = Section("looks", "Looks <b>", "intro & more")
    section.check("It <works>", Verdict.PASS, "yes & no")
    section.check("It fails", Verdict.FAIL, "no")
    section.check("Who knows", Verdict.UNKNOWN, "?")
    section.blocks += [
        Sheet("sheet", ("one", "two"), [("row", "note", [Cell("pictures/a.jpg", "x")])]),
        Pictures((Cell("pictures/b.jpg", '"quoted"'),), "pair"),
        Table(("head",), (("<cell>",),)),
        Chart("times", (1.0, 3.0, 2.0), "frame", "ms", marks=(1.0,), mark_label="keyframe"),
        Film("drift.mp4", "pictures/a.jpg", "film"),
    ]
    return Report({"Effect": "paint", "Date": "today"}, "Only the demo.", state, [section, Section("next", "Next", "")])


def test_the_page_is_well_formed_escaped_and_needs_nothing_from_elsewhere():
    html = page(full_report())
    outline = Outline(html)
    assert outline.open == []
    assert set(outline.links) == {"#looks", "#next", "pictures/a.jpg", "pictures/b.jpg", "drift.mp4"}
    assert "http" not in html
    assert "<script" not in html
    assert "It <works>" in outline.words
    assert "<cell>" in outline.words


def test_a_verdict_is_told_by_sign_and_word_not_by_colour_alone():
    words = " ".join(Outline(page(full_report())).words)
    for verdict in ("✓ passed", "✗ failed", "? unknown"):
        assert words.count(verdict) == 3  # counted, in the summary, in its section


def test_a_page_that_is_not_complete_says_so():
    assert "It was cancelled" in page(full_report("cancelled"))
    assert "It was not finished" in page(full_report("running"))
    assert "It was" not in page(full_report())


def test_a_chart_of_one_point_or_none_is_drawn():
    report = full_report()
    report.sections[0].blocks = [Chart("c", (0.0,), "x", "y"), Chart("c", (), "x", "y")]
    assert "nan" not in page(report)


@pytest.mark.parametrize(
    "wrong", [{"size": (100, 100)}, {"size": (4096, 4096)}, {"devices": ("gpu",)}, {"devices": ()}], ids=str
)
def test_settings_that_are_not_possible(wrong):
    with pytest.raises(InvalidValue, match="--"):
        SelftestSettings(folder=Path("x"), effect="paint", **wrong)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--effect", "piant"], "Did you mean 'paint'?"),
        (["--effect", "paint", "--size", "100"], "--size 100"),
        (["--effect", "paint", "--devices", "gpu"], "'gpu'"),
        (["--effect", "paint", "--devices", "cpu,cuda:99"], "cuda:99 was asked for"),
        (["--effect", "paint", "--source", "nowhere.png"], "nowhere.png"),
        (["--effect", "paint", "--option", "x"], "--option 'x'"),
        (["--effect", "paint", "--model", "tiny"], "--model is for the effect turbo"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_bad_input_gets_one_clear_line_and_leaves_nothing(words, said, tmp_path, capsys):
    out = tmp_path / "st"
    assert main(["selftest", "--out", str(out), *words]) == 2
    assert said in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.process
def test_an_effect_that_cannot_open_says_why():
    settings = SelftestSettings(folder=Path("x"), effect="sleep", size=(64, 64), options=(("service_ms", "often"),))
    with pytest.raises(EffectUnavailable, match="service_ms"):
        Painter(settings, "cpu", MonotonicClock(), lambda *_: None)
