"""What goes with evaluations: the protocols that there are, and the features that were kept."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from faceward.cli.evaluate_options import Cache
from faceward.cli.options import Settings, command
from faceward.cli.output import emit, note, say, table
from faceward.cli.words import plural


def register(evaluate: typer.Typer) -> None:
    """Add the commands to those on evaluations."""
    evaluate.command("protocols")(command(_protocols))
    evaluate.command("forget")(command(_forget))


def note_other_pack(name: str, digest: str) -> None:
    """Say so where the deployment that FACEWARD_HOME names works with another pack than the one that is evaluated.

    Only the deployment's public description is read.

    Args:
        name: The pack that is evaluated since none was named.
        digest: Digest of its manifest.
    """
    from faceward.core.errors import FacewardError
    from faceward.operations.config import read_config

    home = os.environ.get("FACEWARD_HOME")
    if not home:
        return
    try:
        config = read_config(Path(home))
    except FacewardError:
        # An evaluation needs no deployment; what is wrong with one its own commands say.
        return
    if (config.pack, config.pack_digest) != (name, digest):
        theirs, mine = (f"{pack}@{found[:16]}" for pack, found in ((config.pack, config.pack_digest), (name, digest)))
        note(f"evaluated is the pack {mine}, but the deployment in {home} works with {theirs}; name it with --pack")


def _protocols(settings: Settings) -> None:
    """List the protocols that come with the project."""
    from faceward.evaluate.protocol import Kind
    from faceward.evaluate.protocols import built_in, built_in_protocol

    known = [built_in_protocol(name) for name in built_in()]
    rows = [(Kind(one.kind).value, one.name, one.about) for one in sorted(known, key=lambda p: (p.kind, p.name))]
    if settings.as_json:
        emit({"protocols": [{"name": name, "kind": kind, "about": about} for kind, name, about in rows]})
    else:
        table(("kind", "protocol", "about"), rows)


def _forget(settings: Settings, *, cache: Cache = None) -> None:
    """Delete the features that evaluations kept."""
    from faceward.evaluate.features import forget
    from faceward.settings import features_folder

    folder = cache or features_folder()
    count = forget(folder)
    if settings.as_json:
        emit({"deleted": count, "folder": str(folder)})
    else:
        say(f"deleted {plural(count, 'file')} of features in {folder}")
