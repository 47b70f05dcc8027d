"""From a stream's time stamps to UTC. No I/O; times are passed in.

A live stream's stamps start anywhere and run at the camera's own pace; when its packets come is known by our clock, but
late by what the network takes, which is never less than nothing. So the stream's zero is put where the most punctual
packets say, and follows them slowly: the camera's own pace between frames is kept, its drift is not.
"""

from __future__ import annotations

_WINDOW = 30.0
_JUMP = 10.0
_FILE_JUMP = 60.0
_STEP = 1e-6


class StreamClock:
    """The clock of one connection.

    Args:
        live: Arrival times mean something. A file's do not: it starts when it is opened, and its stamps count on.
        period: Seconds between frames, where stamps are missing.
    """

    def __init__(self, *, live: bool, period: float) -> None:
        self._live = live
        self._period = period
        self._offset: float | None = None
        self._stamp: float | None = None
        self._last: float | None = None
        self._window_end = 0.0
        self._least_late = float("inf")
        self.jumps = 0
        self.drift = 0.0
        """By how much the stream's zero was moved to follow the packets since the last jump, in seconds."""

    def captured(self, stamp: float | None, arrival: float) -> float:
        """Return when a frame was taken, in seconds since 1970, greater than that of the frame before.

        Args:
            stamp: The frame's presentation time in seconds, or None where the stream has none.
            arrival: When it came, in seconds since 1970, by a clock that never goes back.
        """
        moment = self._without_stamp(arrival) if stamp is None else self._with_stamp(stamp, arrival)
        if self._last is not None:
            moment = max(moment, self._last + _STEP)
        self._last = moment
        return moment

    def expects(self, stamp: float) -> float | None:
        """Return what `captured` would make of a stamp if nothing jumps, or None before the first frame."""
        return None if self._offset is None else stamp + self._offset

    def _without_stamp(self, arrival: float) -> float:
        if self._live or self._last is None:
            return arrival
        return self._last + self._period

    def _with_stamp(self, stamp: float, arrival: float) -> float:
        if self._offset is None or self._jumped(stamp, arrival):
            self._anchor(stamp, arrival)
        elif self._live:
            self._follow(stamp, arrival)
        self._stamp = stamp
        assert self._offset is not None  # noqa: S101 - `_anchor` set it
        return stamp + self._offset

    def _jumped(self, stamp: float, arrival: float) -> bool:
        if self._stamp is None or self._offset is None or self._last is None:
            return False
        passed = stamp - self._stamp
        if not self._live:
            return passed < -self._period or passed > _FILE_JUMP
        # A camera that paused has stamps and arrivals that leap together.
        return passed < -self._period or abs(stamp + self._offset - arrival) > _JUMP

    def _anchor(self, stamp: float, arrival: float) -> None:
        if self._offset is not None:
            self.jumps += 1
        start = arrival if self._live or self._last is None else self._last + self._period
        self._offset = start - stamp
        self._window_end = arrival + _WINDOW
        self._least_late = 0.0
        self.drift = 0.0

    def _follow(self, stamp: float, arrival: float) -> None:
        assert self._offset is not None  # noqa: S101 - called after `_anchor`
        late = arrival - (stamp + self._offset)
        self._least_late = min(self._least_late, late)
        if late < 0:
            # Nothing comes before it was taken: an earlier packet had been later than it seemed.
            self._move(late)
            self._least_late = 0.0
        elif arrival >= self._window_end:
            self._move(self._least_late)
            self._least_late = float("inf")
            self._window_end = arrival + _WINDOW

    def _move(self, seconds: float) -> None:
        assert self._offset is not None  # noqa: S101 - called after `_anchor`
        self._offset += seconds
        self.drift += seconds
