"""What holds for all tests: nobody's own settings are read or written."""

import textwrap

import pytest

import mirrorfx.effects


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("user")
    for kind in ("config", "state"):
        monkeypatch.setenv(f"MIRRORFX_{kind.upper()}_DIR", str(folder / kind))


@pytest.fixture
def third_party(tmp_path, monkeypatch):
    """Install an effect as another package would: a module and its entry point, on the path of all processes."""
    mirrorfx.effects._third_party.cache_clear()

    def install(name: str, code: str) -> str:
        module = f"thirdparty_{name}"
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(code))
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[mirrorfx.effects]\n{name} = {module}:Made\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setenv("PYTHONPATH", f"{tmp_path}")
        return name

    yield install
    mirrorfx.effects._third_party.cache_clear()
