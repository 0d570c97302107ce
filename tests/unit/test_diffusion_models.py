"""Loading: what comes out of a model folder, and what a broken, wrong or missing one is told."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import time

import pytest

torch = pytest.importorskip("torch", reason="the diffusion extra is not installed")
diffusers = pytest.importorskip("diffusers", reason="the diffusion extra is not installed")
transformers = pytest.importorskip("transformers", reason="the diffusion extra is not installed")

from mirrorfx.diffusion import libraries  # noqa: E402
from mirrorfx.diffusion.models import AUTOENCODER, MODEL, ModelSettings, load_models  # noqa: E402
from mirrorfx.diffusion.tiny import TinyFolder, make_tiny_sdxl_turbo  # noqa: E402
from mirrorfx.errors import EffectUnavailable  # noqa: E402

NOWHERE = "mirrorfx-tests/no-such-model"

# diffusers hands on an argument that huggingface_hub no longer knows.
without_the_hubs_own_warning = pytest.mark.filterwarnings(
    "ignore:The `local_dir_use_symlinks` argument is deprecated:UserWarning"
)


@pytest.fixture(scope="session")
def pristine(tmp_path_factory):
    return make_tiny_sdxl_turbo(tmp_path_factory.mktemp("tiny-sdxl-models"))


@pytest.fixture
def tiny(pristine, tmp_path):
    """A copy of the folder that a test may break."""
    shutil.copytree(pristine.model.parent, tmp_path, dirs_exist_ok=True)
    return TinyFolder(tmp_path)


@pytest.fixture
def no_network(monkeypatch):
    """No name is found and no retry waits; gives the hosts that were asked for."""
    asked = []

    def unknown(host, *_args, **_kwargs):
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    return asked


def settings(tiny: TinyFolder, **others: object) -> ModelSettings:
    return ModelSettings(**{"model": str(tiny.model), "autoencoder": str(tiny.autoencoder), **others})


def refusal(asked: ModelSettings) -> str:
    with pytest.raises(EffectUnavailable) as caught:
        load_models(asked)
    return str(caught.value)


def edit(path, **entries):
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def test_all_parts_are_loaded_for_inference(pristine):
    told = []
    models = load_models(settings(pristine), lambda part, share: told.append((part, share)))
    networks = (models.unet, models.encoder, models.decoder, *models.text_encoders)
    assert not any(network.training for network in networks)
    assert not any(weight.requires_grad for network in networks for weight in network.parameters())
    assert models.dtype == torch.float32
    assert models.latent_scale == 1.0
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert told[-1] == ("ready", 1.0)


def test_the_tokenizers_are_clips_in_structure(pristine):
    first, second = load_models(settings(pristine)).tokenizers
    ids = first("hi you", padding="max_length", truncation=True).input_ids
    assert len(ids) == 77
    assert ids[:7] == [512, 71, 328, 88, 78, 340, 513]
    assert set(ids[7:]) == {513}
    assert set(second("hi you", padding="max_length").input_ids[7:]) == {0}


def test_the_defaults_are_sdxl_turbo_and_its_small_autoencoder():
    asked = ModelSettings()
    assert (asked.model, asked.autoencoder) == (MODEL, AUTOENCODER) == ("stabilityai/sdxl-turbo", "madebyollin/taesdxl")
    assert not asked.download


def test_half_precision_is_for_gpus_only():
    assert ModelSettings().dtype == torch.float32
    assert ModelSettings(device="cuda:0").dtype == torch.float16
    assert ModelSettings(device="cuda:0", half=False).dtype == torch.float32


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.*")
    }


def test_the_same_seed_makes_the_same_files_and_another_one_others(pristine, tmp_path):
    torch.manual_seed(99)
    drawn = torch.get_rng_state()
    make_tiny_sdxl_turbo(tmp_path / "same")
    assert torch.equal(torch.get_rng_state(), drawn)
    make_tiny_sdxl_turbo(tmp_path / "other", seed=1)
    same, other = digests(tmp_path / "same"), digests(tmp_path / "other")
    assert same == digests(pristine.model.parent)
    weights = "sdxl-turbo/unet/diffusion_pytorch_model.safetensors"
    assert same[weights] != other[weights]
    assert sum((tmp_path / "same" / name).stat().st_size for name in same) < 5e6


def test_the_half_precision_variant_is_loaded_when_asked_for(pristine, tmp_path):
    halves = make_tiny_sdxl_turbo(tmp_path, variant="fp16")
    assert (halves.model / "unet" / "diffusion_pytorch_model.fp16.safetensors").is_file()
    half, full = load_models(settings(halves, variant="fp16")), load_models(settings(pristine))
    for ours, theirs in zip(half.unet.parameters(), full.unet.parameters(), strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def test_a_variant_that_the_folder_lacks_is_named(pristine):
    assert "'fp16' was asked for" in refusal(settings(pristine, variant="fp16"))


@pytest.mark.parametrize("part", ["unet", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler"])
def test_a_missing_part_is_named_with_the_fix(tiny, part):
    shutil.rmtree(tiny.model / part)
    message = refusal(settings(tiny))
    assert f"The {part} in the folder {tiny.model}" in message
    assert f"mirrorfx models check {tiny.model} names all that is missing" in message
    assert "whole model folder again, or fetch it: mirrorfx models fetch" in message


def test_a_missing_autoencoder_is_named(tiny):
    (tiny.autoencoder / "diffusion_pytorch_model.safetensors").unlink()
    assert f"The autoencoder in the folder {tiny.autoencoder}" in refusal(settings(tiny))
    shutil.rmtree(tiny.autoencoder)
    tiny.autoencoder.mkdir()
    assert f"The autoencoder in the folder {tiny.autoencoder}" in refusal(settings(tiny))


def test_an_autoencoder_of_another_kind_is_refused(tiny):
    assert "it is AutoencoderKL with 4 latent channels" in refusal(settings(tiny, autoencoder=str(tiny.model / "vae")))
    edit(tiny.autoencoder / "config.json", latent_channels=16)
    assert AUTOENCODER in refusal(settings(tiny))


def test_a_folder_that_is_no_model_is_told(tiny, tmp_path):
    (tiny.model / "model_index.json").unlink()
    assert "model_index.json in the folder" in refusal(settings(tiny))
    assert "There is no folder" in refusal(settings(tiny, model=str(tmp_path / "nowhere")))


def test_a_truncated_weight_file_is_told(tiny):
    weights = tiny.model / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100_000])
    assert f"The unet in the folder {tiny.model}" in refusal(settings(tiny))


@pytest.mark.parametrize(
    ("part", "file"),
    [("unet", "diffusion_pytorch_model.safetensors"), ("text_encoder", "model.safetensors")],
)
def test_weights_that_lack_a_tensor_are_refused_instead_of_drawn_at_random(tiny, part, file):
    from safetensors.torch import load_file, save_file

    weights = load_file(tiny.model / part / file)
    lost = sorted(weights)[3]
    save_file({name: value for name, value in weights.items() if name != lost}, tiny.model / part / file)
    message = refusal(settings(tiny))
    assert f"The {part} in the folder" in message
    assert lost in message


def test_a_model_of_another_family_is_refused(tiny):
    edit(tiny.model / "model_index.json", _class_name="StableDiffusionPipeline")
    message = refusal(settings(tiny))
    assert "is made for StableDiffusionPipeline" in message
    assert MODEL in message


def test_a_pipeline_without_one_of_the_text_encoders_is_refused(tiny):
    edit(tiny.model / "model_index.json", text_encoder=[None, None])
    assert "it has no text_encoder." in refusal(settings(tiny))


@pytest.mark.parametrize(
    ("entry", "value"), [("addition_embed_type", None), ("in_channels", 9), ("cross_attention_dim", 768)]
)
def test_a_unet_that_is_not_sdxl_is_refused_before_its_weights_are_read(tiny, monkeypatch, entry, value):
    edit(tiny.model / "unet" / "config.json", **{entry: value})

    def too_late(*_args, **_kwargs):
        raise AssertionError("the weights were read")

    monkeypatch.setattr(diffusers.UNet2DConditionModel, "from_pretrained", too_late)
    assert f"{entry} is {value!r}" in refusal(settings(tiny))


def test_a_scheduler_that_predicts_otherwise_is_refused(tiny):
    edit(tiny.model / "scheduler" / "scheduler_config.json", prediction_type="v_prediction")
    assert "prediction_type is 'v_prediction'" in refusal(settings(tiny))


@without_the_hubs_own_warning
def test_without_consent_the_hub_is_never_asked(tiny, no_network):
    for asked, command in (
        (ModelSettings(model=NOWHERE), f"mirrorfx models fetch {NOWHERE}."),
        (settings(tiny, autoencoder=NOWHERE), f"mirrorfx models fetch --autoencoder {NOWHERE}."),
    ):
        message = refusal(asked)
        assert f"of {NOWHERE} is not on this machine" in message
        assert f"Fetch it: {command}" in message
        assert "mirrorfx models export on a machine that has it" in message
    assert no_network == []


@without_the_hubs_own_warning
def test_without_a_network_the_error_says_so(no_network):
    message = refusal(ModelSettings(model=NOWHERE, download=True))
    assert f"of {NOWHERE} can't be fetched from the hub" in message
    assert "Name or service not known" in message
    assert "Check the network" in message
    assert "what mirrorfx models export makes on another machine" in message
    assert no_network


@pytest.mark.parametrize(
    "problem",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_a_model_that_does_not_fit_into_memory_is_told(pristine, monkeypatch, problem):
    def full(*_args, **_kwargs):
        raise problem

    monkeypatch.setattr(diffusers.UNet2DConditionModel, "from_pretrained", full)
    assert "Not enough memory on cpu for the unet" in refusal(settings(pristine))


def test_a_device_that_is_not_there_is_told(pristine, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "cuda:0 was asked for, but torch finds no GPU" in refusal(settings(pristine, device="cuda:0"))
    assert "no device called 'gpu'" in refusal(settings(pristine, device="gpu"))
    assert "meta is not supported" in refusal(settings(pristine, device="meta"))


def test_a_library_that_is_not_installed_is_named_with_the_command():
    with pytest.raises(EffectUnavailable, match=r"pip install -e '\.\[diffusion\]'"):
        libraries.library("mirrorfx_no_such_library")
