"""The desk: the window that the operator works at."""
