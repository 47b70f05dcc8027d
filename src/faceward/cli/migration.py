"""Another model pack for a deployment, and its references made anew with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from faceward.cli.options import Settings, command
from faceward.cli.output import emit, note, say, table
from faceward.cli.progress import progress
from faceward.cli.words import plural

if TYPE_CHECKING:
    from faceward.core.pack_results import MigrationResult, PackChange

_SHORT = 12


def extend_packs(packs: typer.Typer) -> None:
    """Add the command to the group `packs`."""
    packs.command("use")(command(_use))


def extend_galleries(galleries: typer.Typer) -> None:
    """Add the command to the group `gallery`."""
    galleries.command("migrate")(command(_migrate))


def _use(settings: Settings, name: Annotated[str, typer.Argument(help="The model pack.")]) -> None:
    """Change the deployment's model pack, which another person approves; repeat it once that is done."""
    from faceward.standalone import pipeline

    model = pipeline(name)
    with settings.open() as system:
        change = system.use_pack(model)
    if settings.as_json:
        emit(change.to_json())
    else:
        _print_change(change)


def _print_change(change: PackChange) -> None:
    if change.request is not None:
        say(f"pack {change.pack}: waiting, request {change.request}")
        say(f"another person approves it: faceward request approve {change.request[:_SHORT]} --as NAME --key FILE")
        say(f"then repeat: faceward packs use {change.pack}")
        return
    say(f"pack {change.pack} is in use, identifier {change.identifier}")
    for gallery, count in change.galleries:
        if count:
            said = "is" if count == 1 else "are"
            note(
                f"{plural(count, 'reference')} of gallery {gallery} {said} of another pack and compared with nobody: "
                f"'faceward gallery migrate {gallery} --samples FOLDER'"
            )


def _migrate(
    settings: Settings,
    gallery: Annotated[str, typer.Argument(help="The gallery.")],
    samples: Annotated[
        Optional[Path],
        typer.Option(
            metavar="FOLDER",
            help="Folder with the pictures that were enrolled, in any order and depth.",
            show_default=False,
            readable=False,
        ),
    ] = None,
) -> None:
    """Make a gallery's references anew with the pack in use, from the very pictures that were enrolled.

    Whose picture is not there keeps the old reference, which is compared with nobody, and is named: ask them again.
    """
    with settings.open() as system, progress(settings, "Migrating") as advance:
        result = system.migrate(gallery, samples, advance)
    if settings.as_json:
        emit(result.to_json())
    else:
        _print(result)


def _print(result: MigrationResult) -> None:
    say(f"gallery {result.gallery}, pack {result.pack}: {plural(result.migrated, 'reference')} made anew")
    if result.superseded:
        say(f"{plural(result.superseded, 'old reference')} erased, whose picture was enrolled with this pack already")
    if result.simulated:
        say(f"{plural(result.simulated, 'simulated reference')} erased; 'simulate' fills the gallery again")
    if result.ask_again:
        table(
            ("subject", "picture at enrolment", "why", "reference"),
            [(one.subject, one.picture, one.reason, one.reference) for one in result.ask_again],
            "To be asked again",
        )
        note(
            "their old references are compared with nobody until they are migrated or expire: enrol a new picture of "
            "each, or erase them with 'subject erase'"
        )
