"""How a custodian's master key is held: its shares, another holder, another key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from faceward.cli.custodian_keys import (
    KEY_FILE,
    NEW_PASSPHRASE,
    STATE_FILE,
    KeyLabel,
    Module,
    Out,
    PinFile,
    Quorum,
    Recipients,
    Secrets,
    Share,
    State,
    Token,
    opener,
    read_shares,
    require_private,
    sealer,
)
from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, note, say
from faceward.core.errors import UsageError


def register(custodian: typer.Typer) -> None:
    """Add the commands."""
    custodian.command("reseal")(command(_reseal))
    custodian.command("rotate")(command(_rotate))
    shares = group("shares", "The shares of a custodian's master key.")
    shares.command("check")(command(_check))
    custodian.add_typer(shares)


def advise(kind: str, state: Path, out: Path | None) -> None:
    """Say what is to be done with what opens a master key from now on."""
    if kind == "shares":
        note(f"hand each file in {out} to another person, and leave none here; nothing else opens the custodian")
    else:
        note("keep a copy of the secret somewhere else: without it nobody opens a gallery again")
    note(f"serve with: faceward custodian serve --state {state} --socket PATH --group GROUP --allow-uid UID")


def _check(settings: Settings, state: State, share: Share = None) -> None:
    """Check custodians' shares against the set in force, before they are needed. Nothing is opened."""
    from faceward.protection.backends import Backend, backend_of
    from faceward.protection.shares import ShareSet

    path = state / KEY_FILE
    kind = backend_of(path)
    if kind is not Backend.SHARES:
        raise UsageError(
            f"{state}: {kind} holds the master key, and not shares; 'faceward custodian reseal' changes it"
        )
    if not share:
        raise UsageError("no share to check; name at least one: --share FILE")
    known, held = ShareSet.read(path), read_shares(path, tuple(share))
    numbers = sorted({one.number for one in held})
    opens = len(numbers) >= known.quorum.threshold
    if opens:
        known.combine(tuple({one.number: one for one in held}.values()))
    if settings.as_json:
        emit({"set": known.name, "shares": str(known.quorum), "numbers": numbers, "opens": opens})
        return
    say(f"of set {known.name} ({known.quorum}): share {', '.join(map(str, numbers))}")
    wanted = known.quorum.threshold - len(numbers)
    say("they open the master key" if opens else f"{wanted} more {'opens' if wanted == 1 else 'open'} the master key")


def _reseal(
    settings: Settings,
    *,
    state: State,
    to: Annotated[str, typer.Option("--to", help="What shall open it: passphrase, age, pkcs11 or shares.")],
    share: Share = None,
    new_passphrase_file: Annotated[
        Optional[Path],
        typer.Option("--new-passphrase-file", metavar="FILE", help="File with the new passphrase.", readable=False),
    ] = None,
    new_identity: Annotated[
        Optional[Path],
        typer.Option("--new-identity", metavar="FILE", help="The new age identity.", readable=False),
    ] = None,
    recipient: Recipients = None,
    pkcs11_module: Module = None,
    token: Token = None,
    key_label: KeyLabel = None,
    pin_file: PinFile = None,
    shares: Quorum = None,
    out: Out = None,
) -> None:
    """Have the same master key opened by something else: another passphrase, a token, new shares.

    A custodian that serves goes on. Who has both the former secret and a copy of the former file still opens it.
    """
    from faceward.custody.rekey import fitting_master

    path = require_private(state) / KEY_FILE
    old = opener(
        path,
        Secrets(
            passphrase_file=settings.passphrase_file,
            identity=settings.identity,
            module=pkcs11_module,
            pin_file=pin_file,
            shares=tuple(share or ()),
        ),
    )
    new = sealer(
        path,
        Secrets(
            passphrase_file=new_passphrase_file,
            identity=new_identity,
            recipients=tuple(recipient or ()),
            module=pkcs11_module,
            pin_file=pin_file,
            token=token,
            key_label=key_label,
            quorum=shares,
            out=out,
            variable=NEW_PASSPHRASE,
        ),
        to,
    )
    new.seal(fitting_master(state / STATE_FILE, old))
    if settings.as_json:
        emit({"state": str(state), "backend": to, "shares": str(out) if to == "shares" else None})
        return
    say(f"the master key in {state} now opens with: {to}")
    note("destroy the former secret and every copy of the former file: together they still open the key")


def _rotate(
    settings: Settings,
    *,
    state: State,
    share: Share = None,
    pkcs11_module: Module = None,
    pin_file: PinFile = None,
    recipient: Recipients = None,
    shares: Quorum = None,
    out: Out = None,
) -> None:
    """Give a custodian that is stopped another master key, held in the same way: former secrets open nothing more."""
    from faceward.custody.rekey import change_master
    from faceward.protection.backends import Backend, backend_of

    path = require_private(state) / KEY_FILE
    kind = backend_of(path)
    if kind is Backend.SHARES and out is None:
        raise UsageError("another key has other shares: name a new folder for them: --out DIR")
    holder = opener(
        path,
        Secrets(
            passphrase_file=settings.passphrase_file,
            identity=settings.identity,
            recipients=tuple(recipient or ()),
            module=pkcs11_module,
            pin_file=pin_file,
            shares=tuple(share or ()),
            quorum=shares,
            out=out,
        ),
    )
    change_master(state / STATE_FILE, holder)
    if settings.as_json:
        emit({"state": str(state), "backend": str(kind), "shares": str(out) if kind is Backend.SHARES else None})
        return
    say(f"{state} has another master key, which opens with: {kind}")
    if kind is Backend.AGE and not recipient:
        note("it is sealed to this identity alone; for others repeat with --recipient for each, and this one's too")
    advise(kind, state, out)
