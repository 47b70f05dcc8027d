"""What watches tell of their cameras, for Prometheus: counts by camera, and nothing of anybody who passed one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

    from faceward.operations.live import CameraNow, LiveBoard

_UP = frozenset({"connected", "resized"})
_LABEL = ["camera"]
_COUNTERS: tuple[tuple[str, str, Callable[[CameraNow], int]], ...] = (
    ("frames", "Frames that were decoded.", lambda one: one.told.decoded),
    ("frames_looked_at", "Frames in which faces were looked for.", lambda one: one.told.looked_at),
    ("frames_dropped", "Frames that were left out rather than lag.", lambda one: one.told.dropped),
    ("reconnects", "How often the connection was made anew.", lambda one: one.told.reconnects),
    ("faces", "Tracks that were compared.", lambda one: one.told.compared),
    ("alerts", "Alerts.", lambda one: one.told.alerts),
)


class WatchCollector(Collector):
    """Reads the board whenever it is asked; counts begin anew with each watch.

    Args:
        board: What watches write.
    """

    def __init__(self, board: LiveBoard) -> None:
        self._board = board

    def collect(self) -> Iterator[Metric]:
        """Return what each camera's watch told last."""
        cameras = self._board.cameras()
        up = GaugeMetricFamily("faceward_camera_up", "Whether pictures of it come and are looked at.", labels=_LABEL)
        tracks = GaugeMetricFamily("faceward_camera_tracks", "Tracks that are alive.", labels=_LABEL)
        age = GaugeMetricFamily(
            "faceward_camera_told_seconds", "Seconds since its watch told of it; it was killed if many.", labels=_LABEL
        )
        for one in cameras:
            name = [one.told.name]
            up.add_metric(name, float(one.told.state in _UP and one.of.comparing and not one.stale))
            tracks.add_metric(name, 0 if one.stale else one.told.tracks)
            age.add_metric(name, round(one.age, 1))
        yield from (up, tracks, age)
        for key, text, value in _COUNTERS:
            family = CounterMetricFamily(f"faceward_camera_{key}", text, labels=_LABEL)
            for one in cameras:
                family.add_metric([one.told.name], value(one))
            yield family
