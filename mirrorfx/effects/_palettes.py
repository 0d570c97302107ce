"""Colours for a prompt: words that are known pick a palette, any other text always gets the same one of its own.

A palette is five colours from dark to light. This is a reading of the prompt's colours, not of its meaning.
"""

from __future__ import annotations

import colorsys
import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["COLOURS", "KNOWN_WORDS", "Palette", "as_bgr", "palette_for", "palette_names"]

Palette = tuple[tuple[int, int, int], ...]
"""Five (R, G, B) colours, 0 to 255, sRGB, from dark to light."""

COLOURS = 5
"""How many colours a palette has."""

_HEX = {
    "amber": "2a1208 7a3b10 c9781a f0b24a ffe9b8",
    "autumn": "2b1a10 6e2f16 b4541d d99a3a f3dfae",
    "candy": "4b1d52 c2418c ff77a8 ffb3c8 fff0d9",
    "charcoal": "121212 3a3938 74716d b0aca5 efeae0",
    "cherry": "2a1a24 7d3350 d1708e f3b5c3 fdf0ee",
    "copper": "161d1c 2f5a52 a2592f 5fae9a f0cfa6",
    "desert": "3a1e18 8c4a2f cf8552 e8bd83 fbeed3",
    "fire": "1a0506 6d0f0b cf2f0f f98a1c ffe58a",
    "fog": "2a3038 5a6672 8d9aa3 bcc6ca eef1ee",
    "forest": "0c1a12 1f4028 4f7a37 9db564 eaedc4",
    "galaxy": "0a0720 2d1466 7a2a9c d85fc0 c9e2ff",
    "gold": "1b1208 5b3c0c a97c1c e0bd55 fff4cf",
    "ice": "0d2438 2a5f86 68a5c9 b0dbe8 f5fdff",
    "impressionist": "23304f 4d6a9a 8f9f6a dcae87 f8ecc9",
    "jade": "061d1a 0e4d43 2c8f78 86c8a8 eef6dc",
    "jewel": "140a2e 0d4f6e 9b1b4a d99a25 f4ecd6",
    "jungle": "07180f 0f5132 3c9a3f c2b92e f7f0b5",
    "lavender": "241b3a 5a478a 9c83c4 cfbce6 f9f2fb",
    "marble": "2b2c30 66686f a5a5a8 d6d3cd fbf9f4",
    "meadow": "1b3320 3f7a3a 8dbb45 f0d049 fdf6dc",
    "moonlight": "070d1f 1b2d55 45639a 93add0 eef2f6",
    "neon": "0b0420 3a0ca3 f72585 22d3ee f5ff7a",
    "night": "050816 141f4a 2c4a9a c7a13a f9eeb0",
    "ocean": "04162b 0a3f66 1a7f9c 6cc4c2 eefaf0",
    "pastel": "6b6a8a 9fb3d1 e3b4c4 f5d8b8 fdf8ee",
    "pop": "14213d d62828 1d7fd1 fcbf49 fff6e0",
    "rainbow": "3a1a78 1668c4 22a06b f2a516 ffe9e0",
    "rembrandt": "0f0a07 3b2413 7a4a22 be8c4f f2dcae",
    "renaissance": "1c1410 4f3524 5d6b4a c19a62 f3e3c0",
    "rose": "300f1c 7f2845 c85a74 efa3a5 fff0e6",
    "ruby": "1b0308 5f0817 b3122d e65a5f ffe1d3",
    "sepia": "20150d 543a25 91704c c9ad84 f6ead0",
    "sky": "17365f 3c78b5 86b9e0 f3d9bf fffaf0",
    "spring": "274029 5d9a5a f08fb0 f9d56e fffbe8",
    "storm": "0e1418 2c3c46 55707c 9bb0a8 e9e8d6",
    "sunset": "1f0f33 6a1f56 d8475a ff9a56 ffe7a8",
    "terracotta": "2b130d 7a3420 bd6244 e3a582 fbeadb",
    "toxic": "0a1206 214d0c 66a60f c4ea2c f7ffd0",
    "vaporwave": "1b0f3f 5b2a98 e056b4 5fd3e8 ffe6f5",
    "winter": "16202e 3e5673 8098b3 c7d4df ffffff",
}

