"""What a machine that nobody attends needs: a locked screen, a PIN, an awake display, a service manager, kept logs."""

from mirrorfx.kiosk.exit_lock import ExitLock, Stage
from mirrorfx.kiosk.pin import PinFile
from mirrorfx.kiosk.settings import KioskSettings

__all__ = ["ExitLock", "KioskSettings", "PinFile", "Stage"]
