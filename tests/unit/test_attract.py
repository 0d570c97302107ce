"""Attract mode, the prompt lock and the word list in the engine, without processes."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from mirrorfx.clock import SECOND
from mirrorfx.control.protocol import Request
from mirrorfx.errors import ControlError, InvalidValue, PresenceUnavailable, PresetNotFound, UnknownName
from mirrorfx.mirror import Mirror
from mirrorfx.processes import attract
from mirrorfx.processes.messages import PanicIs, Say
from mirrorfx.processes.settings import MirrorSettings
from mirrorfx.processes.stations import StationState
from mirrorfx.resources import config_dir
from mirrorfx.safety.panic import Panic
from mirrorfx.show.person_detector import DetectorState
from mirrorfx.show.words import WordList

from .test_engine_verbs import Engine

SETTINGS = MirrorSettings(effect="passthrough", control_port=0, preset="Ice", attract=("Lava",), attract_after_s=20)


class Watcher:
    """A presence process's station: says what it is told to."""

    def __init__(self, clock):
        self._clock = clock
        self.child, self.state, self.hopeless, self.reason = object(), StationState.READY, False, ""
        self.t_restart_ns = None
        self._messages = []

    def says(self, *, somebody):
        told = {"somebody": somebody, "since_ns": self._clock.now_ns()}
        self._messages.append(Say(json.dumps(told).encode()))

    def receive(self):
        messages, self._messages = self._messages, []
        return messages

    def ready(self, now_ns):
        pass

    def lost(self, now_ns):
        self.child, self.reason = None, "mfx-presence was ended by SIGKILL"

    def outlook(self, now_ns):
        return "It is started again at once."

    def restart_if_due(self, now_ns):
        return False


class Show(Engine):
    """An engine whose visitors come and go."""

    def __init__(self, **changes):
        self.spaced = []
        self.space_frames = self.spaced.append
        super().__init__(SETTINGS.__class__(**{**_fields(SETTINGS), **changes}))
        self.wall = None
        self.watcher = self.commands.attract.station = Watcher(self.clock)

    def visitors(self, *, there):
        self.watcher.says(somebody=there)
        self.commands.attract.heard(self.clock.now_ns(), ended=False)

    def request(self, do, **arguments):
        """Ask as a client does; return the answer, or raise what was refused."""
        answers = []
        pending = SimpleNamespace(
            request=Request(1, do, arguments),
            answer=answers.append,
            refuse=lambda text: answers.append(ControlError(text)),
        )
        self.commands._obey_one(pending)
        if isinstance(answers[0], ControlError):
            raise answers[0]
        return answers[0]

    def empties(self):
        self.visitors(there=False)
        self.wait(21)
        assert self.state["attract"]["on"] == "Lava"

    def everything(self):
        return dict(self.editor.state.values), self.state["preset"], self.state["dirty"]


def _fields(settings):
    return {name: getattr(settings, name) for name in settings.__dataclass_fields__}


@pytest.fixture
def show():
    return Show()


def test_it_waits_its_time_and_comes_back_to_the_show_as_it_was(show):
    show.ask("set", params={"strength": 0.123, "prompt": "something of my own"})
    before = show.everything()
    show.visitors(there=False)
    show.wait(19)
    assert show.state["attract"]["on"] is None
    show.wait(2)
    assert show.state["attract"]["on"] == show.state["preset"] == "Lava"
    assert show.value("strength") != 0.123
    show.wait(100)
    show.visitors(there=True)
    assert show.everything() == before
    assert show.state["attract"]["on"] is None


def test_the_show_is_back_two_tenths_of_a_second_after_the_word(show):
    show.empties()
    show.wait(60)
    show.visitors(there=True)
    assert show.state["fade"] == {"seconds": 0.2, "left_s": pytest.approx(0.2)}


def test_several_presets_take_turns_of_thirty_seconds():
    show = Show(attract=("Lava", "Jade"))
    show.visitors(there=False)
    seen = []
    for _ in range(100):
        show.wait(1)
        seen.append(show.state["attract"]["on"])
    turns = [name for name, before in zip(seen, [None, *seen], strict=False) if name != before]
    assert turns == ["Lava", "Jade", "Lava"]
    assert 29 <= seen.count("Jade") <= 31
    assert show.commands.next_ns - show.clock.now_ns() <= 30 * SECOND


