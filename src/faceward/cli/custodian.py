"""A custodian of keys: a process of its own, as a user of its own."""

from __future__ import annotations

import os
import signal
import sys
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
    kind_of,
    opener,
    require_private,
    sealer,
)
from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, note, pairs, say
from faceward.core.errors import EnvironmentFailure, UsageError

Socket = Annotated[
    Path,
    typer.Option("--socket", metavar="PATH", help="The Unix socket between custodian and deployment.", readable=False),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    custodian = group("custodian", "Keep the keys of galleries for a deployment, as a user of your own.")
    custodian.command("init")(command(_init))
    custodian.command("serve")(command(_serve))
    custodian.command("status")(command(_status))
    custodian.command("reseal")(command(_reseal))
    shares = group("shares", "The shares of a custodian's master key.")
    shares.command("check")(command(_check))
    custodian.add_typer(shares)
    app.add_typer(custodian)


def _init(
    settings: Settings,
    *,
    state: State,
    recipient: Recipients = None,
    pkcs11_module: Module = None,
    token: Token = None,
    key_label: KeyLabel = None,
    pin_file: PinFile = None,
    shares: Quorum = None,
    out: Out = None,
) -> None:
    """Set up a custodian in a new or empty folder, as the user it shall run as.

    Its master key is sealed with a passphrase; with --identity to age, with --pkcs11-module by a hardware token,
    with --shares among people.
    """
    from faceward.core.clock import SystemClock
    from faceward.custody.custodian import Custodian
    from faceward.protection.holder import new_master_key

    secrets = Secrets(
        passphrase_file=settings.passphrase_file,
        identity=settings.identity,
        recipients=tuple(recipient or ()),
        module=pkcs11_module,
        pin_file=pin_file,
        token=token,
        key_label=key_label,
        quorum=shares,
        out=out,
    )
    kind = kind_of(secrets)
    if kind == "shares" and shares is None:
        raise UsageError("--out goes with --shares K-of-N, how many custodians open the key")
    if kind == "age" and settings.identity is None:
        raise UsageError("--recipient goes with --identity FILE, the age identity that opens the custodian here")
    _require_new(state)
    holder = sealer(state / KEY_FILE, secrets, kind)
    master = new_master_key()
    _make_private(state)
    holder.seal(master, replace=False)
    Custodian.set_up(state / STATE_FILE, master, SystemClock(), separate=True).close()
    if settings.as_json:
        emit({"state": str(state), "backend": kind, "shares": str(out) if out else None})
        return
    pairs({"state": state, "opens with": kind, "shares": out}, "Custodian set up")
    _advise(kind, state, out)


def _advise(kind: str, state: Path, out: Path | None) -> None:
    if kind == "shares":
        note(f"hand each file in {out} to another person, and leave none here; nothing else opens the custodian")
    else:
        note("keep a copy of the secret somewhere else: without it nobody opens a gallery again")
    note(f"serve with: faceward custodian serve --state {state} --socket PATH --group GROUP --allow-uid UID")


def _require_new(state: Path) -> None:
    if state.exists():
        require_private(state)
        if any(state.iterdir()):
            raise UsageError(f"{state} holds something already; name a new folder for the custodian")


def _make_private(state: Path) -> None:
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFailure(f"{state} cannot be made ({error.strerror}); check space and permissions") from error
    require_private(state)


def _serve(
    settings: Settings,
    *,
    state: State,
    socket: Socket,
    group_name: Annotated[
        Optional[str], typer.Option("--group", metavar="GROUP", help="Group that may reach the socket.")
    ] = None,
    allow_uid: Annotated[
        Optional[list[int]],
        typer.Option("--allow-uid", metavar="UID", min=0, help="User that is served; may be repeated."),
    ] = None,
    share: Share = None,
    pkcs11_module: Module = None,
    pin_file: PinFile = None,
) -> None:
    """Run a custodian until it is stopped. What opens its master key is asked for once."""
    from faceward.core.clock import SystemClock
    from faceward.custody.custodian import Custodian
    from faceward.custody.server import CustodyServer
    from faceward.protection.process import forbid_dumps

    require_private(state)
    holder = opener(
        state / KEY_FILE,
        Secrets(
            passphrase_file=settings.passphrase_file,
            identity=settings.identity,
            module=pkcs11_module,
            pin_file=pin_file,
            shares=tuple(share or ()),
        ),
    )
    master = holder.open()
    forbid_dumps()
    custodian = Custodian.open(state / STATE_FILE, master, SystemClock(), separate=True)
    try:
        with CustodyServer(custodian, socket, allowed=frozenset(allow_uid or ()), group=group_name) as server:
            # A service manager's way to say that it is over.
            signal.signal(signal.SIGTERM, lambda *_: server.stop())
            _warn(frozenset(allow_uid or ()), group_name)
            if settings.as_json:
                emit({"socket": str(socket), "state": str(state)})
            else:
                say(f"custodian at {socket}")
            sys.stdout.flush()
            server.serve_forever()
    finally:
        custodian.close()


def _warn(allowed: frozenset[int], group_name: str | None) -> None:
    """Say where the deployment is not kept apart from the keys; none of it is refused."""
    if not allowed and group_name is None:
        note("only this user and root can reach the socket; give the deployment's --group, and its --allow-uid")
    elif os.geteuid() in allowed:
        note("this user is served too: who runs the deployment as the custodian's user can read the custodian's keys")
    elif allowed and group_name is None:
        note("users of --allow-uid cannot reach the socket without --group, a group that they are in")


def _status(settings: Settings, socket: Socket) -> None:
    """Say what a custodian that runs knows. Needs no passphrase, and shows no key."""
    from faceward.custody.client import CustodyClient

    client = CustodyClient(socket)
    try:
        status = client.status()
    finally:
        client.close()
    pins = status.pins
    told = {
        "origin": pins.origin if pins else None,
        "standard": pins.standard if pins else None,
        "standard_digest": pins.standard_digest if pins else None,
        "pack_digest": pins.pack_digest if pins else None,
        "size": status.size,
        "root": status.root.hex(),
        "stopped": status.stopped,
        "people": len(status.roster.people),
        "complete": status.manned,
        "revoked": len(status.revoked),
        "separate": status.separate,
    }
    if settings.as_json:
        emit(told)
    else:
        pairs({name.replace("_", " "): value for name, value in told.items()}, "Custodian")


def _check(settings: Settings, state: State, share: Share = None) -> None:
    """Check custodians' shares against the set in force, before they are needed. Nothing is opened."""
    from faceward.cli.custodian_keys import read_shares
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
    say("they open the master key" if opens else f"{known.quorum.threshold - len(numbers)} more open the master key")


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
    from faceward.protection.holder import reseal

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
    reseal(old, new)
    if settings.as_json:
        emit({"state": str(state), "backend": to, "shares": str(out) if to == "shares" else None})
        return
    say(f"the master key in {state} now opens with: {to}")
    note("destroy the former secret and every copy of the former file: together they still open the key")
