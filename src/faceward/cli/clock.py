"""The clock that keeps terms: once for cron, or for as long as the process runs."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from faceward.cli.options import Settings, command
from faceward.cli.output import emit, note, say
from faceward.core.errors import FacewardError, UsageError

if TYPE_CHECKING:
    from faceward.core.rights_results import TickResult

_EVERY = re.compile(r"(\d{1,5})\s*([smh])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_LONGEST = 24 * 3600


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("tick")(command(_tick))
    app.command("run")(command(_run))


def _tick(settings: Settings) -> None:
    """Do once what the time asks for: erase what has ended, suspend what is overdue, name what is due.

    For cron. The exit code is 1 only where a step could not be done.
    """
    with settings.open() as system:
        result = system.rights.tick()
    if settings.as_json:
        emit(result.to_json())
    else:
        _tell(result)
        for one in result.due:
            state = "overdue since" if one["overdue"] else "due by"
            say(f"{one['what']} {one['identifier']}: {state} {str(one['deadline'])[:10]}")
        if not (result.done or result.due or result.failed):
            say("nothing was to be done, and nothing is due")
    if result.failed:
        raise typer.Exit(FacewardError.exit_code)


def _run(
    settings: Settings,
    every: Annotated[str, typer.Option(help="How often: 30s, 5m, 1h.")] = "30s",
) -> None:
    """Keep the clock running, and send alerts by the channels, until the process is told to end.

    What is under way is finished first.
    """
    from faceward.outbound.courier import Courier

    seconds = _interval(every)
    turns = done = failed = 0
    with _told_to_end() as ended, settings.open() as system, Courier(system, note):
        if not settings.as_json:
            say(f"the clock runs, every {every.strip()}; end it with Ctrl-C or SIGTERM")
            _flush()
        while not ended.is_set():
            result = system.rights.tick()
            turns, done, failed = turns + 1, done + len(result.done), failed + len(result.failed)
            if not settings.as_json:
                _tell(result)
                _flush()
            ended.wait(seconds)
    if settings.as_json:
        emit({"turns": turns, "done": done, "failed": failed})


@contextmanager
def _told_to_end() -> Iterator[threading.Event]:
    """Turn SIGTERM and SIGINT into an event, so that an act under way is finished."""
    ended = threading.Event()
    signals = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(one, lambda *_: ended.set()) for one in signals]
    try:
        yield ended
    finally:
        for one, handler in zip(signals, before, strict=True):
            signal.signal(one, handler)


def _tell(result: TickResult) -> None:
    for line in result.done:
        say(f"{result.at[:19]}Z {line}")
    for line in result.failed:
        note(line)


def _flush() -> None:
    import sys

    sys.stdout.flush()


def _interval(text: str) -> float:
    found = _EVERY.fullmatch(text.strip())
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 1 <= seconds <= _LONGEST:
        raise UsageError(f"--every {text!r} is no interval between 1s and 24h; write a number and s, m or h")
    return float(seconds)
