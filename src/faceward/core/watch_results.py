"""What watching returns and shows: frozen, and each with one JSON form, which is printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal

from faceward.core.canonical import JSONValue
from faceward.core.errors import IntegrityError
from faceward.core.results import JSONDict

AlertState = Literal["waiting", "in-review", "confirmed", "dismissed", "suppressed"]
ALERT_STATES: tuple[AlertState, ...] = ("waiting", "in-review", "confirmed", "dismissed", "suppressed")
IMPOSSIBLE_TRAVEL = "impossible-travel"
"""The flag of two alerts of one subject between whose places nobody gets in that time (rule W5)."""

Floors = Mapping[str, tuple[float | None, float | None]]
_NO_FLOORS: Floors = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class WatchTerms:
    """On which terms tracks are compared; they change when the list does.

    Attributes:
        threshold: Scores at or above it are a match; cosine similarity, -1 to 1.
        fmr: False-match rate of one comparison with one subject that the threshold stands for.
        fpir: Rate at which a track of somebody who is not on the list brings about an alert: of all its comparisons,
            with all subjects.
        most_comparisons: How often a track is compared at most; the threshold rests on it.
        dwell: Seconds after which a track ends (rule W9).
        references: References that are compared.
        subjects: Subjects on the list.
        data: What the rates were measured on.
        extrapolated: The FMR is lower than any that was measured: it is a bound that a model of the tail gives.
        floors: By quality component, the least value and the greatest magnitude of a sample that is compared.
    """

    threshold: float
    fmr: float
    fpir: float
    most_comparisons: int
    dwell: float
    references: int
    subjects: int
    data: str
    extrapolated: bool = False
    floors: Floors = field(default_factory=lambda: _NO_FLOORS)

    @property
    def expected_false_alerts(self) -> float:
        """False alerts that are expected of 1,000 tracks of people who are not on the list."""
        return 1000 * self.fpir

    def to_json(self) -> JSONDict:
        """Return the terms."""
        return {
            "threshold": round(self.threshold, 5),
            "fmr": _rate(self.fmr),
            "fpir": _rate(self.fpir),
            "expected_false_alerts_per_1000_tracks": _rate(self.expected_false_alerts),
            "most_comparisons": self.most_comparisons,
            "dwell": self.dwell,
            "references": self.references,
            "subjects": self.subjects,
            "data": self.data,
            "extrapolated": self.extrapolated,
            "floors": {name: list(bounds) for name, bounds in sorted(self.floors.items())},
        }


@dataclass(frozen=True, slots=True)
class AlertCandidate:
    """Somebody whom an alert may be about, as its case shows them to who asks.

    Attributes:
        number: Place in the case, which has nothing to do with the score.
        subject: The subject's name; None once it was erased.
        reference: Identifier of the reference; None once it was erased.
        score: None as long as it is hidden from who asks (rule H2).
        result: What the review made of it; None as long as that is hidden.
    """

    number: int
    subject: str | None
    reference: str | None
    score: float | None
    result: str | None

    def to_json(self) -> JSONDict:
        """Return the candidate."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert as it stands; without any subject's name unless somebody asked for the whole of it.

    Attributes:
        alert: 32 hexadecimal digits.
        entry: Index of the log entry that announced it.
        case: The case with its crop; None where it was suppressed, or its case was deleted.
        camera: Which camera saw them.
        branch: In which branch.
        captured: When, by the stream's clock, RFC 3339.
        gallery: The list.
        purpose: Its purpose.
        fpir: Rate at which a track of somebody who is not on the list brings about an alert.
        expected_false_alerts_per_day: False alerts a day that this rate makes of the traffic of the hour before.
        state: See `ALERT_STATES`. Nobody acts on what is not `confirmed`, by two people (rule H1).
        flags: `impossible-travel` (rule W5), or nothing.
        matches: Subjects that it may be about.
        candidates: Those, for who may see the case; empty where nobody asked for the whole.
    """

    alert: str
    entry: int
    case: str | None
    camera: str
    branch: str
    captured: str
    gallery: str
    purpose: str
    fpir: float
    expected_false_alerts_per_day: float
    state: AlertState
    flags: tuple[str, ...] = ()
    matches: int = 0
    candidates: tuple[AlertCandidate, ...] = ()

    def to_json(self) -> JSONDict:
        """Return the object of `faceward alert list --json` and of `faceward alert show --json`."""
        return {
            "alert": self.alert,
            "entry": self.entry,
            "case": self.case,
            "camera": self.camera,
            "branch": self.branch,
            "captured": self.captured,
            "gallery": self.gallery,
            "purpose": self.purpose,
            "fpir": _rate(self.fpir),
            "expected_false_alerts_per_day": _rate(self.expected_false_alerts_per_day),
            "state": self.state,
            "flags": list(self.flags),
            "matches": self.matches,
            "candidates": [one.to_json() for one in self.candidates],
        }


@dataclass(frozen=True, slots=True)
class LiveCamera:
    """A camera of a watch that runs: counts only.

    Attributes:
        name: The camera.
        place: Where it is, in words.
        branch: In which branch; may be empty.
        state: `starting`, `connected`, `stalled`, `lost`, `garbage`, `frozen`, `ended` or `resized`.
        message: More of it in words; may be empty.
        since: Since when it is in this state, RFC 3339.
        captured: When the latest frame was taken, RFC 3339, or None.
        decoded: Frames that were decoded.
        looked_at: Frames in which faces were looked for.
        gated: Frames in which nothing moved.
        dropped: Frames that were left out rather than lag.
        reconnects: How often the connection was made anew.
        tracks: Tracks that are alive.
        compared: Tracks that were compared.
        alerts: Alerts.
        latency: Milliseconds from a frame's arrival to what was made of it, of late; None where nothing was.
    """

    name: str
    place: str = ""
    branch: str = ""
    state: str = "starting"
    message: str = ""
    since: str = ""
    captured: str | None = None
    decoded: int = 0
    looked_at: int = 0
    gated: int = 0
    dropped: int = 0
    reconnects: int = 0
    tracks: int = 0
    compared: int = 0
    alerts: int = 0
    latency: float | None = None

    def to_json(self) -> JSONDict:
        """Return an object that `from_json` reads back equal."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def from_json(cls, value: object) -> LiveCamera:
        """Read what `to_json` made.

        Raises:
            IntegrityError: It is something else.
        """
        return cls(**_checked(value, _CAMERA))


