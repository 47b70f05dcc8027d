"""Keys of programs, which call the service."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, note, pairs, say, table
from faceward.core.errors import FacewardError, UsageError

if TYPE_CHECKING:
    from datetime import date

    from faceward.core.request_results import Asked
    from faceward.operations.key_results import CreatedKey
    from faceward.operations.system import System

TrainedUntil = Annotated[
    Optional[str],
    typer.Option(
        metavar="DATE",
        help="Last day on which the training of whoever answers for the program is valid.",
        show_default=False,
    ),
]
_EVERY = "every one"
_SHORT = 12


def register(app: typer.Typer) -> None:
    """Add the commands."""
    keys = group("keys", "Keys with which programs call the service (rule K2).")
    keys.command("create")(command(_create))
    keys.command("admit")(command(_admit))
    keys.command("list")(command(_list))
    keys.command("revoke")(command(_revoke))
    app.add_typer(keys)


def _create(
    settings: Settings,
    *,
    name: Annotated[
        Optional[str], typer.Argument(metavar="NAME", help="What to call it.", show_default="one is drawn")
    ] = None,
    purpose: Annotated[
        Optional[list[str]],
        typer.Option(help="A purpose that it may name; repeat it for several.", show_default=_EVERY),
    ] = None,
    gallery: Annotated[
        Optional[list[str]],
        typer.Option(help="A gallery that it may name, existing or not; repeat it.", show_default=_EVERY),
    ] = None,
    expires: Annotated[
        Optional[str], typer.Option(metavar="TERM", help="How long it lasts: 24h, 90d, 1y.", show_default="no end")
    ] = None,
    trained_until: TrainedUntil = None,
) -> None:
    """Make a key and print it, once. Where people sign in, the roster is asked to take it on as well."""
    term, trained = _term(expires), _day(trained_until)
    with settings.open() as system:
        made = system.api_keys.create(name, purposes=purpose or (), galleries=gallery or (), term=term)
        try:
            asked = system.api_keys.admit(made.note.name, trained) if system.api_keys.must_be_admitted else None
        except FacewardError as refusal:
            # The key is made, and shown once: its owner must see it whatever comes of the rest.
            note(f"the key was made, and is not in the roster: {refusal}")
            asked = None
            admission = "refused"
        else:
            admission = "not needed" if asked is None else asked.state
    _show(settings, made, (admission, asked))
    if not purpose:
        note("--purpose left out: the key serves every purpose, also those to come")
    if not gallery:
        note("--gallery left out: the key serves every gallery, and may create and delete some")


def _show(settings: Settings, made: CreatedKey, roster: tuple[str, Asked | None]) -> None:
    admission, asked = roster
    request = None if asked is None else asked.digest
    shown = {**made.to_json(), "person": made.note.roster_name, "admission": admission, "request": request}
    if settings.as_json:
        emit(shown)
    else:
        told = {**shown, "purposes": shown["purposes"] or _EVERY, "galleries": shown["galleries"] or _EVERY}
        pairs(told, "Key made; its secret is shown this once")
    if asked is not None and asked.state == "waiting":
        note(f"it acts once another person approves: faceward request approve {asked.digest[:_SHORT]}")


def _admit(
    settings: Settings,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The key's name.")],
    trained_until: TrainedUntil = None,
) -> None:
    """Ask that the roster take a key on: where people sign in, no key acts that it does not know."""
    from faceward.cli.requests import tell

    trained = _day(trained_until)
    with settings.open() as system:
        asked = system.api_keys.admit(name, trained)
    tell(settings, asked)


def _list(settings: Settings) -> None:
    """List the keys, those revoked too; never their secrets."""
    with settings.open() as system:
        keys = system.api_keys.listed()
    if settings.as_json:
        emit({"keys": [key.to_json() for key in keys]})
        return
    if not keys:
        say("no program has a key; make one with 'faceward keys create'")
        return
    table(
        ("name", "access key", "purposes", "galleries", "expires", "state", "in the roster"),
        [
            (
                key.note.name,
                key.note.id,
                ", ".join(sorted(key.note.purposes or ())) or _EVERY,
                ", ".join(sorted(key.note.galleries or ())) or _EVERY,
                None if key.note.expires is None else f"{key.note.expires:%Y-%m-%d}",
                key.state,
                "not needed" if key.admitted is None else key.admitted,
            )
            for key in keys
        ],
    )


def _revoke(
    settings: Settings,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The key's name, or its access key.")],
) -> None:
    """Take a key away; no process accepts it from now on."""
    with settings.open() as system:
        gone = system.api_keys.revoke(name)
        known = _in_roster(system, gone.note.roster_name)
    if settings.as_json:
        emit(gone.to_json())
    else:
        say(f"revoked: {gone.note.name} ({gone.note.id})")
    if known:
        note(f"nobody holds its key any more; take it off the roster: faceward person remove '{gone.note.roster_name}'")


def _in_roster(system: System, name: str) -> bool:
    return name in system.people.roster()


def _term(text: str | None) -> timedelta | None:
    from faceward.core.duration import parse_duration

    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--expires: {error}") from None


def _day(text: str | None) -> date | None:
    from datetime import date

    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--trained-until: {text!r} is no day; write it as 2027-12-31") from None
