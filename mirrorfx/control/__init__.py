"""The control protocol: commands, events, server and client."""
