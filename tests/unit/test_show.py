"""The cue list, the session file and the opening hours."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mirrorfx import files
from mirrorfx.clock import SECOND
from mirrorfx.errors import InvalidValue
from mirrorfx.show import Cue, CueList, OpeningHours, Session, SessionFile, load_cues, save_cues

A, B, C = Cue(preset="A", fade_s=2.0), Cue(preset="B", follow_s=10.0), Cue(preset="C", sound=True, note="doors")


def test_go_walks_the_list_and_begins_again():
    cues = CueList([A, B, C])
    assert [cues.go(0) for _ in range(4)] == [A, B, C, A]


def test_back_stops_at_the_first():
    cues = CueList([A, B, C])
    cues.jump(2, 0)
    assert [cues.back(0), cues.back(0), cues.back(0)] == [B, A, A]


def test_a_cue_follows_at_its_time_and_not_before():
    cues = CueList([A, B, C])
    cues.jump(1, 5 * SECOND)
    assert cues.due(15 * SECOND - 1) is None
    assert cues.due(15 * SECOND) == C
    assert cues.due(1000 * SECOND) is None, "C waits for GO"


def test_follow_times_do_not_add_up_their_delays():
    cues = CueList([B])
    cues.go(0)
    for turn in range(1, 6):
        assert cues.due(turn * 10 * SECOND + SECOND // 2) == B
    assert cues.t_follow_ns == 60 * SECOND


def test_after_a_standstill_the_list_is_not_raced_through():
    cues = CueList([B])
    cues.go(0)
    assert cues.due(3600 * SECOND) == B
    assert cues.due(3600 * SECOND + SECOND) is None


def test_back_and_hold_forget_what_would_have_followed():
    cues = CueList([A, B, C])
    cues.jump(1, 0)
    cues.back(SECOND)
    assert cues.due(100 * SECOND) is None
    cues.jump(1, 0)
    cues.hold()
    assert cues.due(100 * SECOND) is None


def test_the_show_stays_at_its_cue_when_the_list_is_edited():
    cues = CueList([A, B, C])
    cues.jump(1, 0)
    cues.replace([C, A, B])
    assert cues.current == B
    assert cues.t_follow_ns == 10 * SECOND
    cues.replace([A])
    assert cues.at == 0
    assert cues.t_follow_ns is None, "what follows belonged to a cue that is gone"
    cues.replace([])
    assert cues.current is None
    with pytest.raises(InvalidValue, match="empty"):
        cues.go(0)


def test_of_two_equal_cues_the_one_in_force_stays():
    cues = CueList([A, B, A])
    cues.jump(2, 0)
    cues.replace([A, B, A, C])
    assert cues.at == 2


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({}, "needs the name"),
        ({"preset": "  "}, "needs the name"),
        ({"preset": "A", "fade": 2}, "no 'fade'"),
        ({"preset": "A", "fade_s": -1}, "fade_s -1"),
        ({"preset": "A", "follow_s": "soon"}, "follow_s 'soon'"),
        ({"preset": "A", "follow_s": float("nan")}, "follow_s nan"),
        ({"preset": "A", "sound": "loud"}, "sound 'loud'"),
    ],
)
def test_a_bad_cue_says_what_is_wrong(table, says):
    with pytest.raises(InvalidValue, match=says):
        Cue.from_table(table)


def test_a_jump_beside_the_list_is_refused():
    with pytest.raises(InvalidValue, match="no cue 3; the list has 2"):
        CueList([A, B]).jump(2, 0)


def test_cues_come_back_from_their_file(tmp_path):
    path = tmp_path / "deep" / "cues.json"
    assert load_cues(path) == ()
    save_cues([A, B, C], path)
    assert load_cues(path) == (A, B, C)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"format": 9, "cues": []}', b'{"format": 1, "cues": [{"a": 1}]}']
)
def test_a_file_that_is_no_cue_list_says_so_and_stays(tmp_path, content):
    path = tmp_path / "cues.json"
    path.write_bytes(content)
    with pytest.raises(InvalidValue):
        load_cues(path)
    assert path.read_bytes() == content


SESSION = Session(saved="today", effect="style", preset="Ice", values={"strength": 0.5, "prompt": "ice"}, cue_at=3)


def test_a_session_comes_back(tmp_path):
    assert SessionFile(tmp_path / "session.json").load() is None
    assert SessionFile(tmp_path / "a" / "session.json").save(SESSION)
    assert SessionFile(tmp_path / "a" / "session.json").load() == SESSION


def test_an_unchanged_session_is_not_written_again(tmp_path, monkeypatch):
    file = SessionFile(tmp_path / "session.json")
    file.save(SESSION)
    before = (tmp_path / "session.json").stat().st_mtime_ns
    monkeypatch.setattr("mirrorfx.show.session.write_whole", lambda *_: pytest.fail("written"))
    assert file.save(SESSION)
    assert (tmp_path / "session.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("content", [b"", b"\xff", b"{}", b"[1]", b'{"format": 1, "values": 3}', b'{"format": 2}'])
def test_a_corrupted_session_is_set_aside_and_the_mirror_starts(tmp_path, content):
    path = tmp_path / "session.json"
    path.write_bytes(content)
    file = SessionFile(path)
    assert file.load() is None
    assert "session.json.bad" in file.problem
    assert (tmp_path / "session.json.bad").read_bytes() == content
    assert file.save(SESSION)
    assert file.load() == SESSION


def test_the_second_corrupted_session_leaves_the_first(tmp_path):
    for content in (b"first", b"second"):
        (tmp_path / "session.json").write_bytes(content)
        assert SessionFile(tmp_path / "session.json").load() is None
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"first", b"second"}


def test_a_corrupted_session_that_can_not_be_set_aside_is_told_of(tmp_path, monkeypatch):
    def refuse(_):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "session.json").write_bytes(b"?")
    monkeypatch.setattr("mirrorfx.show.session.set_aside", refuse)
    file = SessionFile(tmp_path / "session.json")
    assert file.load() is None
    assert "can't be set aside either (Permission denied)" in file.problem
    assert (tmp_path / "session.json").read_bytes() == b"?"


def test_a_full_disk_leaves_the_session_before(tmp_path, monkeypatch):
    file = SessionFile(tmp_path / "session.json")
    file.save(SESSION)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    assert not file.save(Session(effect="paint"))
    assert "No space left on device" in file.problem
    monkeypatch.undo()
    assert file.load() == SESSION


BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def test_without_rules_it_is_always_open():
    assert OpeningHours().open_at(at("2026-11-22T03:00"))
    assert OpeningHours().next_change(at("2026-11-22T03:00")) is None


def test_days_and_times():
    hours = OpeningHours.parse("mon-fri 10:00-18:00; sat,sun 11:00-20:00")
    assert not hours.open_at(at("2026-11-23T09:59:59"))  # a Monday
    assert hours.open_at(at("2026-11-23T10:00"))
    assert not hours.open_at(at("2026-11-23T18:00"))
    assert hours.open_at(at("2026-11-22T19:59"))
    assert not hours.open_at(at("2026-11-22T10:30"))


def test_past_midnight_the_night_belongs_to_the_day_before():
    hours = OpeningHours.parse("fri 20:00-02:00")
    assert hours.open_at(at("2026-11-28T01:59"))  # Saturday
    assert not hours.open_at(at("2026-11-27T01:00"))  # Friday
    assert not hours.open_at(at("2026-11-28T21:00"))


def test_round_the_week_and_the_whole_day():
    hours = OpeningHours.parse("sat-mon 00:00-24:00")
    assert [hours.open_at(at("2026-11-21T12:00") + timedelta(days=day)) for day in range(4)] == [
        True,
        True,
        True,
        False,
    ]


def test_when_it_changes_next():
    hours = OpeningHours.parse("10:00-18:00")
    assert hours.next_change(at("2026-11-22T12:00")) == at("2026-11-22T18:00")
    assert hours.next_change(at("2026-11-22T18:00")) == at("2026-11-23T10:00")


def test_opening_holds_by_the_wall_clock_when_the_clocks_change():
    hours = OpeningHours.parse("10:00-18:00")
    for night in ("2026-03-28T18:00", "2026-10-24T18:00"):  # the nights of both changes
        opened = hours.next_change(at(night))
        assert (opened.hour, opened.minute) == (10, 0)
        assert (opened - at(night)) == timedelta(hours=16)  # by the wall's clock; really 15 and 17


def test_an_opening_in_the_hour_that_is_left_out_comes_right_after_it():
    hours = OpeningHours.parse("02:30-05:00")
    assert hours.next_change(at("2026-03-29T00:00")) == at("2026-03-29T03:00")


def test_a_date_puts_the_weeks_hours_out_of_force():
    hours = OpeningHours.parse("mon-sun 10:00-18:00; 12-24..12-26 closed; 2026-12-31 10:00-14:00")
    noon_and_evening = {
        day: (hours.open_at(at(f"{day}T12:00")), hours.open_at(at(f"{day}T17:00")))
        for day in ("2026-12-23", "2026-12-24", "2026-12-26", "2026-12-27", "2026-12-31", "2027-12-25", "2027-12-31")
    }
    assert noon_and_evening == {
        "2026-12-23": (True, True),
        "2026-12-24": (False, False),
        "2026-12-26": (False, False),
        "2026-12-27": (True, True),
        "2026-12-31": (True, False),
        "2027-12-25": (False, False),
        "2027-12-31": (True, True),
    }
    assert hours.next_change(at("2026-12-23T18:00")) == at("2026-12-27T10:00")


def test_dates_may_pass_the_end_of_the_year_and_a_night_belongs_to_the_day_it_began():
    hours = OpeningHours.parse("20:00-02:00; 12-31..01-01 closed; 02-29 closed")
    assert hours.open_at(at("2026-12-31T01:00"))
    assert not hours.open_at(at("2026-12-31T21:00"))
    assert not hours.open_at(at("2027-01-01T01:00"))
    assert not hours.open_at(at("2027-01-02T01:00"))
    assert hours.open_at(at("2027-01-02T20:00"))
    assert not hours.open_at(at("2028-02-29T21:00"))


def test_a_long_pause_and_one_without_end_in_sight():
    closed = OpeningHours.parse("10:00-18:00; 2026-07-01..2026-07-30 closed")
    assert closed.next_change(at("2026-06-30T18:00")) == at("2026-07-31T10:00")
    closed = OpeningHours.parse("10:00-18:00; 2026-07-01..2026-09-30 closed")
    assert closed.next_change(at("2026-06-30T18:00")) is None
    assert closed.open_at(at("2026-10-01T10:00"))


def test_changes_are_found_to_the_minute():
    hours = OpeningHours.parse("mon 10:07-18:52")
    assert hours.next_change(at("2026-06-01T10:06:59")) == at("2026-06-01T10:07")
    assert hours.next_change(at("2026-06-01T10:07")) == at("2026-06-01T18:52")
    assert hours.next_change(at("2026-06-01T18:52")) == at("2026-06-08T10:07")


@pytest.mark.parametrize(
    "text",
    [
        *("", "always", "mon 10-18", "25:00-26:00", "10:61-12:00", "day 10:00-12:00", "mon-xyz 10:00-12:00"),
        *("10:00-10:00", "12-24 closed", "10:00-18:00; 13-01 closed", "10:00-18:00; 2027-02-29 closed"),
        *("10:00-18:00; 2026-12-24..12-26 closed", "10:00-18:00; 2026-12-26..2026-12-24 closed", "closed"),
        *("10:00-18:00; 24.12. closed", "10:00-18:00; 12-24,mon closed"),
    ],
)
def test_hours_that_cannot_be_read_show_how_to_write_them(text):
    with pytest.raises(InvalidValue, match="opening hours"):
        OpeningHours.parse(text)
