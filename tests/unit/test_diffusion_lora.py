"""LoRA files: found by name, read in the layouts that artists have, added exactly and taken away exactly."""

from __future__ import annotations

import json
import pickle

import pytest

torch = pytest.importorskip("torch", reason="the diffusion extra is not installed")
diffusers = pytest.importorskip("diffusers", reason="the diffusion extra is not installed")

from safetensors.torch import save_file  # noqa: E402

from mirrorfx.diffusion.libraries import diffusers as load_diffusers  # noqa: E402
from mirrorfx.diffusion.lora import LoraLibrary, LoraWeights, apply  # noqa: E402
from mirrorfx.diffusion.tiny import make_tiny_sdxl_turbo  # noqa: E402
from mirrorfx.errors import InvalidValue, UnknownName  # noqa: E402

TO_Q = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
TO_OUT = "up_blocks.1.attentions.2.transformer_blocks.0.attn2.to_out.0"
CONV = "down_blocks.2.resnets.0.conv1"
SHORTCUT = "down_blocks.1.resnets.0.conv_shortcut"

# Stability's names of the blocks of SDXL, which has as many of them as the tiny model, as kohya's scripts write them.
KOHYA = {
    "input_blocks_0_0": "conv_in",
    "input_blocks_1_0_in_layers_2": "down_blocks.0.resnets.0.conv1",
    "input_blocks_2_0_emb_layers_1": "down_blocks.0.resnets.1.time_emb_proj",
    "input_blocks_3_0_op": "down_blocks.0.downsamplers.0.conv",
    "input_blocks_4_0_skip_connection": SHORTCUT,
    "input_blocks_4_1_transformer_blocks_0_attn1_to_q": TO_Q,
    "input_blocks_5_1_proj_in": "down_blocks.1.attentions.1.proj_in",
    "input_blocks_7_0_in_layers_2": CONV,
    "input_blocks_8_1_transformer_blocks_1_ff_net_2": "down_blocks.2.attentions.1.transformer_blocks.1.ff.net.2",
    "middle_block_0_out_layers_3": "mid_block.resnets.0.conv2",
    "middle_block_1_transformer_blocks_0_attn2_to_k": "mid_block.attentions.0.transformer_blocks.0.attn2.to_k",
    "middle_block_2_in_layers_2": "mid_block.resnets.1.conv1",
    "output_blocks_0_1_transformer_blocks_0_attn2_to_v": "up_blocks.0.attentions.0.transformer_blocks.0.attn2.to_v",
    "output_blocks_2_2_conv": "up_blocks.0.upsamplers.0.conv",
    "output_blocks_5_1_transformer_blocks_0_attn2_to_out_0": TO_OUT,
    "output_blocks_5_2_conv": "up_blocks.1.upsamplers.0.conv",
    "output_blocks_8_0_out_layers_3": "up_blocks.2.resnets.2.conv2",
    "time_embed_2": "time_embedding.linear_2",
    "label_emb_0_0": "add_embedding.linear_1",
    "out_2": "conv_out",
}
RANK, ALPHA = 2, 1.0


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_tiny_sdxl_turbo(tmp_path_factory.mktemp("tiny-sdxl-lora")).model


@pytest.fixture
def unet(folder):
    kind = load_diffusers().UNet2DConditionModel
    return kind.from_pretrained(folder, subfolder="unet", use_safetensors=True).eval().requires_grad_(False)


def drawn(unet, layer, seed=0):
    """Return (down, up) of random numbers in the shapes that kohya's scripts give them."""
    generator = torch.Generator().manual_seed(seed)
    out, *rest = unet.get_parameter(f"{layer}.weight").shape
    down = torch.randn(RANK, *rest, generator=generator)
    return down, torch.randn(out, RANK, *[1] * (len(rest) - 1), generator=generator)


