"""``mirrorfx kiosk`` and ``mirrorfx doctor --kiosk`` as people call them, on a machine of fakes."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mirrorfx.cli import _doctor_kiosk as doctor
from mirrorfx.cli.__main__ import main
from mirrorfx.cli._kiosk_watch import KioskWatcher
from mirrorfx.kiosk import PinFile
from mirrorfx.kiosk.unit import installed_words, unit_path

SYSTEMCTL = """#!/bin/sh
echo "$@" >> {log}
case "$*" in
  *is-active*graphical*) echo {graphical};;
  *is-active*) echo {active};;
  *is-enabled*) echo {enabled};;
  *{fails}*) echo "it said no" >&2; exit 1;;
esac
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with programs that the test writes; nothing else is on its path."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.chdir(tmp_path)

    class Machine:
        path = tmp_path

        def program(self, name, text):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)

        def systemctl(self, graphical="active", active="active", enabled="enabled", fails="no-such-thing"):
            self.program(
                "systemctl",
                SYSTEMCTL.format(
                    log=tmp_path / "asked", graphical=graphical, active=active, enabled=enabled, fails=fails
                ),
            )

        @property
        def asked(self):
            log = tmp_path / "asked"
            lines = log.read_text().splitlines() if log.exists() else []
            return [line.removeprefix("--user ") for line in lines if "show-environment" not in line]

    return Machine()


def call(*words):
    return main(["kiosk", *words])


# The PIN


def test_a_pin_is_read_from_a_pipe_and_can_be_reset(machine, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("2468\n"))
    assert call("pin") == 0
    assert PinFile().check("2468")
    assert "2468" not in capsys.readouterr().out
    assert call("pin", "--reset") == 0
    assert not PinFile().is_set
    assert call("pin", "--reset") == 0
    assert "There was no PIN" in capsys.readouterr().out


def test_a_bad_pin_is_refused(machine, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("12\n"))
    assert call("pin") == 2
    assert "4 to 12 digits" in capsys.readouterr().err


# What it refuses


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "mirrorfx kiosk pin"),
        (["--no-pin", "--hours", "always"], "can't be read"),
        (["--no-pin", "--preset", "No such preset"], "No such preset"),
        (["--no-pin", "--screen", "A", "--desk-screen", "A"], "a screen of its own"),
        (["--no-pin", "--source", "nowhere.mp4"], "nowhere.mp4"),
    ],
)
@pytest.mark.parametrize("action", [[], ["install"]])
def test_bad_input_is_refused_before_anything_is_done(machine, capsys, words, says, action):
    machine.systemctl()
    assert call(*action, "--effect", "paint", *words) == 2
    assert says in capsys.readouterr().err
    assert machine.asked == []
    assert not unit_path().exists()


def test_without_a_screen_it_ends_so_that_it_is_tried_again(machine, capsys):
    assert call("--no-pin", "--source", "pattern", "--effect", "paint") == 1
    assert "fills a screen" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--record", "--headless", "--seconds"])
def test_it_has_no_option_to_record_or_to_end(machine, option):
    assert call("--no-pin", option, "1") == 2


# Install and uninstall

OPTIONS = ["--no-pin", "--source", "pattern", "--effect", "paint", "--screen", "HDMI-1", "--prompt", "100 % $gold"]


def test_install_checks_writes_and_starts(machine, capsys):
    machine.systemctl()
    assert call("install", *OPTIONS) == 0
    assert installed_words(unit_path()) == OPTIONS
    text = unit_path().read_text()
    assert f'ExecStart="{Path(sys.executable).absolute()}" "-m" "mirrorfx" "kiosk" "--no-pin"' in text
    assert f"WorkingDirectory={machine.path}" in text
    assert machine.asked[1:] == ["daemon-reload", "enable mirrorfx-kiosk.service", "restart mirrorfx-kiosk.service"]
    assert str(unit_path()) in capsys.readouterr().out


def test_where_there_is_no_systemd_the_lines_are_printed(machine, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(machine.path / "bin"))
    assert call("install", *OPTIONS) == 0
    out = capsys.readouterr().out
    assert "no systemd" in out
    assert "systemctl --user enable mirrorfx-kiosk.service" in out
    assert "WantedBy=default.target" in unit_path().read_text()


def test_a_systemctl_that_fails_is_said_and_shows_in_the_status(machine, capsys):
    machine.systemctl(fails="enable")
    assert call("install", *OPTIONS) == 1
    assert "it said no" in capsys.readouterr().out


def test_the_action_comes_first(machine, capsys):
    machine.systemctl()
    assert call(*OPTIONS, "install") == 2
    assert "right after kiosk" in capsys.readouterr().err


def test_an_unknown_screen_is_refused_at_install(machine, capsys, monkeypatch):
    machine.systemctl()
    monkeypatch.setattr("mirrorfx.cli._doctor_windows.screen_names", lambda: ["HDMI-2", "eDP-1"])
    assert call("install", *OPTIONS) == 2
    assert "HDMI-2" in capsys.readouterr().err
    assert not unit_path().exists()


