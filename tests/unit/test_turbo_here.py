"""What turbo is told and what it finds before anything starts: options, GPUs, model files, the tiny model. No torch."""

from __future__ import annotations

import ctypes
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from mirrorfx.diffusion import gpus
from mirrorfx.effects import EffectContext, _turbo_here, availability
from mirrorfx.effects._turbo_options import TurboOptions
from mirrorfx.effects._turbo_tiny import tiny_folder
from mirrorfx.effects.turbo import Turbo
from mirrorfx.errors import EffectUnavailable, InvalidValue
from mirrorfx.mirror import Mirror


def check(device: str = "cpu", **options: str) -> None:
    Turbo.check(EffectContext((512, 512), device, options=tuple(options.items())))


@pytest.fixture(autouse=True)
def _no_hub(tmp_path, monkeypatch):
    """Nothing that lies on this machine is found."""
    monkeypatch.setattr(_turbo_here, "hub_snapshot", lambda _repository: None)
    monkeypatch.setattr("mirrorfx.diffusion.model_folder.models_dir", lambda: tmp_path / "models")


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(_turbo_here, "visible_gpus", lambda: 2)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    pytest.importorskip("torch", reason="the diffusion extra is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIRRORFX_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        return tiny_folder()


class TestOptions:
    def test_the_defaults_are_sdxl_turbo_in_one_step(self):
        options = TurboOptions.read(())
        assert (options.model, options.steps, options.accelerator) == ("stabilityai/sdxl-turbo", 1, "auto")
        assert not options.is_tiny

    @pytest.mark.parametrize("steps", ["0", "5", "two", "1.5", "", "-1"])
    def test_steps_outside_1_to_4_are_refused(self, steps):
        with pytest.raises(InvalidValue, match="1 to 4 steps"):
            TurboOptions.read((("steps", steps),))

    def test_an_empty_option_is_one_that_was_not_given(self):
        assert TurboOptions.read((("model", ""), ("variant", ""), ("loras", ""))) == TurboOptions()

    def test_a_folder_of_lora_files_may_begin_at_home(self):
        assert TurboOptions.read((("loras", "~/loras"),)).loras.is_absolute()


class TestCheck:
    def test_the_real_model_on_a_cpu_is_refused_with_what_to_do(self):
        with pytest.raises(EffectUnavailable, match=r"needs an NVIDIA GPU.*--model tiny"):
            check()

    def test_a_gpu_that_is_not_there_is_refused(self, two_gpus):
        check("cuda:1", model="tiny")
        with pytest.raises(EffectUnavailable, match=r"cuda:2 was asked for, and 2 NVIDIA GPUs can be seen"):
            check("cuda:2", model="tiny")

    def test_a_model_that_was_not_fetched_names_the_command(self, two_gpus):
        with pytest.raises(EffectUnavailable, match=r"sdxl-turbo are not on this machine.*mirrorfx models fetch$"):
            check("cuda:0")
        with pytest.raises(EffectUnavailable, match=r"mirrorfx models fetch some/model"):
            check("cuda:0", model="some/model")

    @pytest.mark.parametrize("option", ["model", "autoencoder"])
    def test_a_folder_that_is_not_there_is_refused(self, tmp_path, option):
        folders = {"model": str(tmp_path), "autoencoder": str(tmp_path), option: "/nowhere/at all"}
        with pytest.raises(EffectUnavailable, match=rf"no folder /nowhere/at all.*--{option}"):
            check(**folders)

    def test_the_whole_folder_passes(self, tiny):
        check(model=str(tiny.model), autoencoder=str(tiny.autoencoder))

    @pytest.mark.parametrize("part", ["unet", "text_encoder_2", "tokenizer", "scheduler"])
    def test_a_folder_without_a_part_names_it(self, tiny, tmp_path, part):
        model = shutil.copytree(tiny.model, tmp_path / "model")
        shutil.rmtree(model / part)
        with pytest.raises(EffectUnavailable, match=rf"for its {part}: .*missing.*mirrorfx models check"):
            check(model=str(model), autoencoder=str(tiny.autoencoder))

    def test_a_truncated_file_is_found(self, tiny, tmp_path):
        model = shutil.copytree(tiny.model, tmp_path / "model")
        weights = model / "unet/diffusion_pytorch_model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
        with pytest.raises(EffectUnavailable, match=r"for its unet: .*can't be read"):
            check(model=str(model), autoencoder=str(tiny.autoencoder))

    def test_another_kind_of_model_is_refused(self, tiny, tmp_path):
        model = shutil.copytree(tiny.model, tmp_path / "model")
        index = json.loads((model / "model_index.json").read_text())
        (model / "model_index.json").write_text(json.dumps(index | {"_class_name": "FluxPipeline"}))
        with pytest.raises(EffectUnavailable, match=r"made for FluxPipeline, not for Stable Diffusion XL"):
            check(model=str(model), autoencoder=str(tiny.autoencoder))

    def test_what_is_mended_passes_at_once(self, tiny, tmp_path):
        model = shutil.copytree(tiny.model, tmp_path / "model")
        (model / "model_index.json").rename(tmp_path / "kept")
        with pytest.raises(EffectUnavailable):
            check(model=str(model), autoencoder=str(tiny.autoencoder))
        (tmp_path / "kept").rename(model / "model_index.json")
        check(model=str(model), autoencoder=str(tiny.autoencoder))

    def test_an_availability_with_a_context_says_what_check_says(self, two_gpus, monkeypatch):
        monkeypatch.setattr("mirrorfx.effects.turbo.libraries_lacking", lambda: ())
        assert availability("turbo")
        found = availability("turbo", EffectContext((512, 512), "cuda:0"))
        assert not found
        assert "mirrorfx models fetch" in found.reason

    def test_a_mirror_is_refused_before_any_process_starts(self):
        with pytest.raises(EffectUnavailable, match=r"needs an NVIDIA GPU|not installed"):
            Mirror(source="pattern", effect="turbo")
        if availability("turbo"):
            with pytest.raises(EffectUnavailable, match="cuda:7"):
                Mirror(source="pattern", effect="turbo", devices=("cpu", "cuda:7"), effect_options=(("model", "tiny"),))

    def test_nothing_large_is_imported(self):
        code = (
            "import sys; from mirrorfx.effects import availability, EffectContext; "
            "availability('turbo', EffectContext((512, 512), 'cuda:0')); "
            "print([m for m in ('torch', 'diffusers', 'transformers', 'cv2', 'numpy') if m in sys.modules])"
        )
        shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
        assert shown.stdout.strip() == "[]"


class TestGpus:
    @pytest.fixture(autouse=True)
    def _uncached(self, monkeypatch):
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        gpus._driver_gpus.cache_clear()
        yield
        gpus._driver_gpus.cache_clear()

    @staticmethod
    def driver(monkeypatch, count, *, init=0):
        def counted(pointer):
            pointer._obj.value = count
            return 0

        nvml = SimpleNamespace(nvmlInit_v2=lambda: init, nvmlDeviceGetCount_v2=counted, nvmlShutdown=lambda: 0)
        monkeypatch.setattr(ctypes, "CDLL", lambda _name: nvml)

    def test_no_driver_is_no_gpu(self, monkeypatch):
        def absent(_name):
            raise OSError("libnvidia-ml.so.1: cannot open shared object file")

        monkeypatch.setattr(ctypes, "CDLL", absent)
        assert gpus.visible_gpus() == 0

    def test_a_driver_that_fails_is_no_gpu(self, monkeypatch):
        self.driver(monkeypatch, 2, init=9)
        assert gpus.visible_gpus() == 0

    @pytest.mark.parametrize(
        ("chosen", "left"), [(None, 4), ("", 0), ("1,3", 2), ("-1", 0), ("2,9", 1), ("GPU-5a1,MIG-77", 2), ("0", 1)]
    )
    def test_those_that_the_environment_hides_are_not_counted(self, monkeypatch, chosen, left):
        self.driver(monkeypatch, 4)
        if chosen is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
        assert gpus.visible_gpus() == left


class TestTinyModel:
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path, monkeypatch):
        pytest.importorskip("torch", reason="the diffusion extra is not installed")
        monkeypatch.setenv("MIRRORFX_CACHE_DIR", str(tmp_path / "cache"))

    def test_is_made_once(self):
        stamp = (tiny_folder().model / "model_index.json").stat().st_mtime_ns
        assert (tiny_folder().model / "model_index.json").stat().st_mtime_ns == stamp

    @pytest.mark.parametrize("damage", ["truncated", "missing", "half made"])
    def test_is_made_anew_when_it_is_damaged(self, damage):
        folder = tiny_folder().model.parent
        weights = folder / "sdxl-turbo/unet/diffusion_pytorch_model.safetensors"
        whole = weights.read_bytes()
        if damage == "truncated":
            weights.write_bytes(whole[:-5])
        elif damage == "missing":
            weights.unlink()
        else:
            (folder / "made.json").unlink()
        tiny_folder()
        assert weights.read_bytes() == whole
        assert [path.name for path in folder.parent.iterdir() if path.is_dir()] == [folder.name], "nothing is left over"

    def test_workers_that_start_at_once_share_it(self, monkeypatch):
        from mirrorfx.diffusion import tiny

        made, make = [], tiny.make_tiny_sdxl_turbo
        monkeypatch.setattr(tiny, "make_tiny_sdxl_turbo", lambda folder: (made.append(1), make(folder)))
        with ThreadPoolExecutor(4) as pool:
            folders = {found.model for found in pool.map(lambda _: tiny_folder(), range(4))}
        assert len(folders) == len(made) == 1

    def test_a_cache_that_is_a_file_is_told(self, tmp_path, monkeypatch):
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("MIRRORFX_CACHE_DIR", str(tmp_path / "file"))
        with pytest.raises(EffectUnavailable, match="MIRRORFX_CACHE_DIR"):
            tiny_folder()
