"""The accelerator ladder: interchangeable ways to run the frame function, and the choice of the fastest that is right.

`choose` builds every rung that can run here, one at a time, at the real size; holds its picture against the eager one;
measures it; and keeps the fastest that is right. Of workers that start at once one measures, and the others take what
it found. What was chosen is remembered on disk for this very card, driver, libraries, networks and size, and checked
again at every start.

The rungs on a GPU are unconfirmed on one; on the CPU, what runs there is tested.

This module imports torch; import it where diffusion runs, nowhere else.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from mirrorfx.diffusion._choice_store import ChoiceStore, Tried, gpu_of, keep_compilations, machine_key
from mirrorfx.diffusion._life import signs_of_life
from mirrorfx.diffusion._rungs import RUNGS, Rung, build
from mirrorfx.diffusion._trial import TOLERANCE, Trial, free_memory, median_ms, relative_error
from mirrorfx.diffusion.ladder import AUTO
from mirrorfx.diffusion.models import out_of_memory
from mirrorfx.errors import EffectFailed, EffectUnavailable, UnknownName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from mirrorfx.diffusion._graph import KeptFrameFunction
    from mirrorfx.diffusion.frame_function import FrameFunction
    from mirrorfx.diffusion.models import Models
    from mirrorfx.frame import Size

__all__ = ["AUTO", "RUNGS", "TOLERANCE", "Chosen", "Rung", "Tried", "accelerate", "choose", "relative_error"]

_REFERENCE = "eager"
_NO_MEMORY = "there is not enough memory for it"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The frame function to paint with, and how it was chosen.

    Attributes:
        function: warmed up; its values are those of a new `FrameFunction`.
        rung: the name of its rung.
        tried: every rung that was considered, in the ladder's order.
        weights_in_place: whether a change of the networks' weights, in the same storage, shows in the next frame; if
            not, choose again after the change.
        remembered: the choice came from the disk; what was tried was measured when it was made.
    """

    function: FrameFunction
    rung: str
    tried: tuple[Tried, ...]
    weights_in_place: bool = True
    remembered: bool = False

    def details(self) -> dict[str, Any]:
        """Return all but the function as plain values, for reports and the desk."""
        return {
            "rung": self.rung,
            "remembered": self.remembered,
            "weights_in_place": self.weights_in_place,
            "tried": [asdict(each) for each in self.tried],
        }


def _quiet(_what: str, _share: float) -> None:
    """Report to nobody."""


def accelerate(
    name: str, models: Models, size: Size, *, steps: int = 1, progress: Callable[[str, float], None] = _quiet
) -> FrameFunction:
    """Return a frame function on the rung called `name`, warmed up, neither checked nor measured.

    Args:
        name: one of `RUNGS`.
        models: the plain networks, which stay as they are.
        size: (width, height) in pixels, multiples of 64.
        steps: UNet calls a frame, 1 to 4.
        progress: is told what is being done and the share done.

    Raises:
        EffectUnavailable: the rung can't run here or can't be built; the message names the reason and the fix.
        UnknownName: there is no such rung.
    """
    rung = _able_rung(name, models)
    what = f"accelerators: building {name}"
    progress(what, 0.0)
    try:
        with signs_of_life(progress, what, 0.0):
            function = build(rung, models, size, steps)
    except Exception as problem:  # compilers raise a hundred unrelated types
        raise _unavailable(name, _reason(problem)) from problem
    progress("ready", 1.0)
    return function


