"""What scripts/soak.py calls a leak and a gap."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "soak.py"


@pytest.fixture(scope="module")
def soak():
    spec = importlib.util.spec_from_file_location("soak_script", SCRIPT)
    module = sys.modules["soak_script"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["soak_script"]


def growth(soak, values):
    return soak.Growth.of([(float(second), value) for second, value in enumerate(values)])


def test_a_figure_that_grows_steadily_is_a_leak(soak):
    leaking = growth(soak, [30 + 0.1 * second for second in range(180)])
    assert leaking.slope == pytest.approx(6.0)
    assert leaking.leaks("private_mb")
    assert growth(soak, [20 + second // 20 for second in range(180)]).leaks("fds")


@pytest.mark.parametrize(
    "values",
    [
        [30.0] * 180,
        [30 + second % 10 for second in range(180)],
        [30.0] * 90 + [33.0] * 90,
        [30.0] * 179 + [300.0],
        [30 + 0.01 * second for second in range(180)],
    ],
    ids=["still", "to and fro", "once", "one outlier", "hardly"],
)
def test_what_stays_within_bounds_is_none(soak, values):
    assert not growth(soak, values).leaks("private_mb")


def test_a_gap_counts_from_the_frame_before_it_and_while_it_lasts(soak):
    wall = soak.Wall(shown_s=[1.0, 1.1, 3.6, 3.7])
    assert wall.longest_gap_s(1.2, 3.7) == pytest.approx(2.5)
    assert wall.longest_gap_s(3.65, 10.0) == pytest.approx(6.3)
    assert wall.longest_gap_s(3.65, 3.7) == pytest.approx(0.1)
