"""Holding a watch: it is asked twice a second whether it may go on, and begun anew where the machine failed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING

from faceward.core.errors import EnvironmentFailure, FacewardError, PolicyRefusal

if TYPE_CHECKING:
    from faceward.video.ports import Held, Opening

CHECK_EVERY = 0.5
"""Seconds between two questions whether the watch may go on: a stop takes effect within two (rule W7)."""
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0


class Holder:
    """Holds the watch under way, or none where the machine does not allow one just now.

    Args:
        opening: Announces a watch; may raise as `Watcher.check` does.
        ending: Called before a watch is ended, so that nobody hands it anything any more.
    """

    def __init__(self, opening: Opening, ending: Callable[[], None] = lambda: None) -> None:
        self._opening, self._ending = opening, ending
        self._held: AbstractContextManager[Held] | None = None
        self.watcher: Held | None = None
        self.interruptions = 0
        self._checked = 0.0
        self._wait, self._retry_at = _FIRST_WAIT, 0.0
        self.retry_in = 0.0
        """Seconds that were drawn last until the watch begins anew."""

    def begin(self, now: float) -> Held:
        """Begin the watch.

        Args:
            now: A monotonic clock, seconds.

        Raises:
            PolicyRefusal: It may not begin.
            EnvironmentFailure: The machine cannot.
        """
        held = self._opening()
        watcher = held.__enter__()
        self._held, self.watcher = held, watcher
        self._checked = now
        return watcher

    def step(self, now: float) -> FacewardError | None:
        """Ask whether the watch may go on, or begin it anew, where it is time for either.

        Returns:
            Why it was interrupted just now, or why it could not begin anew; None where nothing changed for the worse.

        Raises:
            PolicyRefusal: It may not go on; nothing is compared any more.
        """
        if self.watcher is None:
            return self._again(now)
        if now - self._checked < CHECK_EVERY:
            return None
        self._checked = now
        try:
            self.watcher.check()
        except EnvironmentFailure as error:
            return self.interrupt(error, now)
        except FacewardError as error:
            self.end(error)
            raise
        self._wait = _FIRST_WAIT
        return None

    def interrupt(self, error: FacewardError, now: float) -> FacewardError:
        """End the watch for now; it begins anew after a while, later each time, and then is refused or goes on.

        Args:
            error: What failed: the watch, a comparison or an alert.
            now: A monotonic clock, seconds.

        Returns:
            The same.
        """
        self.interruptions += self.watcher is not None
        self.end(error)
        self.retry_in = self._wait
        self._retry_at, self._wait = now + self._wait, min(_LONGEST_WAIT, 2 * self._wait)
        return error

    def _again(self, now: float) -> FacewardError | None:
        if now < self._retry_at:
            return None
        try:
            self.begin(now)
        except EnvironmentFailure as error:
            return self.interrupt(error, now)
        return None

    def end(self, reason: BaseException | None = None) -> None:
        """End the watch, if there is one; that it ended is written where that is possible.

        Args:
            reason: Why, where it did not end as it should.
        """
        held, self._held, self.watcher = self._held, None, None
        if held is None:
            return
        # First: a sighting that waits is kept for the next watch, and not refused by this one.
        self._ending()
        # Where the log takes no entry, the next opening of the deployment closes what was begun.
        with suppress(EnvironmentFailure, PolicyRefusal):
            held.__exit__(None if reason is None else type(reason), reason, None)
