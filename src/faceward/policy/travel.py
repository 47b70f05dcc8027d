"""Impossible travel (rule W5): two sightings that are not of one person, so that one of them is wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

FASTEST = 130.0
"""Kilometres an hour; whoever was in two branches faster than this was not."""
ROOM = 0.5
"""Kilometres that positions and the clocks of two streams may be out by."""
APART = timedelta(minutes=5)
"""Between two branches of which a position is unknown nobody gets in less."""

_EARTH = 6371.0088


@dataclass(frozen=True, slots=True)
class Spot:
    """Where and when somebody was sighted.

    Attributes:
        branch: Name of the branch; empty where there is one only.
        position: Latitude and longitude in degrees, or None where unknown.
        time: When, UTC.
    """

    branch: str
    position: tuple[float, float] | None
    time: datetime


def distance(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Return the distance of two positions along a great circle, in kilometres (haversine).

    Args:
        first: Latitude and longitude, degrees.
        second: The other one.
    """
    (lat1, lon1), (lat2, lon2) = ((math.radians(one) for one in place) for place in (first, second))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * _EARTH * math.asin(math.sqrt(min(1.0, half)))


def impossible(first: Spot, second: Spot) -> bool:
    """Tell whether one person cannot have been at both spots, whichever came first.

    Where both positions are known they decide. Otherwise nothing is impossible within one branch: its cameras may see
    the same person at once.
    """
    elapsed = abs(second.time - first.time)
    if first.position is None or second.position is None:
        return first.branch != second.branch and elapsed < APART
    hours = elapsed.total_seconds() / 3600
    return distance(first.position, second.position) > FASTEST * hours + ROOM


def horizon() -> timedelta:
    """Return after which time no sighting rules another out: half the way round the earth."""
    return timedelta(hours=math.pi * _EARTH / FASTEST)
