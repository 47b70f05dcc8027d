"""When a camera is tried again, and when its silence counts as a stall. No I/O; times are passed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_MANY = 30


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for what, in seconds.

    Attributes:
        first: Before the second try.
        most: Between tries, however many failed.
        stall: Without a frame until a camera counts as stalled.
        steady: Connected for so long, it counts as well again, and the next loss is tried after `first`.
    """

    first: float = 0.5
    most: float = 30.0
    stall: float = 5.0
    steady: float = 10.0


class Backoff:
    """Exponential waits with jitter, so that cameras lost together do not all come back in one instant.

    A wait is drawn evenly from the upper half of `first * 2**failures`, at most `most`.

    Args:
        patience: The waits.
        draw: Returns numbers from 0 to 1; those of a seeded generator make it repeatable.
    """

    def __init__(self, patience: Patience, draw: Callable[[], float] | None = None) -> None:
        self._patience = patience
        self._draw = draw or np.random.default_rng().random
        self._failures = 0
        self._connected: float | None = None
        self._heard = 0.0
        self._retry_at = float("-inf")
        self._told = False

    def connected(self, now: float) -> None:
        """Note that the source was opened."""
        self._connected = self._heard = now
        self._told = False

    def heard(self, now: float) -> None:
        """Note that a frame came."""
        self._heard = now
        self._told = False

    def stalled(self, now: float) -> bool:
        """Return True once for each silence of a connected source that lasts too long."""
        if self._connected is None or self._told or now - self._heard < self._patience.stall:
            return False
        self._told = True
        return True

    @property
    def silent(self) -> bool:
        """Whether `stalled` told of the silence that lasts."""
        return self._told

    def lost(self, now: float, *, harmful: bool = False) -> float:
        """Note that the source could not be opened or was lost; return the moment of the next try.

        Args:
            now: When.
            harmful: What it sent took what its neighbours need: it is waited for as long as ever is.
        """
        # A server that takes a connection and drops it at once must not be asked without a pause.
        if self._connected is not None and self._heard - self._connected >= self._patience.steady:
            self._failures = 0
        if harmful:
            self._failures = _MANY
        self._connected = None
        # The exponent is bounded, since it would outgrow a float after some hours without a camera.
        wait = min(self._patience.most, self._patience.first * 2.0 ** min(self._failures, _MANY))
        self._failures += 1
        self._retry_at = now + wait * (0.5 + 0.5 * self._draw())
        return self._retry_at

    def due(self, now: float) -> bool:
        """Return whether it is time to try."""
        return self._connected is None and now >= self._retry_at
