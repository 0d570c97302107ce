"""What the README shows works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from mirrorfx.effects.base import Effect
from mirrorfx.frame import Frame
from mirrorfx.params import ParamRegistry, ParamState

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_two_commands_come_first():
    first, second = blocks("sh")[0].strip().splitlines()
    assert first.startswith("scripts/run")
    assert second.startswith("scripts/test")
    assert README.index("```sh") < README.index("![")


def test_the_ten_line_effect_paints():
    names = {}
    exec(blocks("python")[0], names)
    made = names["Negative"]
    assert issubclass(made, Effect)
    pixels = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    out = np.zeros((3, 3, 4), np.uint8)
    params = ParamState.initial(ParamRegistry(), {"strength": 1.0}, 0).at(0)
    made().render(Frame(pixels, 0), params, out)
    assert np.array_equal(out[..., :3], 255 - pixels)


def test_the_program_gives_frames(capsys):
    loop = blocks("python")[1].partition("if __name__")[0].replace("(512, 512)", "(256, 256)").replace("=30", "=2")
    exec(loop, {"__name__": "shown"})
    assert capsys.readouterr().out.splitlines() == ["0 (256, 256, 4)", "1 (256, 256, 4)"]


def test_every_link_leads_somewhere():
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert len(targets) > 5
    missing = [target for target in targets if not (ROOT / target).exists()]
    assert not missing
