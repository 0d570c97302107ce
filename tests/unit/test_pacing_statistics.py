import pytest

from mirrorfx.clock import MS, SECOND
from mirrorfx.pacing.statistics import DisplayStatistics, FreezeDetector, ServiceStatistics


def fed(intervals_ms, latency_ms=100, capture_intervals_ms=None):
    statistics, present, capture = DisplayStatistics(), 1000.0, 1000.0 - latency_ms
    statistics.shown(round(capture * MS), round(present * MS))
    for interval, captured in zip(intervals_ms, capture_intervals_ms or intervals_ms, strict=True):
        present, capture = present + interval, capture + captured
        statistics.shown(round(capture * MS), round(present * MS))
    return statistics


def test_fps_harmonic_fps_and_intervals():
    figures = fed([30, 30, 60]).as_dict()
    assert figures["fps"] == 25.0
    assert figures["harmonic_fps"] == round(1000 * 120 / (900 + 900 + 3600), 3)
    assert figures["interval_ms"]["mean"] == 40.0
    assert figures["interval_ms"]["std"] == pytest.approx(200**0.5, abs=0.001)
    assert figures["interval_ms"]["max"] == 60.0
    assert figures["latency_ms"]["mean"] == 100.0
    assert figures["animation_error_ms"] == 0.0


def test_animation_error_is_the_mean_difference_of_display_and_capture_intervals():
    figures = fed([40, 40, 40], capture_intervals_ms=[33, 50, 40]).as_dict()
    assert figures["animation_error_ms"] == pytest.approx(17 / 3, abs=0.001)


def test_repeats_count_for_the_presented_rate_and_only_after_the_first_picture():
    statistics = DisplayStatistics()
    statistics.repeated(0)
    for tick in range(101):
        at_ns = SECOND + tick * 20 * MS
        if tick % 2:
            statistics.repeated(at_ns)
        else:
            statistics.shown(at_ns - 80 * MS, at_ns)
    figures = statistics.as_dict()
    assert statistics.frames_repeated == 50
    assert statistics.frames_shown == 51
    assert figures["presented_fps"] == 50.0
    assert figures["fps"] == 25.0


def test_a_wall_that_only_repeats_has_a_falling_rate():
    statistics = fed([40] * 25)
    for at_ms in range(2020, 4000, 20):
        statistics.repeated(at_ms * MS)
    assert statistics.as_dict()["fps"] == pytest.approx(25 / 2.98, abs=0.01)
    assert statistics.window(14 * SECOND)["fps"] == 0.0


def test_late_frames_are_counted():
    statistics = DisplayStatistics()
    statistics.late()
    statistics.late(3)
    assert statistics.frames_late == 4


def test_the_figures_have_the_names_of_the_report():
    figures = fed([40] * 3).as_dict()
    assert list(figures) == [
        "fps", "harmonic_fps", "presented_fps", "latency_ms", "interval_ms", "animation_error_ms", "freezes",
    ]  # fmt: skip
    assert list(figures["latency_ms"]) == ["mean", "p50", "p95", "p99", "max"]
    assert list(figures["interval_ms"]) == ["mean", "std", "p99", "max"]


def test_nothing_shown_is_all_zeros():
    figures = DisplayStatistics().as_dict()
    assert figures["fps"] == figures["harmonic_fps"] == figures["latency_ms"]["p99"] == figures["freezes"] == 0
    assert DisplayStatistics().window(5) == figures


@pytest.mark.parametrize(("interval_ms", "freezes"), [(189, 0), (190, 1), (5000, 1)])
def test_a_freeze_is_three_times_the_mean_and_150_ms_more(interval_ms, freezes):
    assert fed([40] * 30 + [interval_ms]).as_dict()["freezes"] == freezes


@pytest.mark.parametrize(("interval_ms", "freezes"), [(299, 0), (300, 1)])
def test_with_slow_frames_three_times_the_mean_decides(interval_ms, freezes):
    assert fed([100] * 30 + [interval_ms]).as_dict()["freezes"] == freezes


def test_a_freeze_is_judged_by_what_went_before():
    detector = FreezeDetector()
    assert not detector.is_freeze(9 * SECOND)
    assert [detector.is_freeze(40 * MS) for _ in range(40)] == [False] * 40
    assert detector.is_freeze(250 * MS)
    assert [detector.is_freeze(250 * MS) for _ in range(60)][-1] is False


def test_the_window_looks_back_ten_seconds():
    statistics = fed([100] * 100 + [20] * 500)
    assert statistics.window()["fps"] == 50.0
    assert statistics.window()["interval_ms"]["max"] == 20.0
    assert statistics.as_dict()["fps"] == 30.0


def test_memory_is_bounded():
    statistics = fed([2] * 20_000)
    assert len(statistics._recent) <= 5001
    for at_ms in range(41_000, 90_000, 2):
        statistics.repeated(at_ms * MS)
    assert len(statistics._recent) == 0
    assert len(statistics._recent_repeats) <= 5001


def test_service_statistics():
    statistics = ServiceStatistics()
    for service_ms in range(1, 101):
        statistics.add(service_ms * MS, MS // 2)
    figures = statistics.as_dict()
    assert statistics.frames == figures["frames"] == 100
    assert figures["service_ms"]["mean"] == 50.5
    assert figures["service_ms"]["p95"] == pytest.approx(95, abs=0.051)
    assert figures["overhead_ms"] == {"p50": 0.5, "p99": 0.5}
