"""How many faces, alerts and dropped frames each camera had, minute by minute; numbers alone, for a month.

A day is a file of lines `["10:05","door",3,0,12]`: the minute (UTC), the camera, and what came in it. A line is added
with one write, so that several watches may add to a day, and what a crash left of a line is passed over.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

KEPT = timedelta(days=31)
"""How long counts are kept."""
HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
_MOST_BYTES = 64 * 2**20
_MOST_COUNT = 10**9
_MOST_NAME = 1000


@dataclass(frozen=True, slots=True)
class Counted:
    """What came at a camera, or at several, in some time.

    Attributes:
        faces: Tracks that were compared: stays of a person in a camera's view.
        alerts: Alerts raised.
        dropped: Frames that were left out so as not to lag.
        minutes: Minutes in which there was a watch.
    """

    faces: int = 0
    alerts: int = 0
    dropped: int = 0
    minutes: int = 0

    def __add__(self, other: Counted) -> Counted:
        """Return both together; minutes of two cameras add up too."""
        return Counted(
            self.faces + other.faces,
            self.alerts + other.alerts,
            self.dropped + other.dropped,
            self.minutes + other.minutes,
        )

    def since(self, before: Counted) -> Counted:
        """Return what came since an earlier count; a count that begins anew counts whole."""
        pairs = zip(self._counts(), before._counts(), strict=True)
        return Counted(*(now - then if now >= then else now for now, then in pairs))

    def _counts(self) -> tuple[int, int, int]:
        return self.faces, self.alerts, self.dropped


class History:
    """The minutes of all cameras.

    Args:
        folder: Where the days lie; it exists once something is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, minute: datetime, counts: Mapping[str, Counted]) -> None:
        """Add what came in a minute.

        Args:
            minute: A moment of it, UTC.
            counts: By camera; `minutes` is one for each line that is written.

        Raises:
            OSError: The disk is full, or the folder cannot be written.
        """
        lines = "".join(
            json.dumps([f"{minute:%H:%M}", camera, one.faces, one.alerts, one.dropped], ensure_ascii=False) + "\n"
            for camera, one in sorted(counts.items())
        )
        descriptor = _to_add(self._file(minute.date()))
        try:
            # A line that a crash left unfinished must not take the next one with it.
            os.write(descriptor, f"\n{lines}".encode() if _torn(descriptor) else lines.encode())
        finally:
            os.close(descriptor)

    def prune(self, now: datetime) -> None:
        """Remove the days that ended longer ago than `KEPT`."""
        first = (now - KEPT).date()
        for file in self._folder.glob("counts-*.jsonl"):
            with suppress(ValueError, OSError):
                if date.fromisoformat(file.stem.removeprefix("counts-")) < first:
                    file.unlink()

    def hours(self, start: datetime, stop: datetime, cameras: Collection[str] | None = None) -> tuple[Counted, ...]:
        """Return what came in each hour.

        Args:
            start: Beginning of the first hour, UTC.
            stop: End of the last.
            cameras: Which cameras; all if None.
        """
        many = max(0, round((stop - start) / HOUR))
        found = [Counted()] * many
        for camera, minute, one in self._minutes(start, stop):
            place = (minute - start) // HOUR
            if place < many and (cameras is None or camera in cameras):
                found[place] += one
        return tuple(found)

    def lately(self, now: datetime, span: timedelta = HOUR) -> dict[str, Counted]:
        """Return what came at each camera in the time before now, to the minute."""
        found: dict[str, Counted] = {}
        for camera, _, one in self._minutes(now - span, now + _MINUTE):
            found[camera] = found.get(camera, Counted()) + one
        return found

    def _minutes(self, start: datetime, stop: datetime) -> Iterator[tuple[str, datetime, Counted]]:
        day, last = start.astimezone(UTC).date(), stop.astimezone(UTC).date()
        while day <= last:
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
            # Whole numbers are compared: a wall asks every second, and a day has many lines.
            first, until = -((midnight - start) // _MINUTE), -((midnight - stop) // _MINUTE)
            for number, camera, one in _read(self._file(day)):
                if first <= number < until:
                    yield camera, midnight + number * _MINUTE, one
            day += timedelta(days=1)

    def _file(self, day: date) -> Path:
        return self._folder / f"counts-{day.isoformat()}.jsonl"


def regular(file: Path, limit: int) -> bytes:
    """Read the beginning of a file; a link, a pipe or a device that was put in its place is not followed or waited for.

    Args:
        file: The file.
        limit: Most bytes that are read.

    Raises:
        OSError: It is missing, cannot be read, or is no regular file.
    """
    with os.fdopen(_opened(file, os.O_RDONLY), "rb") as opened:
        return opened.read(limit)


def _opened(file: Path, flags: int) -> int:
    descriptor = os.open(file, flags | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY, 0o600)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a regular file", str(file))


def _to_add(file: Path) -> int:
    """Open a day to add to it; what was put in its place and is no file of ours is taken away."""
    # Also for reading: a pipe that is opened for writing alone fails for want of a reader, not for what it is.
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    try:
        return _opened(file, flags)
    except OSError as problem:
        if problem.errno not in {errno.EINVAL, errno.ELOOP, errno.ENXIO}:
            raise
        file.unlink()
        return _opened(file, flags)


def _torn(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


def _read(file: Path) -> Sequence[tuple[int, str, Counted]]:
    try:
        found = file.lstat()
    except OSError:
        return ()
    return _parsed(file, found.st_mtime_ns, found.st_size)


# A page of a week reads eight days, of which seven do not change any more.
@lru_cache(maxsize=40)
def _parsed(file: Path, _: int, size: int) -> Sequence[tuple[int, str, Counted]]:
    found: list[tuple[int, str, Counted]] = []
    with suppress(OSError):
        for line in regular(file, min(size, _MOST_BYTES)).splitlines():
            with suppress(ValueError, TypeError, RecursionError):
                found.append(_line(line))
    return tuple(found)


def _line(line: bytes) -> tuple[int, str, Counted]:
    clock, camera, *counts = json.loads(line)
    if not isinstance(clock, str) or not isinstance(camera, str) or len(camera) > _MOST_NAME:
        raise TypeError("it is no line of counts")
    # Half of a surrogate pair can be written as JSON and never be shown.
    camera.encode()
    hour, _, minute = clock.partition(":")
    number = int(hour) * 60 + int(minute)
    plain = [count for count in counts if type(count) is int and 0 <= count <= _MOST_COUNT]
    if len(plain) != 3 or len(counts) != 3 or not 0 <= number < 24 * 60:
        raise ValueError("it is no line of counts")
    faces, alerts, dropped = plain
    return number, camera, Counted(faces, alerts, dropped, 1)
