"""A progress bar on standard error, for what takes longer than a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from faceward.cli.options import Settings

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE_SECONDS = 1.0
Advance = Callable[[int, int], None]


class _Bar:
    """Appears once the work has taken a second, so that short work leaves no trace."""

    def __init__(self, what: str) -> None:
        self._what, self._started = what, time.monotonic()
        self._shown: tuple[Progress, TaskID] | None = None

    def advance(self, done: int, total: int) -> None:
        if self._shown is None:
            if time.monotonic() - self._started < PATIENCE_SECONDS:
                return
            self._shown = self._show(total)
        bar, task = self._shown
        bar.update(task, completed=done, total=total)

    def _show(self, total: int) -> tuple[Progress, TaskID]:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        from faceward.cli.output import console

        columns = TextColumn(self._what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        bar = Progress(*columns, console=console(stderr=True), transient=True)
        bar.start()
        return bar, bar.add_task(self._what, total=total)

    def close(self) -> None:
        if self._shown is not None:
            self._shown[0].stop()


@contextmanager
def progress(settings: Settings, what: str) -> Iterator[Advance | None]:
    """Provide what an operation calls as it advances; None with `--json` and where nobody watches.

    Args:
        settings: Whether JSON is wanted.
        what: What is going on, one or two words.
    """
    if settings.as_json or not sys.stderr.isatty():
        yield None
        return
    bar = _Bar(what)
    try:
        yield bar.advance
    finally:
        bar.close()
