"""What makes a show of single presets: the cue list, the session that survives a crash, the hours of opening."""

from mirrorfx.show.cues import Cue, CueList, load_cues, save_cues
from mirrorfx.show.hours import OpeningHours
from mirrorfx.show.session import Session, SessionFile

__all__ = ["Cue", "CueList", "OpeningHours", "Session", "SessionFile", "load_cues", "save_cues"]
