"""What goes with evaluations: the protocols that there are, and the features that were kept."""

from __future__ import annotations

import typer

from faceward.cli.evaluate_options import Cache
from faceward.cli.options import Settings, command
from faceward.cli.output import emit, say, table
from faceward.cli.words import plural


def register(evaluate: typer.Typer) -> None:
    """Add the commands to those on evaluations."""
    evaluate.command("protocols")(command(_protocols))
    evaluate.command("forget")(command(_forget))


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