def test_install_wants_the_camera_there_and_never_takes_the_demo_clip_instead(machine, capsys, monkeypatch):
    monkeypatch.setattr(
        "mirrorfx.sources._spec.resolve_source.__kwdefaults__", {"await_camera": False, "cameras": list}
    )
    machine.systemctl()
    assert call("install", "--no-pin", "--effect", "paint") == 2
    assert "--source demo" in capsys.readouterr().err
    assert call("install", "--no-pin", "--effect", "paint", "--source", "camera:0") == 2
    assert not unit_path().exists()
    assert call("install", "--no-pin", "--effect", "paint", "--source", "demo") == 0


def test_a_kiosk_waits_for_its_camera(machine, monkeypatch):
    monkeypatch.setattr(
        "mirrorfx.sources._spec.resolve_source.__kwdefaults__", {"await_camera": False, "cameras": list}
    )
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    taken = []
    monkeypatch.setattr("mirrorfx.mirror.Mirror.run", lambda mirror, _watcher: taken.append(mirror.settings))
    monkeypatch.setenv("JOURNAL_STREAM", "1")
    assert call("--no-pin", "--effect", "paint") == 0
    assert call("--no-pin", "--effect", "paint", "--source", "camera:c920") == 0
    assert [(settings.source, settings.source_asked) for settings in taken] == [
        ("camera:0", False),
        ("camera:c920", True),
    ]


def test_the_status_pages_address_is_the_same_after_each_start(machine, capsys, monkeypatch):
    monkeypatch.delenv("MIRRORFX_STATUS_TOKEN", raising=False)
    machine.systemctl()
    call("install", *OPTIONS, "--status-page", "8765")
    address = re.search(r"http://127.0.0.1:8765/\?token=(\S+)", capsys.readouterr().out)
    assert f'Environment="MIRRORFX_STATUS_TOKEN={address[1]}"' in unit_path().read_text()
    monkeypatch.setenv("MIRRORFX_STATUS_TOKEN", "of-our-own-choice")
    call("install", *OPTIONS, "--status-page", "8765")
    assert 'Environment="MIRRORFX_STATUS_TOKEN=of-our-own-choice"' in unit_path().read_text()
    monkeypatch.delenv("MIRRORFX_STATUS_TOKEN")
    call("install", *OPTIONS)
    assert "TOKEN" not in unit_path().read_text()


def test_uninstall_takes_it_all_back(machine, capsys):
    machine.systemctl()
    call("install", *OPTIONS)
    assert call("uninstall") == 0
    assert not unit_path().exists()
    assert machine.asked[-2:] == ["disable --now mirrorfx-kiosk.service", "daemon-reload"]
    assert call("uninstall") == 0
    assert "No kiosk is installed" in capsys.readouterr().out


def test_folders_of_ones_own_go_with_the_service(machine, monkeypatch):
    machine.systemctl()
    monkeypatch.setenv("MIRRORFX_DATA_DIR", "/big disk")
    call("install", *OPTIONS)
    assert 'Environment="MIRRORFX_DATA_DIR=/big disk"' in unit_path().read_text()
    assert unit_path().stat().st_mode & 0o077 == 0


# The doctor


def states(findings):
    return [finding.state for finding in findings]


def test_every_check_of_the_doctor_is_made(machine, capsys):
    main(["doctor", "--kiosk", "--json"])
    findings = {finding["name"]: finding for finding in json.loads(capsys.readouterr().out)["findings"]}
    for name in ("Session", "Autologin", "Linger", "Service", "PIN", "Screensaver", "Notifications", "Clock"):
        assert "couldn't be looked at" not in findings[name]["found"]
    assert findings["PIN"]["state"] == "missing"
    assert findings["Service"]["fix"].startswith("mirrorfx kiosk install")
    assert all(finding["fix"] for finding in findings.values() if finding["state"] != "ok")


@pytest.mark.parametrize(
    ("variables", "state", "word"),
    [({}, "missing", "SSH"), ({"DISPLAY": ":0"}, "ok", "X11"), ({"WAYLAND_DISPLAY": "w"}, "warning", "Alt+Tab")],
)
def test_the_kind_of_session(machine, monkeypatch, variables, state, word):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (finding,) = doctor.session()
    assert finding.state == state
    assert word in finding.found


@pytest.mark.parametrize(
    ("file", "text", "state"),
    [
        ("etc/gdm3/custom.conf", "[daemon]\n AutomaticLoginEnable = true\nAutomaticLogin=art\n", "ok"),
        ("etc/gdm3/custom.conf", "# AutomaticLoginEnable = true\n", "warning"),
        ("etc/lightdm/lightdm.conf.d/50.conf", "autologin-user=art\n", "ok"),
        ("etc/lightdm/lightdm.conf", "autologin-user=\n", "warning"),
        ("etc/systemd/system/getty@tty1.service.d/a.conf", "ExecStart=-/sbin/agetty --autologin art\n", "ok"),
    ],
)
def test_autologin_is_found_where_display_managers_keep_it(tmp_path, file, text, state):
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(text)
    assert states(doctor.autologin(tmp_path)) == [state]


