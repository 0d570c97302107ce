"""What clients may ask of the engine about presets, cues and the session, without processes."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from mirrorfx.clock import SECOND
from mirrorfx.control.protocol import Request
from mirrorfx.effects import param_registry
from mirrorfx.errors import ControlError, InvalidValue, PresetError, PresetInvalid, PresetNotFound, PresetNotSaved
from mirrorfx.geometry import InputGeometry
from mirrorfx.processes.channel import Poller
from mirrorfx.processes.commands import Commands
from mirrorfx.processes.param_editor import ParamEditor
from mirrorfx.processes.session_keeper import SessionKeeper
from mirrorfx.processes.settings import MirrorSettings
from mirrorfx.resources import config_dir, state_dir, user_presets_dir
from mirrorfx.testing import FakeClock

SETTINGS = MirrorSettings(effect="passthrough", control_port=0, preset="Ice")


class Engine:
    """As much of an engine as commands need; edits hold at once."""

    def __init__(self, settings=SETTINGS, clock=None):
        self.clock = clock or FakeClock()
        self.keeper = SessionKeeper(settings)
        self.settings = self.keeper.resolved()
        self.poller = Poller()
        self.display = {"delay_ms": 100.0}
        self.notices = []
        self.switched = []
        self.told = []
        self.intake = SimpleNamespace(says={"state": "starting"}, tell=self.told.append, change_source=self.told.append)
        self.commands = Commands(self)
        registry = param_registry(self.settings.effect)
        self.editor = ParamEditor(registry, self.commands.first_values(), self.clock.now_ns())
        switching = SimpleNamespace(to=None, begin=self.switched.append)
        self.crew = SimpleNamespace(
            effect=self.settings.effect, carried_by=None, problem="", switching=switching, edit=self._edit
        )
        self.keeper.go_on(self)

    def _edit(self, changes, fade_s, now_ns):
        self.editor.edit(changes, fade_s, now_ns, [])

    def notice(self, text, level="info"):
        self.notices.append((level, text))

    def ask(self, do, **arguments):
        return self.commands._verbs[do](arguments)

    @property
    def state(self):
        return self.commands._state()

    def value(self, name):
        return self.editor.state.values[name]

    def wait(self, seconds):
        self.clock.advance_ns(round(seconds * SECOND))
        self.commands.mind(self.clock.now_ns())


@pytest.fixture
def engine():
    return Engine()


def names(engine):
    return [preset["name"] for preset in engine.state["presets"]]


# Cue and GO


def test_go_fades_to_what_is_cued_over_its_own_time(engine):
    engine.ask("cue", name="lava")
    assert engine.state["cue"] == "Lava"
    assert engine.state["preset"] == "Ice"
    engine.ask("go")
    state = engine.state
    assert (state["preset"], state["cue"]) == ("Lava", None)
    assert state["fade"] == {"seconds": 2.5, "left_s": pytest.approx(2.5)}
    engine.wait(1.5)
    assert engine.state["fade"]["left_s"] == pytest.approx(1.0)
    engine.wait(3)
    assert engine.state["fade"] is None


def test_go_without_anything_says_what_to_do(engine):
    with pytest.raises(ControlError, match="Click a preset first"):
        engine.ask("go")


def test_a_cue_can_be_taken_away_and_must_exist(engine):
    engine.ask("cue", name="Lava")
    engine.ask("cue", name=None)
    assert engine.state["cue"] is None
    with pytest.raises(PresetNotFound, match="Lava"):
        engine.ask("cue", name="Lavaa")


def test_the_dirty_mark_follows_edits(engine):
    assert not engine.state["dirty"]
    before = engine.value("strength")
    engine.ask("set", params={"strength": 0.111})
    assert engine.state["dirty"]
    engine.ask("set", params={"strength": before})
    assert not engine.state["dirty"]


@pytest.mark.parametrize("fade_s", [-1, "soon", float("nan"), 601, True])
def test_a_fade_that_is_no_time_is_refused(engine, fade_s):
    with pytest.raises(InvalidValue, match="fade_s"):
        engine.ask("preset", name="Lava", fade_s=fade_s)
    assert engine.state["preset"] == "Ice"


# The library


def test_a_copy_gets_a_free_name(engine):
    assert engine.ask("duplicate", name="Ice")["name"] == "Ice 2"
    assert engine.ask("duplicate", name="Ice")["name"] == "Ice 3"
    assert engine.ask("duplicate", name="Ice", new_name="Glacier")["name"] == "Glacier"
    assert {"Ice", "Ice 2", "Ice 3", "Glacier"} <= set(names(engine))


def test_renaming_follows_the_preset_in_force_and_the_cue(engine):
    engine.ask("save", name="Mine")
    engine.ask("cue", name="Mine")
    engine.ask("rename", name="mine", new_name="Ours")
    assert (engine.state["preset"], engine.state["cue"]) == ("Ours", "Ours")
    assert "Mine" not in names(engine)
    engine.ask("rename", name="Ours", new_name="OURS")
    assert "OURS" in names(engine)


def test_what_is_built_in_keeps_its_name(engine):
    with pytest.raises(ControlError, match="built in"):
        engine.ask("rename", name="Ice", new_name="Frost")
    with pytest.raises(PresetNotFound, match="can't be deleted"):
        engine.ask("delete", name="Ice")


def test_renaming_never_writes_over_another(engine):
    engine.ask("save", name="One")
    engine.ask("save", name="Two")
    with pytest.raises(PresetNotSaved, match="already"):
        engine.ask("rename", name="One", new_name="two")
    assert {"One", "Two"} <= set(names(engine))


def test_a_deleted_preset_comes_back_with_its_comments(engine):
    engine.ask("save", name="Mine")
    path = user_presets_dir() / "mine.toml"
    path.write_text("# from the studio\n" + path.read_text())
    token = engine.ask("delete", name="Mine")["undo"]
    assert "Mine" not in names(engine)
    assert engine.ask("undelete", undo=token) == {"name": "Mine"}
    assert path.read_text().startswith("# from the studio\n")
    with pytest.raises(ControlError, match="any more"):
        engine.ask("undelete", undo=token)


def test_what_is_carried_out_can_be_carried_in(engine):
    text = engine.ask("export", name="Ice")["toml"]
    assert engine.ask("import", toml=text)["name"] == "Ice 2"
    engine.ask("import", toml=text, name="Glacier")
    ice, copy = engine.commands.presets.library.get("Ice"), engine.commands.presets.library.get("Glacier")
    assert dict(ice.params) == dict(copy.params)


@pytest.mark.parametrize(
    "toml", ["", "name = 3", 'format = 1\nname = "a/b"', 'format = 1\nname = "A"\n[params]\nx = 1']
)
def test_what_is_no_preset_is_not_carried_in(engine, toml):
    before = names(engine)
    with pytest.raises(PresetInvalid):
        engine.ask("import", toml=toml)
    assert names(engine) == before


@pytest.mark.parametrize("do", ["save", "duplicate", "rename", "delete", "undelete", "import", "export", "preset"])
def test_a_request_that_lacks_something_says_what(engine, do):
    with pytest.raises(ControlError, match="lacks"):
        engine.ask(do)


@pytest.mark.parametrize("name", ["a/b", "", "con", "x" * 61])
def test_a_name_that_no_file_can_have_is_refused(engine, name):
    for request in ({"do": "save", "name": name}, {"do": "duplicate", "name": "Ice", "new_name": name or " "}):
        with pytest.raises(PresetInvalid):
            engine.ask(**request)


def test_a_folder_that_turned_read_only_loses_nothing(engine, monkeypatch):
    engine.ask("save", name="Mine")
    path = user_presets_dir() / "mine.toml"
    before = path.read_bytes()

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("mirrorfx.presets.store.write_whole", refuse)
    monkeypatch.setattr(Path, "replace", refuse)
    engine.ask("set", params={"strength": 0.1})
    requests = [
        {"do": "save", "name": "Mine"},
        {"do": "delete", "name": "Mine"},
        {"do": "rename", "name": "Mine", "new_name": "Other"},
        {"do": "duplicate", "name": "Mine"},
    ]
    for request in requests:
        with pytest.raises(PresetError, match="Permission denied"):
            engine.ask(**request)
    assert path.read_bytes() == before
    assert "Mine" in names(engine)


def test_a_file_changed_by_somebody_is_noticed_within_a_second(engine):
    engine.ask("save", name="Mine")
    engine.wait(1.1)
    path = user_presets_dir() / "mine.toml"
    path.write_text(path.read_text().replace('name = "Mine"', 'name = "Theirs"'))
    engine.wait(1.1)
    assert "Theirs" in names(engine)


# The cue list


LIST = [{"preset": "Lava", "fade_s": 1.0, "follow_s": 10.0}, {"preset": "Charcoal"}]


def test_the_list_goes_on_by_itself_and_waits_where_it_is_told_to(engine):
    engine.ask("list_set", cues=LIST)
    engine.ask("list_go")
    assert engine.state["preset"] == "Lava"
    assert engine.commands.next_ns == engine.clock.now_ns() + 10 * SECOND
    engine.wait(9.9)
    assert engine.state["preset"] == "Lava"
    engine.wait(0.1)
    assert engine.state["preset"] == "Charcoal"
    assert engine.state["list"]["at"] == 1
    assert engine.commands.next_ns is None


def test_go_takes_the_list_when_nothing_is_cued(engine):
    engine.ask("list_set", cues=LIST)
    engine.ask("cue", name="Ice")
    engine.ask("go")
    assert engine.state["list"]["at"] == -1
    engine.ask("go")
    assert engine.state["list"]["at"] == 0


def test_the_list_survives_the_engine(engine):
    engine.ask("list_set", cues=LIST)
    cues = Engine().state["list"]["cues"]
    assert [(cue["preset"], cue["fade_s"], cue["follow_s"]) for cue in cues] == [
        ("Lava", 1.0, 10.0),
        ("Charcoal", None, None),
    ]


def test_a_cue_whose_preset_is_gone_leaves_the_show_where_it_is(engine):
    engine.ask("save", name="Mine")
    engine.ask("list_set", cues=[*LIST, {"preset": "Mine"}])
    engine.ask("delete", name="Mine")
    assert [cue["missing"] for cue in engine.state["list"]["cues"]] == [False, False, True]
    engine.ask("list_jump", index=1)
    with pytest.raises(PresetNotFound):
        engine.ask("list_go")
    assert engine.state["list"]["at"] == 1


def test_a_cue_that_follows_and_is_gone_is_told_to_the_operator(engine):
    engine.ask("save", name="Mine")
    engine.ask("list_set", cues=[{"preset": "Lava", "follow_s": 1.0}, {"preset": "Mine", "follow_s": 1.0}])
    engine.ask("delete", name="Mine")
    engine.ask("list_go")
    engine.wait(1.0)
    assert engine.notices[-1][0] == "error"
    assert engine.notices[-1][1].startswith("Cue 2 was not called: There is no preset called 'Mine'")
    engine.wait(1.0)
    assert engine.state["preset"] == "Lava"
    assert engine.state["list"]["at"] == 0, "and the list goes on"


def test_a_list_file_that_is_broken_says_so_and_stays(engine):
    engine.ask("list_set", cues=LIST)
    path = config_dir() / "cues.json"
    path.write_text("{")
    again = Engine()
    assert again.state["list"]["cues"] == []
    assert any("cue list could not be read" in problem for problem in again.state["problems"])
    assert path.read_text() == "{"


# The session


def restarted(engine, **changes):
    from dataclasses import replace

    return Engine(replace(SETTINGS, **changes), engine.clock)


def edited():
    engine = Engine()
    engine.ask("preset", name="Lava", fade_s=0)
    engine.ask("set", params={"strength": 0.123}, fade_s=0)
    engine.wait(3)
    return engine


def test_an_engine_that_died_goes_on_as_if_nothing_had_been():
    engine = edited()
    engine.clock.advance_ns(7 * SECOND)
    again = restarted(engine, run_id=SETTINGS.run_id)
    now_ns = engine.clock.now_ns() + 5 * SECOND
    assert again.value("strength") == 0.123
    assert again.state["preset"] == "Lava"
    assert again.editor.state.at(now_ns).phase == engine.editor.state.at(now_ns).phase > 0
    assert again.state["session"]["offer"] is None


def test_after_a_crash_the_session_is_offered_and_taken():
    again = restarted(edited(), run_id="another")
    assert again.state["preset"] == "Ice"
    assert again.state["session"]["offer"]["preset"] == "Lava"
    again.wait(10)
    again.ask("session", restore=True)
    assert again.value("strength") == 0.123
    assert again.state["preset"] == "Lava"
    assert again.state["session"]["offer"] is None
    with pytest.raises(ControlError, match="no earlier session"):
        again.ask("session", restore=True)


def test_an_offer_survives_another_crash_until_it_is_answered():
    first = restarted(edited(), run_id="a")
    first.wait(10)
    second = restarted(first, run_id="b")
    assert second.state["session"]["offer"]["preset"] == "Lava"
    second.ask("session", restore=False)
    second.wait(10)
    assert restarted(second, run_id="c").state["session"]["offer"]["preset"] == "Ice"


def test_beginning_to_work_declines_the_offer():
    again = restarted(edited(), run_id="another")
    again.ask("set", params={"strength": 0.9}, fade_s=0)
    again.wait(3)
    assert again.state["session"]["offer"] is None
    assert json.loads((state_dir() / "session.json").read_text())["values"]["strength"] == 0.9


def test_a_mirror_that_was_ended_offers_nothing():
    engine = edited()
    engine.commands.close()
    assert restarted(engine, run_id="another").state["session"]["offer"] is None


def test_after_a_proper_end_it_shows_what_was_shown_unless_it_is_told_otherwise():
    engine = edited()
    engine.commands.close()
    again = restarted(engine, run_id="another", preset=None)
    assert (again.state["preset"], again.value("strength")) == ("Lava", 0.123)
    again.commands.close()
    assert restarted(again, run_id="b", preset=None, params={"strength": 0.5}).value("strength") == 0.5
    assert restarted(again, run_id="c", preset=None, restore="never").state["preset"] is None
    assert restarted(again, run_id="d", preset=None, effect="paint").settings.effect == "paint"


def with_camera_changed():
    """A mirror on the demo clip, since there was no camera, on which somebody turned the picture and took a pattern."""
    engine = restarted(Engine(), source="demo", preset=None)
    engine.ask("camera", rotation=90, exposure=80)
    engine.ask("source", name="pattern:30")
    engine.wait(3)
    return engine


def test_after_a_proper_end_the_camera_is_as_it_was_left_unless_the_start_says_otherwise():
    engine = with_camera_changed()
    engine.commands.close()
    again = restarted(engine, run_id="b", source="camera:0", preset=None)
    assert (again.settings.source, again.settings.geometry.rotation) == ("pattern:30", 90)
    told = {"source": "film.mp4", "source_asked": True, "geometry": InputGeometry(rotation=180)}
    again = restarted(engine, run_id="c", preset=None, **told)
    assert (again.settings.source, again.settings.geometry.rotation) == ("film.mp4", 180)
    assert again.settings.camera.exposure == 80, "of which nothing was said"


def test_a_source_that_nobody_chose_is_not_kept():
    engine = restarted(Engine(), source="demo", preset=None)
    engine.ask("camera", rotation=90)
    engine.wait(3)
    engine.commands.close()
    again = restarted(engine, run_id="b", source="camera:0", preset=None)
    assert again.settings.source == "camera:0", "the camera has been plugged in meanwhile"


def test_a_kiosk_that_crashed_has_the_camera_as_it_was_left_whatever_its_start_says():
    told = {"source": "camera:0", "source_asked": True, "geometry": InputGeometry(rotation=180)}
    again = restarted(with_camera_changed(), run_id="b", restore="always", **told)
    assert (again.settings.source, again.settings.geometry.rotation) == ("pattern:30", 90)


def test_a_kiosk_goes_on_at_once():
    assert restarted(edited(), run_id="another", restore="always").value("strength") == 0.123


def test_a_mirror_that_nobody_can_operate_has_no_session():
    edited()
    again = Engine(MirrorSettings(effect="passthrough", preset="Ice"))
    assert again.state["session"]["offer"] is None
    before = (state_dir() / "session.json").read_bytes()
    again.wait(10)
    again.commands.close()
    assert (state_dir() / "session.json").read_bytes() == before


def test_the_sessions_effect_comes_back_where_it_can_run():
    engine = edited()
    path = state_dir() / "session.json"
    table = json.loads(path.read_text())
    path.write_text(json.dumps(table | {"effect": "paint"}))
    assert restarted(engine, run_id=SETTINGS.run_id).settings.effect == "paint"
    path.write_text(json.dumps(table | {"effect": "made of dreams"}))
    assert restarted(engine, run_id=SETTINGS.run_id).settings.effect == "passthrough"


def test_values_that_are_not_allowed_any_more_are_left_out():
    engine = edited()
    path = state_dir() / "session.json"
    table = json.loads(path.read_text())
    table["values"] |= {"strength": 77, "unheard_of": 1}
    path.write_text(json.dumps(table))
    again = restarted(engine, run_id=SETTINGS.run_id)
    assert again.value("strength") != 77
    assert again.value("seed") == engine.value("seed")


def test_a_session_that_is_corrupted_is_told_and_the_mirror_starts():
    engine = edited()
    (state_dir() / "session.json").write_bytes(b"\x00\x01")
    again = restarted(engine, run_id="another")
    assert again.state["preset"] == "Ice"
    assert any("session.json.bad" in problem for problem in again.state["problems"])


def test_nothing_is_written_while_nothing_changes(engine, monkeypatch):
    engine.wait(3)
    monkeypatch.setattr("mirrorfx.show.session.write_whole", lambda *_: pytest.fail("written"))
    for _ in range(10):
        engine.wait(3)


# Locks, and what a request has changed


def test_presets_leave_locked_params_alone_and_hands_do_not():
    engine = Engine()
    engine.ask("set", params={"seed": 5, "strength": 0.2})
    engine.ask("lock", params=["seed"])
    assert engine.state["locked"] == ["seed"]
    engine.ask("preset", name="Lava")
    assert engine.value("seed") == 5
    assert engine.value("strength") != 0.2
    engine.ask("set", params={"seed": 6})
    assert engine.value("seed") == 6
    engine.ask("lock", params=[])
    engine.ask("preset", name="Ice")
    assert engine.value("seed") != 6


@pytest.mark.parametrize("params", [["sead"], "seed", None, [1]])
def test_what_cannot_be_locked(params):
    engine = Engine()
    with pytest.raises((ControlError, InvalidValue)):
        engine.ask("lock", params=params)
    assert engine.state["locked"] == []


class Pending:
    def __init__(self, do, arguments):
        self.request = Request(1, do, arguments)
        self.result = self.refusal = None

    def answer(self, result):
        self.result = result

    def refuse(self, text):
        self.refusal = text


def test_a_reply_tells_what_the_request_has_changed():
    engine = Engine()
    ice = engine.value("strength")
    pending = Pending("set", {"params": {"strength": 0.25, "seed": engine.value("seed")}, "origin": "desk-1"})
    engine.commands._obey_one(pending)
    assert pending.result == {"changed": {"params": {"strength": [ice, 0.25]}}}
    assert engine.state["changed_by"] == "desk-1"
    pending = Pending("preset", {"name": "Lava"})
    engine.commands._obey_one(pending)
    assert pending.result["changed"]["preset"] == ["Ice", "Lava"]
    assert pending.result["changed"]["params"]["strength"][0] == 0.25


def test_an_undo_says_whose_the_values_are_again():
    engine = Engine()
    engine.ask("preset", name="Lava")
    engine.ask("set", params={}, preset="ice")
    assert engine.state["preset"] == "Ice"
    engine.ask("set", params={}, preset="gone")
    assert engine.state["preset"] is None


def test_camera_and_locks_are_as_they_were_after_the_engine_was_started_again():
    engine = Engine()
    engine.ask("lock", params=["seed"])
    engine.ask("camera", rotation=90, zoom=2.0, exposure=80)
    engine.ask("source", name="pattern:60")
    engine.wait(3)
    again = Engine()
    assert again.state["locked"] == ["seed"]
    assert (again.settings.geometry.rotation, again.settings.geometry.zoom) == (90, 2.0)
    assert again.settings.camera.exposure == 80
    assert again.settings.source == "pattern:60"
