"""``python -m mirrorfx``: the command line where its script is not installed."""

import sys

from mirrorfx.cli.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