@dataclass(frozen=True, slots=True)
class LiveState:
    """A watch that runs: counts and rates only, nobody's name or features.

    Attributes:
        entry: Index of the log entry that announced the period under way.
        gallery: The list.
        purpose: Its purpose.
        started: When the watch began, RFC 3339.
        written: When this was written, RFC 3339.
        cameras: Its cameras.
        compared: Tracks that were compared since it began.
        alerts: Alerts that it raised.
        repeated: Sightings that raised none because one was raised just before.
        suppressed: Sightings that raised none because of impossible travel (rule W5).
        fpir: Rate at which a track of somebody who is not on the list brings about an alert.
        expected_false_alerts_per_day: False alerts a day that this rate makes of the traffic of the last hour.
        news: The latest messages, newest last.
        comparing: Whether anybody is compared now; not while the watch is interrupted, since the machine forbids it.
    """

    entry: int
    gallery: str
    purpose: str
    started: str
    written: str
    cameras: tuple[LiveCamera, ...] = ()
    compared: int = 0
    alerts: int = 0
    repeated: int = 0
    suppressed: int = 0
    fpir: float = 0.0
    expected_false_alerts_per_day: float = 0.0
    news: tuple[str, ...] = field(default=())
    comparing: bool = True

    def to_json(self) -> JSONDict:
        """Return an object that `from_json` reads back equal."""
        plain: dict[str, JSONValue] = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**plain, "cameras": [one.to_json() for one in self.cameras], "news": list(self.news)}

    @classmethod
    def from_json(cls, value: object) -> LiveState:
        """Read what `to_json` made.

        Raises:
            IntegrityError: It is something else.
        """
        known = _checked(value, _STATE)
        known["cameras"] = tuple(LiveCamera.from_json(one) for one in known["cameras"])
        known["news"] = tuple(str(line) for line in known["news"])
        return cls(**known)


_TEXT, _COUNT, _NUMBER = (str,), (int,), (int, float)
_CAMERA: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("name", "place", "branch", "state", "message", "since"), _TEXT),
    "captured": (str, type(None)),
    **dict.fromkeys(("decoded", "looked_at", "gated", "dropped", "reconnects", "tracks", "compared", "alerts"), _COUNT),
    "latency": (int, float, type(None)),
}
_STATE: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("gallery", "purpose", "started", "written"), _TEXT),
    **dict.fromkeys(("entry", "compared", "alerts", "repeated", "suppressed"), _COUNT),
    **dict.fromkeys(("fpir", "expected_false_alerts_per_day"), _NUMBER),
    **dict.fromkeys(("cameras", "news"), (list,)),
    "comparing": (bool,),
}


def _checked(value: object, kinds: Mapping[str, tuple[type, ...]]) -> dict[str, Any]:
    """Return an object's values by name; raises IntegrityError where one is missing, unknown or of another kind."""
    if not isinstance(value, dict) or value.keys() != kinds.keys():
        raise IntegrityError("what is kept of a watch is damaged: it has other keys")
    for name, one in value.items():
        if not isinstance(one, kinds[name]) or (isinstance(one, bool) and bool not in kinds[name]):
            raise IntegrityError(f"what is kept of a watch is damaged: {name!r} is of another kind")
    return dict(value)


def _rate(value: float) -> float:
    """Return a rate to three significant digits, which is more than any of them is known to."""
    return float(f"{value:.3g}")
