"""People: their keys, and who is in the roster."""

from __future__ import annotations

import os
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Optional

import typer

from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, note, pairs, print_text, say, table
from faceward.cli.requests import tell
from faceward.cli.words import clean
from faceward.core.errors import BadInput, EnvironmentFailure, UsageError

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The person's name, in any script.")]
_MAX_LINE = 4096
_ORIGIN = "http://localhost:8000"
_PASSPHRASE = "FACEWARD_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable


def register(app: typer.Typer) -> None:
    """Add the commands."""
    people = group("person", "People: their keys, and who may do what (rule S2).")
    people.command("key")(command(_key))
    people.command("add")(command(_add))
    people.command("remove")(command(_remove))
    people.command("list")(command(_list))
    people.command("link")(command(_link))
    app.add_typer(people)


def _key(
    settings: Settings,
    *,
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="File for the private key; the public one goes to OUT.pub.")
    ],
    no_passphrase: Annotated[
        bool, typer.Option("--no-passphrase", help="Protect the key by its file's permissions alone.")
    ] = False,
) -> None:
    """Make a key pair. The private key never leaves its owner; OUT.pub is what 'person add' is given.

    The passphrase is FACEWARD_KEY_PASSPHRASE, else asked for. The files are OpenSSH's: a key of 'ssh-keygen -t ed25519'
    or of '-t ed25519-sk -O verify-required' does as well. Needs no deployment.
    """
    from faceward.policy.sshsig import PrivateKey

    public = out.with_name(out.name + ".pub")
    if public.exists():
        raise UsageError(f"{public}: exists already; choose another name for the key")
    key = PrivateKey.generate()
    key.write(out, None if no_passphrase else _new_passphrase())
    try:
        public.write_text(key.public.line + "\n", encoding="ascii")
    except OSError as error:
        raise EnvironmentFailure(f"{public}: cannot be written: {error.strerror}; choose another place") from None
    shown = {"key": str(out), "public": str(public), "line": key.public.line, "fingerprint": key.public.fingerprint}
    if settings.as_json:
        emit(shown)
    else:
        pairs(shown, "Key made")


def _new_passphrase() -> str:
    given = os.environ.get(_PASSPHRASE)
    if given:
        return given
    if not sys.stdin.isatty():
        raise UsageError(f"no passphrase for the new key; set {_PASSPHRASE} or give --no-passphrase")
    from getpass import getpass

    typed = getpass("Passphrase for the new key: ", stream=sys.stderr)
    if not typed or getpass("The same again: ", stream=sys.stderr) != typed:
        raise UsageError("the passphrase is empty, or the two differ; no key was made; start again")
    return typed


def _add(
    settings: Settings,
    *,
    name: NameArgument,
    key: Annotated[
        list[Path],
        typer.Option(
            "--key", metavar="FILE.pub", help="The person's public key; repeatable, for a second one.", readable=False
        ),
    ],
    role: Annotated[
        list[str],
        typer.Option(help="What they may do: operator, approver, reviewer, custodian, auditor, subject; repeatable."),
    ],
    trained_until: Annotated[
        Optional[str],
        typer.Option(metavar="DATE", help="Last day on which their training is valid.", show_default=False),
    ] = None,
) -> None:
    """Add a person, or change the key, roles or training of one who is there.

    At once while fewer than two approvers are known; after that another person approves it. Sign in before the command:
    faceward --as NAME --key FILE person add …
    """
    trained = None if trained_until is None else _day(trained_until)
    first, *further = map(read_public, key)
    with settings.open() as system:
        asked = system.people.add(name, first, tuple(role), trained, tuple(further))
    tell(settings, asked)
    if "approver" in role and trained is None and not settings.as_json:
        note(f"--trained-until left out: where the standard asks for training, {name!r} approves of no mandate")


def read_public(path: Path) -> str:
    """Return the line of a public key's file.

    Raises:
        BadInput: It cannot be read, or is no text.
    """
    from faceward.core.files import read_regular

    try:
        data = read_regular(path, _MAX_LINE)
    except OSError as error:
        raise BadInput(f"{path}: the public key cannot be read: {error.strerror}; check the path") from None
    if data is None or not data.isascii():
        raise BadInput(f"{path}: this is no public key; give the file that ends in .pub")
    return data.decode("ascii")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--trained-until: {text!r} is no day; write it as 2027-12-31") from None


def _remove(settings: Settings, name: NameArgument) -> None:
    """Remove a person; as with 'person add', another person approves it."""
    with settings.open() as system:
        asked = system.people.remove(name)
    tell(settings, asked)


def _list(settings: Settings) -> None:
    """List the people, as the custodian knows them."""
    with settings.open() as system:
        people = system.people.listed()
    if settings.as_json:
        emit({"people": [person.to_json() for person in people]})
        return
    if not people:
        say("nobody yet; add the first with 'faceward person add'")
        return
    table(
        ("name", "roles", "trained until", "key"),
        [
            (person.name, ", ".join(person.roles), person.trained, _fingerprints(person.fingerprint, person.further))
            for person in people
        ],
    )


def _fingerprints(first: str, further: tuple[str, ...]) -> str:
    return first if not further else f"{first} and {len(further)} more"


def _link(
    settings: Settings,
    *,
    name: NameArgument,
    role: Annotated[list[str], typer.Option(help="What they may do, as with 'person add'; repeatable.")],
    trained_until: Annotated[
        Optional[str],
        typer.Option(metavar="DATE", help="Last day on which their training is valid.", show_default=False),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="The passkey takes the place of all their keys, which they lost.")
    ] = False,
    origin: Annotated[str, typer.Option(metavar="URL", help="Where browsers find the service.")] = _ORIGIN,
) -> None:
    """Make a link, to be used once, by which somebody brings their passkey to the service.

    It lets nobody in: under 'People' somebody who signed in asks for the passkey's owner to be added.
    """
    from faceward.core.clock import SystemClock
    from faceward.service.first_start import INVITED_TERM, Invitation, invite
    from faceward.service.settings import Settings as ServiceSettings
    from faceward.service.vault import FILE, Vault

    if trained_until is not None:
        _day(trained_until)
    invitation = Invitation(name, tuple(role), trained_until or "", replaces=replace)
    seen = ServiceSettings(origin=origin).origin
    with settings.open() as system:
        vault = Vault(system.home / FILE, system.service_secret(), SystemClock())
        try:
            link = invite(system, vault, seen, invitation)
        finally:
            vault.close()
    if settings.as_json:
        emit({"name": name, "link": link})
    else:
        print_text(f"{link}\n\nFor {clean(name)} alone, once, within {INVITED_TERM.days} days.")