def kohya(unet, names, seed=0):
    """Return a file's tensors, {name in the file: layer} given."""
    tensors = {}
    for name, layer in names.items():
        down, up = drawn(unet, layer, seed)
        tensors |= {f"lora_unet_{name}.lora_down.weight": down, f"lora_unet_{name}.lora_up.weight": up}
        tensors[f"lora_unet_{name}.alpha"] = torch.tensor(ALPHA)
    return tensors


def saved(path, tensors, **described):
    save_file({name: value.contiguous() for name, value in tensors.items()}, path, metadata=described or None)
    return path


def weights(unet):
    return {name: value.clone() for name, value in unet.state_dict().items()}


def changed(unet, before):
    """Return how each changed weight differs, by layer."""
    found = {}
    for name, value in unet.state_dict().items():
        if not torch.equal(value, before[name]):
            found[name.removesuffix(".weight")] = value - before[name]
    return found


def expected(layer, unet, scale, seed=0):
    down, up = drawn(unet, layer, seed)
    if down.dim() == 4:
        return scale * torch.einsum("orab,rikl->oikl", up, down)
    return scale * (up @ down)


def refusal(path, unet):
    with pytest.raises(InvalidValue) as caught:
        LoraWeights.load(path, unet)
    assert str(path) in str(caught.value)
    return str(caught.value)


def assert_adds(path, unet, layers, weight=0.5, alpha_share=ALPHA / RANK):
    before = weights(unet)
    apply(unet, [(LoraWeights.load(path, unet), weight)])
    found = changed(unet, before)
    assert set(found) == set(layers)
    for layer in layers:
        torch.testing.assert_close(found[layer], expected(layer, unet, weight * alpha_share), rtol=1e-4, atol=1e-5)


def test_a_kohya_file_with_stabilitys_names_is_added(unet, tmp_path):
    assert_adds(saved(tmp_path / "ink.safetensors", kohya(unet, KOHYA)), unet, KOHYA.values())


def test_a_kohya_file_with_diffusers_names_is_added(unet, tmp_path):
    names = {layer.replace(".", "_"): layer for layer in KOHYA.values()}
    assert_adds(saved(tmp_path / "ink.safetensors", kohya(unet, names)), unet, names.values())


@pytest.mark.parametrize(
    ("down", "up"),
    [
        ("unet.{}.lora_A.weight", "unet.{}.lora_B.weight"),
        ("unet.{}.lora_A.default.weight", "unet.{}.lora_B.default.weight"),
        ("unet.{}.lora.down.weight", "unet.{}.lora.up.weight"),
        ("{}.lora_A.weight", "{}.lora_B.weight"),
    ],
)
def test_diffusers_and_peft_files_are_added_with_alpha_as_rank(unet, tmp_path, down, up):
    layers = [TO_Q, TO_OUT, CONV]
    tensors = {}
    for layer in layers:
        tensors[down.format(layer)], tensors[up.format(layer)] = drawn(unet, layer)
    assert_adds(saved(tmp_path / "ink.safetensors", tensors), unet, layers, alpha_share=1)


def test_the_attention_processors_of_old_diffusers_files_are_found(unet, tmp_path):
    tensors = {}
    for layer, name in ((TO_Q, "processor.to_q_lora"), (TO_OUT, "processor.to_out_lora")):
        down, up = drawn(unet, layer)
        start = f"unet.{layer.split('.to_')[0]}.{name}"
        tensors |= {f"{start}.down.weight": down, f"{start}.up.weight": up}
    assert_adds(saved(tmp_path / "old.safetensors", tensors), unet, [TO_Q, TO_OUT], alpha_share=1)


def test_the_alpha_that_diffusers_writes_into_the_header_counts(unet, tmp_path):
    tensors = {}
    for layer in (TO_Q, CONV):
        tensors[f"unet.{layer}.lora_A.weight"], tensors[f"unet.{layer}.lora_B.weight"] = drawn(unet, layer)
    header = json.dumps({"unet.r": RANK, "unet.lora_alpha": 6, "unet.alpha_pattern": {}})
    path = saved(tmp_path / "a.safetensors", tensors, lora_adapter_metadata=header)
    assert_adds(path, unet, [TO_Q, CONV], alpha_share=6 / RANK)