def choose(  # noqa: PLR0913  the models' shape of a frame, and how to choose
    models: Models,
    size: Size,
    *,
    steps: int = 1,
    name: str = AUTO,
    progress: Callable[[str, float], None] = _quiet,
    cache: Path | None = None,
) -> Chosen:
    """Return the fastest rung that paints right, or the one called `name` if that does.

    Takes a few frames on each rung, and as long as compilers take (minutes, the first time on a machine). At no time
    are two rungs in memory.

    Args:
        models: the plain networks, which stay as they are.
        size: (width, height) in pixels, multiples of 64.
        steps: UNet calls a frame, 1 to 4.
        name: one of `RUNGS`, or ``auto``.
        progress: is told what is being done and the share done; from another thread while a compiler is at work.
        cache: the folder of remembered choices and compiled code; None: the user's.

    Raises:
        EffectUnavailable: the rung asked for can't run here or paints wrong, or not even the eager one works.
        EffectFailed: a rung has left the GPU unusable for this process; it is passed over if that happens again.
        UnknownName: there is no such rung.
    """
    if name != AUTO:
        _able_rung(name, models)
    folder = cache or _cache_folder()
    keep_compilations(folder)
    able = [each for each, rung in RUNGS.items() if not rung.lacking(models)]
    store = ChoiceStore(folder, machine_key(models, size, steps, able), gpu_of(models.device))
    return _Ladder(models, size, steps, store, progress).choose(name)


class _Ladder:
    """Tries rungs one at a time; each is gone from memory before the next is built."""

    def __init__(
        self,
        models: Models,
        size: Size,
        steps: int,
        store: ChoiceStore,
        progress: Callable[[str, float], None],
    ) -> None:
        self._models, self._size, self._steps = models, size, steps
        self._store = store
        self._progress = progress
        self._tell("painting the eager picture", 0.0)
        try:
            self._trial = Trial(models, size, steps)
        except RuntimeError as problem:
            raise _unavailable(_REFERENCE, _reason(problem)) from problem
        self._free(_REFERENCE)

    def choose(self, name: str) -> Chosen:
        chosen = self._chosen(name)
        self._progress("ready", 1.0)
        return chosen

    def _chosen(self, name: str) -> Chosen:
        passed_over = {each: self._passed_over(each) for each in RUNGS}
        if [each for each, why in passed_over.items() if not why] == [_REFERENCE] and name in (AUTO, _REFERENCE):
            return self._only_reference(passed_over)
        return self._asked_for(name) if name != AUTO else self._remembered() or self._measured_by_one()

    def _measured_by_one(self) -> Chosen:
        """Measure, unless another worker has done so meanwhile: equal cards are to paint alike, to the last bit."""
        known = self._store.read()
        waiting = signs_of_life(self._progress, "accelerators: waiting for the worker that measures", self._told[1])
        with self._store.alone(waiting):
            found = self._remembered() if self._store.read() != known else None
            return found or self._fastest()

    def _only_reference(self, passed_over: dict[str, str]) -> Chosen:
        """Return the eager rung where nothing else could be better: there is nothing to compare it with."""
        self._tell(f"building {_REFERENCE}", 0.1)
        try:
            function = build(RUNGS[_REFERENCE], self._models, self._size, self._steps)
        except RuntimeError as problem:
            passed_over[_REFERENCE] = _reason(problem)
        tried = tuple(Tried(each, skipped=why) for each, why in passed_over.items())
        if passed_over[_REFERENCE]:
            raise self._none_can(tried)
        return Chosen(function, _REFERENCE, tried, RUNGS[_REFERENCE].weights_in_place)

    def _tell(self, what: str, share: float) -> None:
        self._told = f"accelerators: {what}", share
        self._progress(*self._told)

    def _asked_for(self, name: str) -> Chosen:
        self._tell(f"building {name}", 0.1)
        function, tried = self._built(Tried(name), timed=True)
        if function is None:
            raise _unavailable(name, tried.skipped)
        return Chosen(function, name, (tried,), RUNGS[name].weights_in_place)

    def _remembered(self) -> Chosen | None:
        found = self._store.read()
        if found is None:
            return None
        name, tried = found
        self._tell(f"building {name}, chosen before", 0.1)
        function, again = self._built(next(each for each in tried if each.name == name), timed=False)
        if function is None:
            return None
        return Chosen(function, name, _with(tried, again), RUNGS[name].weights_in_place, remembered=True)

    def _fastest(self) -> Chosen:
        """Measure all, then build the fastest; if that fails the second time, the next."""
        tried: tuple[Tried, ...] = ()
        for index, name in enumerate(RUNGS):
            self._tell(f"trying {name}", 0.1 + 0.7 * index / len(RUNGS))
            tried = (*tried, self._measured(name))
        for each in sorted(_right(tried), key=lambda one: one.ms or 0.0):
            self._tell(f"building {each.name}", 0.8)
            function, again = self._built(each, timed=False)
            tried = _with(tried, again)
            if function is not None:
                # With memory that others held now, another one may win next time.
                if all(one.skipped != _NO_MEMORY for one in tried):
                    self._store.write(each.name, tried)
                return Chosen(function, each.name, tried, RUNGS[each.name].weights_in_place)
        raise self._none_can(tried)

    def _none_can(self, tried: Iterable[Tried]) -> EffectUnavailable:
        reasons = "; ".join(f"{each.name}: {each.skipped}" for each in tried)
        return EffectUnavailable(
            f"None of the accelerators can paint {self._size[0]}x{self._size[1]} here, not even the plain way. "
            f"{reasons}. Choose a smaller size, or another device."
        )

    def _measured(self, name: str) -> Tried:
        if why := self._passed_over(name):
            return Tried(name, skipped=why)
        function, tried = self._built(Tried(name), timed=True)
        if function is not None:
            del function
            self._free(name)
        return tried

    def _passed_over(self, name: str) -> str:
        """Return why ``auto`` does not even try a rung here; empty when it does."""
        rung = RUNGS[name]
        if lacking := rung.lacking(self._models):
            return lacking
        if rung.slow_to_build and self._models.device.type == "cpu":
            return "on the CPU it is built only when asked for by name, since that takes minutes"
        return ""

    def _built(self, tried: Tried, *, timed: bool) -> tuple[KeptFrameFunction | None, Tried]:
        """Return the rung's function if it paints right, and what became of it."""
        name = tried.name
        if name != _REFERENCE and not self._store.begin(name):
            reason = f"trying it has ended the process several times; remove {self._store.attempts} to try again"
            return None, replace(tried, skipped=reason)
        function = None
        try:
            with signs_of_life(self._progress, *self._told):
                function = build(RUNGS[name], self._models, self._size, self._steps)
            error, wrong = self._trial.error(function)
            tried = replace(tried, error=error, skipped=wrong)
            if timed and not wrong:
                tried = replace(tried, ms=median_ms(function))
        except Exception as problem:  # noqa: BLE001  whatever a compiler raises, the mirror goes on without it
            tried = replace(tried, skipped=_reason(problem))
        if tried.skipped:
            function = None
            self._free(name)
        self._store.end(name)
        return function, tried

    def _free(self, name: str) -> None:
        try:
            free_memory(self._models.device)
        except RuntimeError as problem:
            # CUDA's sticky errors end only with the process. The attempt stays counted, so this can't go on for ever.
            raise EffectFailed(
                f"The accelerator {name} has left {self._models.device} unusable: {_reason(problem)}. "
                "The process has to start again; choose another accelerator if this goes on."
            ) from problem


