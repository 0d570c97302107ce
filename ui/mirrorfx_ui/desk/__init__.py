"""The operator window."""
