"""The wall: the window that the visitors look at."""
