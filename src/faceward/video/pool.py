"""Threads that look at frames: one of a camera at a time, the latest where there are more than there is time for."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from faceward.video.pairs import FORGOTTEN
from faceward.video.recogniser import Looked, Recogniser

if TYPE_CHECKING:
    from faceward.video.comparing import Comparer
    from faceward.video.frames import Frame
    from faceward.video.views import View

# Longest wait for a frame, so that working memory is overwritten in time and an end is noticed.
_WAIT = 0.25


@dataclass(frozen=True, slots=True)
class _Work:
    """What a thread is to do with a camera: look at a frame, or see to what waits there for one that does not come."""

    camera: str
    frame: Frame | None
    comparer: Comparer | None


@dataclass(frozen=True, slots=True)
class Done:
    """A frame that was looked at, or the end of waiting for one.

    Attributes:
        camera: Whose it was.
        captured: When it was taken, seconds since the epoch, by the stream's clock; 0 where there was no frame.
        received: When it came, on the monotonic clock; where there was none, when that came of which a sample waited.
        finished: When it was done.
        looked: What was made of it; None where that failed.
        error: Why, or why not all of its faces were compared; None where nothing failed.
        comparer: Who was to compare then; None where that has nothing to do with it.
    """

    camera: str
    captured: float
    received: float
    finished: float
    looked: Looked | None = None
    error: BaseException | None = field(default=None, repr=False)
    comparer: Comparer | None = field(default=None, repr=False)


class Pool:
    """Looks at frames in threads of its own, each with networks of its own.

    Args:
        recognisers: One for each thread.
        views: The cameras' views by name.
        release: Gives a frame's memory back; called by the threads too.
        waiting: Cameras whose frames all wait for their turn; of the others the latest takes the place of one that
            waits, which is given back and counted.
    """

    def __init__(
        self,
        recognisers: Sequence[Recogniser],
        views: dict[str, View],
        release: Callable[[Frame], None],
        waiting: Collection[str] = (),
    ) -> None:
        self._views, self._release, self._patient = views, release, frozenset(waiting)
        self._changed = threading.Condition()
        self._waiting: dict[str, deque[Frame]] = {name: deque() for name in views}
        self._busy: set[str] = set()
        self._comparer: Comparer | None = None
        self._done: deque[Done] = deque()
        self._passed_over = dict.fromkeys(views, 0)
        self._ended = self._finishing = False
        self._threads = [
            threading.Thread(target=self._work, args=(one,), name=f"look-{number}", daemon=True)
            for number, one in enumerate(recognisers)
        ]
        for thread in self._threads:
            thread.start()

    def open(self, comparer: Comparer) -> None:
        """Begin to look at frames, on the terms of who compares."""
        with self._changed:
            self._comparer = comparer

    def shut(self) -> None:
        """Look at nothing until `open`: frames that wait are given back, and samples that wait overwritten.

        What is in hand the watch itself refuses to compare, once it has ended; nothing is waited for here.
        """
        with self._changed:
            self._comparer = None
            for view in self._free():
                view.waiting.forget()
            given_up = self._given_up()
            self._changed.notify_all()
        for frame in given_up:
            self._release(frame)

    def _given_up(self) -> list[Frame]:
        """Take the frames that wait. The caller holds the lock."""
        frames = [frame for waiting in self._waiting.values() for frame in waiting]
        for waiting in self._waiting.values():
            waiting.clear()
        return frames

    def rest(self) -> None:
        """Look at nothing until `open`, and wait until nothing is in hand: all frames were given back."""
        self.shut()
        with self._changed:
            while self._busy or self._held():
                self._changed.wait()

    def offer(self, frame: Frame) -> None:
        """Hand over a frame; it is given back when it was looked at, or when it will not be."""
        given_back: Frame | None = None
        with self._changed:
            if self._comparer is None or self._ended or self._finishing:
                given_back = frame
            else:
                frames = self._waiting[frame.camera]
                if frames and frame.camera not in self._patient:
                    given_back = frames.popleft()
                    self._passed_over[frame.camera] += 1
                frames.append(frame)
                self._changed.notify()
        if given_back is not None:
            self._release(given_back)

    def take(self) -> list[Done]:
        """Return what was done since the last call. To be called often: what nobody comes to in time is overwritten."""
        now = time.monotonic()
        with self._changed:
            for view in self._free():
                view.waiting.expire(now)
            found = list(self._done)
            self._done.clear()
        return found

    @property
    def passed_over(self) -> dict[str, int]:
        """By camera, frames that were given back unseen because a later one came."""
        with self._changed:
            return dict(self._passed_over)

    @property
    def idle(self) -> bool:
        """Whether nothing waits or is in hand, and all that was done was taken."""
        with self._changed:
            return not (self._busy or self._done or any(self._waiting.values()) or self._held())

    def finish(self) -> None:
        """Look at no further frame, compare what waits, and end the threads; see `close`."""
        with self._changed:
            self._finishing = True
            given_up = self._given_up()
            limit = time.monotonic() + FORGOTTEN
            while (self._busy or self._held()) and time.monotonic() < limit:
                self._changed.wait(_WAIT)
        for frame in given_up:
            self._release(frame)
        self.close()

    def close(self) -> None:
        """End the threads when what they have in hand is done; working memory is overwritten."""
        self.shut()
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self, recogniser: Recogniser) -> None:
        while True:
            worked = self._look_at_next(recogniser)
            due, now = recogniser.scrubber.due, time.monotonic()
            if due is not None and (self._ended or now >= due):
                self._scrub(recogniser, math.inf if self._ended else now)
            if not worked and self._over(recogniser):
                return

    def _over(self, recogniser: Recogniser) -> bool:
        with self._changed:
            return self._ended and recogniser.scrubber.due is None and not self._held()

    def _look_at_next(self, recogniser: Recogniser) -> bool:
        # In a call of its own: no reference to a frame's memory is left while the next one is waited for.
        work = self._next(recogniser)
        if work is None:
            return False
        self._see_to(recogniser, work)
        return True

    def _next(self, recogniser: Recogniser) -> _Work | None:
        """Wait for something to do, not past what is due; its camera is busy from now on."""
        with self._changed:
            work = self._ready()
            if work is None and not self._ended:
                dues = [due for due in (recogniser.scrubber.due, *self._held().values()) if due is not None]
                self._changed.wait(min([_WAIT, *(max(0.0, due - time.monotonic()) for due in dues)]))
                work = self._ready()
            if work is not None:
                self._busy.add(work.camera)
            return work

    def _ready(self) -> _Work | None:
        """Return what is to be done: samples that have waited too long, then the frame that came first."""
        now = time.monotonic()
        for camera, due in self._held().items():
            if camera not in self._busy and (self._comparer is None or now >= due):
                return _Work(camera, None, self._comparer)
        ready = [frames[0] for camera, frames in self._waiting.items() if frames and camera not in self._busy]
        if self._comparer is None or not ready:
            return None
        frame = min(ready, key=lambda one: one.received)
        self._waiting[frame.camera].popleft()
        return _Work(frame.camera, frame, self._comparer)

    def _free(self) -> list[View]:
        """Return the views that no thread uses. The caller holds the lock."""
        return [view for name, view in self._views.items() if name not in self._busy]

    def _held(self) -> dict[str, float]:
        """Return by when samples that wait are to be seen to, by camera; of busy cameras nobody knows.

        The caller holds the lock.
        """
        dues = ((name, view.waiting.due) for name, view in self._views.items() if name not in self._busy)
        return {name: due for name, due in dues if due is not None}

    def _see_to(self, recogniser: Recogniser, work: _Work) -> None:
        looked: Looked | None = None
        error: BaseException | None = None
        frame, view = work.frame, self._views[work.camera]
        received = view.waiting.received if frame is None else frame.received
        try:
            if work.comparer is None:
                # Nobody may be compared any more.
                view.waiting.forget()
            elif frame is None:
                looked = recogniser.settle(view, work.comparer)
            else:
                looked = recogniser.look(frame, view, work.comparer)
            error = None if looked is None else looked.error
        except BaseException as raised:  # noqa: BLE001 - told to whoever asks what was done
            # A traceback would keep what the frames of its calls held.
            error = raised.with_traceback(None)
        finally:
            if frame is not None:
                self._release(frame)
        captured, now = 0.0 if frame is None else frame.captured.timestamp(), time.monotonic()
        with self._changed:
            if looked is not None or error is not None:
                self._done.append(Done(work.camera, captured, received or now, now, looked, error, work.comparer))
            if self._comparer is not work.comparer:
                # What was seen for one watch is compared for no other (rule W7).
                view.waiting.forget()
            self._busy.discard(work.camera)
            self._changed.notify_all()

    def _scrub(self, recogniser: Recogniser, now: float) -> None:
        try:
            recogniser.scrubber.scrub(now)
        except BaseException as raised:  # noqa: BLE001 - told to whoever asks what was done
            with self._changed:
                now = time.monotonic()
                self._done.append(Done("", 0.0, now, now, error=raised.with_traceback(None)))
                self._ended = True
