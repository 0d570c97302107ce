"""Which words of a prompt pick which texture of the swatch: media, makers, materials, motifs, moods.

Colours come from `mirrorfx.effects._palettes`. It is a reading of the prompt's look, not of its meaning.
"""

from __future__ import annotations

import hashlib
import re

__all__ = ["TEXTURE_WORDS", "normalised", "textures_for"]

_WORDS = {
    "strokes": "oil oils impressionist impressionism monet renoir cezanne portrait brush brushstroke brushstrokes "
    "acrylic meadow garden autumn rembrandt vermeer baroque renaissance",
    "swirl": "gogh vincent starry swirl swirls swirling swirly spiral spirals whirl vortex psychedelic hypnotic "
    "munch scream wind windy storm stormy hurricane",
    "knife": "impasto knife slabs thick expressionist expressionism fauvist fauvism fauve matisse rock rocks stone "
    "mountain mountains canyon cliff desert",
    "dots": "pointillist pointillism seurat signac dots dotted confetti sprinkles candy bubblegum carnival pebbles "
    "aboriginal stippled",
    "hatch": "pencil hatch hatching etching engraving engraved sketch sketched drawing graphite woodcut crosshatch "
    "durer line lines lithograph banknote",
    "chalk": "chalk pastel pastels charcoal crayon degas blackboard dusty sand smudged",
    "wash": "watercolour watercolor aquarelle wash gouache wet rain rainy dream dreamy delicate soft lavender",
    "marble": "marble marbled agate malachite liquid fluid ebru oilslick jade emerald jupiter lava slime acid toxic",
    "waves": "wave waves hokusai ukiyo ukiyoe woodblock japanese sea ocean water underwater aquatic tide river flow",
    "scales": "scales fish mermaid dragon snake reptile lizard sequins armour armor chainmail seigaiha deco",
    "mosaic": "mosaic tesserae byzantine tiles tile roman gaudi ravenna pebble",
    "glass": "stained glass cathedral window tiffany leaded gothic kaleidoscope church jewel jewels gem gems",
    "facets": "cubist cubism picasso braque facets faceted polygon polygons lowpoly crystal crystals ice prism shard "
    "shards origami futurist futurism diamond diamonds frozen glacier",
    "comic": "comic comics pop lichtenstein warhol cartoon manga anime halftone superhero sticker poster",
    "ink": "ink sumi calligraphy zen brushed noir panda bamboo silhouette stencil banksy",
    "splatter": "splatter splattered splash drip drips dripping pollock graffiti spray abstract action chaos punk "
    "kandinsky paintball",
    "neon": "neon cyberpunk synthwave laser lasers hologram holographic glow glowing electric tron rave vaporwave "
    "nightclub tokyo blade",
    "nebula": "nebula galaxy space cosmic cosmos universe smoke smoky fog foggy mist misty haze cloud clouds aurora "
    "ghost ghostly turner ethereal",
    "flames": "fire flame flames burning inferno hell phoenix volcano ember embers heat torch",
    "weave": "weave woven tapestry embroidery embroidered knit knitted wool textile fabric quilt carpet persian "
    "thread threads linen lace cloth",
    "blocks": "pixel pixels pixelated pixelart 8bit voxel lego glitch minecraft digital bitmap retro arcade matrix",
    "shapes": "bauhaus geometric collage paper papercut cutout constructivist suprematist malevich memphis mondrian "
    "miro minimal minimalist",
    "foliage": "leaf leaves forest jungle foliage floral flower flowers petals petal rose roses blossom blossoms "
    "cherry feather feathers tropical rainforest botanical spring parrot fern",
    "circuit": "circuit circuits robot robotic cyborg android machine computer electronic wires steampunk tech "
    "labyrinth maze biomechanical giger",
    "crackle": "gold golden gilded klimt icon fresco antique ancient cracked crackle crackled varnish rust "
    "rusty rusted copper bronze egyptian pharaoh parchment vintage old medieval ceramic porcelain statue terracotta",
}

TEXTURE_WORDS: dict[str, str] = {word: texture for texture, words in _WORDS.items() for word in words.split()}
"""Which word picks which texture."""

_FOR_ANY_TEXT = (
    "strokes", "swirl", "knife", "dots", "chalk", "marble", "mosaic", "glass", "splatter", "flames", "shapes",
    "foliage", "crackle", "comic",
)  # fmt: skip


def normalised(prompt: str) -> str:
    """Return the words of `prompt` in lower case: what counts; punctuation and spaces don't."""
    return " ".join(re.findall(r"\w+", prompt.lower()))


def textures_for(prompt: str) -> tuple[str, ...]:
    """Return the one or two textures that the words of `prompt` pick, in their order.

    A text without a known word always gets the same texture of its own.
    """
    text = normalised(prompt)
    found = tuple(dict.fromkeys(TEXTURE_WORDS[word] for word in text.split() if word in TEXTURE_WORDS))
    if found:
        return found[:2]
    digest = hashlib.sha256(f"texture {text}".encode()).digest()
    return (_FOR_ANY_TEXT[digest[0] % len(_FOR_ANY_TEXT)],)
