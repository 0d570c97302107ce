"""The selftest: what this machine paints, as one folder with a page that can be sent to somebody."""
