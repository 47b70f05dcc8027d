"""Watching cameras for those on a list."""

from __future__ import annotations

import json
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from faceward.cli.options import Settings, command
from faceward.cli.output import note, say
from faceward.cli.recognition import Mandate
from faceward.core.clock import to_rfc3339
from faceward.core.errors import UsageError

if TYPE_CHECKING:
    from faceward.outbound.courier import Courier
    from faceward.video.ports import Event

_SPAN = re.compile(r"(\d{1,6})\s*(s|min|h)")
_SECONDS = {"s": 1, "min": 60, "h": 3600}
# What belongs to the result; the rest is said beside it.
_RESULTS = frozenset({"alert", "ended"})


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("watch")(command(_watch))


def _watch(
    settings: Settings,
    *,
    camera: Annotated[list[str], typer.Option(metavar="NAME", help="A configured camera. Repeatable.")],
    watchlist: Annotated[str, typer.Option(metavar="NAME", help="The list: the gallery that is watched for.")],
    purpose: Annotated[
        Optional[str], typer.Option(help="A registered purpose.", show_default="the purpose of the list")
    ] = None,
    mandate: Mandate = None,
    span: Annotated[
        Optional[str],
        typer.Option("--for", metavar="TIME", help="End after 30s, 10min or 2h; else when all sources have ended."),
    ] = None,
    until_ended: Annotated[
        bool,
        typer.Option(
            "--until-ended",
            help="For recordings: look at every frame, as fast as the machine can, and end with the last.",
        ),
    ] = False,
) -> None:
    """Watch cameras for those on a list, until Ctrl-C; an alert waits for people to decide.

    Each line is one event; with --json it is one object.
    """
    from faceward.operations.watching import WatchRequest
    from faceward.outbound.courier import Courier
    from faceward.protection.process import forbid_dumps
    from faceward.video.running import Conduct, watch

    # Before anything is opened: what a crash leaves on disk must hold no face and nothing of the list.
    forbid_dumps()
    limit = _limit(span)
    with settings.open() as system, _asked_to_end() as asked:
        named = purpose or system.gallery_purposes().get(watchlist) or ""
        if not named:
            raise UsageError(f"no gallery {watchlist!r}; 'faceward gallery list' names them")
        who, courier = settings.credentials(), Courier(system, note)
        conduct = Conduct(
            tell=_waking(_tell_json if settings.as_json else _tell, courier),
            ends=lambda: asked.is_set() or time.monotonic() >= limit,
            patient=until_ended,
            renew=None if who is None else lambda: system.people.sign_in(who),
        )
        with courier:
            watch(system, WatchRequest(watchlist, named, tuple(camera), mandate), conduct)


def _waking(tell: Callable[[Event], None], courier: Courier) -> Callable[[Event], None]:
    """Return what tells an event, and has an alert sent at once."""

    def told(event: Event) -> None:
        tell(event)
        if event.kind == "alert":
            courier.wake()

    return told


def _limit(span: str | None) -> float:
    """Return when to end, on the monotonic clock."""
    if span is None:
        return float("inf")
    found = _SPAN.fullmatch(span.strip())
    if found is None or not int(found[1]):
        raise UsageError(f"--for {span!r} is no time; give a number and s, min or h, such as 10min")
    return time.monotonic() + int(found[1]) * _SECONDS[found[2]]


@contextmanager
def _asked_to_end() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C, or a request to terminate, sets; a second one interrupts at once."""
    asked = threading.Event()

    def ask(number: int, frame: object) -> None:
        del number, frame
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {each: signal.signal(each, ask) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _tell(event: Event) -> None:
    if event.kind in _RESULTS:
        say(event.message)
        sys.stdout.flush()
    else:
        note(event.message)


def _tell_json(event: Event) -> None:
    value = {"event": event.kind, "time": to_rfc3339(datetime.now(UTC)), "message": event.message}
    if event.camera:
        value["camera"] = event.camera
    sys.stdout.write(json.dumps({**value, **event.details}, allow_nan=False) + "\n")
    sys.stdout.flush()
