"""`turbo`: SDXL Turbo repaints each frame from the prompt, in one step, on a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mirrorfx.diffusion.libraries import INSTALL
from mirrorfx.diffusion.prompts import BLEND, parse_prompt
from mirrorfx.effects._turbo_here import check_here, libraries_lacking
from mirrorfx.effects._turbo_options import NOISE_NOTICE, TurboOptions
from mirrorfx.effects.base import Availability, Effect
from mirrorfx.errors import EffectFailed
from mirrorfx.params import Kind, Morph, Param, Readout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirrorfx.diffusion.accelerators import Tried
    from mirrorfx.effects._turbo_painter import TurboPainter
    from mirrorfx.effects.base import EffectContext
    from mirrorfx.frame import Frame, Image
    from mirrorfx.params import Params, Value

__all__ = ["Turbo"]


class Turbo(Effect):
    """Repaints each frame with a one-step model of the SDXL family, image to image.

    Pure per frame. Options: ``model`` (a hub id, a folder, or ``tiny``), ``autoencoder``, ``variant``, ``accelerator``,
    ``steps`` (1 to 4), ``loras`` (a folder).
    """

    name: ClassVar[str] = "turbo"
    summary: ClassVar[str] = "SDXL Turbo on a GPU: the prompt's meaning, one step a frame."
    wants_gpu: ClassVar[bool] = True
    overlaps = True
    carried_by: ClassVar[str] = "style"
    options: ClassVar[tuple[str, ...]] = ("model", "autoencoder", "variant", "accelerator", "steps", "loras")
    params: ClassVar[tuple[Param, ...]] = (
        Param(
            name="strength",
            kind=Kind.FLOAT,
            default=0.5,
            label="Strength",
            help="0 leaves the camera's picture, 1 only the prompt: at which of 1000 timesteps the model begins.",
            morph=Morph.LINEAR,
            readout=Readout("timestep {}", 1000, -1),
        ),
        BLEND,
        Param(
            name="mix",
            kind=Kind.FLOAT,
            default=0.0,
            label="Camera mix",
            help="How much of the camera's own picture is laid over the painting.",
            morph=Morph.LINEAR,
        ),
    )

    def __init__(self) -> None:
        self._painter: TurboPainter | None = None
        self._options = TurboOptions()

    @classmethod
    def availability(cls) -> Availability:
        """Say whether the libraries are installed; which model is there is asked when it is known which is wanted."""
        lacking = libraries_lacking()
        return (
            Availability(ok=False, reason=f"{', '.join(lacking)} not installed", fix=INSTALL)
            if lacking
            else Availability()
        )

    @classmethod
    def check(cls, context: EffectContext) -> None:
        """Look for the GPU and the model's files, without torch.

        Raises:
            EffectUnavailable: one is missing; the message names the fix.
            InvalidValue: an option is not possible.
        """
        check_here(TurboOptions.read(context.options), context.device)

    def open(self, context: EffectContext) -> None:
        """Load the model and make it fast.

        Raises:
            EffectUnavailable: a library, the GPU, the model or memory is missing; the message names the fix.
            InvalidValue: an option is not possible.
        """
        from mirrorfx.effects._turbo_painter import open_painter

        self._options = TurboOptions.read(context.options)
        self._painter = open_painter(self._options, context)
        self.overlaps = context.device.startswith("cuda")
        context.progress("ready", 1.0)

    def prepare(self, params: Params) -> None:
        """Encode the prompts and make the noise for `params`. Threads: any."""
        if self._painter is not None:
            self._painter.prepare(params)

    def render(self, frame: Frame, params: Params, out: Image) -> None:
        """Paint `frame` into `out`. Realtime: yes, once `params` are prepared."""
        self.start(frame, params, out)()

    def start(self, frame: Frame, params: Params, out: Image) -> Callable[[], None]:
        """Begin to paint `frame`; what is returned waits until `out` is filled. Realtime: yes, once prepared."""
        if self._painter is None:
            raise EffectFailed("The turbo effect was asked to paint before it was opened. Call open() first.")
        return self._painter.start(frame, params, out)

    @classmethod
    def networks(cls, values: Mapping[str, Value]) -> str:
        """Return the LoRA files that the prompt names, with their weights, in one order. Threads: any.

        A network has one set of weights, so they don't fade: while two prompts do, those of the newer one count.

        Raises:
            InvalidValue: the prompt can't be read.
        """
        loras = parse_prompt(str(values["prompt"])).loras
        return " ".join(str(lora) for lora in sorted(loras, key=lambda lora: lora.name) if lora.weight)

    def swap(self, params: Params) -> None:
        """Change the UNet's weights to the LoRA files that the prompt of `params` names (the newer one in a fade).

        Raises:
            InvalidValue: a file is missing or doesn't fit; the weights are as before then.
        """
        if self._painter is not None:
            self._painter.swap(params)

    def details(self) -> dict[str, str | float]:
        """Return the model, how it is sped up, the steps, and how much is kept."""
        if self._painter is None:
            return {}
        embeddings, keyframes = self._painter.kept
        found: dict[str, str | float] = {
            "model": self._options.model,
            "accelerator": self._painter.chosen.rung,
            "accelerators": "; ".join(map(_told, self._painter.chosen.tried)),
            "steps": self._options.steps,
            "embeddings": embeddings,
            "noise keyframes": keyframes,
        }
        return found | ({"notice": f"{NOISE_NOTICE}."} if self._options.is_tiny else {})

    def close(self) -> None:
        """Let model and buffers go."""
        if self._painter is not None:
            self._painter.close()
        self._painter = None


def _told(tried: Tried) -> str:
    if tried.ms is not None:
        return f"{tried.name}: {tried.ms:.1f} ms"
    return f"{tried.name}: {tried.skipped or 'the only one that can run here'}"
