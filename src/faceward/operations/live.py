"""What cameras show and count just now: written by a watch, read by whoever may look on.

A watch writes redacted pictures and counts alone, under HOME/live. The names of the files are digests of the cameras'
names, so that no name leads elsewhere. Nothing of it is needed after a crash: it is replaced whole and never waited
for, and what a watch left behind that was killed is shown as old, then not at all, and removed by the next.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from faceward.core.clock import Clock, SystemClock, from_rfc3339
from faceward.core.errors import EnvironmentFailure
from faceward.core.watch_results import LiveCamera, LiveState
from faceward.operations.live_history import Counted, History, regular
from faceward.operations.live_told import LARGEST, Told, told_in

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "live"
STALE = timedelta(seconds=5)
"""After which a picture or a state is called old."""
GONE = timedelta(minutes=1)
"""After which a picture is shown no more."""
_FORGOTTEN = timedelta(hours=24)
_RATE_SPAN = timedelta(seconds=10)
_JPEG = b"\xff\xd8\xff"
_PRIVATE_FOLDER = 0o700


@dataclass(frozen=True, slots=True)
class CameraNow:
    """A camera as a watch last told of it.

    Attributes:
        told: What it told.
        of: What its watch told.
        age: How long ago, seconds.
        rate: Frames a second in which faces were looked for, of late; None where that is not known yet.
        picture: How old the latest picture is, seconds; None where there is none to be shown.
    """

    told: LiveCamera
    of: LiveState
    age: float
    rate: float | None
    picture: float | None

    @property
    def stale(self) -> bool:
        """Whether the watch has told nothing for some time: it was killed, or hangs."""
        return self.age > STALE.total_seconds()


@dataclass(frozen=True, slots=True)
class Preview:
    """A redacted picture.

    Attributes:
        jpeg: The picture, a JPEG file.
        taken: When it was written, UTC.
    """

    jpeg: bytes
    taken: datetime


class LiveBoard:
    """What cameras show and count just now; one object writes for one watch, and any number read.

    Args:
        home: The deployment's folder.
        clock: Where time comes from.
    """

    def __init__(self, home: Path, clock: Clock | None = None) -> None:
        self._folder = home / FOLDER
        self._clock = clock or SystemClock()
        self._history = History(self._folder)
        self._state = self._folder / f"state-{secrets.token_hex(8)}.json"
        self._written: dict[str, Counted] = {}
        self._minute: datetime | None = None
        self._latest: dict[str, Counted] = {}
        self._seen: deque[tuple[datetime, dict[str, int]]] = deque()
        self._previews: set[Path] = set()
        self._begun = False

    # Writing, for the watch.

    def write_preview(self, camera: str, jpeg: bytes) -> None:
        """Show a picture in the place of the one before.

        Args:
            camera: Which camera's.
            jpeg: The picture, a JPEG file; every face in it is hidden.

        Raises:
            ValueError: It is no JPEG file, or larger than any preview is.
            EnvironmentFailure: The disk is full, or the folder cannot be written.
        """
        if not jpeg.startswith(_JPEG) or len(jpeg) > LARGEST:
            raise ValueError("a preview is a JPEG file of at most a mebibyte")
        self._begin()
        place = self._preview(camera)
        self._put(place, jpeg)
        self._previews.add(place)

    def write_state(self, state: LiveState) -> None:
        """Tell how the cameras of a watch stand, and count what came since; once a second is often enough.

        Args:
            state: How they stand; its counts are of the whole watch.

        Raises:
            EnvironmentFailure: The disk is full, or the folder cannot be written.
        """
        self._begin()
        value = {"state": state.to_json(), "rates": self._rates(state)}
        self._put(self._state, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
        self._latest = {one.name: Counted(one.compared, one.alerts, one.dropped) for one in state.cameras}
        self._count()

    def clear(self) -> None:
        """Take the watch's state and pictures away; what it counted stays."""
        if not self._begun:
            return
        with contextlib.suppress(EnvironmentFailure):
            self._count(whole=False)
        for file in (self._state, *self._previews):
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)
        self._previews.clear()

    def _rates(self, state: LiveState) -> dict[str, float]:
        """Return how many frames a second each camera's faces were looked for in, over the last ten seconds."""
        now, looked = self._clock.now(), {one.name: one.looked_at for one in state.cameras}
        self._seen.append((now, looked))
        while len(self._seen) > 2 and now - self._seen[1][0] >= _RATE_SPAN:
            self._seen.popleft()
        began, before = self._seen[0]
        span = (now - began).total_seconds()
        if span <= 0:
            return {}
        return {name: round(max(0, count - before.get(name, 0)) / span, 2) for name, count in looked.items()}

    def _begin(self) -> None:
        if self._begun:
            return
        with self._failing():
            self._folder.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
        now = self._clock.now()
        for file in self._leftovers(now):
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)
        self._history.prune(now)
        self._begun = True

    def _leftovers(self, now: datetime) -> Iterator[Path]:
        """Return what was left behind: unfinished files, and what nobody has written for long."""
        for pattern, term in (("state-*.json", _FORGOTTEN), ("*.jpg", GONE), ("*.tmp", GONE)):
            for file in self._folder.glob(pattern):
                with contextlib.suppress(OSError):
                    if now - _written(file) > term:
                        yield file

    def _put(self, place: Path, data: bytes) -> None:
        """Replace a file whole, without waiting for the disk: after a crash it is worth nothing."""
        temporary = place.with_name(f"{place.name}.{secrets.token_hex(4)}.tmp")
        moment = self._clock.now().timestamp()
        with self._failing():
            try:
                descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                os.utime(temporary, (moment, moment))
                temporary.replace(place)
            finally:
                temporary.unlink(missing_ok=True)

    def _count(self, *, whole: bool = True) -> None:
        """Write the minute that is over; the one under way too, where the watch ends."""
        minute = self._clock.now().replace(second=0, microsecond=0)
        began = self._minute
        if began is None:
            self._minute = minute
        elif minute != began or not whole:
            came = {name: one.since(self._written.get(name, Counted())) for name, one in self._latest.items()}
            with self._failing():
                self._history.add(began, came)
            if minute.date() != began.date():
                self._history.prune(minute)
            self._written, self._minute = self._latest, minute

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise EnvironmentFailure(
                f"{self._folder} cannot be written ({error.strerror}); check space and permissions"
            ) from error

    # Reading, for who looks on.

    def cameras(self) -> tuple[CameraNow, ...]:
        """Return how every camera stands, by name, as the watch told that spoke of it last."""
        now = self._clock.now()
        found: dict[str, CameraNow] = {}
        for told in self._told():
            age = max(0.0, (now - from_rfc3339(told.state.written)).total_seconds())
            for one in told.state.cameras:
                if one.name not in found:
                    rate, picture = told.rates.get(one.name), self._picture_age(one.name, now)
                    found[one.name] = CameraNow(one, told.state, age, rate, picture)
        return tuple(found[name] for name in sorted(found))

    def states(self) -> tuple[LiveState, ...]:
        """Return what each watch told last, the latest first; what is older than a day is passed over."""
        return tuple(told.state for told in self._told())

    def _told(self) -> list[Told]:
        now = self._clock.now()
        found = [told for file in self._folder.glob("state-*.json") if (told := told_in(file)) is not None]
        fresh = [told for told in found if abs(now - from_rfc3339(told.state.written)) <= _FORGOTTEN]
        return sorted(fresh, key=lambda one: from_rfc3339(one.state.written), reverse=True)

    def preview(self, camera: str) -> Preview | None:
        """Return a camera's latest picture, or None where there is none, or it is older than a minute."""
        place = self._preview(camera)
        try:
            taken = _written(place)
            if self._clock.now() - taken > GONE:
                return None
            data = regular(place, LARGEST + 1)
        except OSError:
            return None
        return Preview(data, taken) if len(data) <= LARGEST and data.startswith(_JPEG) else None

    def hours(self, start: datetime, stop: datetime, cameras: Collection[str] | None = None) -> tuple[Counted, ...]:
        """Return what was counted in each hour; see `live_history.History.hours`."""
        return self._history.hours(start, stop, cameras)

    def lately(self) -> Mapping[str, Counted]:
        """Return what came at each camera in the last hour, to the minute."""
        return self._history.lately(self._clock.now())

    def _picture_age(self, camera: str, now: datetime) -> float | None:
        try:
            age = now - _written(self._preview(camera))
        except OSError:
            return None
        return max(0.0, age.total_seconds()) if age <= GONE else None

    def _preview(self, camera: str) -> Path:
        return self._folder / f"{hashlib.sha256(camera.encode()).hexdigest()[:32]}.jpg"


def _written(file: Path) -> datetime:
    return datetime.fromtimestamp(file.lstat().st_mtime, tz=UTC)
