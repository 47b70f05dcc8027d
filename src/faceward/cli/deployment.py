"""Setting up a deployment, and saying how it stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from faceward.cli import gallery, handover, migration
from faceward.cli.evidence import purposes_table
from faceward.cli.monitoring import tell_breaches
from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, note, pairs, table
from faceward.core.errors import UsageError

_SHORT = 12


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("init")(command(_init))
    app.command("status")(command(_status))
    galleries = group("gallery", "Galleries of the deployment.")
    galleries.command("list")(command(_gallery_list))
    handover.extend(galleries)
    migration.extend_galleries(galleries)
    gallery.extend(galleries)
    app.add_typer(galleries)


def _init(
    settings: Settings,
    *,
    standard: Annotated[str, typer.Option(help="The standard: the rules that the deployment binds itself to.")],
    jurisdiction: Annotated[str, typer.Option(help="Whose law applies, for example EU, UK, US-IL.")] = "EU",
    controller: Annotated[str, typer.Option(help="Who decides about the data, for notices to subjects.")] = "",
    contact: Annotated[str, typer.Option(help="How subjects reach the controller.")] = "",
    pack: Annotated[Optional[str], typer.Option(help="The model pack.", show_default="the built-in one")] = None,
    recipient: Annotated[
        Optional[list[str]],
        typer.Option(metavar="age1…", help="Seal the master key to this age recipient; with --identity. Repeatable."),
    ] = None,
    custodian: Annotated[
        Optional[Path],
        typer.Option(
            metavar="SOCKET",
            help="Socket of a custodian's process that will hold the galleries' keys; else he works in this process.",
        ),
    ] = None,
    trial: Annotated[
        bool,
        typer.Option(
            "--trial", help="For trial only: no custodian of its own, though the standard wants one. It is marked so."
        ),
    ] = False,
) -> None:
    """Set up a deployment in the folder that --home names.

    Its master key is sealed with a passphrase, or with --identity to an age identity.
    """
    from faceward.bootstrap import Secret, create
    from faceward.operations.config import read_config
    from faceward.vision.packs import DEFAULT_PACK

    home = settings.require_home()
    passphrase = None
    if recipient and settings.identity is None:
        raise UsageError("--recipient goes with --identity FILE, the age identity that opens the deployment here")
    if settings.identity is not None:
        secret = Secret(identity_file=settings.identity, recipients=tuple(recipient or ()))
    else:
        passphrase = settings.passphrase(new=True)
        secret = Secret(passphrase=passphrase)
    create(
        home,
        standard=standard,
        secret=secret,
        jurisdiction=jurisdiction,
        about=(controller, contact),
        pack=pack or DEFAULT_PACK,
        custodian=None if custodian is None else custodian.absolute(),
        trial=trial,
    )
    config = read_config(home).to_json()
    if settings.as_json:
        emit({"home": str(home), **config})
    else:
        pairs({"home": home, **_spaced(config)}, "Deployment set up")
    _warn(controller, contact, passphrase)
    if settings.as_json:
        return
    note("keep a copy of the secret, and of log.vkey, somewhere else: without the secret nobody can open it")


def _warn(controller: str, contact: str, passphrase: str | None) -> None:
    """Say what was left out or is weak; none of it is refused."""
    lacking = {
        "--controller": "" if controller.strip() else "who decides about the data",
        "--contact": "" if contact.strip() else "how to reach the controller",
    }
    options = [option for option, what in lacking.items() if what]
    if options:
        said = " or ".join(what for what in lacking.values() if what)
        note(f"{' and '.join(options)} left out: no notice to a subject will say {said}")
    if passphrase is not None and len(passphrase) < _SHORT:
        note(f"the passphrase has fewer than {_SHORT} characters and may be guessed; a longer one protects better")


def _status(settings: Settings) -> None:
    """Say how the deployment stands: standard, purposes, galleries, log."""
    with settings.open() as system:
        status = system.status()
    if settings.as_json:
        emit(status)
        return
    documents = status["documents"]
    signed = documents if isinstance(documents, Mapping) else {}
    shown = {name: value for name, value in status.items() if name not in ("galleries", "due", "breaches", "evidence")}
    shown["documents"] = {name: "not signed off" if state == "missing" else state for name, state in signed.items()}
    pairs(_spaced(shown), "Deployment")
    _galleries(status)
    purposes_table(_objects(status["evidence"]))
    _due(status)
    tell_breaches(status["breaches"])
    void = [name for name, state in signed.items() if state == "void"]
    if void:
        note(f"sign-off void since the configuration changed: {', '.join(void)}; 'document status' says what changed")


def _due(status: Mapping[str, object]) -> None:
    overdue = [f"{one['what']} {one['identifier']}" for one in _objects(status["due"]) if one["overdue"]]
    if overdue:
        note(f"overdue: {', '.join(overdue)}; 'tick' says since when")


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _spaced(values: Mapping[str, object]) -> dict[str, object]:
    return {name.replace("_", " "): value for name, value in values.items()}


def _gallery_list(settings: Settings) -> None:
    """List the galleries."""
    with settings.open() as system:
        status = system.status()
    if settings.as_json:
        emit({"galleries": status["galleries"]})
    else:
        _galleries(status)


def _galleries(status: Mapping[str, Any]) -> None:
    columns = ("gallery", "purpose", "references", "left_out", "simulated", "mode", "pack", "ends")
    numbers = ("references", "left_out", "simulated")
    table(
        [f"{name.replace('_', ' ')}#" if name in numbers else name for name in columns],
        [[gallery.get(name) for name in columns] for gallery in status["galleries"]],
        "Galleries",
    )
