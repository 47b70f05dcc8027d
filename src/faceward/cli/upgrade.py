"""Bringing a deployment's files to this program's versions, with a way back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from faceward.cli.backup import Recipients, tell
from faceward.cli.options import Settings, command
from faceward.cli.output import emit, say, table
from faceward.core.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("upgrade")(command(_upgrade))


def _upgrade(
    settings: Settings,
    *,
    check: Annotated[bool, typer.Option("--check", help="Only say which files are of which version.")] = False,
    backup: Annotated[
        Optional[Path],
        typer.Option("--backup", metavar="FILE", help="Archive of the backup that is made first.", readable=False),
    ] = None,
    keys: Annotated[
        Optional[Path],
        typer.Option("--keys", metavar="FILE", help="Key part of that backup; kept apart from it.", readable=False),
    ] = None,
    recipient: Recipients = None,
) -> None:
    """Back the deployment up, bring its files to this program's versions, and check all of them.

    The way back is to install the former version and to restore the backup with it: 'faceward restore'.
    """
    from faceward.core.clock import SystemClock
    from faceward.operations.backup import Places
    from faceward.operations.upgrade import upgrade, versions

    home = settings.require_home()
    if check:
        found = versions(home)
        if settings.as_json:
            emit({"files": [one.to_json() for one in found], "needed": any(one.state == "older" for one in found)})
        else:
            table(
                ("file", "version", "of this program", "state"),
                [(one.name, str(one.present), str(one.latest), one.state) for one in found],
            )
        return
    if backup is None or keys is None:
        raise UsageError("give --backup FILE and --keys FILE for the way back, or --check to see what would be done")
    from faceward.cli.opening import of_deployment

    master, opener = of_deployment(settings)
    done = upgrade(home, Places(backup, keys, tuple(recipient or ())), SystemClock().now(), master, opener)
    if settings.as_json:
        emit(done.to_json())
    elif done.backup is None:
        say("every file is of this program's version; nothing was done")
    else:
        tell(done.backup)
        for one in done.files:
            say(f"{one.name}: version {one.present} became {one.latest}")