def test_a_layers_own_alpha_goes_before_the_files(unet, tmp_path):
    tensors = {}
    tensors[f"unet.{TO_Q}.lora_A.weight"], tensors[f"unet.{TO_Q}.lora_B.weight"] = drawn(unet, TO_Q)
    header = json.dumps({"unet.lora_alpha": 6, "unet.alpha_pattern": {TO_Q.removeprefix("down_blocks."): 8}})
    path = saved(tmp_path / "a.safetensors", tensors, lora_adapter_metadata=header)
    assert_adds(path, unet, [TO_Q], alpha_share=8 / RANK)


def test_linear_layers_written_as_1x1_convolutions_are_added(unet, tmp_path):
    down, up = drawn(unet, TO_Q)
    name = f"lora_unet_{TO_Q.replace('.', '_')}"
    tensors = {f"{name}.lora_down.weight": down[..., None, None], f"{name}.lora_up.weight": up[..., None, None]}
    assert_adds(saved(tmp_path / "a.safetensors", tensors), unet, [TO_Q], alpha_share=1)


def test_several_are_added_up_and_the_next_call_replaces_them(unet, tmp_path):
    one = LoraWeights.load(saved(tmp_path / "one.safetensors", kohya(unet, KOHYA, seed=1)), unet)
    few = {name: layer for name, layer in KOHYA.items() if layer in {TO_Q, CONV}}
    two = LoraWeights.load(saved(tmp_path / "two.safetensors", kohya(unet, few, seed=2)), unet)
    before = weights(unet)
    apply(unet, [(one, 0.7), (two, -0.3)])
    found, half = changed(unet, before), ALPHA / RANK
    for layer in KOHYA.values():
        wanted = expected(layer, unet, 0.7 * half, 1)
        if layer in {TO_Q, CONV}:
            wanted = wanted + expected(layer, unet, -0.3 * half, 2)
        torch.testing.assert_close(found[layer], wanted, rtol=1e-4, atol=1e-5)
    apply(unet, [(two, 1.0)])
    assert set(changed(unet, before)) == {TO_Q, CONV}


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_the_plain_weights_come_back_to_the_bit_in_the_same_memory(unet, tmp_path, dtype):
    unet = unet.to(dtype=dtype, memory_format=torch.channels_last)
    before, places = weights(unet), [weight.data_ptr() for weight in unet.parameters()]
    lora = LoraWeights.load(saved(tmp_path / "one.safetensors", kohya(unet, KOHYA)), unet)
    for amount in (0.31, 1.7, -0.9):
        apply(unet, [(lora, amount)])
        assert set(changed(unet, before)) == set(KOHYA.values())
    assert [weight.data_ptr() for weight in unet.parameters()] == places
    apply(unet, [(lora, 0.0)])
    assert changed(unet, before) == {}
    assert [weight.data_ptr() for weight in unet.parameters()] == places


def test_half_precision_is_rounded_once(unet, tmp_path):
    unet = unet.half()
    before = weights(unet)
    lora = LoraWeights.load(saved(tmp_path / "two.safetensors", kohya(unet, {TO_Q.replace(".", "_"): TO_Q})), unet)
    for amount in (0.9, 0.001, 0.5):
        apply(unet, [(lora, amount)])
    name = f"{TO_Q}.weight"
    wanted = (before[name].float() + expected(TO_Q, unet, 0.5 * ALPHA / RANK)).half()
    torch.testing.assert_close(unet.get_parameter(name).data, wanted, rtol=1e-3, atol=1e-4)


