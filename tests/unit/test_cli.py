"""The command line: bad input gets one clear line and a non-zero exit, never a traceback."""

from __future__ import annotations

import errno
import os
import shlex
import socket
import subprocess
import sys

import pytest

from mirrorfx.cli import __main__ as cli
from mirrorfx.cli.__main__ import main

BAD = {
    "camera 77": (["--source", "camera:77"], "no camera 77"),
    "missing video": (["--source", "/nowhere/film.mp4"], "no file /nowhere/film.mp4"),
    "not a video": (["--source", __file__], "can't be read as a video"),
    "unknown preset": (["--preset", "Nebulaa"], "Did you mean 'Nebula'"),
    "strength 7": (["--strength", "7"], "from 0 to 1"),
    "odd size": (["--size", "1000"], "multiple of 64"),
    "size in words": (["--size", "big"], "--size 832x1216"),
    "unknown effect": (["--effect", "styl"], "Did you mean 'style'"),
    "a GPU that isn't there": (["--effect", "turbo", "--devices", "cuda:9"], "cuda:9"),
    "turbo's options elsewhere": (["--effect", "paint", "--steps", "2"], "--steps is for the effect turbo"),
    "film into nowhere": (["--record", "/nowhere/x.mp4"], "mkdir -p /nowhere"),
    "film of an odd kind": (["--record", "x.avi"], "mp4"),
    "report into nowhere": (["--report", "/nowhere/r.json"], "mkdir -p /nowhere"),
    "too many workers": (["--workers", "99"], "from 1 to 16"),
    "unknown device": (["--devices", "gpu1"], "cuda:0,cuda:1"),
    "unknown mode": (["--mode", "lok"], "Did you mean 'lock'"),
    "unknown schedule": (["--schedule", "adaptiv"], "Did you mean 'adaptive'"),
    "unknown way to restore": (["--restore", "alway"], "Did you mean 'always'"),
    "no time at all": (["--seconds", "0"], "more than 0"),
    "half an option": (["--option", "work_size"], "NAME=VALUE"),
    "no rate": (["--display-hz", "0"], "from 1 to 1000"),
    "odd turn": (["--rotate", "45"], "90"),
    "pan nowhere": (["--pan", "left"], "--pan 0.2,-0.5"),
    "zoomed out": (["--zoom", "0.5"], "from 1"),
    "unknown camera setting": (["--camera", "expsure=3"], "Did you mean 'exposure'"),
    "camera setting in words": (["--camera", "gain=high"], "gain is a number"),
    "no such port": (["--control-port", "99999"], "65535"),
    "a port in words": (["--control-port", "high"], "--control-port is 'high'; it must be a whole number"),
    "strength in words": (["--strength", "much"], "--strength is 'much'; it must be a number"),
    "for ever and ever": (["--seconds", "inf"], "--seconds is 'inf'"),
    "no number of seconds": (["--seconds", "nan"], "more than 0"),
    "an option's typo": (["--rekord", "x.mp4"], "Did you mean '--record'?"),
    "a word too many": (["demo"], "'demo' is one word too many"),
    "an option without its value": (["--prompt"], "--prompt needs a value: --prompt TEXT"),
    "a value for none": (["--no-desk=yes"], "--no-desk takes no value"),
    "half a name of three": (["--re", "x"], "--record, --report, --restore"),
    "an address": (["--source", "rtsp://camera.local/1"], "reads cameras and files"),
    "an empty source": (["--source", ""], "--source is empty"),
    "a GPU that isn't there, for style": (["--effect", "style", "--devices", "cuda:9"], "cuda:9 was asked for"),
    "an accelerator's typo": (["--model", "tiny", "--accelerator", "eagre"], "Did you mean 'eager'?"),
    "LoRA files nowhere": (["--model", "tiny", "--loras", "/nowhere"], "there is no such folder"),
    "picture into nowhere": (["--picture", "/nowhere/x.png"], "mkdir -p /nowhere"),
    "picture of an odd kind": (["--picture", "x.gif"], ".png"),
    "picture into a folder": (["--picture", "."], "name must end in"),
    "report into a folder": (["--report", "."], "it is a folder"),
}


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("MIRRORFX_CONFIG_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("words", "said"), BAD.values(), ids=BAD.keys())
def test_bad_input_gets_one_clear_line(words, said, capsys):
    source = [] if "--source" in words else ["--source", "pattern"]
    code = main(["run", "--headless", "--seconds", "1", *source, *words])
    err = capsys.readouterr().err
    assert code in (1, 2)
    assert said in err.replace("\n", " ")
    assert err.count("mirrorfx:") == 1
    assert "Traceback" not in err


def test_a_truncated_video_is_refused(tmp_path, capsys):
    film = tmp_path / "film.mp4"
    film.write_bytes(b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + b"\x00" * 500)
    assert main(["run", "--headless", "--seconds", "1", "--source", str(film)]) == 2
    assert "can't be read as a video" in capsys.readouterr().err.replace("\n", " ")


def test_a_preset_with_a_typo_names_the_line(tmp_path, capsys):
    preset = tmp_path / "mine.toml"
    preset.write_text('format = 1\nname = "Mine"\n[params]\nstrenght = 0.5\n')
    assert main(["run", "--headless", "--source", "pattern", "--preset", str(preset)]) == 2
    err = capsys.readouterr().err
    assert "strenght" in err
    assert "'strength'" in err


def test_an_unknown_command_gets_the_nearest(capsys):
    assert main(["rnu"]) == 2
    assert "Did you mean 'run'?" in capsys.readouterr().err


def test_help_lists_every_command_without_loading_them():
    code = (
        "import sys; from mirrorfx.cli.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'cv2', 'torch', 'PyQt6', 'av', 'onnxruntime', 'aiohttp', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in ("run", "bench", "doctor", "presets", "desk"):
        assert command in done.stdout


def test_help_is_a_word_as_well(capsys):
    for words in (["help", "presets"], ["presets", "--help"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0
        assert "thumbnails" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["presets"], "One of: list, show, check, thumbnails"),
        (["presets", "lst"], "There is no action 'lst'. Did you mean 'list'?"),
        (["presets", "show"], "Missing: NAME|FILE"),
        (["screen", "HDMI-1", "--keystone", "0,0"], "--keystone needs 4 values"),
        (["screen", "HDMI-1", "--scaling", "fil"], "--scaling can't be 'fil'. Did you mean 'fill'?"),
        (["screen", "HDMI-1", "--flip-x"], "--flip-x needs a value: --flip-x on|off"),
        (["--nothing"], "There is no option --nothing"),
        (["bench", "cadence", "--workers", "0"], "--workers is 0"),
        (["bench", "cadence", "--kill-every", "0"], "--kill-every is '0'"),
        (["bench", "cadence", "--json", "/nowhere/x.json"], "mkdir -p /nowhere"),
    ],
)
def test_what_argparse_finds_is_one_sentence_too(words, said, capsys):
    assert main(words) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_the_help_of_run_ends_with_examples_that_can_be_read(capsys):
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    shown = capsys.readouterr().out
    assert shown.startswith("usage: mirrorfx run [options]\n")
    examples = shown.partition("\nexamples:\n")[2].splitlines()
    assert len(examples) == 3
    for line in examples:
        words = shlex.split(line)
        assert words[:2] == ["mirrorfx", "run"]
        assert main([*words[1:], "--source", "pattern", "--size", "1"]) == 2
        assert "Size 1x1 can't be worked at" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--control-port", "--status-page"])
def test_a_port_that_is_taken_is_said_before_anything_starts(option, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["run", "--headless", "--seconds", "1", "--source", "pattern", option, port]) == 2
    err = capsys.readouterr().err
    assert f"{option}: nothing can listen on 127.0.0.1:{port}" in err
    assert "starting" not in err


@pytest.mark.parametrize("where", ["192.0.2.1:8080", "no.such.host.invalid:8080", "8080000"])
def test_a_status_page_nowhere_is_said_before_anything_starts(where, capsys):
    assert main(["run", "--headless", "--seconds", "1", "--source", "pattern", "--status-page", where]) == 2
    assert "--status-page" in capsys.readouterr().err


def test_every_accelerator_can_be_named(capsys):
    from mirrorfx.diffusion.accelerators import RUNGS
    from mirrorfx.diffusion.ladder import BUILT, PLANNED

    assert tuple(RUNGS) == (*BUILT, *PLANNED)
    for name in ("auto", *RUNGS):
        assert main(["run", "--headless", "--source", "pattern", "--accelerator", name, "--size", "1"]) == 2
        assert "Size 1x1" in capsys.readouterr().err


def test_a_full_disk_is_one_sentence(monkeypatch, capsys):
    class Command:
        add_parser = staticmethod(lambda commands: commands.add_parser("doctor"))

        @staticmethod
        def run(_args):
            raise OSError(errno.ENOSPC, "No space left on device", "report.json")

    monkeypatch.setattr(cli, "_module", lambda _name: Command)
    assert main(["doctor"]) == 1
    err = capsys.readouterr().err
    assert "No space left on device: 'report.json'" in err
    assert err.count("\n") == 1


def test_a_reader_that_has_gone_gets_no_complaint():
    code = "import sys; from mirrorfx.cli.__main__ import main; sys.exit(main(['presets', 'list']))"
    gone, writes = os.pipe()
    os.close(gone)
    done = subprocess.run([sys.executable, "-c", code], stdout=writes, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writes)
    assert done.stderr == ""


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("mirrorfx 0.")
