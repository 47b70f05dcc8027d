"""Requests: what people ask for, and what others decide."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, pairs, say, table
from faceward.cli.signatures import how_to_check, write_evidence
from faceward.cli.words import clean
from faceward.core.errors import UsageError

if TYPE_CHECKING:
    from faceward.core.request_results import Asked, RequestView
    from faceward.operations.requests import Brought

_MAX_FILE = 16384
_SHORT = 12

Digest = Annotated[str, typer.Argument(metavar="DIGEST", help="The request's digest, or its first 8 digits or more.")]
Signature = Annotated[
    Optional[Path],
    typer.Option(
        "--signature",
        metavar="FILE",
        help="A decision signed elsewhere with 'ssh-keygen -Y sign'; what was signed lies beside it.",
        show_default=False,
        readable=False,
    ),
]
Message = Annotated[
    Optional[Path],
    typer.Option(
        "--message",
        metavar="FILE",
        help="What was signed, if not the signature's name without .sig.",
        show_default=False,
        readable=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    requests = group("request", "What people ask for, and what others decide (rule S2).")
    requests.command("list")(command(_list))
    requests.command("show")(command(_show))
    requests.command("approve")(command(_approve))
    requests.command("refuse")(command(_refuse))
    app.add_typer(requests)


def _list(
    settings: Settings, *, waiting: Annotated[bool, typer.Option("--waiting", help="Only those that wait.")] = False
) -> None:
    """List requests, oldest first."""
    with settings.open() as system:
        found = system.requests.listed(waiting=waiting)
    if settings.as_json:
        emit({"requests": [request.to_json() for request in found]})
        return
    table(
        ("digest", "kind", "by", "created", "until", "state"),
        [(r.digest[:_SHORT], r.kind, r.requester, r.created[:16], r.expires[:16], r.state) for r in found],
    )


def _show(
    settings: Settings,
    *,
    digest: Digest,
    out: Annotated[
        Optional[Path],
        typer.Option("--out", metavar="DIR", help="Write what 'ssh-keygen -Y verify' needs.", show_default=False),
    ] = None,
    message_for: Annotated[
        Optional[str],
        typer.Option(
            "--message-for", metavar="NAME", help="Print what this approver signs elsewhere.", show_default=False
        ),
    ] = None,
    refuse: Annotated[bool, typer.Option("--refuse", help="With --message-for: a refusal.")] = False,
) -> None:
    """Show a request: who signed what, and how an outsider checks it."""
    if message_for is not None:
        _print_message(settings, digest, message_for, refuse=refuse)
        return
    if refuse:
        raise UsageError("--refuse goes with --message-for NAME")
    with settings.open() as system:
        found = system.requests.show(digest)
    show(settings, found, out)


def _print_message(settings: Settings, digest: str, name: str, *, refuse: bool) -> None:
    from faceward.policy.requests import Decision

    with settings.open() as system:
        message = system.requests.message_for(digest, name, Decision.REFUSE if refuse else Decision.APPROVE)
    if settings.as_json:
        emit({"message": message.decode()})
        return
    # Exactly what is signed, without an end of line.
    sys.stdout.flush()
    sys.stdout.buffer.write(message)
    sys.stdout.buffer.flush()


def show(settings: Settings, found: RequestView, out: Path | None = None) -> None:
    """Print a request, and write the files by which it is checked where a folder is named."""
    if out is not None:
        write_evidence(found, out)
    if settings.as_json:
        emit(found.to_json())
        return
    shown: dict[str, object] = {
        "digest": found.digest,
        "kind": found.kind,
        "state": found.state,
        "requested by": found.requester if found.signature else f"{found.requester} (unsigned: roster being founded)",
        "created": found.created,
        "until": found.expires,
    }
    if found.spent is not None:
        shown["searches made"] = found.spent
    pairs(shown, "Request")
    pairs(found.body, "What is asked for")
    if found.decisions:
        table(
            ("approver", "decision", "time", "counts"),
            [(d.approver, d.decision, d.time, d.why or "yes") for d in found.decisions],
            "Decisions",
        )
    for line in how_to_check(found, out):
        say(line)


def tell(settings: Settings, asked: Asked) -> None:
    """Say what came of asking."""
    if settings.as_json:
        emit(asked.to_json())
        return
    say(f"{asked.kind}: {asked.state}, request {asked.digest}")
    if asked.state == "waiting":
        noun = "mandate" if asked.kind == "mandate" else "request"
        say(f"another person approves it: faceward {noun} approve {asked.digest[:_SHORT]} --as NAME --key FILE")


def brought(signature: Path | None, message: Path | None) -> Brought | None:
    """Return a decision that was signed elsewhere, or None where no file is named.

    Raises:
        BadInput: A file cannot be read.
        UsageError: The message is named without its signature, or cannot be guessed.
    """
    from faceward.cli.files import read_limited
    from faceward.operations.requests import Brought

    if signature is None:
        if message is not None:
            raise UsageError("--message goes with --signature FILE")
        return None
    if message is None:
        if signature.suffix != ".sig":
            raise UsageError("name what was signed with --message FILE, or call the signature FILE.sig")
        message = signature.with_suffix("")
    text = read_limited(signature, _MAX_FILE, "signature").decode("ascii", "replace")
    return Brought(read_limited(message, _MAX_FILE, "message"), text)


def carrier(settings: Settings, signed: Brought | None) -> Settings:
    """Return the settings of who brings a decision: with --as and no key, the name says whose it is.

    Raises:
        UsageError: It is somebody else's.
    """
    import json
    import os
    from dataclasses import replace

    from faceward.core.names import normal_name

    key_given = settings.key is not None or os.environ.get("FACEWARD_KEY")
    if signed is None or settings.person is None or key_given:
        return settings
    try:
        approver = json.loads(signed.message)["approver"]
    except (ValueError, TypeError, KeyError, RecursionError):
        approver = None
    if approver != normal_name(settings.person):
        raise UsageError(f"the message is not for {settings.person!r} to sign; give the one made for this person")
    return replace(settings, person=None)


def _approve(settings: Settings, *, digest: Digest, signature: Signature = None, message: Message = None) -> None:
    """Approve what somebody else asked for; it is carried out if that was all it needed."""
    _decide(settings, digest, "approve", brought(signature, message))


def _refuse(settings: Settings, *, digest: Digest, signature: Signature = None, message: Message = None) -> None:
    """Refuse what somebody else asked for, whoever else approves of it."""
    _decide(settings, digest, "refuse", brought(signature, message))


def _decide(settings: Settings, digest: str, decision: str, signed: Brought | None) -> None:
    from faceward.policy.requests import Decision

    with carrier(settings, signed).open() as system:
        found = system.requests.decide(digest, Decision(decision), signed)
    report(settings, found)


def report(settings: Settings, found: RequestView) -> None:
    """Say how a request stands."""
    if settings.as_json:
        emit(found.to_json())
    else:
        say(f"{clean(found.kind)} {found.digest[:_SHORT]}: {found.state}")
