"""What a prompt may be: one of a preset where prompts are locked, and never one with a word of the house's list."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mirrorfx.errors import ControlError, InvalidValue
from mirrorfx.params import Kind
from mirrorfx.presets.library import all_params
from mirrorfx.resources import word_list_file
from mirrorfx.show.words import WordList

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirrorfx.presets.preset import Preset
    from mirrorfx.processes.engine import Engine
    from mirrorfx.processes.settings import MirrorSettings

__all__ = ["PromptGuard", "with_words"]


def with_words(settings: MirrorSettings) -> MirrorSettings:
    """Read the word list: the one that was named, else the user's own if there is one.

    Raises:
        InvalidValue: it can't be read.
    """
    path = settings.word_list or word_list_file()
    if settings.word_list is None and not path.exists():
        return settings
    return replace(settings, words=WordList.read(path).entries)


class PromptGuard:
    """Checks what becomes a prompt, whoever asks for it."""

    def __init__(self, settings: MirrorSettings, engine: Engine | None = None) -> None:
        self._engine = engine
        self._locked = settings.lock_prompt
        self._words = WordList(settings.words)
        self._texts = frozenset(name for name, param in all_params().items() if param.kind is Kind.TEXT)

    def verbs(self) -> dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]]:
        """Nothing can be asked of it: what is locked at the start stays so."""
        return {}

    def mind(self, _now_ns: int) -> bool:
        """Nothing happens here by itself."""
        return False

    def state(self) -> dict[str, Any]:
        """Return what clients are told."""
        return {"prompt_lock": self._locked, "word_list": len(self._words)}

    def check(self, values: Mapping[str, object]) -> None:
        """Refuse a prompt that has a word of the list.

        Raises:
            InvalidValue: it has one. The message doesn't say which: it may be shown where visitors read it.
        """
        for name, text in self._prompts(values).items():
            if self._words.refuses(text):
                raise InvalidValue(
                    f"That {name} is refused: it has a word that this house's word list doesn't allow. Choose others."
                )

    def allowed(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return `values` without prompts that have a word of the list."""
        refused = {name for name, text in self._prompts(values).items() if self._words.refuses(text)}
        return {name: value for name, value in values.items() if name not in refused}

    def check_by_hand(self, values: Mapping[str, object]) -> None:
        """Refuse a prompt that isn't one of a preset's, where only presets may change it.

        One that is already in force, or stands in a preset, may be set: so undo works.

        Raises:
            ControlError: the prompt is locked.
        """
        prompts = self._prompts(values)
        if not self._locked or not prompts:
            return
        assert self._engine
        presets = self._engine.commands.presets.library.presets()
        known = [self._prompts(preset.params) for preset in presets] + [self._prompts(self._engine.editor.state.values)]
        for name, text in prompts.items():
            if text not in (prompt.get(name) for prompt in known):
                raise ControlError(f"The {name} is locked: only presets change it. Choose a preset.")

    def check_preset(self, preset: Preset, *, from_outside: bool = False) -> None:
        """Refuse to keep a preset whose prompt isn't allowed.

        Args:
            preset: with the params of any effects.
            from_outside: whether it brings a prompt that was not in force here.

        Raises:
            InvalidValue: it has a word of the list.
            ControlError: the prompt is locked, and it would bring another.
        """
        self.check(preset.params)
        if from_outside:
            self.check_by_hand(preset.params)

    def _prompts(self, values: Mapping[str, object]) -> dict[str, str]:
        return {name: str(value) for name, value in values.items() if name in self._texts}
