"""Cameras (rules W8 and W10): where they stand, where their pictures come from, and what people are told of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from faceward.core.canonical import JSONObject
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import IntegrityError, UsageError
from faceward.core.names import check_name
from faceward.policy.camera_notices import NoticeRecord, parse_notice
from faceward.policy.purposes import ANY_CAMERA
from faceward.policy.strict import Table
from faceward.policy.zone_cover import LEAST_OPT_OUT, opted_out
from faceward.policy.zones import LOOK, MOST_ZONES, OPT_OUT, Point, Zone, parse_zone

__all__ = [
    "LOOK",
    "OPT_OUT",
    "UNCHANGED",
    "Camera",
    "CameraChange",
    "CameraRequest",
    "NoticeRecord",
    "Point",
    "Unchanged",
    "Zone",
    "changed_camera",
    "check_camera",
    "new_camera",
    "parse_notice",
    "parse_position",
    "parse_zone",
]

Position = tuple[float, float]
"""Degrees of latitude, -90 to 90, and of longitude, -180 to 180."""

SLOWEST, FASTEST, USUAL_RATE = 0.2, 15.0, 5.0
MOST_NAME, MOST_PLACE = 80, 500
# Names become names of files and of topics (MQTT), in which these have a meaning of their own.
_RESERVED = frozenset('/\\:*?"<>|+#$,%')
_MARGIN = 180.0
_KEYS = ("name", "place", "branch", "position", "camera_class", "rate", "zones", "notice", "since", "address")


class Unchanged:
    """Stands for what a change leaves as it is."""


UNCHANGED: Final = Unchanged()


@dataclass(frozen=True, slots=True)
class CameraRequest:
    """A camera as somebody configures it; see `Camera` for what else they mean.

    Attributes:
        name: Its name.
        source: Where its pictures come from; see `camera_sources.check_source`.
        place: Where it stands, in words.
        branch: Name of the branch; empty where there is one only.
        position: Where the branch is, or None.
        camera_class: What kind of pictures it gives.
        rate: Frames a second that are looked at.
        zones: Zones to look at and zones that are blacked out.
        notice: What people are told, or None: then nothing is watched with it (rule W8).
    """

    name: str
    source: str
    place: str
    branch: str = ""
    position: Position | None = None
    camera_class: str = ANY_CAMERA
    rate: float = USUAL_RATE
    zones: tuple[Zone, ...] = ()
    notice: NoticeRecord | None = None


@dataclass(frozen=True, slots=True)
class CameraChange:
    """What is changed of a camera; the attributes are those of `CameraRequest`."""

    source: str | Unchanged = UNCHANGED
    place: str | Unchanged = UNCHANGED
    branch: str | Unchanged = UNCHANGED
    position: Position | Unchanged | None = UNCHANGED
    camera_class: str | Unchanged = UNCHANGED
    rate: float | Unchanged = UNCHANGED
    zones: tuple[Zone, ...] | Unchanged = UNCHANGED
    notice: NoticeRecord | Unchanged | None = UNCHANGED


@dataclass(frozen=True, slots=True)
class Camera:
    """A configured camera.

    Attributes:
        name: Its name, Unicode NFC; fit for the name of a file.
        place: Where it stands, one line.
        branch: Name of the branch; empty where there is one only.
        position: Latitude and longitude of where it stands, degrees; None where unknown.
        camera_class: What kind of pictures it gives, such as `shop`; `any` names none.
        rate: Frames a second that are looked at, 0.2 to 15.
        zones: Zones to look at and zones that are blacked out before detection, at most 16.
        notice: What people are told; None: then nothing is watched with it (rule W8).
        since: When it was configured first, UTC.
        address: Where its pictures come from, without user, password or query.
    """

    name: str
    place: str
    branch: str
    position: Position | None
    camera_class: str
    rate: float
    zones: tuple[Zone, ...]
    notice: NoticeRecord | None
    since: datetime
    address: str = ""

    @property
    def opts_out(self) -> bool:
        """Whether people can keep out of it (rule W10): 2 % of the picture that would be looked at is blacked out.

        Or the notice names a way around it.
        """
        return opted_out(self.zones) >= LEAST_OPT_OUT or (self.notice is not None and bool(self.notice.alternative))

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        return {
            "name": self.name,
            "place": self.place,
            "branch": self.branch,
            "position": None if self.position is None else list(self.position),
            "camera_class": self.camera_class,
            "rate": self.rate,
            "zones": [zone.to_json() for zone in self.zones],
            "notice": None if self.notice is None else self.notice.to_json(),
            "since": to_rfc3339(self.since),
            "address": self.address,
        }

    @classmethod
    def from_json(cls, value: object) -> Camera:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        table = Table(value, "stored camera", IntegrityError)
        table.only(_KEYS)
        zones, position, notice = table.value("zones"), table.value("position"), table.value("notice")
        if not isinstance(zones, list):
            raise table.error("'zones' must be a list")
        try:
            return check_camera(
                cls(
                    name=table.text("name"),
                    place=table.text("place"),
                    branch=table.text("branch"),
                    position=None if position is None else _pair(position),
                    camera_class=table.text("camera_class"),
                    rate=table.number("rate"),
                    zones=tuple(Zone.from_json(one) for one in zones),
                    notice=None if notice is None else NoticeRecord.from_json(notice),
                    since=from_rfc3339(table.text("since")),
                    address=table.text("address"),
                )
            )
        except (TypeError, ValueError, OverflowError, UsageError) as error:
            raise table.error(str(error)) from None


def new_camera(request: CameraRequest, address: str, now: datetime) -> Camera:
    """Return a camera as it is asked for, checked.

    Args:
        request: What is asked for.
        address: The source as it may be shown.
        now: The current time, UTC.

    Raises:
        UsageError: A name, the place, the position, the rate or the number of zones is out of range.
    """
    return check_camera(
        Camera(
            name=request.name,
            place=request.place,
            branch=request.branch,
            position=request.position,
            camera_class=request.camera_class,
            rate=float(request.rate),
            zones=tuple(request.zones),
            notice=request.notice,
            since=now,
            address=address,
        )
    )


def changed_camera(camera: Camera, change: CameraChange, address: str) -> Camera:
    """Return a camera as it is after a change, checked; see `new_camera`."""
    given: dict[str, object] = {
        name: value
        for name in ("place", "branch", "position", "camera_class", "rate", "zones", "notice")
        if not isinstance(value := getattr(change, name), Unchanged)
    }
    return check_camera(replace(camera, **given, address=address))  # type: ignore[arg-type]


def check_camera(camera: Camera) -> Camera:
    """Return a camera with its texts in their normal form.

    Raises:
        UsageError: See `new_camera`.
    """
    if not SLOWEST <= camera.rate <= FASTEST:
        raise UsageError(f"--rate {camera.rate:g} is out of range; look at {SLOWEST:g} to {FASTEST:g} frames a second")
    if len(camera.zones) > MOST_ZONES:
        raise UsageError(f"a camera has at most {MOST_ZONES} zones; join some of them")
    return replace(
        camera,
        name=camera_name(camera.name),
        place=_line(camera.place, "place"),
        branch=check_name(camera.branch, "branch") if camera.branch.strip() else "",
        position=None if camera.position is None else _checked(camera.position),
        camera_class=check_name(camera.camera_class, "camera class"),
        rate=float(camera.rate),
    )


def camera_name(text: str) -> str:
    """Return the name of a camera in Unicode NFC.

    Raises:
        UsageError: It is no name, longer than 80 bytes, or has a meaning in names of files or of topics.
    """
    name = check_name(text, "camera")
    if name.startswith(".") or _RESERVED & set(name) or len(name.encode()) > MOST_NAME:
        raise UsageError(
            f"the camera name {name[:MOST_NAME]!r} cannot be used; take letters, digits, spaces, - _ and ., at most "
            f"{MOST_NAME} bytes, not a dot first"
        )
    return name


def parse_position(text: str) -> Position:
    """Read `LAT,LON` in degrees, such as `51.5007,-0.1246`.

    Raises:
        UsageError: It is no such pair.
    """
    parts = text.split(",")
    try:
        return _checked(_pair([float(part) for part in parts]))
    except ValueError:
        raise UsageError(f"{text[:60]!r} is no position; write LAT,LON in degrees, such as 51.5007,-0.1246") from None


def _pair(value: object) -> Position:
    if not isinstance(value, Sequence) or len(value) != 2:
        raise ValueError("a position is a latitude and a longitude")
    return float(value[0]), float(value[1])


def _checked(position: Position) -> Position:
    latitude, longitude = position
    if not (-_MARGIN / 2 <= latitude <= _MARGIN / 2 and -_MARGIN <= longitude <= _MARGIN):
        raise UsageError("a position is a latitude from -90 to 90 and a longitude from -180 to 180 degrees")
    return float(latitude), float(longitude)


def _line(text: str, what: str) -> str:
    line = " ".join(unicodedata.normalize("NFC", text).split())
    if not line or len(line) > MOST_PLACE or any(unicodedata.category(sign) in ("Cc", "Cs") for sign in line):
        raise UsageError(f"the {what} must be one line of 1 to {MOST_PLACE} characters")
    return line