def test_an_operators_request_ends_it_and_undo_knows_only_the_request(show):
    show.empties()
    answer = show.request("set", params={"strength": 0.3})
    assert list(answer["changed"]["params"]) == ["strength"]
    assert (show.state["attract"]["on"], show.state["preset"]) == (None, "Ice")
    show.wait(19)
    assert show.state["attract"]["on"] is None, "it waits its time again"
    show.wait(2)
    assert show.state["attract"]["on"] == "Lava"


def test_asking_how_it_is_does_not_end_it(show):
    show.empties()
    show.request("hello")
    assert show.state["attract"]["on"] == "Lava"


def test_saving_while_nobody_is_there_saves_the_show(show):
    show.ask("set", params={"strength": 0.321})
    show.empties()
    show.request("save", name="Mine")
    assert show.commands.presets.library.get("Mine").params["strength"] == 0.321


def test_a_session_keeps_the_show_not_what_attracts(show):
    values = show.everything()[0]
    show.empties()
    table = show.keeper._table()
    assert (table["values"], table["preset"]) == (values, "Ice")


def test_what_the_cue_list_calls_by_itself_comes_back_with_the_show(show):
    cues = [{"preset": "Ice", "fade_s": 0, "follow_s": 50}, {"preset": "Jade", "fade_s": 0}]
    show.ask("list_set", cues=cues)
    show.ask("list_go")
    show.empties()
    show.wait(40)
    assert show.state["list"]["at"] == 1
    show.wait(1)
    assert show.state["preset"] == "Lava", "the wall goes on attracting"
    show.visitors(there=True)
    assert show.state["preset"] == "Jade"
    jade = show.commands.presets.library.get("Jade").values_for(show.editor.registry)
    assert {name: show.value(name) for name in jade} == jade


def test_the_safe_preset_ends_it_and_keeps_it_away(show):
    show.empties()
    show.commands.panic.heard(PanicIs(0, Panic.SAFE))
    assert show.state["attract"]["on"] is None
    show.wait(100)
    assert show.state["attract"]["on"] is None
    show.commands.panic.heard(PanicIs(0, 0))
    show.wait(1)
    assert show.state["attract"]["on"] == "Lava"


def test_without_anyone_to_look_the_show_goes_on_and_it_is_said(show):
    show.empties()
    show.watcher.child = SimpleNamespace(running=False)
    show.commands.attract.heard(show.clock.now_ns(), ended=True)
    state = show.state
    assert (state["preset"], state["presence"]["ok"]) == ("Ice", False)
    assert "SIGKILL" in state["presence"]["reason"]
    assert show.notices[-1][0] == "error"


def test_an_attract_preset_that_is_gone_leaves_the_show(show):
    show.ask("save", name="Mine")
    show.ask("preset", name="Ice")
    show.commands.attract._names = ("Mine",)
    show.ask("delete", name="Mine")
    show.visitors(there=False)
    for _ in range(30):
        show.wait(1)
    assert show.state["preset"] == "Ice"
    assert [text for level, text in show.notices if level == "error"] == [show.notices[-1][1]]
    assert "Mine" in show.state["attract"]["problem"]


def test_without_attract_mode_nothing_is_started_or_told(show):
    plain = Engine(MirrorSettings(effect="passthrough", control_port=0))
    plain.wait(100)
    assert plain.commands.attract.station.child is None
    assert plain.state["presence"] is None


# Before anything starts


def mirror(**settings):
    return Mirror(source="pattern:30", effect="passthrough", size=(256, 256), **settings)


def test_it_does_not_start_where_nobody_can_be_detected(monkeypatch):
    monkeypatch.setattr(attract, "detector_state", lambda: DetectorState(False, "the models are away", "fetch them"))
    with pytest.raises(PresenceUnavailable, match=r"the models are away.*fetch them.*--attract-by motion"):
        mirror(attract=("Lava",))
    assert mirror(attract=("Lava",), attract_by="motion").settings.attract == ("Lava",)
    assert mirror().settings.attract == ()


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"attract": ("Nothing like it",)}, PresetNotFound, "Nothing like it"),
        ({"attract_by": "smell"}, UnknownName, "person"),
        ({"attract_after_s": 0.1}, InvalidValue, "from 1 to 3600"),
        ({"attract_after_s": float("nan")}, InvalidValue, "from 1 to 3600"),
    ],
)
def test_settings_are_checked(settings, error, words):
    with pytest.raises(error, match=words):
        mirror(**{"attract": ("Lava",), "attract_by": "motion", **settings})


