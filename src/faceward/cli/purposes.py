"""Purposes: what faces are compared for."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, note, pairs, table
from faceward.core.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the commands."""
    purposes = group("purpose", "What faces are compared for, on which lawful basis (rule P1).")
    purposes.command("add")(command(_add))
    purposes.command("change")(command(_change))
    purposes.command("list")(command(_list))
    app.add_typer(purposes)


def _add(
    settings: Settings,
    *,
    name: Annotated[str, typer.Argument(help="Its name, in any script.")],
    basis: Annotated[str, typer.Option(help="Lawful basis that the standard accepts; 'standards show' lists them.")],
    fmr: Annotated[float, typer.Option(help="False match rate that a verification accepts, for example 1e-4.")],
    retention: Annotated[str, typer.Option(help="How long references are kept at most: 24h, 90d, 12m, 2y.")],
    fpir: Annotated[
        Optional[float],
        typer.Option(help="False positive rate that a search accepts.", show_default="the standard's"),
    ] = None,
    alternative: Annotated[str, typer.Option(help="The way without biometrics that people are offered.")] = "",
    camera_class: Annotated[
        str, typer.Option(help="What kind of pictures are searched with, such as door; evidence is of the same.")
    ] = "any",
) -> None:
    """Register a purpose."""
    from faceward.core.duration import parse_duration

    try:
        span = parse_duration(retention)
    except ValueError as error:
        raise UsageError(f"--retention: {error}") from None
    with settings.open() as system:
        purpose = system.add_purpose(
            name,
            basis=basis,
            fmr=fmr,
            retention=span,
            fpir=fpir,
            alternative=alternative,
            camera_class=camera_class,
        )
    if settings.as_json:
        emit(purpose.to_json())
    else:
        pairs(purpose.to_json(), "Purpose registered")
    if purpose.basis == "consent" and not purpose.alternative:
        note(
            f"--alternative left out: notices for {purpose.name!r} will name no way without face recognition, "
            "which free consent needs"
        )


def _change(
    settings: Settings,
    *,
    name: Annotated[str, typer.Argument(help="A registered purpose.")],
    fmr: Annotated[
        Optional[float],
        typer.Option(help="False match rate that a verification accepts.", show_default="as it is"),
    ] = None,
    fpir: Annotated[
        Optional[float], typer.Option(help="False positive rate that a search accepts.", show_default="as it is")
    ] = None,
    camera_class: Annotated[
        Optional[str], typer.Option(help="What kind of pictures are searched with.", show_default="as it is")
    ] = None,
) -> None:
    """Change a purpose's rates or camera class; what lowers a threshold waits for another person (rule S1)."""
    from faceward.cli.evidence import tell

    with settings.open() as system:
        changed = system.evidence.change_purpose(name, fmr=fmr, fpir=fpir, camera_class=camera_class)
    tell(settings, changed, f"purpose {name!r} changed")


def _list(settings: Settings) -> None:
    """List the registered purposes."""
    with settings.open() as system:
        purposes = system.purposes()
    if settings.as_json:
        emit({"purposes": [purpose.to_json() for purpose in purposes]})
        return
    shown = [purpose.to_json() for purpose in purposes]
    columns = ("name", "basis", "fmr", "fpir", "retention", "alternative", "camera_class")
    titles = [column.replace("_", " ") for column in columns]
    table(titles, [[purpose[column] for column in columns] for purpose in shown])