_SYNONYMS = {
    "amber": "warm honey candle candlelight lamplight lantern baroque caramel",
    "autumn": "fall october leaves rust harvest pumpkin",
    "candy": "bubblegum sweet kawaii pink magenta",
    "charcoal": "ink graphite pencil sketch engraving etching woodcut monochrome noir black grayscale lithograph",
    "cherry": "blossom sakura japanese geisha",
    "copper": "bronze verdigris patina steampunk rusty",
    "desert": "sand dune sahara canyon mars clay",
    "fire": "flame flames lava ember embers volcano hell inferno dragon phoenix burning",
    "fog": "mist misty haze grey gray silver smoke concrete robot",
    "forest": "woods woodland moss pine elf fern swamp",
    "galaxy": "nebula space cosmic cosmos universe purple violet alien psychedelic",
    "gold": "golden gilded byzantine icon klimt egyptian pharaoh king treasure mosaic",
    "ice": "frozen frost glacier crystal arctic polar glass cyan",
    "impressionist": "impressionism monet renoir impressionistic",
    "jade": "emerald teal dragonfly peacock",
    "jewel": "stained cathedral gothic kaleidoscope tapestry persian",
    "jungle": "tropical rainforest parrot tiger",
    "lavender": "lilac dusk fairy dream dreamy wisteria",
    "marble": "statue sculpture white plaster greek roman porcelain bust",
    "meadow": "grass garden summer field green lemon",
    "moonlight": "moon moonlit ghost blue indigo nocturne",
    "neon": "cyberpunk cyber blade tokyo synthwave glitch electric hologram rave",
    "night": "starry gogh vincent midnight stars",
    "ocean": "sea wave waves underwater aquatic mermaid hokusai turquoise water",
    "pastel": "watercolour watercolor chalk gouache soft delicate",
    "pop": "warhol comic comics lichtenstein bauhaus mondrian poster cartoon anime",
    "rainbow": "colourful colorful vibrant carnival fauvist fauvism kandinsky hippie",
    "rembrandt": "caravaggio chiaroscuro brown dutch dark",
    "renaissance": "leonardo vinci raphael fresco medieval portrait vermeer",
    "rose": "roses romantic love valentine petals flower flowers",
    "ruby": "red crimson blood vampire scarlet velvet wine",
    "sepia": "vintage antique daguerreotype parchment old western wood wooden paper",
    "sky": "clouds cloud heaven heavenly angel angels airy",
    "spring": "floral bloom easter fresh happy",
    "storm": "stormy thunder rain rainy pirate turner steel",
    "sunset": "sunrise dawn twilight evening orange",
    "terracotta": "earthenware brick mediterranean adobe mexican",
    "toxic": "acid slime radioactive zombie matrix lime yellow",
    "vaporwave": "retro eighties 80s aesthetic pixel",
    "winter": "snow snowy christmas december",
}

KNOWN_WORDS: dict[str, str] = {name: name for name in _HEX} | {
    word: name for name, words in _SYNONYMS.items() for word in words.split()
}
"""Which word picks which palette."""


def palette_names(prompt: str) -> tuple[str, ...]:
    """Return the palettes that the words of `prompt` pick, in their order, at most two; empty when none is known."""
    words = re.findall(r"[a-z0-9]+", prompt.lower())
    found = dict.fromkeys(KNOWN_WORDS[word] for word in words if word in KNOWN_WORDS)
    return tuple(found)[:2]


@lru_cache(maxsize=256)
def palette_for(prompt: str) -> Palette:
    """Return the palette of `prompt`; case, punctuation and spaces don't matter.

    Two known words share it: the darkest, middle and lightest colours are the first's, those between the second's.
    """
    names = palette_names(prompt)
    if not names:
        return _hashed(" ".join(re.findall(r"\w+", prompt.lower())))
    colours = [_parsed(names[index % len(names)])[index] for index in range(COLOURS)]
    return tuple(sorted(colours, key=_luma))


def as_bgr(palette: Palette) -> npt.NDArray[np.uint8]:
    """Return `palette` as ``uint8[5, 3]`` BGR."""
    return np.array(palette, np.uint8)[:, ::-1].copy()


def _parsed(name: str) -> tuple[tuple[int, int, int], ...]:
    return tuple((int(text[:2], 16), int(text[2:4], 16), int(text[4:], 16)) for text in _HEX[name].split())


def _luma(colour: tuple[int, int, int]) -> float:
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _hashed(text: str) -> Palette:
    """Return a palette of two hues and a harmony drawn from the text's hash."""
    digest = hashlib.sha256(text.encode()).digest()
    hue = digest[0] / 256
    turn = (0.08, 0.17, 0.33, 0.5)[digest[1] % 4] * (1 if digest[2] % 2 else -1)
    richness = 0.55 + 0.4 * digest[3] / 255
    steps = ((0.0, 0.85, 0.15), (0.1, 1.0, 0.42), (0.5, 1.0, 0.68), (0.9, 0.75, 0.87), (1.0, 0.16, 0.98))
    colours = []
    for share, saturation, value in steps:
        red, green, blue = colorsys.hsv_to_rgb((hue + turn * share) % 1.0, richness * saturation, value)
        colours.append((round(red * 255), round(green * 255), round(blue * 255)))
    return tuple(sorted(colours, key=_luma))
