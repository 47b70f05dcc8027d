"""Checks of what feeds are asked for, before any decoder is started, and of what decoders say of their frames."""

from __future__ import annotations

import math
from collections.abc import Iterable

from faceward.core.errors import UsageError
from faceward.video.frames import FeedSpec
from faceward.video.ring import Taken
from faceward.video.source_files import check, is_live

SLOWEST, FASTEST = 0.05, 60.0
LEAST_PIXELS, MOST_PIXELS = 64 * 64, 4096 * 4096
MOST_PER_WORKER = 16
_DAY = 86_400.0
# A film is read faster than it plays, and one of a year is none.
_LIVE, _FILM = _DAY, 366 * _DAY


def check_specs(specs: Iterable[FeedSpec], per_worker: int) -> list[tuple[FeedSpec, bool]]:
    """Return the cameras, each with whether every frame of it is handed over, as of a file that is not paced.

    Raises:
        UsageError: Two have one name, or a number is out of its bounds.
        BadInput: A file is not there.
        EnvironmentFailure: It may not be read.
    """
    if not 1 <= per_worker <= MOST_PER_WORKER:
        raise UsageError(f"a decoder takes 1 to {MOST_PER_WORKER} cameras")
    given = list(specs)
    if len({spec.camera for spec in given}) < len(given):
        raise UsageError("two cameras have the same name; name each once")
    for spec in given:
        if not SLOWEST <= spec.rate <= FASTEST:
            raise UsageError(f"camera {spec.camera}: the rate is not between {SLOWEST} and {FASTEST:g} frames a second")
        if not LEAST_PIXELS <= spec.max_pixels <= MOST_PIXELS:
            raise UsageError(f"camera {spec.camera}: max_pixels is not between {LEAST_PIXELS} and {MOST_PIXELS}")
        check(spec.source)
    return [(spec, not spec.paced and not is_live(spec.source)) for spec in given]


def believable(taken: Taken, now: float, monotonic: float, *, live: bool) -> bool:
    """Tell whether a frame says of itself what one of ours would; one that was taken over may write anything.

    Args:
        taken: The frame.
        now: Seconds since 1970.
        monotonic: Seconds of the monotonic clock.
        live: It is of a camera, whose clock is within a day of this one.
    """
    # Comparisons with what is no number are false.
    height, width = taken.pixels.shape[:2]
    timely = abs(taken.captured - now) <= (_LIVE if live else _FILM) and abs(taken.received - monotonic) <= _DAY
    return timely and all(
        math.isfinite(box.x0 + box.y0 + box.x1 + box.y1)
        and -1 <= box.x0 <= box.x1 <= width + 1
        and -1 <= box.y0 <= box.y1 <= height + 1
        for box in taken.motion
    )
