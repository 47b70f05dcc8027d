"""Installing model packs by name: what there is, on what terms, and fetching it once they are accepted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from faceward.cli.options import Settings
from faceward.cli.output import emit, note, pairs, say, table
from faceward.core.errors import UsageError

if TYPE_CHECKING:
    from faceward.vision.catalogue import Entry

_KIBI = 1024


def catalogue(settings: Settings) -> None:
    """List the model packs that can be installed by name, with their licences."""
    from faceward.standalone import pack_store
    from faceward.vision.catalogue import entries

    installed = pack_store().names()
    found = [entry_json(entry, installed=entry.manifest.name in installed) for entry in entries()]
    if settings.as_json:
        emit({"packs": found})
        return
    table(
        ("pack", "licence", "commercial use", "MB#", "trained on", "installed"),
        [
            (
                one["name"],
                one["licence"],
                one["commercial"],
                f"{one['size'] / 1e6:.1f}",
                one["training_data"],
                one["installed"],
            )
            for one in found
        ],
    )


def install(
    settings: Settings,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A pack of the catalogue, or a pack.toml with a [download] table.")
    ],
    accept: Annotated[
        bool, typer.Option("--accept-licence", help="Accept the terms; else they are shown and asked about.")
    ] = False,
    folder: Annotated[
        Optional[Path],
        typer.Option(
            "--from", metavar="FOLDER", help="Take the files from this folder, without a network.", readable=False
        ),
    ] = None,
    base_url: Annotated[
        Optional[str],
        typer.Option("--base-url", metavar="URL", help="Fetch the files from below this address instead of their own."),
    ] = None,
) -> None:
    """Show a model pack's terms and, once they are accepted, fetch, verify and add it."""
    from faceward.cli.progress import progress
    from faceward.core.clock import SystemClock
    from faceward.fetch.install import Origin, check_wanted
    from faceward.fetch.install import install as fetch_and_add
    from faceward.standalone import pack_store

    entry, store, origin = _entry(name), pack_store(), Origin(base_url, folder)
    check_wanted(store, entry, origin)
    if not settings.as_json:
        _show(entry, origin.describe(entry))
    if not accept:
        _ask(entry, origin.describe(entry))
    with progress(settings, f"{entry.manifest.name}, KiB") as advance:

        def received(there: int, total: int) -> None:
            if advance is not None:
                advance(there // _KIBI, total // _KIBI)

        pack = fetch_and_add(store, entry, origin, SystemClock().now(), received)
    advice = _advice(entry, store.folder / entry.manifest.name)
    if settings.as_json:
        from faceward.standalone import manifest_json

        emit({**manifest_json(pack.manifest, store.acceptance(pack)), "advice": advice})
        return
    say(f"installed: {pack.manifest.identifier}, verified by hash")
    if advice:
        note(advice)


def _entry(name: str) -> Entry:
    from faceward.vision.catalogue import find_entry, read_entry
    from faceward.vision.pack_files import manifest_text

    return read_entry(manifest_text(Path(name)), name) if name.endswith(".toml") else find_entry(name)


def entry_json(entry: Entry, *, installed: bool) -> dict[str, Any]:
    """Return the object that describes a pack of the catalogue."""
    manifest, download = entry.manifest, entry.download
    return {
        "name": manifest.name,
        "identifier": manifest.identifier,
        "licence": manifest.licence,
        "licence_at": download.licence_at,
        "commercial": manifest.commercial,
        "conflict": download.conflict or None,
        "notes": download.notes or None,
        "source": manifest.source,
        "training_data": manifest.training_data,
        "size": download.size,
        "files": [{"file": one.file, "address": one.address, "size": one.size} for one in download.files],
        "calibrated": manifest.calibration is not None,
        "installed": installed,
    }


def _show(entry: Entry, origin: str) -> None:
    manifest, download = entry.manifest, entry.download
    pairs(
        {
            "pack": manifest.identifier,
            "source": manifest.source,
            "size": f"{download.size / 1e6:.1f} MB in {len(download.files)} file{'s' * (len(download.files) > 1)}",
            "from": origin,
            "licence": manifest.licence,
            "stated at": download.licence_at,
            "commercial use": manifest.commercial,
            **({"terms in conflict": download.conflict} if download.conflict else {}),
            "trained on": manifest.training_data,
            **({"note": download.notes} if download.notes else {}),
            "calibration": manifest.calibration.data if manifest.calibration else "none: it decides nothing without",
        }
    )


def _ask(entry: Entry, origin: str) -> None:
    """Have the terms accepted by whoever sits at the terminal."""
    manifest = entry.manifest
    where = "copied" if origin == "folder" else "fetched"
    if not sys.stdin.isatty():
        raise UsageError(
            f"the licence of {manifest.name} was not accepted, so nothing was {where}: {manifest.licence} "
            f"({entry.download.licence_at}); add --accept-licence where nobody can be asked"
        )
    sys.stderr.write(f"Do you accept these terms? The files are then {where}. [y/N]: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError(f"the licence was not accepted; nothing was {where}")


def _advice(entry: Entry, folder: Path) -> str | None:
    if entry.manifest.calibration is not None:
        return None
    name = entry.manifest.name
    return (
        f"{name} decides nothing until it is calibrated on your data: 'faceward evaluate calibrate --pack {name} "
        f"--data FOLDER --protocol folder --out calibration.toml', then append that file to {folder / 'pack.toml'}"
    )
