"""A custodian of keys: a process of its own, as a user of its own."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from faceward.cli import custodian_sealing
from faceward.cli.custodian_keys import (
    KEY_FILE,
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
    custodian_sealing.register(custodian)
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
    custodian_sealing.advise(kind, state, out)


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
    from faceward.custody.rekey import fitting_master
    from faceward.custody.server import CustodyServer
    from faceward.protection.process import forbid_dumps

    # Before any secret is read.
    forbid_dumps()
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
    master = fitting_master(state / STATE_FILE, holder)
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
