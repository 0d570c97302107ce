"""The command line: bad input gets one clear line and a non-zero exit, never a traceback."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
    "report into nowhere": (["--report", "/nowhere/r.json"], "missing or not writable"),
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


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("mirrorfx 0.")
