"""The output window."""
