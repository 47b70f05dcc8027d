"""Concurrent inferences of one network, run as one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from faceward.core.faces import FloatArray
from faceward.vision.wiping import wipe


@dataclass(slots=True, eq=False)
class _Entry:
    rows: FloatArray
    taken: bool = False
    found: FloatArray | None = None
    error: BaseException | None = None

    @property
    def done(self) -> bool:
        return self.found is not None or self.error is not None


class Batcher:
    """Runs a network for several threads at once, and what waits meanwhile together.

    Nobody waits for others to come: a thread that finds a place free runs at once, with whatever waits by then. So one
    caller is served as fast as without it, and many share the cost of a run.

    Args:
        run: The network: from an array of shape (n, …) to one of shape (n, …), row by row.
        places: Runs at the same time; more than there are cores only take time from each other.
        most: Most rows in a run; a caller that gives more has a run of its own.
    """

    def __init__(self, run: Callable[[FloatArray], FloatArray], places: int, most: int) -> None:
        self._run, self._places, self._most = run, places, most
        self._changed = threading.Condition()
        self._waiting: deque[_Entry] = deque()
        self._running = 0

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Return the network's output for some rows, shape (n, …).

        Raises:
            Exception: What the network raises; where rows of others were run with these, they see it too.
        """
        mine = _Entry(rows)
        with self._changed:
            self._waiting.append(mine)
            while not mine.done:
                if mine.taken or self._running >= self._places:
                    self._changed.wait()
                    continue
                batch = self._next()
                self._running += 1
                self._changed.release()
                try:
                    self._serve(batch)
                finally:
                    self._changed.acquire()
                    self._running -= 1
                    self._changed.notify_all()
        if mine.error is not None:
            raise mine.error
        if mine.found is None:
            raise AssertionError("what is done has a result or an error")
        return mine.found

    def _next(self) -> list[_Entry]:
        batch: list[_Entry] = []
        count = 0
        while self._waiting:
            rows = self._waiting[0].rows
            if batch and (count + len(rows) > self._most or rows.shape[1:] != batch[0].rows.shape[1:]):
                break
            entry = self._waiting.popleft()
            entry.taken = True
            batch.append(entry)
            count += len(rows)
        return batch

    def _serve(self, batch: list[_Entry]) -> None:
        try:
            joined = batch[0].rows if len(batch) == 1 else np.concatenate([entry.rows for entry in batch])
            try:
                found = self._run(joined)
            finally:
                # Rows of one caller are the caller's to overwrite.
                if len(batch) > 1:
                    wipe(joined)
            ends = np.cumsum([len(entry.rows) for entry in batch])
            for entry, end in zip(batch, ends, strict=True):
                entry.found = found[end - len(entry.rows) : end]
        except BaseException as error:  # noqa: BLE001 - told to everybody whose rows were run
            for entry in batch:
                entry.error = error
