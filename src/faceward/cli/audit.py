"""The log: show it, verify it, prove an entry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from faceward.cli.files import output, read_limited
from faceward.cli.log_table import log_table
from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, print_text, say
from faceward.cli.outsiders import register_audit
from faceward.core.errors import BadInput

_MAX_TEXT_BYTES = 64 * 1024
OutputOption = Annotated[
    Optional[Path],
    typer.Option("--output", "-o", help="Write to this file.", show_default="standard output", readable=False),
]


KeyOption = Annotated[
    Optional[Path],
    typer.Option(
        "--key",
        metavar="FILE",
        help="The log's public key, kept outside.",
        show_default="log.vkey of the deployment",
        readable=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    audit = group("audit", "The log, in which every alteration shows.")
    audit.command("show")(command(_show))
    audit.command("verify")(command(_verify))
    audit.command("prove")(command(_prove))
    audit.command("checkpoint")(command(_checkpoint))
    audit.command("check")(command(_check))
    register_audit(audit)
    app.add_typer(audit)


def _show(
    settings: Settings,
    last: Annotated[int, typer.Option(min=1, metavar="N", help="How many of the latest entries.")] = 20,
) -> None:
    """Show the latest entries of the log, with what can still be opened of them; that is an entry itself."""
    with settings.open() as system:
        lines = system.show_log(last)
    if settings.as_json:
        emit({"entries": [line.to_json() for line in lines]})
    else:
        log_table(lines)


def _verify(
    settings: Settings,
    earlier: Annotated[
        Optional[Path],
        typer.Option(
            metavar="FILE",
            help="A checkpoint kept outside: finds a log that was rolled back or rewritten.",
            readable=False,
        ),
    ] = None,
    key: KeyOption = None,
) -> None:
    """Recompute the whole log and check it against its signature. Needs no passphrase."""
    from faceward.operations.log_files import verify_home

    kept = None if earlier is None else _read_text(earlier, _MAX_TEXT_BYTES, "checkpoint")
    report = verify_home(settings.require_home(), kept, _read_key(key))
    if settings.as_json:
        emit(report.to_json())
    else:
        for line in report.lines():
            say(line)


def _prove(
    settings: Settings,
    entry: Annotated[int, typer.Argument(min=0, help="Index of the entry.")],
    out: OutputOption = None,
) -> None:
    """Prove that an entry is in the log: a receipt (C2SP tlog-proof) that anybody can check with the log's key."""
    with settings.open() as system:
        proof = system.prove(entry)
    _deliver(settings, proof, out, {"entry": entry, "proof": proof})


def _checkpoint(settings: Settings, out: OutputOption = None) -> None:
    """Print the log's signed size and root, to be kept outside for 'audit verify --earlier'."""
    from faceward.audit.receipt import Receipt

    with settings.open() as system:
        size = system.log_size
        checkpoint = Receipt.parse(system.prove(size - 1)).checkpoint
    _deliver(settings, checkpoint, out, {"size": size, "checkpoint": checkpoint})


def _check(
    settings: Settings,
    receipt: Annotated[
        Path,
        typer.Argument(metavar="RECEIPT", help="A receipt, from 'audit prove' or an erasure.", readable=False),
    ],
    key: KeyOption = None,
) -> None:
    """Check a receipt with the log's public key alone. Needs no passphrase, and with --key no deployment."""
    from faceward.audit.receipt import MAX_RECEIPT_BYTES
    from faceward.audit.verifier import verify_receipt
    from faceward.operations.log_files import read_vkey

    text = _read_text(receipt, MAX_RECEIPT_BYTES, "receipt")
    vkey = _read_key(key) or read_vkey(settings.require_home())
    report = verify_receipt(text, vkey)
    if settings.as_json:
        emit(report.to_json())
    else:
        for line in report.lines():
            say(line)


def _deliver(settings: Settings, text: str, out: Path | None, value: dict[str, Any]) -> None:
    if out is not None:
        with output(out) as file:
            file.write(text)
    if settings.as_json:
        emit(value)
    elif out is None:
        print_text(text)
    else:
        say(f"written to {out}")


def _read_text(path: Path, limit: int, what: str) -> str:
    try:
        return read_limited(path, limit, what).decode()
    except UnicodeDecodeError:
        raise BadInput(f"{path}: not a {what}; give the text file that was kept") from None


def _read_key(path: Path | None) -> str | None:
    """Return the key in a file, or None where none is named; an empty file must not count as none."""
    if path is None:
        return None
    vkey = _read_text(path, _MAX_TEXT_BYTES, "key").strip()
    if not vkey:
        raise BadInput(f"{path}: holds no key; give the log.vkey that was kept")
    return vkey
