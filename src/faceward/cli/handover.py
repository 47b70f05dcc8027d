"""Handing a gallery to a recipient, and reading what one was handed (rule S4)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from faceward.cli.files import read_limited
from faceward.cli.options import Settings, command
from faceward.cli.output import emit, note, pairs, say
from faceward.cli.words import plural
from faceward.core.errors import BadInput, UsageError


def extend(galleries: typer.Typer) -> None:
    """Add the commands to the group `gallery`."""
    galleries.command("export")(command(_export))
    galleries.command("receive")(command(_receive))


def _export(
    settings: Settings,
    *,
    gallery: Annotated[str, typer.Argument(help="The gallery.")],
    to: Annotated[str, typer.Option("--to", metavar="RECIPIENT", help="The recipient, as the mandate names them.")],
    out: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The package.", readable=False)],
    mandate: Annotated[
        Optional[str], typer.Option(metavar="DIGEST", help="The mandate, or its first digits.", show_default=False)
    ] = None,
) -> None:
    """Hand a gallery to a recipient, sealed to their key; only under a mandate that names them (rule S4)."""
    from faceward.cli.packages import check_target, write_file

    if out.is_dir():
        raise UsageError(f"{out}: is a folder; name a file")
    check_target(out)
    with settings.open() as system:
        result = system.rights.export_gallery(gallery, to, mandate)
    write_file(out, result.sealed)
    if settings.as_json:
        emit(result.to_json())
    else:
        handed = plural(int(str(result.manifest["references"])), "reference")
        say(f"{handed} for {to} written to {out}; log entry {result.entry}")


def _receive(
    settings: Settings,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The package.", readable=False)],
) -> None:
    """Open a package with your age identity (--identity), check it and show its terms. It imports nothing."""
    from faceward.operations.handover import MAX_PACKAGE_BYTES, manifest_of

    if settings.identity is None:
        raise UsageError("name the file with your age identity: --identity FILE")
    data = read_limited(file, MAX_PACKAGE_BYTES + 1, "package")
    if len(data) > MAX_PACKAGE_BYTES:
        raise BadInput(f"{file}: larger than a package can be; ask for it in parts")
    manifest = manifest_of(data, settings.identity)
    if settings.as_json:
        emit(manifest)
        return
    pairs({name.replace("_", " "): value for name, value in manifest.items()}, "Package")
    note("the package was checked and not imported; its references are used under its terms alone")
