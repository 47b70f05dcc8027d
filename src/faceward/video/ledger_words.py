"""How it is said what a watch has come to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from faceward.core.errors import FacewardError

if TYPE_CHECKING:
    from faceward.core.watch_results import AlertView
    from faceward.video.figures import Summary

TOO_SLOW = (
    "this machine is too slow for these cameras: take fewer, or a lower --rate; tracks break and more are counted"
)


def begun(cameras: Iterable[str], subjects: int, gallery: str, fpir: float) -> str:
    """Say what is watched."""
    alerting = f"{1000 * fpir:.3g}"
    return f"watching {', '.join(cameras)} for {subjects} on {gallery}; of 1,000 tracks of others {alerting} may alert"


def alert(found: AlertView) -> str:
    """Say that there is an alert, to no one's name."""
    case = "" if found.case is None else f", case {found.case}"
    flags = f" ({', '.join(found.flags)})" if found.flags else ""
    return f"{found.camera}: alert {found.alert[:8]} at {found.captured}{case}{flags}: a lead, which two people decide"


def lost(camera: str, error: BaseException | None) -> str:
    """Say that a sighting is given up."""
    reason = f": {error}" if isinstance(error, FacewardError) else ""
    return f"{camera}: a sighting could not be put on record and is given up{reason}"


def suppressed(camera: str) -> str:
    """Say that a sighting raises no alert, since nobody can be here and there (rule W5)."""
    return f"{camera}: a sighting is held back: nobody gets here in time from where the same subject was seen before"


def ended(summary: Summary) -> str:
    """Say what the whole came to."""
    shown = [
        _many(summary.frames, "frame"),
        _many(summary.tracks, "track"),
        f"{summary.compared} compared",
        _many(summary.alerts, "alert"),
    ]
    if summary.repeated:
        shown.append(f"{summary.repeated} repeated")
    if summary.suppressed:
        shown.append(f"{summary.suppressed} held back for impossible travel")
    if summary.lost:
        shown.append(f"{summary.lost} given up")
    shown.append(f"{_many(summary.dropped, 'frame')} dropped")
    shown += _latency("frames", summary.latency) + _latency("alerts", summary.alert_latency)
    slow = f"; {TOO_SLOW}" if summary.too_slow else ""
    return f"ended after {summary.seconds:.0f} s: {', '.join(shown)}{slow}"


def _latency(what: str, latency: tuple[float | None, float | None]) -> list[str]:
    half, most = latency
    return (
        [] if half is None or most is None else [f"half of the {what} within {half:.0f} ms, 99 % within {most:.0f} ms"]
    )


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
