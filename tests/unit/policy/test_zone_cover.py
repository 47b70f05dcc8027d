"""How much of a picture is blacked out (rule W10), and which zones lie within others (rule P2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from faceward.policy.camera_changes import material
from faceward.policy.cameras import CameraRequest, NoticeRecord, new_camera
from faceward.policy.zone_cover import opted_out, within
from faceward.policy.zones import LOOK, OPT_OUT, Kind, Zone, parse_zone

NOTICE = NoticeRecord("pictures", "an alert", ("theft",), "at once", "desk@shop.example", "at the door", "")
CAMERA = new_camera(CameraRequest("door", "rtsp://x/1", "door", notice=NOTICE), "", datetime(2026, 6, 1, tzinfo=UTC))


def strip(start: float, stop: float, kind: Kind = OPT_OUT) -> Zone:
    return parse_zone(f"{start},0 {stop},0 {stop},1 {start},1", kind)


HOLLOW = parse_zone("0,0 0.9,0 0.9,1 0.6,1 0.6,0.3 0.3,0.3 0.3,1 0,1", OPT_OUT)


@pytest.mark.parametrize(
    ("zones", "share"),
    [
        ((), 0.0),
        ((strip(0, 0.5, LOOK),), 0.0),
        ((strip(0.2, 0.5),), 0.3),
        ((strip(0.2, 0.5), strip(0.4, 0.6)), 0.4),
        ((strip(0.2, 0.5), strip(0.4, 1, LOOK)), 0.1),
        ((strip(0, 0.3), strip(0.5, 1, LOOK)), 0.0),
    ],
)
def test_W10_only_what_would_be_looked_at_counts_as_blacked_out(zones: tuple[Zone, ...], share: float) -> None:
    assert opted_out(zones) == pytest.approx(share, abs=0.011)


def test_W10_a_zone_that_nobody_walks_through_is_no_way_around_a_camera() -> None:
    for zones, holds in (
        ((strip(0, 0.01),), False),
        ((strip(0, 0.03),), True),
        ((strip(0, 0.3), strip(0.4, 1, LOOK)), False),
        ((strip(0, 0.3), strip(0.2, 1, LOOK)), True),
    ):
        assert replace(CAMERA, zones=zones).opts_out is holds, zones
    assert replace(CAMERA, notice=replace(NOTICE, alternative="the east door")).opts_out


def test_P2_a_zone_lies_within_itself_and_within_a_convex_one_that_holds_all_of_it() -> None:
    assert within(strip(0.2, 0.4), [strip(0.2, 0.4)])
    assert within(strip(0.2, 0.4), [strip(0.6, 0.9), strip(0.1, 0.4)])
    assert within(HOLLOW, [HOLLOW])
    assert within(HOLLOW, [strip(0, 1)])
    assert not within(strip(0.2, 0.41), [strip(0.2, 0.4)])
    # All its corners are inside, and its middle is not.
    assert not within(parse_zone("0.1,0.4 0.8,0.4 0.8,0.6 0.1,0.6", OPT_OUT), [HOLLOW])
    reverse = Zone(OPT_OUT, tuple(reversed(strip(0.1, 0.5).points)))
    assert within(strip(0.2, 0.4), [reverse])


def test_P2_seeing_other_places_or_more_of_one_is_material_and_telling_more_is_not() -> None:
    lane, front = strip(0, 0.3), strip(0.2, 0.8, LOOK)
    camera = replace(CAMERA, zones=(lane, front))
    assert material(camera, camera, other_source=True)
    assert not material(camera, camera, other_source=False)
    assert not material(CAMERA, camera, other_source=False)
    assert material(camera, CAMERA, other_source=False)
    for change in ({"place": "hall"}, {"branch": "b"}, {"position": (1.0, 2.0)}, {"camera_class": "shop"}):
        assert material(camera, replace(camera, **change), other_source=False)  # type: ignore[arg-type]
    for zones in ((front,), (strip(0, 0.2), front), (lane,), (lane, strip(0.2, 0.9, LOOK))):
        assert material(camera, replace(camera, zones=zones), other_source=False)
    for zones in ((strip(0, 0.4), front), (lane, front, strip(0.9, 1)), (lane, strip(0.3, 0.7, LOOK))):
        assert not material(camera, replace(camera, zones=zones), other_source=False)
    assert not material(camera, replace(camera, notice=None, rate=1.0), other_source=False)