def test_what_overflows_leaves_everything_as_it_was(unet, tmp_path):
    unet = unet.half()
    tensors = kohya(unet, KOHYA)
    tensors["lora_unet_output_blocks_8_0_out_layers_3.lora_up.weight"] *= 1e3  # the last layer to be written
    lora = LoraWeights.load(saved(tmp_path / "ink.safetensors", tensors), unet)
    plain = weights(unet)
    with pytest.raises(InvalidValue, match=r"ink \(200\).*up_blocks\.2\.resnets\.2\.conv2.*smaller weight"):
        apply(unet, [(lora, 200)])
    assert changed(unet, plain) == {}
    apply(unet, [(lora, 0.5)])
    applied = weights(unet)
    with pytest.raises(InvalidValue, match="overflow"):
        apply(unet, [(lora, 200)])
    assert changed(unet, applied) == {}
    with pytest.raises(InvalidValue, match="has the weight nan"):
        apply(unet, [(lora, float("nan"))])
    assert changed(unet, applied) == {}
    apply(unet, [])
    assert changed(unet, plain) == {}


def test_originals_are_kept_only_while_a_layer_is_touched(unet, tmp_path):
    from mirrorfx.diffusion import lora as module

    lora = LoraWeights.load(saved(tmp_path / "ink.safetensors", kohya(unet, KOHYA)), unet)
    apply(unet, [(lora, 0.5)])
    assert set(module._changes[unet].plain) == set(KOHYA.values())
    apply(unet, [])
    assert not module._changes[unet].plain
    known = len(module._changes)
    del unet
    assert len(module._changes) <= known


def test_text_encoder_parts_are_left_out_with_a_notice(unet, tmp_path):
    text = {"lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": torch.zeros(2, 16)}
    both = saved(tmp_path / "both.safetensors", kohya(unet, {"time_embed_2": KOHYA["time_embed_2"]}) | text)
    assert "The LoRA both also changes the text encoders; that part is left out." in LoraWeights.load(both, unet).notice
    plain = saved(tmp_path / "plain.safetensors", kohya(unet, KOHYA))
    assert LoraWeights.load(plain, unet).notice == ""
    only = {f"text_encoder_2.x.{part}.weight": torch.zeros(2, 2) for part in ("lora_A", "lora_B")}
    assert "only the text encoders" in refusal(saved(tmp_path / "text.safetensors", only), unet)


def test_a_file_for_stable_diffusion_1_5_is_refused_with_the_reason(unet, tmp_path):
    name = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
    tensors = {f"{name}.lora_down.weight": torch.ones(2, 768), f"{name}.lora_up.weight": torch.ones(32, 2)}
    message = refusal(saved(tmp_path / "sd15.safetensors", tensors), unet)
    assert "it is for weights of (32, 768) and the model has (32, 48)" in message
    assert "made for Stable Diffusion 1.x" in message
    assert "Choose a LoRA file that was made for SDXL" in message
    elsewhere = {key.replace("blocks_1", "blocks_0", 1): value.clone() for key, value in tensors.items()}
    message = refusal(saved(tmp_path / "sd15.safetensors", tensors | elsewhere), unet)
    assert "1 of its 2 layers are not there, such as down_blocks_0_attentions_0" in message
    assert "made for Stable Diffusion 1.x" in message


@pytest.mark.parametrize(
    ("key", "kind"),
    [("hada_w1_a", "LoHa"), ("lokr_w1", "LoKr"), ("dora_scale", "DoRA"), ("lora_mid.weight", "Tucker")],
)
def test_kinds_that_are_not_supported_are_named(unet, tmp_path, key, kind):
    tensors = kohya(unet, KOHYA) | {f"lora_unet_time_embed_2.{key}": torch.ones(2, 2)}
    assert f"of the kind {kind}" in refusal(saved(tmp_path / "other.safetensors", tensors), unet)