def _able_rung(name: str, models: Models) -> Rung:
    if name not in RUNGS:
        raise UnknownName("accelerator", name, [AUTO, *RUNGS])
    if lacking := RUNGS[name].lacking(models):
        raise _unavailable(name, lacking)
    return RUNGS[name]


def _unavailable(name: str, reason: str) -> EffectUnavailable:
    if name != _REFERENCE:
        fix = f"Choose another accelerator, or {AUTO}"
    elif reason == _NO_MEMORY:
        fix = "Choose a smaller size"
    else:
        fix = "Choose another device, or look whether the installed torch is made for this card and its driver"
    return EffectUnavailable(f"The accelerator {name} can't be used here: {reason}. {fix}.")


def _reason(problem: BaseException) -> str:
    if out_of_memory(problem):
        return _NO_MEMORY
    lines = str(problem).strip().splitlines() or [""]
    return f"{type(problem).__name__}: {lines[0][:200]}".rstrip(": .")


def _right(tried: Iterable[Tried]) -> list[Tried]:
    return [each for each in tried if not each.skipped and each.ms is not None]


def _with(tried: tuple[Tried, ...], changed: Tried) -> tuple[Tried, ...]:
    return tuple(changed if each.name == changed.name else each for each in tried)


def _cache_folder() -> Path:
    from mirrorfx.resources import cache_dir

    return cache_dir() / "accelerators"
