"""Cameras and alerts as pages tell of them, in words; nothing here says who somebody may be. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from faceward.core.watch_results import IMPOSSIBLE_TRAVEL, LiveState
from faceward.operations.live import STALE, CameraNow
from faceward.operations.live_history import Counted
from faceward.service.console import charts
from faceward.service.console.i18n import N_

if TYPE_CHECKING:
    from faceward.policy.cameras import Camera

STATES: Mapping[str, tuple[str, str, str]] = {
    "starting": (N_("starting"), "info", "clock"),
    "connected": (N_("working"), "good", "check"),
    "resized": (N_("working, with pictures of another size"), "good", "check"),
    "stalled": (N_("no pictures come"), "warning", "pause"),
    "frozen": (N_("the picture is frozen"), "warning", "frozen"),
    "garbage": (N_("what comes cannot be read"), "bad", "warning"),
    "lost": (N_("vanished"), "bad", "lost"),
    "ended": (N_("at its end"), "neutral", "check"),
    "interrupted": (N_("interrupted: nobody is compared"), "bad", "pause"),
    "silent": (N_("the watch tells nothing any more"), "bad", "stop"),
    "unwatched": (N_("not watched"), "neutral", "empty"),
}
"""By a camera's state: the word, how it is marked, and its icon."""
_NEWS = 5
# A camera before which nothing moves is looked at, and shown, every five seconds: twice that is old.
_OLD = 2 * STALE
WORKING = frozenset({"connected", "resized", "starting"})

ALERTS: Mapping[str, tuple[str, str]] = {
    "waiting": (N_("waits for people"), "warning"),
    "in-review": (N_("under review"), "info"),
    "confirmed": (N_("confirmed by people"), "bad"),
    "dismissed": (N_("dismissed by people"), "neutral"),
    "suppressed": (N_("suppressed"), "neutral"),
}
"""By an alert's state: the word, and how it is marked."""
OPEN = frozenset({"waiting", "in-review"})
FLAGS: Mapping[str, tuple[str, str]] = {
    IMPOSSIBLE_TRAVEL: (
        N_("Impossible travel."),
        N_("Nobody gets from one of the places to the other in that time: one of the alerts is wrong."),
    )
}
"""By a flag of an alert: what it is, and what it means."""
SPANS: Mapping[str, tuple[str, int]] = {"day": (N_("24 hours"), 24), "week": (N_("7 days"), 7 * 24)}
"""By a span's name in addresses: its words, and its hours."""
PLOTS: tuple[tuple[str, str, str], ...] = (
    ("faces", N_("Faces an hour"), N_("Faces")),
    ("alerts", N_("Alerts an hour"), N_("Alerts")),
    ("dropped", N_("Frames left out an hour"), N_("Frames left out")),
)
"""What is plotted: the field of `Counted`, the plot's title, and the column's."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A camera on the wall.

    Attributes:
        name: Its name.
        place: Where it is.
        branch: In which branch; may be empty.
        state: A key of `STATES`.
        message: What the watch said of it, in English; may be empty.
        stamp: Names the latest picture, so that it is asked for once; empty where none is to be shown.
        old: Seconds since the latest picture, where it is old; else None.
        rate: Frames looked at a second, or None.
        dropped: Frames left out since the watch began, or None.
        faces: Faces in the last hour.
        gallery: The list that it is watched for; empty where it is not.
        purpose: What for.
    """

    name: str
    place: str
    branch: str
    state: str
    message: str = ""
    stamp: str = ""
    old: int | None = None
    rate: float | None = None
    dropped: int | None = None
    faces: int = 0
    gallery: str = ""
    purpose: str = ""

    @property
    def watched(self) -> bool:
        """Whether a watch tells of it."""
        return self.state != "unwatched"

    @property
    def works(self) -> bool:
        """Whether pictures come."""
        return self.state in WORKING


