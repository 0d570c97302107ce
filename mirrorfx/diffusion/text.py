"""What the network is told about the prompt: both CLIP encoders' reading of it, with emphasis, kept and mixed.

Read as SDXL was trained to: the last hidden layer but one of CLIP-L (768) beside that of OpenCLIP bigG (1280), and
bigG's pooled vector. Source: Podell et al., SDXL: Improving Latent Diffusion Models for High-Resolution Image
Synthesis (2023); the sizes below are SDXL's.

*Emphasis* multiplies the vectors of the emphasised tokens by their weight and then shifts all of the encoder's vectors
by one number, so that their mean is what it was. The usual way scales them back by the ratio of the means, which can
become anything where a mean is near 0. The pooled vector is left as it is, as is usual.

*Mixes* of prompts are straight lines between their embeddings (lerp): the network reads them by linear layers, and any
number of prompts mixes in any order with the same result, which a slerp does not give.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from dataclasses import dataclass
from operator import add
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from mirrorfx.diffusion.prompts import mixed_texts
from mirrorfx.errors import EffectFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from mirrorfx.diffusion.prompts import Text
    from mirrorfx.params import Params

__all__ = ["EmbeddingCache", "TextEmbedding", "TextEncoder", "Tokens", "emphasised", "mixed_embedding", "tokenise"]


@dataclass(frozen=True, slots=True, eq=False)
class TextEmbedding:
    """What the UNet reads of a prompt.

    Attributes:
        tokens: [1, 77, 2048], a vector for each token.
        pooled: [1, 1280], one vector for the whole.
        left_out: how many tokens did not fit and were cut off the end.
    """

    tokens: torch.Tensor
    pooled: torch.Tensor
    left_out: int = 0


class Tokens(NamedTuple):
    """A prompt as one encoder's tokens, as long as the encoder wants them (77).

    Attributes:
        ids: start, words, end, padding.
        weights: the emphasis of each; 1 for start, end and padding.
        left_out: how many did not fit.
    """

    ids: list[int]
    weights: list[float]
    left_out: int


def tokenise(tokenizer: Any, text: Text) -> Tokens:
    """Return `text` as tokens, cut at the tokenizer's `model_max_length` and padded to it with its own padding.

    Spans are read one by one, so emphasis that begins within a word splits the word.
    """
    ids: list[int] = []
    weights: list[float] = []
    for span in text.spans:
        piece = tokenizer(span.text, add_special_tokens=False, verbose=False).input_ids
        ids += piece
        weights += [span.weight] * len(piece)
    room = tokenizer.model_max_length - 2
    left_out = max(len(ids) - room, 0)
    padding = room - len(ids) + left_out
    return Tokens(
        [tokenizer.bos_token_id, *ids[:room], tokenizer.eos_token_id, *[tokenizer.pad_token_id] * padding],
        [1.0, *weights[:room], 1.0, *[1.0] * padding],
        left_out,
    )


def emphasised(hidden: torch.Tensor, weights: Sequence[float]) -> torch.Tensor:
    """Return `hidden` [1, tokens, width] with each token's vector times its weight, and the mean of all as it was.

    Computed in float32, returned in the dtype of `hidden`; `hidden` itself where every weight is 1.
    """
    import torch

    if all(weight == 1.0 for weight in weights):
        return hidden
    plain = hidden.float()
    scaled = plain * torch.tensor(weights, device=hidden.device)[None, :, None]
    return (scaled + (plain.mean() - scaled.mean())).to(hidden.dtype)


def mixed_embedding(parts: Sequence[tuple[TextEmbedding, float]]) -> TextEmbedding:
    """Return the weighted sum of embeddings; weights sum to 1, parts of weight 0 cost nothing. Realtime: yes.

    Summed in float32, returned in the parts' dtype. A single part comes back as it is. No host sync.
    """
    parts = [(part, weight) for part, weight in parts if weight > 0]
    if len(parts) == 1:
        return parts[0][0]
    dtype = parts[0][0].tokens.dtype
    tokens = [part.tokens.float() * weight for part, weight in parts]
    pooled = [part.pooled.float() * weight for part, weight in parts]
    left_out = max(part.left_out for part, _ in parts)
    return TextEmbedding(functools.reduce(add, tokens).to(dtype), functools.reduce(add, pooled).to(dtype), left_out)


class TextEncoder:
    """Both of SDXL's text encoders with their tokenizers.

    Args:
        tokenizers: CLIP-L's, which pads with its end token, and bigG's, which pads with ``!``.
        encoders: `CLIPTextModel` and `CLIPTextModelWithProjection`, wherever they should run (the CPU will do: they are
            asked once a prompt).
        device: where the embeddings are wanted.
        dtype: what they are wanted in; None: the encoders' own.
    """

    def __init__(
        self,
        tokenizers: tuple[Any, Any],
        encoders: tuple[Any, Any],
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
    ) -> None:
        self._readers = tuple(zip(tokenizers, encoders, strict=True))
        self._device = device
        self._dtype = dtype

    def encode(self, text: Text) -> TextEmbedding:
        """Return the embedding of `text`. Threads: one at a time. Realtime: no, this runs two networks."""
        import torch

        halves = []
        with torch.no_grad():
            for tokenizer, encoder in self._readers:
                tokens = tokenise(tokenizer, text)
                read = encoder(torch.tensor([tokens.ids], device=encoder.device), output_hidden_states=True)
                halves.append(emphasised(read.hidden_states[-2], tokens.weights))
        joined = torch.cat([half.to(halves[-1].device) for half in halves], dim=-1)
        dtype = self._dtype or joined.dtype
        return TextEmbedding(joined.to(self._device, dtype), read.text_embeds.to(self._device, dtype), tokens.left_out)


class EmbeddingCache:
    """The embeddings of the prompts in use and of those used last; a bounded number of them.

    `prepare` encodes, off the frame path; `mixed` only adds up what is there. What frames use stays, so a fade never
    loses its beginning to prompts prepared meanwhile.

    Threads: any; encoding is done by one at a time, and `mixed` never waits for it.

    Args:
        encode: what makes an embedding, such as `TextEncoder.encode`.
        most: how many to keep; at least 8, which four fading pairs need. In float16 32 take 10 MB.
    """

    def __init__(self, encode: Callable[[Text], TextEmbedding], most: int = 32) -> None:
        self._encode = encode
        self._most = most
        self._kept: OrderedDict[Text, TextEmbedding] = OrderedDict()
        self._lock = Lock()
        self._encoding = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def prepare(self, params: Params) -> None:
        """Make all that `mixed` needs at `params`, whatever the blend. Realtime: no.

        Raises:
            InvalidValue: a prompt that can't be read.
        """
        for text, _ in mixed_texts(params):
            with self._encoding:
                if self._find(text) is None:
                    self._keep(text, self._encode(text))

    def ready(self, params: Params) -> bool:
        """Say whether `prepare` has nothing left to do. Realtime: yes."""
        return all(self._find(text) is not None for text, _ in mixed_texts(params))

    def mixed(self, params: Params) -> TextEmbedding:
        """Return the embedding for a frame: its prompts, fading and blended. Realtime: yes.

        Raises:
            EffectFailed: a prompt that was not prepared; encoding it here would stall the picture.
        """
        parts = []
        for text, weight in mixed_texts(params):
            embedding = self._find(text)
            if embedding is None:
                raise EffectFailed(
                    f"The prompt {text.plain!r} was to be painted before it was prepared. Prepare it first."
                )
            parts.append((embedding, weight))
        return mixed_embedding(parts)

    def _find(self, text: Text) -> TextEmbedding | None:
        with self._lock:
            if text in self._kept:
                self._kept.move_to_end(text)
            return self._kept.get(text)

    def _keep(self, text: Text, embedding: TextEmbedding) -> None:
        with self._lock:
            self._kept[text] = embedding
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
