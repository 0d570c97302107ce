"""Whether a run did what was asked for, and if not, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["unpainted"]


def unpainted(asked: str, report: Mapping[str, Any]) -> str:
    """Say that the effect `asked` for never painted, why, and what to do.

    Args:
        asked: the effect's name.
        report: of the run.

    Returns:
        One line; empty when it painted, or when the operator has chosen another effect since.
    """
    painted = report["frames"]["painted_by"]
    if report["effect"] != asked or painted.get(asked):
        return ""
    carriers = " and ".join(name for name in painted if painted[name])
    found = f"{asked} was asked for and never painted" + (f"; {carriers} painted in its place." if carriers else ".")
    reasons = [worker["reason"] for worker in report["workers"] if worker["reason"]]
    if reasons:
        return f"{found} {reasons[0]} 'mirrorfx doctor' says what is missing; --effect auto takes what can run here."
    return (
        f"{found} It was still getting ready: let it run longer (--seconds and --frames count from the first picture, "
        "whichever effect paints it)."
    )
