"""Backups, and restoring them so that nobody comes back who was erased."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from faceward.cli.options import Settings, command
from faceward.cli.output import emit, note, pairs

if TYPE_CHECKING:
    from faceward.operations.backup import Backup

Archive = Annotated[Path, typer.Argument(metavar="FILE", help="The archive.", show_default=False, readable=False)]
KeyPart = Annotated[
    Path,
    typer.Option(
        "--keys",
        metavar="FILE",
        help="The key part, which opens the archive; kept apart from it.",
        show_default=False,
        readable=False,
    ),
]
Recipients = Annotated[
    Optional[list[str]],
    typer.Option("--recipient", metavar="age1…", help="Encrypt both files to this age recipient as well. Repeatable."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("backup")(command(_backup))
    app.command("restore")(command(_restore))


def _backup(settings: Settings, file: Archive, *, keys: KeyPart, recipient: Recipients = None) -> None:
    """Back the deployment up while it is in use: an archive, and the key part that opens it.

    The key part replaces that of the backup before. So no older archive opens whom an erasure has ended since.
    """
    from faceward.operations.backup import Places

    with settings.open() as system:
        made = system.back_up(Places(file, keys, tuple(recipient or ())))
    if settings.as_json:
        emit(made.to_json())
    else:
        tell(made)


def tell(made: Backup) -> None:
    """Print what was made."""
    pairs(
        {
            "backup": made.identifier,
            "archive": made.archive,
            "SHA-256": made.archive_sha256,
            "key part": made.keys,
            "SHA-256 of it": made.keys_sha256,
            "log entries": made.log_size,
        }
    )
    note("the key part opens the archive: keep it elsewhere, and no copy of an earlier one")


def _restore(
    settings: Settings,
    file: Archive,
    *,
    keys: KeyPart,
    into: Annotated[
        Path, typer.Option("--into", metavar="DIR", help="A new folder.", show_default=False, readable=False)
    ],
    log: Annotated[
        Optional[Path],
        typer.Option(
            "--log", metavar="FILE", help="The newest log.db there is: its erasures are repeated.", readable=False
        ),
    ] = None,
    without_later_log: Annotated[
        bool,
        typer.Option("--without-later-log", help="No later log is left; the log will say that entries are lost."),
    ] = False,
    archive_identity: Annotated[
        Optional[Path],
        typer.Option(
            "--archive-identity", metavar="FILE", help="age identity that both files are encrypted to.", readable=False
        ),
    ] = None,
) -> None:
    """Restore a backup into a new folder; whoever was erased since stays erased.

    Where anything happened since, recognition stays stopped until people let it go on: 'faceward restart'.
    """
    from faceward.cli.opening import of_deployment
    from faceward.operations.restore_order import Order
    from faceward.operations.restoring import restore

    order = Order(file, keys, into, log, without_later_log, archive_identity)
    order.check()
    master, opener = of_deployment(settings)
    restored = restore(order, master, opener)
    if settings.as_json:
        emit(restored.to_json())
        return
    later = restored.later_entries
    pairs(
        {
            "restored": restored.home,
            "backup of": restored.made,
            "log entries in it": restored.log_size,
            "entries since": "unknown" if later is None else later,
            "keys destroyed again": restored.keys_destroyed,
            "recognition": "stopped; 'faceward restart' lets it go on" if restored.stopped else "as it was",
        }
    )
    if later is None:
        note(f"what the log said after entry {restored.log_size - 1} is lost, erasures among it: repeat those you know")
