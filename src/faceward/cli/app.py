"""The tree of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from faceward.cli import (
    alert,
    audit,
    backup,
    bench,
    camera,
    case,
    channel,
    clock,
    complaint,
    control,
    custodian,
    deployment,
    document,
    enrolment,
    evaluate,
    evidence,
    gate,
    keys,
    mandate,
    outsiders,
    packs,
    person,
    pictures,
    purposes,
    recipients,
    recognition,
    releases,
    requests,
    serve,
    standards,
    subjects,
    upgrade,
    watch,
    watchlist,
)
from faceward.cli.options import (
    AsJson,
    Debug,
    Home,
    Identity,
    Key,
    Operator,
    PassphraseFile,
    Person,
    Settings,
    command,
    gather,
)
from faceward.core.errors import UsageError

_HELP = (
    "Face recognition that answers for itself: purpose, consent, protected references and a log in which every "
    "alteration shows."
)


def build() -> typer.Typer:
    """Return the command line with every command."""
    app = typer.Typer(
        name="faceward",
        help=_HELP,
        no_args_is_help=True,
        rich_markup_mode=None,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_root)
    for module in (
        deployment,
        standards,
        person,
        requests,
        keys,
        mandate,
        purposes,
        camera,
        evidence,
        releases,
        enrolment,
        recognition,
        gate,
        case,
        pictures,
        subjects,
        complaint,
        control,
        recipients,
        watchlist,
        watch,
        alert,
        channel,
        clock,
        document,
        audit,
        serve,
        outsiders,
        custodian,
        backup,
        upgrade,
        packs,
        evaluate,
        bench,
    ):
        module.register(app)
    app.command("version")(command(_version))
    return app


def _root(
    context: typer.Context,
    *,
    home: Home = None,
    passphrase_file: PassphraseFile = None,
    identity: Identity = None,
    operator: Operator = None,
    person: Person = None,
    key: Key = None,
    as_json: AsJson = False,
    debug: Debug = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    gather(
        context,
        home=home,
        passphrase_file=passphrase_file,
        identity=identity,
        operator=operator,
        person=person,
        key=key,
        as_json=as_json,
        debug=debug,
    )
    if version:
        _version(context.obj)
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise UsageError("a command is missing; 'faceward --help' lists them")


def _version(settings: Settings) -> None:
    """Print the version."""
    from faceward import __version__
    from faceward.cli.output import emit, say

    if settings.as_json:
        emit({"version": __version__})
    else:
        say(f"faceward {__version__}")
