"""What `mirrorfx run` ends with: an effect that was asked for and never painted is no success."""

import argparse
from types import SimpleNamespace

import pytest

from mirrorfx.cli import run as run_command
from mirrorfx.cli._verdict import unpainted
from mirrorfx.processes.launcher import Outcome
from mirrorfx.processes.report import Counts, build_report


def report(*painted, effect="turbo", reason=""):
    counts = Counts()
    for name in painted:
        counts.complete(name)
    worker = {"name": "worker-0", "frames": 0, "restarts": 0, "service_ms": {}, "reason": reason}
    return build_report({"effect": effect}, counts, None, [worker])


def test_frames_are_counted_by_the_effect_that_painted_them():
    frames = report("style", "turbo", "style")["frames"]
    assert frames["painted_by"] == {"style": 2, "turbo": 1}
    assert frames["completed"] == 3


def test_an_effect_that_never_painted_is_told_of_with_its_reason_and_what_to_do():
    said = unpainted("turbo", report("style", reason="No GPU was found. Plug one in."))
    assert said == (
        "turbo was asked for and never painted; style painted in its place. No GPU was found. Plug one in. "
        "'mirrorfx doctor' says what is missing; --effect auto takes what can run here."
    )


def test_one_that_was_still_loading_needs_a_longer_run():
    assert "let it run longer (--seconds" in unpainted("turbo", report("style"))


@pytest.mark.parametrize(
    "told",
    [report("style", "turbo", reason="it hung"), report("style", "paint", effect="paint")],
    ids=["it has painted once", "the operator chose another"],
)
def test_nothing_is_said_when_it_painted_or_is_no_longer_wanted(told):
    assert unpainted("turbo", told) == ""


def finish(asked, told):
    args = argparse.Namespace(report=None, effect=asked, **dict.fromkeys(run_command._TURBO_OPTIONS))
    settings = SimpleNamespace(effect="turbo", record=None)
    return run_command._finish(args, SimpleNamespace(settings=settings), Outcome(told, first_picture_s=1.0))


@pytest.mark.parametrize(
    ("asked", "painted", "status"),
    [("turbo", "style", 1), ("turbo", "turbo", 0), ("auto", "style", 0)],
    ids=["asked for in vain", "asked for and painted", "whatever can run"],
)
def test_the_exit_status_says_whether_what_was_asked_for_was_painted(asked, painted, status, capsys):
    assert finish(asked, report(painted)) == status
    assert capsys.readouterr().err.count("mirrorfx: turbo was asked for and never painted") == status
