"""Which changes of a camera make it another one than a mandate was asked for (rule P2). Pure."""

from __future__ import annotations

from faceward.policy.cameras import Camera
from faceward.policy.zone_cover import within
from faceward.policy.zones import LOOK, OPT_OUT, Kind, Zone


def material(before: Camera, after: Camera, *, other_source: bool) -> bool:
    """Tell whether a camera sees other places, or more of one, than before.

    Blacking out more, looking at less, telling more or looking less often changes nothing for whoever approved of it.

    Args:
        before: The camera.
        after: The camera as it becomes.
        other_source: Its pictures come from somewhere else.
    """
    stands = (before.place, before.branch, before.position, before.camera_class)
    if other_source or stands != (after.place, after.branch, after.position, after.camera_class):
        return True
    masked = _of(after, OPT_OUT)
    if not all(within(zone, masked) for zone in _of(before, OPT_OUT)):
        return True
    looked = _of(before, LOOK)
    return bool(looked) and not (_of(after, LOOK) and all(within(zone, looked) for zone in _of(after, LOOK)))


def _of(camera: Camera, kind: Kind) -> tuple[Zone, ...]:
    return tuple(zone for zone in camera.zones if zone.kind == kind)
