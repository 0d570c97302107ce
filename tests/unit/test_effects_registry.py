"""Effects by name: lazy, honest about what is missing, and unharmed by a third party's broken one."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from mirrorfx import effects
from mirrorfx.effects import _turbo_here as turbo_here
from mirrorfx.effects.passthrough import Passthrough
from mirrorfx.effects.turbo import Turbo
from mirrorfx.errors import EffectUnavailable, UnknownName
from mirrorfx.params import CORE_PARAMS, Kind, Param


class Negative(Passthrough):
    """A third party's effect."""

    name = "negative"
    params = (Param(name="depth", kind=Kind.FLOAT, default=0.5),)


class Picky(Passthrough):
    """An effect that can't run here."""

    name = "picky"

    @classmethod
    def availability(cls) -> effects.Availability:
        return effects.Availability(ok=False, reason="no such card", fix="Buy one.")


@pytest.fixture
def registered(monkeypatch):
    """Register entry points: ``registered(negative="module:Class")``."""

    def register(**values: str) -> None:
        points = {name: EntryPoint(name, value, effects.GROUP) for name, value in values.items()}
        monkeypatch.setattr(effects, "_third_party", lambda: points)

    return register


class Denoise(Passthrough):
    """An effect of the camera's process, where no chain runs yet."""

    name = "denoise"
    stage = effects.Stage.PRE


def broken_module(tmp_path, monkeypatch, raising: str) -> str:
    (tmp_path / "broken_effect.py").write_text(f"raise {raising}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "broken_effect", raising=False)
    return "broken_effect:Effect"


def test_built_in_effects_are_listed_sorted():
    names = effects.effect_names()
    assert {"paint", "passthrough", "sleep", "style"} <= set(names)
    assert list(names) == sorted(names)
    assert "turbo" in names


def test_listing_imports_no_effect_and_nothing_large():
    code = (
        "import sys, mirrorfx.effects as e; e.effect_names(); "
        "print([m for m in ('cv2', 'numpy', 'onnxruntime', 'torch', 'mirrorfx.effects.paint') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert shown.stdout.strip() == "[]"


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(UnknownName, match=r"no effect called 'piant'.*Did you mean 'paint'\?.*Known: auto, paint"):
        effects.choose_effect("piant")


@pytest.fixture
def turbo_is_complete(monkeypatch):
    """Everything that turbo needs is there, as far as can be seen from outside."""
    monkeypatch.setattr(effects, "visible_gpus", lambda: 1)
    monkeypatch.setattr(turbo_here, "visible_gpus", lambda: 1)
    monkeypatch.setattr(Turbo, "availability", classmethod(lambda _cls: effects.Availability()))
    monkeypatch.setattr(turbo_here, "_check_model", lambda _options: None)


def test_auto_takes_turbo_where_gpu_libraries_and_model_are(turbo_is_complete):
    assert effects.choose_effect("auto") is Turbo
    assert effects.default_devices(Turbo) == ("cuda:0",)


@pytest.mark.parametrize("lacking", ["gpu", "libraries", "model"])
def test_auto_leaves_turbo_where_anything_is_missing(turbo_is_complete, monkeypatch, lacking):
    def absent(_options):
        raise EffectUnavailable("no model")

    match lacking:
        case "gpu":
            monkeypatch.setattr(effects, "visible_gpus", lambda: 0)
        case "libraries":
            state = effects.Availability(ok=False, reason="no torch")
            monkeypatch.setattr(Turbo, "availability", classmethod(lambda _cls: state))
        case "model":
            monkeypatch.setattr(turbo_here, "_check_model", absent)
    assert effects.choose_effect("auto").name in ("style", "paint")


def test_an_effect_for_gpus_gets_them_all_and_others_none(monkeypatch):
    monkeypatch.setattr(effects, "visible_gpus", lambda: 3)
    assert effects.default_devices(Turbo) == ("cuda:0", "cuda:1", "cuda:2")
    assert effects.default_devices(Passthrough) == ("cpu",)
    monkeypatch.setattr(effects, "visible_gpus", lambda: 0)
    assert effects.default_devices(Turbo) == ("cpu",)


def test_auto_takes_the_best_that_can_run(monkeypatch):
    monkeypatch.setattr(effects, "visible_gpus", lambda: 0)
    assert effects.choose_effect().name in ("style", "paint")
    monkeypatch.setitem(effects._BUILT_IN, "style", "mirrorfx.effects.no_such_module:Style")
    assert effects.choose_effect("auto").name == "paint"


def test_auto_with_nothing_that_runs_says_why(monkeypatch):
    for name in effects._BEST_FIRST:
        monkeypatch.setitem(effects._BUILT_IN, name, f"mirrorfx.effects.no_{name}:Nothing")
    with pytest.raises(EffectUnavailable, match=r"No effect can run here.*no_style.*no_paint"):
        effects.choose_effect("auto")


class TestThirdParty:
    @pytest.fixture(autouse=True)
    def _importable(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "third_party_effects", sys.modules[Negative.__module__])

    def test_is_found_by_its_entry_point(self, registered):
        registered(negative="third_party_effects:Negative")
        assert "negative" in effects.effect_names()
        assert effects.choose_effect("negative") is Negative
        assert effects.availability("negative")

    def test_its_params_join_the_core_ones(self, registered):
        registered(negative="third_party_effects:Negative")
        registry = effects.param_registry("negative")
        assert list(registry) == [param.name for param in CORE_PARAMS] + ["depth"]

    @pytest.mark.parametrize(
        "raising", ["ImportError('no torch')", "OSError('libfoo.so')", "SystemError('no seq')", "ValueError('a bug')"]
    )
    def test_one_that_fails_to_import_is_unavailable_and_breaks_nothing(
        self, registered, tmp_path, monkeypatch, raising
    ):
        registered(broken=broken_module(tmp_path, monkeypatch, raising), negative="third_party_effects:Negative")
        state = effects.availability("broken")
        assert not state
        assert raising.split("'")[1] in str(state)
        assert "broken" in effects.effect_names()
        assert effects.effect_class("negative") is Negative

    def test_something_else_than_an_effect_is_unavailable(self, registered):
        registered(odd="json:dumps")
        with pytest.raises(EffectUnavailable, match=r"not a subclass"):
            effects.effect_class("odd")

    def test_one_for_another_stage_is_not_run_as_a_worker(self, registered):
        registered(denoise="third_party_effects:Denoise")
        assert not effects.availability("denoise")
        with pytest.raises(EffectUnavailable, match="pre stage"):
            effects.choose_effect("denoise")

    def test_one_that_cannot_run_here_is_refused_with_the_fix(self, registered):
        registered(picky="third_party_effects:Picky")
        with pytest.raises(EffectUnavailable, match=r"no such card\. Buy one\."):
            effects.choose_effect("picky")
        assert effects.effect_class("picky") is Picky

    def test_a_built_in_name_stays_the_built_in_one(self, monkeypatch):
        points = [EntryPoint("paint", "third_party_effects:Negative", effects.GROUP)]
        monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: points)
        effects._third_party.cache_clear()
        try:
            assert effects.effect_class("paint").name == "paint"
        finally:
            effects._third_party.cache_clear()
