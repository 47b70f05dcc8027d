"""Recipients: to whom galleries may be handed, and whether they have deleted what was erased here (rules S4, T3)."""

from __future__ import annotations

from typing import Annotated

import typer

from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, print_text, say, table


def register(app: typer.Typer) -> None:
    """Add the commands."""
    recipients = group("recipient", "Who was handed references, and whether they deleted them (rules S4 and T3).")
    recipients.command("add")(command(_add))
    recipients.command("list")(command(_list))
    recipients.command("notices")(command(_notices))
    recipients.command("confirm")(command(_confirm))
    app.add_typer(recipients)


def _add(
    settings: Settings,
    name: Annotated[str, typer.Argument(help="Their name, as mandates name them.")],
    contact: Annotated[str, typer.Option(help="How to reach them.")],
    age_key: Annotated[
        str, typer.Option("--age-key", metavar="age1…", help="Their age recipient, to which packages are sealed.")
    ] = "",
) -> None:
    """Register somebody to whom a gallery may be handed under a mandate."""
    with settings.open() as system:
        added = system.rights.add_recipient(name, contact, age_key=age_key)
    if settings.as_json:
        emit(added.to_json())
    else:
        say(f"recipient {added.name} registered")


def _list(settings: Settings) -> None:
    """List the recipients."""
    with settings.open() as system:
        found = system.rights.recipients()
    if settings.as_json:
        emit({"recipients": [one.to_json() for one in found]})
        return
    table(("name", "contact", "age key", "added"), [(r.name, r.contact, r.age_key, r.added[:10]) for r in found])


def _notices(
    settings: Settings,
    due: Annotated[bool, typer.Option("--due", help="Only those that are not confirmed.")] = False,
    text: Annotated[bool, typer.Option("--text", help="Print the notices as they are to be sent.")] = False,
) -> None:
    """List the notices of deletion that recipients were given or are to be given."""
    with settings.open() as system:
        found = system.rights.deletion_notices(due=due)
    if settings.as_json:
        emit({"notices": [one.to_json() for one in found]})
    elif text:
        print_text("\n".join(one.text for one in found) or "none")
    else:
        table(
            ("id", "recipient", "contact", "references#", "issued", "confirm by", "confirmed", "overdue"),
            [
                (
                    n.identifier,
                    n.recipient,
                    n.contact,
                    len(n.references),
                    n.issued[:10],
                    n.due[:10],
                    n.confirmed,
                    n.overdue,
                )
                for n in found
            ],
        )


def _confirm(
    settings: Settings,
    notice: Annotated[str, typer.Argument(metavar="NOTICE", help="The notice, as listed.")],
    evidence: Annotated[str, typer.Option(help="Where the recipient's confirmation is kept.")],
) -> None:
    """Note that a recipient has deleted what a notice names."""
    with settings.open() as system:
        confirmed = system.rights.confirm_deletion(notice, evidence)
    if settings.as_json:
        emit(confirmed.to_json())
    else:
        say(f"{confirmed.recipient} confirmed the notice {confirmed.identifier}")
