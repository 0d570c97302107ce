"""The parts of a kiosk that need no window: PIN, exit lock, service manager, unit, awake display, kept logs."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import threading

import pytest

from mirrorfx.clock import MS, SECOND
from mirrorfx.errors import InvalidValue, MirrorFXError
from mirrorfx.kiosk import ExitLock, PinFile, Stage
from mirrorfx.kiosk.awake import Awake, XServer
from mirrorfx.kiosk.logs import KeptLog
from mirrorfx.kiosk.service import Heart, ServiceManager
from mirrorfx.kiosk.unit import Unit, installed_words, kept_environment, unit_path

# PIN


def test_a_pin_is_kept_as_a_hash_that_only_its_owner_can_read():
    file = PinFile()
    assert not file.is_set
    file.set("2468")
    assert file.is_set
    assert file.check("2468")
    assert not file.check("2469")
    assert not file.check("")
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert "2468" not in file.path.read_text()


def test_two_files_of_one_pin_differ(tmp_path):
    contents = []
    for name in ("a", "b"):
        file = PinFile(tmp_path / name)
        file.set("1234")
        contents.append(json.loads(file.path.read_bytes()))
    assert contents[0]["hash"] != contents[1]["hash"]


@pytest.mark.parametrize("pin", ["", "123", "1234567890123", "12a4", "١٢٣٤", "0000", " 1234"])
def test_what_is_no_pin_is_refused_and_the_earlier_one_holds(pin):
    file = PinFile()
    file.set("2468")
    with pytest.raises(InvalidValue):
        file.set(pin)
    assert file.check("2468")


def test_a_wide_mode_is_narrowed_again():
    file = PinFile()
    file.set("2468")
    file.path.chmod(0o644)
    file.set("1357")
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"format":1,"salt":"xx","hash":""}', b'{"format":2,'])
def test_a_spoilt_file_locks_instead_of_opening(content):
    file = PinFile()
    file.set("2468")
    file.path.write_bytes(content)
    assert file.is_set
    assert not file.check("2468")
    assert not file.check("")


def test_a_lost_pin_can_be_reset():
    file = PinFile()
    file.set("2468")
    assert file.reset()
    assert not file.is_set
    assert not file.reset()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MirrorFXError, match="can't be kept"):
        PinFile(tmp_path / "file" / "pin.json").set("2468")


# Exit lock


class Door:
    """A lock whose PIN is 2468, and the time before it."""

    def __init__(self, needs_pin=True):
        self.lock = ExitLock(self._check if needs_pin else None)
        self.now_ns = 1000 * SECOND
        self.checks = []

    def _check(self, pin):
        self.checks.append(pin)

    def wait(self, seconds):
        self.now_ns += round(seconds * SECOND)
        self.lock.mind(self.now_ns)
        return self.lock.stage

    def hold(self, seconds=3):
        self.lock.hold(self.now_ns)
        stage = self.wait(seconds)
        self.lock.let_go(self.now_ns)
        return stage

    def enter(self, pin):
        for digit in pin:
            self.lock.digit(digit, self.now_ns)
        self.lock.enter(self.now_ns)
        if self.lock.stage is Stage.CHECKING:
            self.lock.checked(right=self.checks[-1] == "2468", now_ns=self.now_ns)
        return self.lock.stage


@pytest.fixture
def door():
    return Door()


def test_three_seconds_and_the_pin_open(door):
    assert door.hold(2.9) is Stage.HOLDING
    assert door.wait(0.2) is Stage.CLOSED
    assert door.hold() is Stage.ASKING
    assert door.enter("2468") is Stage.OPEN


def test_a_release_that_is_only_a_keys_repeat_goes_on_holding(door):
    door.lock.hold(door.now_ns)
    for _ in range(60):
        door.wait(0.05)
        if door.lock.stage is Stage.HOLDING:
            door.lock.let_go(door.now_ns)
            door.wait(0.002)
        door.lock.hold(door.now_ns, repeat=True)
    assert door.lock.stage is Stage.ASKING


def test_a_new_press_takes_the_pad_away_and_a_repeat_does_not(door):
    door.hold()
    door.lock.hold(door.now_ns, repeat=True)
    assert door.lock.stage is Stage.ASKING
    door.lock.hold(door.now_ns)
    assert door.lock.stage is Stage.CLOSED


def test_the_pad_goes_after_fifteen_seconds_without_a_digit(door):
    door.hold()
    door.wait(14)
    door.lock.digit("1", door.now_ns)
    assert door.wait(14) is Stage.ASKING
    assert door.wait(1) is Stage.CLOSED
    door.hold()
    assert door.lock.digits == 0


def test_too_short_a_pin_is_not_tried(door):
    door.hold()
    assert door.enter("246") is Stage.ASKING
    assert not door.checks
    door.lock.erase(door.now_ns)
    assert door.lock.digits == 2


def test_five_wrong_pins_make_it_wait_a_minute(door):
    door.hold()
    for _ in range(4):
        assert door.enter("1111") is Stage.ASKING
        assert door.lock.wrong
    assert door.enter("1111") is Stage.PAUSED
    assert door.lock.pause_left_s(door.now_ns) == 60
    assert door.enter("2468") is Stage.PAUSED
    assert door.wait(15) is Stage.CLOSED
    assert door.hold() is Stage.PAUSED
    assert door.lock.pause_left_s(door.now_ns) == 42
    assert door.wait(14) is Stage.PAUSED
    door.lock.leave(door.now_ns)
    door.wait(28)
    assert door.hold() is Stage.ASKING
    assert door.enter("2468") is Stage.OPEN


def test_the_pause_ends_before_the_eyes_of_who_waits(door):
    door.hold()
    for _ in range(5):
        door.enter("1111")
    door.wait(15)
    door.wait(36)
    assert door.hold() is Stage.PAUSED
    assert door.wait(6) is Stage.ASKING


def test_wrong_pins_count_across_holds(door):
    for _ in range(4):
        door.hold()
        door.enter("1111")
        door.lock.leave(door.now_ns)
    door.hold()
    assert door.enter("1111") is Stage.PAUSED


def test_without_a_pin_holding_is_enough():
    assert Door(needs_pin=False).hold() is Stage.OPEN


def test_an_answer_that_comes_too_late_opens_nothing(door):
    door.hold()
    door.lock.checked(right=True, now_ns=door.now_ns)
    assert door.lock.stage is Stage.ASKING


# Service manager


@pytest.fixture
def manager(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)

        def heard():
            lines = []
            while True:
                try:
                    lines += listener.recv(4096).decode().splitlines()
                except BlockingIOError:
                    return lines

        made = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        yield made, heard
        made.close()


def test_ready_once_both_have_given_a_sign_then_fed(manager):
    heart, heard = Heart(manager[0]), manager[1]
    heart.beat("wall", 0)
    heart.mind(0)
    assert heard() == []
    heart.beat("engine", SECOND)
    heart.mind(SECOND, "painting")
    assert heard() == ["READY=1", "WATCHDOG=1", "STATUS=painting"]
    heart.mind(SECOND + 500 * MS, "painting")
    assert heard() == []
    heart.mind(2 * SECOND, "painting")
    assert heard() == ["WATCHDOG=1"]
    heart.mind(3 * SECOND, "closed until 10:00")
    assert heard() == ["WATCHDOG=1", "STATUS=closed until 10:00"]


@pytest.mark.parametrize("silent", ["engine", "wall"])
def test_the_watchdog_starves_when_one_is_silent_and_is_fed_again_later(manager, silent):
    heart, heard = Heart(manager[0]), manager[1]
    alive = {"engine": "wall", "wall": "engine"}[silent]
    heart.beat(silent, 0)
    fed = []
    for second in range(30):
        heart.beat(alive, second * SECOND)
        heart.mind(second * SECOND)
        fed.append("WATCHDOG=1" in heard())
    assert all(fed[:11])
    assert not any(fed[11:])
    heart.beat(silent, 30 * SECOND)
    heart.mind(30 * SECOND)
    assert heard() == ["WATCHDOG=1"]


def test_without_a_service_manager_nothing_is_said():
    silent = ServiceManager({})
    silent.tell("READY=1")
    silent.close()


def test_an_abstract_socket_and_one_that_is_gone(tmp_path):
    name = f"mirrorfx-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        made = ServiceManager({"NOTIFY_SOCKET": f"@{name}"})
        made.tell("READY=1", "STATUS=up")
        assert listener.recv(100) == b"READY=1\nSTATUS=up"
    made.tell("WATCHDOG=1")
    made.close()


# The unit

WORDS = ["--screen", "HDMI-1", "--preset", 'My "best" 100 % \\ $HOME', "--hours", "mon-fri 10:00-18:00"]


@pytest.fixture
def unit():
    return Unit(
        "/opt/my env/bin/python", WORDS, "/home/art", graphical=True, environment={"MIRRORFX_STATE_DIR": "/a b"}
    )


def test_a_unit_says_what_it_starts_and_how_it_is_kept_going(unit):
    lines = unit.text().splitlines()
    for line in ("Type=notify", "Restart=always", "WatchdogSec=30", "StartLimitIntervalSec=0"):
        assert line in lines
    assert "RestartPreventExitStatus=0" in lines
    assert "WantedBy=graphical-session.target" in lines
    assert 'Environment="MIRRORFX_STATE_DIR=/a b"' in lines
    start = next(line for line in lines if line.startswith("ExecStart="))
    assert start.startswith('ExecStart="/opt/my env/bin/python" "-m" "mirrorfx" "kiosk" "--screen" "HDMI-1"')
    assert '"My \\"best\\" 100 %% \\\\ $$HOME"' in start


def test_its_words_are_read_back_as_they_were(unit, tmp_path):
    path = tmp_path / "unit"
    path.write_text(unit.text())
    assert installed_words(path) == WORDS
    assert installed_words(tmp_path / "none") is None
    path.write_text("nonsense")
    assert installed_words(path) is None


def test_without_a_graphical_target_the_display_is_kept():
    environment = {"DISPLAY": ":0", "HOME": "/root", "MIRRORFX_CACHE_DIR": "/c"}
    assert kept_environment(environment, graphical=True) == {"MIRRORFX_CACHE_DIR": "/c"}
    assert kept_environment(environment, graphical=False) == {"MIRRORFX_CACHE_DIR": "/c", "DISPLAY": ":0"}
    text = Unit("/p", [], "/", graphical=False).text()
    assert "WantedBy=default.target" in text
    assert "graphical-session" not in text


def test_it_lies_where_systemd_looks(tmp_path):
    assert unit_path({"XDG_CONFIG_HOME": str(tmp_path)}) == tmp_path / "systemd/user/mirrorfx-kiosk.service"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("graphical", [True, False])
def test_systemd_itself_finds_nothing_wrong(tmp_path, graphical):
    path = tmp_path / "mirrorfx-kiosk.service"
    unit = Unit(sys.executable, WORDS, str(tmp_path), graphical=graphical, environment={"DISPLAY": ":0"})
    path.write_text(unit.text())
    command = ["systemd-analyze", "verify", "--user", "--man=no", str(path)]
    environment = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    complaints = [line for line in done.stderr.splitlines() if "mirrorfx-kiosk" in line]
    assert not complaints


# Awake


class Way:
    def __init__(self, *answers):
        self.name = "way"
        self.answers = list(answers)
        self.asked = threading.Semaphore(0)
        self.let_go_of = 0

    def insist(self):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.asked.release()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def let_go(self):
        self.let_go_of += 1


def test_it_insists_again_and_again_and_lets_go_at_the_end():
    way = Way("")
    awake = Awake([way], every_s=0.001)
    awake.start()
    for _ in range(3):
        assert way.asked.acquire(timeout=10)
    awake.close()
    assert awake.state == {"ok": True, "how": ["way"], "reasons": []}
    assert way.let_go_of == 1


def test_one_way_is_enough_and_reasons_are_kept():
    awake = Awake([Way(OSError("no bus")), Way("")], every_s=60)
    awake.start()
    awake.close()
    assert awake.state == {"ok": True, "how": ["way"], "reasons": ["way: OSError: no bus"]}
    awake = Awake([Way("nothing there")], every_s=60)
    awake.start()
    awake.close()
    assert awake.state == {"ok": False, "how": [], "reasons": ["nothing there"]}


def test_xset_is_told_and_its_complaint_is_passed_on(tmp_path, monkeypatch):
    xset = tmp_path / "xset"
    xset.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/said\n[ "$1" = s ] || exit 1\n')
    xset.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("DISPLAY", ":99")
    assert XServer().insist() == "", "a server without DPMS has nothing to switch off"
    XServer().let_go()
    assert (tmp_path / "said").read_text().splitlines() == ["s off s noblank", "-dpms", "s default", "+dpms"]
    xset.write_text("#!/bin/sh\necho no display >&2\nexit 1\n")
    assert XServer().insist() == "xset: no display"
    monkeypatch.delenv("DISPLAY")
    assert XServer().insist() == "no X display"


# Logs

_SAYS = """
import os, subprocess, sys
from pathlib import Path
from mirrorfx.kiosk.logs import KeptLog
with KeptLog(Path(sys.argv[1]), bytes_most=2000, files_most=3):
    sys.stderr.write("from Python\\n")
    os.write(2, b"from a library\\n")
    subprocess.run([sys.executable, "-c", "import sys; sys.stderr.write('from a child')"])
    for number in range(int(sys.argv[2])):
        os.write(2, b"line %03d of many\\n" % number)