def test_files_that_are_no_lora_are_told(unet, tmp_path):
    model = saved(tmp_path / "model.safetensors", {"conv_in.weight": torch.ones(2)})
    assert "is no LoRA for SDXL: it has 'conv_in.weight'" in refusal(model, unet)
    assert "changes no layer" in refusal(saved(tmp_path / "none.safetensors", {}), unet)
    name = "lora_unet_time_embed_2"
    half = saved(tmp_path / "half.safetensors", {f"{name}.lora_down.weight": torch.ones(2, 64)})
    assert "incomplete: time_embed_2 has only down" in refusal(half, unet)
    odd = {f"{name}.lora_down.weight": torch.ones(2, 64), f"{name}.lora_up.weight": torch.ones(64, 3)}
    assert "(2, 64) and (64, 3) don't go together" in refusal(saved(tmp_path / "odd.safetensors", odd), unet)
    broken = kohya(unet, KOHYA)
    broken["lora_unet_out_2.lora_up.weight"][0] = float("nan")
    assert "NaN, or infinite) in out_2" in refusal(saved(tmp_path / "nan.safetensors", broken), unet)
    alpha = kohya(unet, KOHYA) | {"lora_unet_out_2.alpha": torch.ones(3)}
    assert "the alpha of out_2 is not one number" in refusal(saved(tmp_path / "alpha.safetensors", alpha), unet)


def test_files_that_cannot_be_read_are_told(unet, tmp_path):
    whole = saved(tmp_path / "ink.safetensors", kohya(unet, KOHYA)).read_bytes()
    for size in (5, 200, len(whole) - 10):
        cut = tmp_path / f"cut-{size}.safetensors"
        cut.write_bytes(whole[:size])
        assert "It may have been cut off" in refusal(cut, unet)
    text = tmp_path / "text.safetensors"
    text.write_text("<html>Sign in to download</html>")
    assert "can't be read as safetensors" in refusal(text, unet)
    empty = tmp_path / "empty.safetensors"
    empty.touch()
    assert "is empty" in refusal(empty, unet)
    assert "can't be opened: No such file" in refusal(tmp_path / "none.safetensors", unet)
    assert "can't be opened: Is a directory" in refusal(tmp_path, unet)


class Trap:
    def __reduce__(self):
        return (exec, ("raise SystemExit('code of the file ran')",))


def test_pickles_are_refused_unread(unet, tmp_path):
    for name in ("old.pt", "disguised.safetensors"):
        (tmp_path / name).write_bytes(pickle.dumps(Trap(), protocol=2))
        assert "can run any code" in refusal(tmp_path / name, unet)
    zipped = tmp_path / "zipped.safetensors"
    torch.save({"weight": torch.ones(2)}, zipped)
    assert "can run any code" in refusal(zipped, unet)


@pytest.fixture
def library(tmp_path):
    for name in ("Ink Wash.safetensors", "neon.safetensors", "styles/oil.safetensors", "old.ckpt", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return LoraLibrary(tmp_path)


def test_the_library_finds_files_by_name(library, tmp_path):
    assert library.names() == ["Ink Wash", "neon", "oil"]
    assert library.path("neon") == library.path("NEON") == tmp_path / "neon.safetensors"
    assert library.path("oil") == tmp_path / "styles" / "oil.safetensors"
    (tmp_path / "NEON.safetensors").touch()
    assert library.path("neon") == tmp_path / "neon.safetensors"
    assert library.path("NEON") == tmp_path / "NEON.safetensors"


def test_two_files_of_one_name_are_told(library, tmp_path):
    (tmp_path / "styles" / "neon.safetensors").touch()
    with pytest.raises(InvalidValue, match=r"2 LoRA files called 'neon': .*styles.*Rename one"):
        library.path("neon")


def test_an_unknown_name_is_told_with_the_folder_and_the_nearest(library, tmp_path):
    with pytest.raises(UnknownName) as caught:
        library.path("ink wesh")
    assert str(tmp_path) in str(caught.value)
    assert "Did you mean 'Ink Wash'?" in str(caught.value)
    with pytest.raises(InvalidValue, match="no safetensors file"):
        library.path("old")
    with pytest.raises(InvalidValue):
        library.path("../neon")


def test_a_folder_that_is_not_there_is_an_empty_library(tmp_path):
    library = LoraLibrary(tmp_path / "none")
    assert library.names() == []
    with pytest.raises(InvalidValue, match=r"Put ink\.safetensors there"):
        library.path("ink")