def tiles(
    cameras: Iterable[Camera], seen: Iterable[CameraNow], hour: Mapping[str, Counted], now: datetime
) -> tuple[Tile, ...]:
    """Return the cameras of a wall, by name: those that are configured, and those that a watch tells of.

    Args:
        cameras: Those that are configured.
        seen: What watches tell.
        hour: What came at each in the last hour.
        now: The current time.
    """
    told = {one.told.name: one for one in seen}
    idle = {one.name: Tile(one.name, one.place, one.branch, "unwatched") for one in cameras if one.name not in told}
    made = idle | {name: _tile(one, hour.get(name, Counted()), now) for name, one in told.items()}
    return tuple(made[name] for name in sorted(made, key=str.casefold))


def _tile(one: CameraNow, hour: Counted, now: datetime) -> Tile:
    told, age = one.told, one.picture
    state = told.state if told.state in STATES else "starting"
    if one.stale or (state in WORKING and not one.of.comparing):
        state = "silent" if one.stale else "interrupted"
    return Tile(
        name=told.name,
        place=told.place,
        branch=told.branch,
        state=state,
        message=told.message,
        stamp="" if age is None else str(round((now.timestamp() - age) * 10)),
        old=None if age is None or age <= _OLD.total_seconds() else round(age),
        rate=None if one.stale else one.rate,
        dropped=told.dropped,
        # Minutes are counted when they are over: in its first, all that a watch compared came just now.
        faces=hour.faces if hour.minutes or one.stale else max(hour.faces, told.compared),
        gallery=one.of.gallery,
        purpose=one.of.purpose,
    )


@dataclass(frozen=True, slots=True)
class Telling:
    """What a watch tells beside its cameras.

    Attributes:
        gallery: The list.
        cameras: Names of its cameras.
        started: When it began, RFC 3339.
        news: Its latest messages in English, the newest first.
    """

    gallery: str
    cameras: tuple[str, ...]
    started: str
    news: tuple[str, ...]


def tellings(states: Iterable[LiveState]) -> list[Telling]:
    """Return what watches tell, the one that spoke last first."""
    return [
        Telling(one.gallery, tuple(each.name for each in one.cameras), one.started, one.news[::-1][:_NEWS])
        for one in states
    ]


@dataclass(frozen=True, slots=True)
class Plot:
    """Counts of consecutive hours, as a page draws them.

    Attributes:
        key: The field of `Counted`.
        title: What it shows, in English.
        total: Of all hours.
        chart: The drawing, or None.
    """

    key: str
    title: str
    total: int
    chart: charts.Columns | None


def plots(hours: Sequence[Counted], start: datetime) -> tuple[Plot, ...]:
    """Return what is plotted of consecutive hours, of which the first begins at `start`."""
    made = []
    for key, title, _ in PLOTS:
        counts: list[int | None] = [getattr(one, key) if one.minutes else None for one in hours]
        total = sum(one for one in counts if one is not None)
        made.append(Plot(key, title, total, charts.columns(counts, start)))
    return tuple(made)


def meters(rows: Iterable[Mapping[str, Any]], watched: Iterable[str]) -> list[dict[str, Any]]:
    """Return the false alerts of the purposes that are watched for, or were searched for, against what is accepted.

    Each row has, beside what `Monitoring.purposes` says, `state` (`halted`, `near`, `above` or `quiet`) and the
    places of its rate, its interval and what is accepted on a scale from 0 to 100.
    """
    purposes = set(watched)
    made = []
    for row in rows:
        if row["purpose"] not in purposes and not row["faces"]:
            continue
        scale = 50 / float(row["accepted"])
        places = {
            name: round(min(100.0, scale * float(row[source] or 0.0)), 2)
            for name, source in (("at", "rate"), ("from", "low"), ("to", "high"))
        }
        nearness = charts.level(float(row["evalue"]), float(row["limit"]))
        # Where few faces were seen one false alert lies far above, which need not mean much, and is not called less.
        above = float(row["rate"] or 0.0) > float(row["accepted"])
        state = "halted" if row["breached"] else "near" if nearness > 0.5 else "above" if above else "quiet"
        made.append({**row, **places, "state": state})
    return made
