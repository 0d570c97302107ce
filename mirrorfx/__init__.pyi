# For editors and type checkers, which don't see that `__init__.py` loads names when they are first used.
from mirrorfx.clock import FakeClock as FakeClock
from mirrorfx.clock import MonotonicClock as MonotonicClock
from mirrorfx.effects.base import Effect as Effect
from mirrorfx.effects.base import EffectContext as EffectContext
from mirrorfx.effects.base import Stage as Stage
from mirrorfx.errors import MirrorFXError as MirrorFXError
from mirrorfx.frame import Frame as Frame
from mirrorfx.mirror import Mirror as Mirror
from mirrorfx.mirror import MirrorSettings as MirrorSettings
from mirrorfx.params import Param as Param
from mirrorfx.sinks.base import Sink as Sink
from mirrorfx.sources.base import Source as Source

__version__: str
