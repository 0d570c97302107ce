"""The text encoders' part: tokens, embeddings, emphasis, mixes and the cache of them."""

import itertools
import threading
import weakref

import pytest

from mirrorfx.clock import SECOND
from mirrorfx.diffusion.prompts import Text, parse_prompt
from mirrorfx.diffusion.text import EmbeddingCache, TextEmbedding, TextEncoder, emphasised, mixed_embedding, tokenise
from mirrorfx.errors import EffectFailed, InvalidValue
from mirrorfx.params import ParamRegistry, Params, ParamState

_NEEDED = "the text encoders come with pip install -e '.[diffusion]'"
torch = pytest.importorskip("torch", reason=_NEEDED)
transformers = pytest.importorskip("transformers", reason=_NEEDED)
diffusers = pytest.importorskip("diffusers", reason=_NEEDED)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def byte_vocabulary():
    """Return a CLIP vocabulary of single bytes, 514 tokens, with ``!`` first as in the real one."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in visible]
    letters = [chr(byte) for byte in visible] + [chr(256 + n) for n in range(len(others))]
    names = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return {name: number for number, name in enumerate(names)}


def make_tokenizer(pad):
    return transformers.CLIPTokenizer(byte_vocabulary(), [], pad_token=pad, model_max_length=77)


def make_encoder(kind, width, seed):
    torch.manual_seed(seed)
    config = transformers.CLIPTextConfig(
        vocab_size=514,
        hidden_size=width,
        intermediate_size=2 * width,
        projection_dim=width,
        num_hidden_layers=3,
        num_attention_heads=2,
        max_position_embeddings=77,
        bos_token_id=512,
        eos_token_id=513,
        pad_token_id=513,
    )
    return kind(config).eval()


@pytest.fixture(scope="module")
def models():
    tokenizers = (make_tokenizer("<|endoftext|>"), make_tokenizer("!"))
    encoders = (
        make_encoder(transformers.CLIPTextModel, 24, 1),
        make_encoder(transformers.CLIPTextModelWithProjection, 40, 2),
    )
    return tokenizers, encoders


@pytest.fixture(scope="module")
def encoder(models):
    return TextEncoder(*models)


def text_of(prompt):
    (text,) = parse_prompt(prompt).texts
    return text


def test_tokens_are_framed_and_padded_as_each_encoder_wants(models):
    (first, second), _ = models
    tokens = tokenise(first, text_of("ab"))
    assert tokens.ids[:2] == [512, first.convert_tokens_to_ids("a")]
    assert tokens.ids[3:] == [513] * 74
    assert tokenise(second, text_of("ab")).ids[3:] == [513] + [0] * 73
    assert tokenise(second, text_of("")).ids == [512, 513] + [0] * 75


def test_weights_stand_at_their_tokens_and_do_not_move_them(models):
    (first, _), _ = models
    tokens = tokenise(first, text_of("ab (cd:1.5) [e]"))
    assert tokens.ids == tokenise(first, text_of("ab cd e")).ids
    assert tokens.weights[:7] == [1, 1, 1, 1.5, 1.5, 0.9091, 1]
    assert len(tokens.weights) == len(tokens.ids) == 77


def test_what_does_not_fit_is_counted(models):
    (first, _), _ = models
    assert tokenise(first, text_of("x " * 75)).left_out == 0
    tokens = tokenise(first, text_of("x " * 70 + "(y y y y y y y y y)"))
    assert tokens.left_out == 4
    assert tokens.ids[-1] == 513
    assert tokens.weights[-2:] == [1.1, 1.0]
    assert len(tokens.ids) == len(tokens.weights) == 77


@pytest.mark.parametrize(
    "prompt",
    [
        "a photo of a cat",
        "",
        "Oil, painting! by Émile; 3 foxes — 日本 🎨",
        "a  very " * 20,
        "he's   here. (no brackets)",
    ],
)
def test_embeddings_are_those_of_the_diffusers_pipeline(models, encoder, prompt):
    (tokenizer, tokenizer_2), (text_encoder, text_encoder_2) = models
    pipeline = diffusers.StableDiffusionXLPipeline(
        vae=None,
        text_encoder=text_encoder,
        text_encoder_2=text_encoder_2,
        tokenizer=tokenizer,
        tokenizer_2=tokenizer_2,
        unet=None,
        scheduler=None,
    )
    with torch.no_grad():
        tokens, _, pooled, _ = pipeline.encode_prompt(prompt, device="cpu", do_classifier_free_guidance=False)
    ours = encoder.encode(text_of(prompt.replace("(", "\\(").replace(")", "\\)")))
    assert ours.tokens.shape == tokens.shape == (1, 77, 64)
    assert ours.pooled.shape == (1, 40)
    torch.testing.assert_close(ours.tokens, tokens, atol=1e-5, rtol=0)
    torch.testing.assert_close(ours.pooled, pooled, atol=1e-5, rtol=0)


def test_prompts_are_told_apart(encoder):
    cat, dog = (encoder.encode(text_of(f"a photo of a {word}")) for word in ("cat", "dog"))
    assert (cat.tokens - dog.tokens).abs().max() > 0.01
    assert (cat.pooled - dog.pooled).abs().max() > 0.01
    assert not cat.tokens.requires_grad


def test_dtype_and_left_out_come_with_the_embedding(models):
    embedding = TextEncoder(*models, dtype=torch.float16).encode(text_of("x " * 80))
    assert embedding.tokens.dtype == embedding.pooled.dtype == torch.float16
    assert embedding.left_out == 5


def test_emphasis_scales_its_tokens_and_keeps_the_mean(encoder):
    plain, strong = (encoder.encode(text_of(prompt)) for prompt in ("ab cd", "ab (cd:1.5)"))
    for half in (slice(0, 24), slice(24, 64)):
        before, after = plain.tokens[..., half], strong.tokens[..., half]
        assert after.mean().item() == pytest.approx(before.mean().item(), abs=1e-6)
        shift = after[:, 0] - before[:, 0]  # the start token has no emphasis
        torch.testing.assert_close(shift, shift.mean().expand_as(shift), atol=1e-6, rtol=0)
        torch.testing.assert_close(after[:, 3:5], before[:, 3:5] * 1.5 + shift.mean(), atol=1e-5, rtol=0)
        torch.testing.assert_close(after[:, 5:], before[:, 5:] + shift.mean(), atol=1e-5, rtol=0)
    torch.testing.assert_close(strong.pooled, plain.pooled)


def test_emphasis_holds_where_the_mean_is_nought():
    hidden = torch.tensor([[[1.0, -1.0], [2.0, -2.0 + 1e-7]]])
    strong = emphasised(hidden, [1.0, 1.3])
    assert strong.abs().max() < 3  # scaling by the ratio of the means would not
    assert emphasised(hidden, [1.0, 1.0]) is hidden


def embedding_of(value, dtype=torch.float32):
    return TextEmbedding(torch.full((1, 7, 4), value, dtype=dtype), torch.full((1, 3), -value, dtype=dtype))


def test_mixes_are_straight_lines():
    one, two = embedding_of(1.0), embedding_of(2.0)
    mixed = mixed_embedding([(one, 0.75), (two, 0.25), (embedding_of(99.0), 0.0)])
    assert mixed.tokens.unique().tolist() == [1.25]
    assert mixed.pooled.unique().tolist() == [-1.25]
    assert mixed_embedding([(one, 1.0), (two, 0.0)]) is one
    assert mixed_embedding([(embedding_of(1.0, torch.float16), 0.5)] * 2).tokens.dtype == torch.float16


class CountingEncoder:
    """Gives every text an embedding of its own, and knows which of them still live."""

    def __init__(self):
        self.texts = []
        self._made = []

    def encode(self, text: Text):
        self.texts.append(text.plain)
        embedding = embedding_of(float(len(self.texts)))
        self._made.append(weakref.ref(embedding.tokens))
        return embedding

    @property
    def living(self):
        return sum(made() is not None for made in self._made)


def params_of(prompt, mix=None, **values):
    return Params({"prompt": prompt, **values}, mixes={"prompt": mix} if mix else {})


def test_frames_only_take_what_was_prepared():
    counting = CountingEncoder()
    cache = EmbeddingCache(counting.encode)
    assert not cache.ready(params_of("a"))
    with pytest.raises(EffectFailed, match="'a' was to be painted before it was prepared"):
        cache.mixed(params_of("a"))
    cache.prepare(params_of("a"))
    assert cache.ready(params_of("a"))
    assert cache.mixed(params_of("a")).tokens.unique().tolist() == [1.0]
    cache.prepare(params_of("  a "))
    cache.mixed(params_of("a <lora:x:1>"))
    assert counting.texts == ["a"]


def test_a_pair_is_prepared_whole_so_the_blend_can_turn():
    counting = CountingEncoder()
    cache = EmbeddingCache(counting.encode)
    cache.prepare(params_of("a | b", blend=0.0))
    levels = [cache.mixed(params_of("a | b", blend=blend)).tokens[0, 0, 0].item() for blend in (0.0, 0.25, 1.0)]
    assert levels == [1.0, 1.25, 2.0]
    assert counting.texts == ["a", "b"]


def test_a_fade_goes_evenly_from_one_prompt_to_the_next():
    cache = EmbeddingCache(CountingEncoder().encode)
    state = ParamState.initial(ParamRegistry(), {"prompt": "a"}, 0)
    cache.prepare(state.at(0))
    state = state.edited({"prompt": "b"}, SECOND, 2.0)
    cache.prepare(state.settled(SECOND))
    levels = [cache.mixed(state.at(SECOND * n // 20)).tokens[0, 0, 0].item() for n in range(10, 70)]
    assert levels[0] == 1.0
    assert levels[-1] == 2.0
    steps = [b - a for a, b in itertools.pairwise(levels)]
    assert min(steps) >= -1e-6
    assert max(steps) < 1.05 * 1.5 / 40  # smoothstep's steepest


def test_a_prompt_that_can_not_be_read_leaves_the_cache_as_it_was():
    cache = EmbeddingCache(CountingEncoder().encode)
    cache.prepare(params_of("a"))
    with pytest.raises(InvalidValue, match="character 3"):
        cache.prepare(params_of("b (c"))
    assert len(cache) == 1
    assert cache.ready(params_of("a"))


def test_what_is_in_use_stays_and_what_is_not_goes():
    cache = EmbeddingCache(CountingEncoder().encode, most=8)
    cache.prepare(params_of("a | b", blend=0.0))
    for n in range(50):
        cache.mixed(params_of("a | b", blend=0.0))
        cache.prepare(params_of(f"prompt {n}"))
    assert cache.ready(params_of("a | b"))
    assert not cache.ready(params_of("prompt 0"))
    assert len(cache) == 8


def test_an_hour_with_another_prompt_each_second_does_not_grow():
    counting = CountingEncoder()
    cache = EmbeddingCache(counting.encode)
    state = ParamState.initial(ParamRegistry(), {"prompt": "start"}, 0)
    cache.prepare(state.at(0))
    most = 0
    for second in range(1, 3601):
        now = second * SECOND
        state = state.edited({"prompt": f"(fox) number {second} | [owl] {second % 7}"}, now, 1.7)
        cache.prepare(state.settled(now))
        cache.mixed(state.at(now + SECOND // 2))
        most = max(most, len(cache))
        assert second % 60 or counting.living == len(cache)
    assert most == 32
    assert len(counting.texts) == 1 + 3600 + 7
    assert parse_prompt.cache_info().currsize <= 64


def test_two_threads_encode_one_text_once_and_a_frame_does_not_wait():
    started, go_on = threading.Event(), threading.Event()
    counting = CountingEncoder()

    def slow(text):
        if text.plain == "slow":
            started.set()
            assert go_on.wait(30)
        return counting.encode(text)

    cache = EmbeddingCache(slow)
    cache.prepare(params_of("a"))
    threads = [threading.Thread(target=cache.prepare, args=(params_of("slow"),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert started.wait(30)
    cache.mixed(params_of("a"))
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert counting.texts == ["a", "slow"]
