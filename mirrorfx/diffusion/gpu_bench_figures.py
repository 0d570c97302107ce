"""What follows from the measured figures: floors, shares, ratios, the fastest rung. Plain numbers, no torch.

The *floor* of a frame is its counted operations at the rate of the card's own large matrix product: no arrangement of
the same work in the same precision goes below it. The *library floor* takes the measured rate of each kind of work.
"""

from __future__ import annotations

from typing import Any

__all__ = ["ERROR_MOST", "accepted", "derive", "table"]

ERROR_MOST = 0.05
"""Relative error against the plain rung above which a rung is not called right."""

_TERA_MS = 1e9
_COLUMNS = ("size", "rung", "median", "p95", "p99", "min", "device", "fps×2", "floor", "eager÷", "peer÷", "MB", "error")


def accepted(rung: dict[str, Any]) -> bool:
    """Say whether a rung was measured and painted what the plain one paints."""
    return bool(rung["status"] == "measured" and rung["finite"] and rung["relative_error"] <= ERROR_MOST)


def derive(figures: dict[str, Any]) -> None:
    """Write floors, shares, ratios and problems into all figures that there are; safe to call again."""
    for entry in figures["sizes"]:
        entry.update(_floors(entry["flop"], figures["ceilings"]))
        rungs = entry["rungs"]
        for rung in rungs:
            if rung["status"] == "measured":
                rung.update(_ratios(rung, entry))
        right = [rung for rung in rungs if accepted(rung)]
        fastest = min(right, key=lambda rung: float(rung["frame_ms"]["median"]), default=None)
        entry["fastest"] = fastest["rung"] if fastest else None


def _floors(flop: dict[str, int], ceilings: dict[str, Any]) -> dict[str, float | None]:
    if ceilings["status"] != "measured":
        return {"floor_ms": None, "library_floor_ms": None}
    names = {"linear": "matmul_tflops", "convolution": "convolution_tflops", "attention": "attention_tflops"}
    by_kind = sum(flop[kind] / ceilings[name] for kind, name in names.items())
    return {
        "floor_ms": round(flop["total"] / ceilings["matmul_tflops"] / _TERA_MS, 4),
        "library_floor_ms": round(by_kind / _TERA_MS, 4),
    }


def _ratios(rung: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    """Return what a rung's median is worth beside the floor, the plain rung and the peer."""
    median, device = rung["frame_ms"]["median"], rung["device_ms"]["median"]
    eager = next((each for each in entry["rungs"] if each["rung"] == "eager" and "frame_ms" in each), None)
    peer = entry["peer"]
    return {
        "share_of_floor": _ratio(entry["floor_ms"], median),
        "device_share_of_floor": _ratio(entry["floor_ms"], device),
        "times_faster_than_eager": _ratio(eager and eager["frame_ms"]["median"], median),
        "times_faster_than_peer": _ratio("arrays_ms" in peer and peer["arrays_ms"]["median"], median),
        "device_times_faster_than_peer_tensors": _ratio("tensors_ms" in peer and peer["tensors_ms"]["median"], device),
        "problem": _problem(rung),
    }


def _ratio(numerator: float | None, denominator: float) -> float | None:
    return round(numerator / denominator, 4) if numerator and denominator else None


def _problem(rung: dict[str, Any]) -> str:
    if not rung["finite"]:
        return "NaN or infinite values in the picture"
    if rung["relative_error"] > ERROR_MOST:
        return f"the picture is not the plain rung's: relative error {rung['relative_error']:.2g}"
    if rung["follows_weights_promised"] and not rung.get("follows_weights", True):
        return "a change of the weights in place doesn't show in the picture"
    return ""


def table(figures: dict[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the headings and one row a rung and peer; a row of fewer cells ends with a reason.

    Times in ms: the whole frame's median, p95, p99 and minimum, and its part on the device. ``fps×2``: frames a second
    with two under way. ``floor``: its share of the median. ``eager÷``, ``peer÷``: their median by this one's.
    """
    rows = []
    for entry in figures["sizes"]:
        rows += [_rung_row(entry["size"], rung) for rung in entry["rungs"]]
        rows += _peer_rows(entry["size"], entry["peer"])
    return _COLUMNS, rows


def _rung_row(size: str, rung: dict[str, Any]) -> tuple[str, ...]:
    if rung["status"] != "measured":
        return size, rung["rung"], _reason(rung)
    times = rung["frame_ms"]
    return (
        size,
        rung["rung"],
        *(_number(times[name]) for name in ("median", "p95", "p99", "min")),
        _number(rung["device_ms"]["median"]),
        _number(rung.get("overlapped_fps"), 1),
        f"{rung['share_of_floor']:.0%}" if rung["share_of_floor"] else "",
        _number(rung["times_faster_than_eager"]),
        _number(rung["times_faster_than_peer"]),
        _number(rung["peak_memory_mb"], 0),
        rung["problem"] or f"{rung['relative_error']:.1e}",
    )


def _peer_rows(size: str, peer: dict[str, Any]) -> list[tuple[str, ...]]:
    if peer["status"] != "measured":
        return [(size, "diffusers", _reason(peer))]
    rows = []
    for kind in ("arrays", "tensors"):
        times = (_number(peer[f"{kind}_ms"][name]) for name in ("median", "p95", "p99", "min"))
        memory = _number(peer["peak_memory_mb"], 0)
        rows.append((size, f"diffusers, {kind}", *times, "", "", "", "", "", memory, ""))
    return rows


def _reason(entry: dict[str, Any]) -> str:
    return f"{entry['status']}: {entry['reason']}" if "reason" in entry else entry["status"]


def _number(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}f}"
