"""The prompts that were applied at this desk, the newest last, kept in a file from one evening to the next."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from mirrorfx.resources import config_dir

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PromptHistory", "prompt_file"]

_log = logging.getLogger(__name__)
_MOST = 50


def prompt_file() -> Path:
    """Return where prompts are kept."""
    return config_dir() / "prompts.json"


class PromptHistory:
    """The last 50 prompts, none twice; a file that can't be read or written is no reason to stop working.

    Attributes:
        problem: why they could not be kept; empty when all is well.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or prompt_file()
        self.problem = ""
        self.prompts = self._load()

    def add(self, prompt: str) -> None:
        """Note that `prompt` was applied: it is the newest now."""
        if not prompt or (self.prompts and self.prompts[-1] == prompt):
            return
        self.prompts = [*(known for known in self.prompts if known != prompt), prompt][-_MOST:]
        self._save()

    def before(self, prompt: str) -> str | None:
        """Return the one applied before `prompt`; the newest, if it is none of them; None at the end."""
        at = self._at(prompt)
        return self.prompts[at - 1] if at else None

    def after(self, prompt: str) -> str | None:
        """Return the one applied after `prompt`; None when it is the newest, or none of them."""
        at = self._at(prompt) + 1
        return self.prompts[at] if at < len(self.prompts) else None

    def _at(self, prompt: str) -> int:
        return self.prompts.index(prompt) if prompt in self.prompts else len(self.prompts)

    def _load(self) -> list[str]:
        try:
            read = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            _log.warning("%s can't be read (%s); the prompts begin anew.", self._path, error)
            return []
        return [text for text in read if isinstance(text, str)][-_MOST:] if isinstance(read, list) else []

    def _save(self) -> None:
        aside = self._path.with_suffix(".part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_text(json.dumps(self.prompts, ensure_ascii=False, indent=1), "utf-8")
            aside.replace(self._path)
            self.problem = ""
        except OSError as error:
            self.problem = f"{self._path}: {error.strerror or error}"
            _log.warning("The prompts can't be kept: %s", self.problem)
