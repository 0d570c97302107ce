"""Shared memory, messages, channels, and the mains of the camera, worker, wall and engine processes."""