def test_the_service_in_all_its_states(machine):
    assert states(doctor.service()) == ["missing"]
    machine.systemctl()
    call("install", *OPTIONS)
    assert states(doctor.service()) == ["ok"]
    machine.systemctl(active="failed")
    assert "journalctl" in doctor.service()[0].fix
    machine.systemctl(enabled="disabled")
    assert "enable" in doctor.service()[0].fix
    machine.systemctl(fails="show-environment")
    assert "it said no" in doctor.service()[0].found


def test_the_installed_kiosks_screen_is_looked_for(machine, monkeypatch):
    machine.systemctl()
    call("install", *OPTIONS)
    monkeypatch.setattr("mirrorfx.cli._doctor_windows.screen_names", lambda: ["HDMI-1"])
    assert states(doctor.kiosk_screen()) == ["ok"]
    monkeypatch.setattr("mirrorfx.cli._doctor_windows.screen_names", lambda: ["HDMI-2"])
    (finding,) = doctor.kiosk_screen()
    assert finding.state == "missing"
    assert "HDMI-2" in finding.fix


def test_a_pin_that_others_can_read(machine):
    PinFile().set("2468")
    assert states(doctor.pin()) == ["ok"]
    PinFile().path.chmod(0o644)
    assert "chmod 600" in doctor.pin()[0].fix


@pytest.mark.parametrize(
    ("text", "state", "word"),
    [
        ("", "ok", ""),
        ('APT::Periodic::Unattended-Upgrade "1";\n', "warning", "driver"),
        ('APT::Periodic::Unattended-Upgrade "0";\n', "ok", ""),
        ('Unattended-Upgrade::Automatic-Reboot "true";\n', "warning", "restarts"),
        ('//Unattended-Upgrade::Automatic-Reboot "true";\n', "ok", ""),
    ],
)
def test_automatic_updates(tmp_path, text, state, word):
    folder = tmp_path / "etc/apt/apt.conf.d"
    folder.mkdir(parents=True)
    (folder / "20auto").write_text(text)
    (finding,) = doctor.updates(tmp_path)
    assert finding.state == state
    assert word in finding.found


def test_clock_notifications_and_linger_are_read_from_their_programs(machine):
    machine.program("timedatectl", "#!/bin/sh\necho Europe/Berlin\necho yes\n")
    machine.program("gsettings", "#!/bin/sh\necho false\n")
    machine.program("loginctl", "#!/bin/sh\necho no\n")
    assert doctor.clock()[0].found == "set by the network, Europe/Berlin"
    assert states(doctor.notifications()) == ["ok"]
    assert "off" in doctor.linger()[0].found
    machine.program("timedatectl", "#!/bin/sh\necho no\necho Etc/UTC\n")
    machine.program("gsettings", "#!/bin/sh\necho true\n")
    assert states(doctor.clock()) == ["warning"]
    assert "show-banners false" in doctor.notifications()[0].fix


# The log of weeks


def test_its_log_tells_changes_and_little_else(capsys):
    watcher = KioskWatcher()
    watcher.starting("loading", 0.1)
    watcher.starting("loading", 0.2)
    painting = {"workers": [{"name": "worker-0", "state": "ready"}], "showing": "picture", "opening": {"open": True}}
    for second in range(1300):
        watcher.running(second, painting)
    watcher.running(1300, painting | {"showing": "fallback"})
    watcher.running(1301, painting | {"opening": {"open": False, "until": "10:00"}})
    watcher.problem("the wall is gone")
    lines = [line.split(" ", 2)[2] for line in capsys.readouterr().err.splitlines()]
    assert lines == [
        "loading …",
        "painting",
        "painting",
        "painting",
        "fallback scene",
        "closed until 10:00",
        "! the wall is gone",
    ]


def test_the_whole_command_runs_and_ends_with_its_signal(machine, tmp_path):
    """On Qt's own screen without a display: log kept, service manager told, and 0 when somebody ends it."""
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "NOTIFY_SOCKET": str(tmp_path / "notify")}
    command = [sys.executable, "-m", "mirrorfx", "kiosk", "--no-pin", "--source", "pattern", "--effect", "passthrough"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        process = subprocess.Popen(
            [*command, "--size", "256", "--workers", "1"], env=environment, stderr=subprocess.PIPE, text=True
        )
        try:
            assert manager.recv(1000).startswith(b"READY=1\nWATCHDOG=1")
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, said
    kept = (Path(os.environ["MIRRORFX_STATE_DIR"]) / "logs" / "kiosk.log").read_text()
    assert "starting the processes" in kept
    assert kept in said