# The prompt lock


@pytest.fixture
def locked():
    return Show(attract=(), lock_prompt=True)


def test_locked_only_presets_change_the_prompt(locked):
    with pytest.raises(ControlError, match="locked: only presets"):
        locked.request("set", params={"prompt": "what I like"})
    locked.request("set", params={"strength": 0.2})
    locked.request("preset", name="Lava")
    assert locked.value("prompt") == locked.commands.presets.library.get("Lava").params["prompt"]
    assert locked.state["prompt_lock"]


def test_locked_an_undo_of_a_preset_still_works(locked):
    changed = locked.request("preset", name="Lava")["changed"]["params"]
    locked.request("set", params={name: before for name, (before, _) in changed.items()}, preset="Ice")
    assert locked.state["preset"] == "Ice"


def test_locked_no_prompt_comes_in_with_a_preset(locked):
    with pytest.raises(ControlError, match="locked"):
        locked.request("import", toml='format = 1\nname = "Trick"\n[params]\nprompt = "what I like"\n')
    locked.request("import", toml='format = 1\nname = "Calm"\n[params]\nstrength = 0.2\n')
    locked.request("save", name="As it is")


# The word list


@pytest.mark.parametrize(
    "prompt",
    [
        "a teapot",
        "TEAPOT!",
        "a t3ap0t",
        "té\u0301apot",
        "t e a p o t",
        "t.e.a.p.o.t",
        "tea\u200bpot",
        "grüner  Tee",
        "GRUNER-TEE",
    ],
)
def test_a_listed_word_is_refused_however_it_is_written(prompt):
    assert WordList(("Teapot", "grüner Tee")).refuses(prompt)


@pytest.mark.parametrize("prompt", ["teapots", "a tea pot", "green tea", "grüner als Tee", "", "1337", "tee grüner"])
def test_other_words_are_not(prompt):
    assert not WordList(("teapot", "grüner Tee", "leet")).refuses(prompt)


def test_an_empty_list_refuses_nothing():
    assert not WordList().refuses("teapot")


def test_a_file_has_a_phrase_on_each_line_and_comments(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("# ours\nteapot  # the pot\n\n  green tea\n", "utf-8-sig")
    assert WordList.read(path).entries == ("teapot", "green tea")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00caf\xe9"])
def test_a_file_that_can_not_be_read_is_no_empty_list(tmp_path, content):
    path = tmp_path / "words.txt"
    if content:
        path.write_bytes(content)
    with pytest.raises(InvalidValue, match=r"words\.txt"):
        mirror(word_list=path)


@pytest.fixture
def listed():
    return Show(attract=(), words=("teapot",))


def test_no_way_leads_past_the_list(listed):
    ways = [
        ("set", {"params": {"prompt": "a TEAPOT"}}),
        ("import", {"toml": 'format = 1\nname = "Trick"\n[params]\nprompt = "a t3apot"\n'}),
    ]
    before = listed.everything()
    for do, arguments in ways:
        with pytest.raises(ControlError, match="word list") as told:
            listed.request(do, **arguments)
        assert "teapot" not in str(told.value).lower()
    assert listed.everything() == before


def test_a_preset_file_that_came_from_elsewhere_is_refused_when_it_is_taken(listed):
    folder = config_dir() / "presets"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trick.toml").write_text('format = 1\nname = "Trick"\n[params]\nprompt = "a teapot"\n')
    with pytest.raises(ControlError, match="word list"):
        listed.request("preset", name="Trick")
    assert listed.state["preset"] == "Ice"


def test_a_session_from_before_the_list_goes_on_without_its_prompt():
    first = Show(attract=())
    first.ask("set", params={"prompt": "a teapot", "strength": 0.25})
    first.wait(3)
    second = Show(attract=(), words=("teapot",), restore="always")
    assert second.value("strength") == 0.25
    assert second.value("prompt") != "a teapot"


def test_a_mirror_does_not_start_with_a_listed_prompt(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("teapot")
    with pytest.raises(InvalidValue, match="word list"):
        mirror(word_list=path, params={"prompt": "a teapot"})
    assert mirror(word_list=path).settings.words == ("teapot",)


def test_the_users_own_list_is_taken_by_itself():
    config_dir().mkdir(parents=True, exist_ok=True)
    (config_dir() / "words.txt").write_text("teapot")
    assert mirror().settings.words == ("teapot",)
