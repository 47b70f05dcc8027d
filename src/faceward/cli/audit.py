"""The log: show it, verify it, prove an entry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from faceward.cli.files import output, read_limited
from faceward.cli.log_table import log_table
from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, print_text, say
from faceward.core.errors import BadInput

if TYPE_CHECKING:
    from faceward.audit.verifier import LogReport

_MAX_CHECKPOINT_BYTES = 64 * 1024


def register(app: typer.Typer) -> None:
    """Add the commands."""
    audit = group("audit", "The log that nobody can alter unseen.")
    audit.command("show")(command(_show))
    audit.command("verify")(command(_verify))
    audit.command("prove")(command(_prove))
    app.add_typer(audit)


def _show(
    settings: Settings,
    last: Annotated[int, typer.Option(min=1, metavar="N", help="How many of the latest entries.")] = 20,
) -> None:
    """Show the latest entries of the log, with what can still be opened of them."""
    with settings.open() as system:
        lines = list(system.log_lines(max(0, system.log_size - last)))
    if settings.as_json:
        emit({"entries": [line.to_json() for line in lines]})
    else:
        log_table(lines)


def _verify(
    settings: Settings,
    earlier: Annotated[
        Optional[Path],
        typer.Option(metavar="FILE", help="A checkpoint kept outside: finds a log that was rolled back or rewritten."),
    ] = None,
) -> None:
    """Recompute the whole log and check it against its signature. Needs no passphrase."""
    from faceward.operations.system import verify_home

    kept = None
    if earlier is not None:
        try:
            kept = read_limited(earlier, _MAX_CHECKPOINT_BYTES, "checkpoint").decode()
        except UnicodeDecodeError:
            raise BadInput(f"{earlier}: not a checkpoint; give the file that was kept") from None
    report = verify_home(settings.require_home(), kept)
    if settings.as_json:
        emit(report_json(report))
    else:
        for line in report.lines():
            say(line)


def report_json(report: LogReport) -> dict[str, Any]:
    """Return the object of `faceward audit verify --json`."""
    return {
        "verified": True,
        "origin": report.checkpoint.origin,
        "size": report.checkpoint.size,
        "root": report.checkpoint.root.hex(),
        "earlier": report.earlier,
        "operations": [
            {"operation": name, "phase": str(phase.value), "count": count}
            for (name, phase), count in sorted(report.operations.items())
        ],
        "unfinished": list(report.unfinished),
        "backwards": list(report.backwards),
        "sealed_openings": report.sealed_openings,
        "blanked_openings": report.blanked_openings,
    }


def _prove(
    settings: Settings,
    entry: Annotated[int, typer.Argument(min=0, help="Index of the entry.")],
    out: Annotated[
        Optional[Path], typer.Option("--output", "-o", help="Write to this file.", show_default="standard output")
    ] = None,
) -> None:
    """Prove that an entry is in the log: a receipt (C2SP tlog-proof) that anybody can check with the log's key."""
    with settings.open() as system:
        proof = system.prove(entry)
    if out is not None:
        with output(out) as file:
            file.write(proof)
    if settings.as_json:
        emit({"entry": entry, "proof": proof})
    elif out is None:
        print_text(proof)
    else:
        say(f"written to {out}")
