"""What keeps visitors safe: not more than three flashes in any second, and a checker that tells for any film."""

from mirrorfx.safety.check import FlashCount, FlashCounter, count_flashes
from mirrorfx.safety.guard import FlashGuard
from mirrorfx.safety.panic import Panic, PanicState

__all__ = ["FlashCount", "FlashCounter", "FlashGuard", "Panic", "PanicState", "count_flashes"]
