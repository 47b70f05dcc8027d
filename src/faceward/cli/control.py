"""Stopping all recognition at once, and restarting it with two people."""

from __future__ import annotations

from typing import Annotated

import typer

from faceward.cli.options import Settings, command
from faceward.cli.output import emit, say
from faceward.cli.requests import tell


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("stop")(command(_stop))
    app.command("restart")(command(_restart))


def _stop(
    settings: Settings,
    *,
    reason: Annotated[str, typer.Option(help="Why, in a line, for the log.")],
) -> None:
    """Stop all recognition, in every process, at once. Enrolling, showing and erasing go on."""
    with settings.open() as system:
        entry = system.control.stop(reason)
    if settings.as_json:
        emit({"stopped": True, "entry": entry})
        return
    say("stopped: nobody is recognised until two people restart it with 'faceward restart'")
    say(f"log entry {entry}")


def _restart(settings: Settings) -> None:
    """Ask for recognition to go on; another person approves it."""
    with settings.open() as system:
        asked = system.control.restart()
    tell(settings, asked)
