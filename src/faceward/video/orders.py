"""What a decoder is told, and what it tells, as lines of JSON.

Not pickled: a decoder reads what strangers send, and unpickling what it says would let it run code beside the keys.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Final, get_args

from faceward.video.backoff import Patience
from faceward.video.frames import FeedNews, FeedSpec, State

MOST_MESSAGE: Final = 400
MOST_LINE: Final = 4096
_STATES: Final = frozenset(get_args(State))


@dataclass(frozen=True, slots=True)
class PlainZone:
    """A zone as it comes over; see `frames.Zone`."""

    kind: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Order:
    """What a decoder is to do.

    Attributes:
        specs: Its cameras, in the order of their rings.
        patience: How long is waited for what.
        still: For how many seconds a picture must be the same to be frozen.
        again: It was started again; all its connections count as such.
    """

    specs: tuple[FeedSpec, ...]
    patience: Patience = field(default_factory=Patience)
    still: float = 30.0
    again: bool = False

    def line(self) -> bytes:
        """Return it as a line that `read` reads."""
        specs = [
            {
                "camera": spec.camera,
                "source": spec.source,
                "rate": spec.rate,
                "zones": [[zone.kind, zone.points] for zone in spec.zones],
                "paced": spec.paced,
                "loop": spec.loop,
                "max_pixels": spec.max_pixels,
            }
            for spec in self.specs
        ]
        order = {"specs": specs, "patience": asdict(self.patience), "still": self.still, "again": self.again}
        return json.dumps(order).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> Order:
        """Read what `line` wrote; it comes from the program's own main process."""
        order = json.loads(line)
        specs = []
        for spec in order["specs"]:
            zones = tuple(PlainZone(kind, tuple((x, y) for x, y in points)) for kind, points in spec.pop("zones"))
            specs.append(FeedSpec(zones=zones, **spec))
        return cls(tuple(specs), Patience(**order["patience"]), order["still"], order["again"])


def news_line(camera: str, state: State, message: str, time: float) -> bytes:
    """Return news as a line that `read_news` reads; short enough to be written whole or not at all."""
    said = {"camera": camera, "state": state, "message": message[:MOST_MESSAGE], "time": time}
    line = json.dumps(said).encode() + b"\n"
    return line if len(line) <= MOST_LINE else news_line(camera, state, state, time)


def read_news(line: bytes, cameras: Collection[str]) -> FeedNews | None:
    """Read what a decoder told, or return None for what none of ours would tell.

    Args:
        line: What it wrote.
        cameras: Its cameras.
    """
    try:
        said = json.loads(line)
        camera, state, message = said["camera"], said["state"], said["message"]
        time = datetime.fromtimestamp(said["time"], UTC)
        known = camera in cameras and state in _STATES and isinstance(message, str)
    except (ValueError, TypeError, LookupError, OverflowError, OSError, RecursionError):
        return None
    if not known:
        return None
    # A decoder that was taken over must not write to somebody's terminal.
    shown = "".join(sign if sign.isprintable() else " " for sign in message[:MOST_MESSAGE])
    return FeedNews(camera, state, shown, time)
