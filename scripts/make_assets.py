"""Make everything in ``assets/`` anew: ``python scripts/make_assets.py`` (needs the extra ``demo``; takes minutes).

The same versions of the libraries give the same files.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
from asset_makers.clip import write_clip
from asset_makers.drawings import icon, test_card

ASSETS = Path(__file__).resolve().parent.parent / "assets"


def main() -> None:
    """Make the files named on the command line, all without names."""
    makers = {
        "icon.png": lambda path: cv2.imwrite(str(path), icon()),
        "test_card.png": lambda path: cv2.imwrite(str(path), test_card()),
        "demo.mp4": write_clip,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="FILE", help=f"which of {', '.join(makers)}; all by default")
    names = parser.parse_args().names or list(makers)
    if unknown := set(names) - makers.keys():
        parser.error(f"there is no asset called {', '.join(sorted(unknown))}; known: {', '.join(makers)}")
    ASSETS.mkdir(exist_ok=True)
    for name in names:
        makers[name](ASSETS / name)
        print(f"{name}: {(ASSETS / name).stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
