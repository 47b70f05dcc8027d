"""The form of a camera: what it shows of one, and what it says of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.datastructures import FormData

from faceward.core.errors import BadInput, UsageError
from faceward.policy.camera_notices import NoticeRecord, check_notice
from faceward.policy.cameras import (
    LOOK,
    OPT_OUT,
    UNCHANGED,
    Camera,
    CameraChange,
    CameraRequest,
    Zone,
    parse_position,
    parse_zone,
)
from faceward.policy.zones import Kind
from faceward.service import bodies

NOTICE = ("data", "outputs", "deletion", "contact", "sign", "alternative")
"""The texts of a notice record, as the fields of the form are called after `notice-`."""
_NEEDED = NOTICE[:-1]


def filled(camera: Camera | None) -> Mapping[str, Any]:
    """Return what the form's fields hold: of a camera as it is, or of a new one. Its address is never shown."""
    notice = None if camera is None else camera.notice
    zones: Sequence[Zone] = () if camera is None else camera.zones
    return {
        "place": "" if camera is None else camera.place,
        "branch": "" if camera is None else camera.branch,
        "position": "" if camera is None or camera.position is None else ",".join(f"{x:g}" for x in camera.position),
        "camera_class": "any" if camera is None else camera.camera_class,
        "rate": "5" if camera is None else f"{camera.rate:g}",
        "look": _lines(zones, LOOK),
        "opt_out": _lines(zones, OPT_OUT),
        "purposes": () if notice is None else notice.purposes,
        **{key: "" if notice is None else getattr(notice, key) for key in NOTICE},
    }


def requested(data: FormData) -> CameraRequest:
    """Return the camera that a form asks for.

    Raises:
        BadInput: A field is missing.
        UsageError: A field cannot be read.
    """
    return CameraRequest(
        name=bodies.text(data, "name"), source=bodies.text(data, "source"), notice=notice_of(data), **_plain(data)
    )


def changed(data: FormData) -> CameraChange:
    """Return what a form changes of a camera; an address that was left empty stays.

    Raises:
        BadInput: A field is missing.
        UsageError: A field cannot be read.
    """
    source = bodies.text(data, "source", "")
    return CameraChange(source=source or UNCHANGED, notice=notice_of(data), **_plain(data))


def notice_of(data: FormData) -> NoticeRecord | None:
    """Return the notice record that a form writes; None where every field of it is empty.

    Raises:
        BadInput: It is begun and not finished.
    """
    texts = {key: bodies.text(data, f"notice-{key}", "").strip() for key in NOTICE}
    purposes = tuple(str(one) for one in data.getlist("notice-purposes"))
    if not any(texts.values()) and not purposes:
        return None
    missing = [key for key in _NEEDED if not texts[key]]
    if missing or not purposes:
        lacking = ", ".join([*missing, *([] if purposes else ["purposes"])])
        raise BadInput(f"the notice record lacks: {lacking}; fill all of it in, or none")
    return check_notice({**texts, "purposes": list(purposes)}, "the notice record")


def _plain(data: FormData) -> dict[str, Any]:
    position, rate = bodies.text(data, "position", "").strip(), bodies.text(data, "rate", "5")
    try:
        number = float(rate)
    except ValueError:
        raise UsageError(f"{rate[:20]!r} is no number of frames a second; write one such as 5") from None
    zones = [(line, LOOK) for line in _rows(data, "look")] + [(line, OPT_OUT) for line in _rows(data, "opt_out")]
    return {
        "place": bodies.text(data, "place"),
        "branch": bodies.text(data, "branch", ""),
        "position": parse_position(position) if position else None,
        "camera_class": bodies.text(data, "camera_class", "any"),
        "rate": number,
        "zones": tuple(parse_zone(line, kind) for line, kind in zones),
    }


def _rows(data: FormData, field: str) -> list[str]:
    return [line.strip() for line in bodies.text(data, field, "").splitlines() if line.strip()]


def _lines(zones: Sequence[Zone], kind: Kind) -> str:
    return "\n".join(zone.text() for zone in zones if zone.kind == kind)
