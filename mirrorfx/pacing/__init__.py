"""When a frame is computed, by whom, and when it is shown: pure classes, times in nanoseconds, no pixels."""
