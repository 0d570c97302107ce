"""What holds for all tests: nobody's own settings are read or written."""

import pytest


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("user")
    for kind in ("config", "state"):
        monkeypatch.setenv(f"MIRRORFX_{kind.upper()}_DIR", str(folder / kind))