sys.stderr.write("after\\n")
"""


def say(path, lines):
    command = [sys.executable, "-c", _SAYS, str(path), str(lines)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stderr


def test_all_that_a_mirror_says_is_kept_and_still_seen(tmp_path):
    seen = say(tmp_path / "logs" / "kiosk.log", 0)
    kept = (tmp_path / "logs" / "kiosk.log").read_text()
    assert kept == "from Python\nfrom a library\nfrom a child\n"
    assert seen == "from Python\nfrom a library\nfrom a childafter\n"


def test_kept_logs_have_a_limit(tmp_path):
    say(tmp_path / "kiosk.log", 1000)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["kiosk.log", "kiosk.log.1", "kiosk.log.2"]
    assert sum(file.stat().st_size for file in files) <= 6000
    assert (tmp_path / "kiosk.log").read_text().splitlines()[-1] == "line 999 of many"


def test_a_full_disk_ends_the_keeping_only(tmp_path):
    path = tmp_path / "kiosk.log"
    path.mkdir()
    assert say(path, 1).endswith("line 000 of many\nafter\n")


def test_standard_error_is_as_before_afterwards(tmp_path):
    before = os.fstat(2).st_ino
    threads = threading.active_count()
    with KeptLog(tmp_path / "kiosk.log"):
        assert os.fstat(2).st_ino != before
    assert os.fstat(2).st_ino == before
    assert threading.active_count() == threads
