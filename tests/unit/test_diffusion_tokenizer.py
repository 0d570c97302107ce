"""The real vocabulary of CLIP, 49408 tokens: words get the numbers that SDXL's text encoders were trained with."""

from __future__ import annotations

import gzip
import json
from importlib import metadata

import pytest

from mirrorfx.diffusion.prompts import parse_prompt
from mirrorfx.diffusion.text import tokenise

transformers = pytest.importorskip("transformers", reason="the diffusion extra is not installed")

# OpenAI's own file lies in a package that is installed without its dependencies and never imported.
try:
    VOCABULARY = metadata.distribution("clip-anytorch").locate_file("clip/bpe_simple_vocab_16e6.txt.gz")
except metadata.PackageNotFoundError:
    pytest.skip("clip-anytorch is not installed: scripts/test installs it", allow_module_level=True)

START, END = 49406, 49407
PADS = {"tokenizer": "<|endoftext|>", "tokenizer_2": "!"}

# Looked up with OpenAI's SimpleTokenizer of the same package.
KNOWN = {
    "a photo of a cat": [320, 1125, 539, 320, 2368],
    "a diagram": [320, 22697],
    "cat, dog??": [2368, 267, 1929, 2197],
    "Van Gogh's STARRY night, 8k": [2451, 19697, 568, 30963, 930, 267, 279, 330],
    "über-realistic  neonlights": [6522, 1516, 268, 16157, 21043, 3073],
    "日本 ink": [39121, 19277, 361, 967],
    "floral-baroque 1970s": [10732, 268, 25065, 272, 280, 278, 271, 338],
}


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory):
    """Both tokenizers of SDXL, read from folders like those of its repository."""
    lines = gzip.decompress(VOCABULARY.read_bytes()).decode().split("\n")
    merges = lines[1 : 49152 - 256 - 2 + 1]
    letters = _letters()
    words = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(merge.split()) for merge in merges)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    made = []
    for name, pad in PADS.items():
        folder = tmp_path_factory.mktemp(name)
        (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
        (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
        tokens = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
        described = {
            "tokenizer_class": "CLIPTokenizer",
            "model_max_length": 77,
            "do_lower_case": True,
            "pad_token": pad,
        }
        (folder / "tokenizer_config.json").write_text(json.dumps(described | tokens))
        made.append(transformers.CLIPTokenizer.from_pretrained(folder, local_files_only=True))
    return made


def _letters():
    """Return the letters of the 256 bytes in OpenAI's order: those that can be seen, then the others."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(byte) for byte in visible] + [chr(256 + number) for number in range(256 - len(visible))]


def text(prompt):
    return parse_prompt(prompt).weighted(0.0)[0][0]


@pytest.mark.parametrize("prompt", KNOWN)
def test_words_get_the_numbers_of_clip_and_each_tokenizer_its_own_padding(tokenizers, prompt):
    ids = KNOWN[prompt]
    for tokenizer, pad in zip(tokenizers, (END, 0), strict=True):
        tokens = tokenise(tokenizer, text(prompt))
        assert tokens.ids == [START, *ids, END, *[pad] * (75 - len(ids))]
        assert tokens.weights == [1.0] * 77
        assert tokens.left_out == 0


def test_the_second_tokenizer_takes_exclamation_marks_for_its_padding(tokenizers):
    """As in every pipeline of diffusers; OpenAI's own reads the two marks as 748."""
    found = [tokenise(tokenizer, text("cat, dog!!")).ids[1:6] for tokenizer in tokenizers]
    assert found == [[2368, 267, 1929, 748, END], [2368, 267, 1929, 0, 0]]


def test_the_vocabulary_is_whole(tokenizers):
    assert [len(tokenizer) for tokenizer in tokenizers] == [49408, 49408]


def test_emphasis_falls_on_the_words_it_was_put_on(tokenizers):
    for tokenizer in tokenizers:
        tokens = tokenise(tokenizer, text("a photo of a (cat:1.4), starry"))
        assert tokens.ids[:9] == [START, 320, 1125, 539, 320, 2368, 267, 30963, END]
        assert tokens.weights[:9] == [1, 1, 1, 1, 1, 1.4, 1, 1, 1]


def test_what_is_too_long_is_cut_before_the_end_token(tokenizers):
    for tokenizer in tokenizers:
        tokens = tokenise(tokenizer, text("cat " * 80))
        assert tokens.ids == [START, *[2368] * 75, END]
        assert tokens.left_out == 5
