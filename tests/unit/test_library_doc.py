"""The programs of docs/library.md run as they stand there."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import mirrorfx
from mirrorfx.control import client
from mirrorfx.effects.base import Effect
from mirrorfx.frame import Frame
from mirrorfx.params import ParamRegistry, ParamState

TEXT = (Path(__file__).parents[2] / "docs" / "library.md").read_text(encoding="utf-8")
FRAMES, WHOLE, PICTURES, SOURCE, EFFECT, STEERING = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (FRAMES, "(10, 512, 512, 3)\n"),
        (PICTURES, "0 (384, 512, 4)\n1 (384, 512, 4)\n2 (384, 512, 4)\n"),
        (SOURCE, "(512, 384)\n"),
    ],
    ids=["frames", "own pictures", "own source"],
)
def test_the_program_runs(program, says, tmp_path):
    path = tmp_path / "program.py"
    path.write_text(program, encoding="utf-8")
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.stdout, done.stderr) == (says, "")


def test_the_whole_mirror_makes_its_film(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(WHOLE, encoding="utf-8")
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout.endswith("new frames a second\n"), done.stderr
    assert (tmp_path / "film.mp4").stat().st_size > 1000


def test_the_effect_paints_and_is_named_by_its_entry_point():
    names = {}
    exec(EFFECT, names)
    made = names["Negative"]
    assert issubclass(made, Effect)
    params = ParamState.initial(ParamRegistry(made.params), {"strength": 1.0, "warmth": 1.0}, 0).at(0)
    out = np.zeros((2, 2, 4), np.uint8)
    made().render(Frame(np.full((2, 2, 3), 55, np.uint8), 0), params, out)
    assert out[0, 0].tolist() == [0, 200, 200, 255]
    project = tomllib.loads(re.findall(r"```toml\n(.*?)```", TEXT, flags=re.DOTALL)[0])
    assert project["project"]["entry-points"]["mirrorfx.effects"] == {"negative": "negative:Negative"}


def test_editors_are_told_every_public_name_and_where_it_is():
    stub = (Path(mirrorfx.__file__).parent / "__init__.pyi").read_text(encoding="utf-8")
    told = {name: module for module, name in re.findall(r"from (\S+) import \w+ as (\w+)", stub)}
    assert {*told, "__version__"} == set(mirrorfx.__all__)
    for name, module in told.items():
        assert getattr(importlib.import_module(module), name) is getattr(mirrorfx, name)


def test_the_steering_asks_for_what_there_is(monkeypatch):
    asked = []

    class Client(client.ControlClient):
        def __enter__(self):
            return self

        def __exit__(self, *_):
            """Nothing was connected."""

        def ask(self, do, **arguments):
            asked.append((do, arguments))

    monkeypatch.setattr(client, "ControlClient", Client)
    monkeypatch.setattr(sys, "argv", ["program.py", "ws://127.0.0.1:7777/control?token=x"])
    exec(STEERING, {})
    from mirrorfx.control import protocol

    assert [do for do, _ in asked] == ["set", "preset", "panic"]
    assert all(f"``{do}``" in protocol.__doc__ for do, _ in asked)
