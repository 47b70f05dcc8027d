"""Channels: where alerts are sent, by webhook or by a broker (MQTT)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, note, pairs, say, table
from faceward.core.errors import BadInput, EnvironmentFailure, UsageError

if TYPE_CHECKING:
    from faceward.policy.channels import Secrets

_MOST_FILE = 64 * 1024
_KEY_BYTES = 32


def register(app: typer.Typer) -> None:
    """Add the commands."""
    channels = group("channel", "Where alerts are sent: signed webhooks, and brokers (MQTT).")
    channels.command("add")(command(_add))
    channels.command("list")(command(_list))
    channels.command("remove")(command(_remove))
    channels.command("test")(command(_test))
    app.add_typer(channels)


def _add(
    settings: Settings,
    *,
    name: Annotated[str, typer.Argument(help="What to call it.")],
    to: Annotated[
        str, typer.Option("--to", metavar="URL", help="https://host/path for a webhook, mqtts://host for a broker.")
    ],
    secret_file: Annotated[
        Optional[Path],
        typer.Option(metavar="FILE", help="Secret that signs webhooks (whsec_…); drawn where there is no such file."),
    ] = None,
    user: Annotated[str, typer.Option(help="Who signs in at the broker.")] = "",
    password_file: Annotated[
        Optional[Path], typer.Option(metavar="FILE", help="File whose first line is the broker's password.")
    ] = None,
    ca: Annotated[
        Optional[Path],
        typer.Option("--ca", metavar="PEM", help="The only authority trusted there.", show_default="the system's"),
    ] = None,
    detail: Annotated[
        Optional[list[str]],
        typer.Option(help="What to tell beside the least: place, branch, gallery or purpose; repeat it."),
    ] = None,
    origin: Annotated[
        str, typer.Option(metavar="URL", help="Where browsers find the console; alerts link there.")
    ] = "",
    prefix: Annotated[str, typer.Option(help="First part of a broker's topics.")] = "faceward",
    discovery: Annotated[
        str, typer.Option(metavar="PREFIX", help="Home Assistant's prefix for discovery; '' for none.")
    ] = "homeassistant",
    frigate: Annotated[bool, typer.Option("--frigate", help="Publish events in Frigate's form too.")] = False,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Accept an address without TLS, where alerts can be read on their way.")
    ] = False,
) -> None:
    """Add a channel: it is told of every alert from now on."""
    from faceward.policy.channel_targets import WEBHOOK, parse_target
    from faceward.policy.channels import ChannelRequest, Secrets

    webhook = parse_target(to).kind == WEBHOOK
    drawn = webhook and secret_file is not None and not secret_file.exists()
    given = Secrets(
        address=to,
        secret=_secret(secret_file, draw=drawn) if webhook or secret_file is not None else "",
        user=user,
        password="" if password_file is None else _first_line(password_file, "password"),
    )
    request = ChannelRequest(
        name=name,
        secrets=given,
        authority="" if ca is None else _text(ca, "certificates"),
        details=tuple(detail or ()),
        origin=origin,
        prefix=prefix,
        discovery=discovery,
        frigate=frigate,
        insecure=insecure,
    )
    with settings.open() as system:
        _write_drawn(secret_file if drawn else None, given)
        try:
            added = system.channels.add(request)
        except BaseException:
            # A secret of nothing must not lie about, nor be taken for one that receivers know.
            if drawn and secret_file is not None:
                secret_file.unlink(missing_ok=True)
            raise
    if settings.as_json:
        emit(added.to_json())
    else:
        say(f"channel {added.name} added: alerts go to {added.place}")
    if drawn:
        note(f"{secret_file}: the secret that signs; give it to the receiver, and to nobody else")
    if added.insecure:
        note(f"{added.place} has no TLS: whoever is on the way reads and alters what is sent")
    note(f"whoever is behind {added.place} receives personal data from now on")


def _list(settings: Settings) -> None:
    """List the channels and how they stand; never their secrets."""
    with settings.open() as system:
        found = system.channels.list()
    if settings.as_json:
        emit({"channels": [one.to_json() for one in found]})
        return
    table(
        ("name", "leads to", "state", "waiting#", "delivered#", "given up#", "delivered last", "tells", "reason"),
        [
            (
                one.name,
                one.place,
                one.state,
                one.waiting,
                one.delivered,
                one.given_up,
                _minute(one.latest),
                one.details,
                one.reason,
            )
            for one in found
        ],
    )


def _remove(settings: Settings, name: Annotated[str, typer.Argument(help="The channel.")]) -> None:
    """Remove a channel with its secrets; what waited for it is not sent any more."""
    from faceward.outbound import trial

    with settings.open() as system:
        left = system.channels.leaving(name)
        removed = system.channels.remove(name)
    try:
        trial.end(left)
    except EnvironmentFailure as error:
        # The channel is gone all the same.
        note(str(error))
    if settings.as_json:
        emit(removed.to_json())
    else:
        say(f"channel {removed.name} removed: nothing more goes to {removed.place}")


def _test(settings: Settings, name: Annotated[str, typer.Argument(help="The channel.")]) -> None:
    """Send a test message. Where it arrives, what waits is tried at once, also where the receiver wanted no more."""
    from faceward.outbound import trial

    with settings.open() as system:
        result = system.channels.test(name, trial.send)
    if settings.as_json:
        emit(result.to_json())
    else:
        pairs(result.to_json(), "Test message delivered")


def _secret(file: Path | None, *, draw: bool) -> str:
    import secrets

    from faceward.policy.channel_targets import written_secret

    if file is None:
        raise UsageError("a webhook is signed: give --secret-file FILE; a secret is drawn where there is no such file")
    return written_secret(secrets.token_bytes(_KEY_BYTES)) if draw else _first_line(file, "secret")


def _write_drawn(file: Path | None, given: Secrets) -> None:
    from faceward.cli.files import output

    if file is not None:
        with output(file) as out:
            out.write(given.secret + "\n")


def _first_line(file: Path, what: str) -> str:
    return (_text(file, what).splitlines() or [""])[0]


def _text(file: Path, what: str) -> str:
    from faceward.cli.files import read_limited

    data = read_limited(file, _MOST_FILE + 1, what)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    if not text.strip() or len(data) > _MOST_FILE:
        raise BadInput(f"{file}: holds no {what}; give a text file")
    return text


def _minute(time: str | None) -> str | None:
    return None if time is None else time[:16].replace("T", " ")
