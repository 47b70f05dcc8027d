"""Model packs on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from faceward.cli import migration, pack_card
from faceward.cli.options import Settings, command, group
from faceward.cli.output import emit, table
from faceward.cli.packs_install import catalogue, install
from faceward.core.errors import IntegrityError

if TYPE_CHECKING:
    from faceward.vision.acceptance import Acceptance
    from faceward.vision.manifest import Manifest
    from faceward.vision.packs import FileCheck


def register(app: typer.Typer) -> None:
    """Add the commands."""
    packs = group("packs", "Model packs: networks with their hashes, licence and calibration.")
    packs.command("list")(command(_list))
    packs.command("catalogue")(command(catalogue))
    packs.command("install")(command(install))
    packs.command("add")(command(_add))
    packs.command("verify")(command(_verify))
    pack_card.register(packs)
    migration.extend_packs(packs)
    app.add_typer(packs)


def _list(settings: Settings) -> None:
    """List the model packs with their licences."""
    from faceward.standalone import manifest_json, pack_store

    store = pack_store()
    found = [store.get(name) for name in store.names()]
    accepted = [(pack.manifest, store.acceptance(pack)) for pack in found]
    if settings.as_json:
        emit({"packs": [manifest_json(manifest, terms) for manifest, terms in accepted]})
    else:
        _print(accepted)


def _add(
    settings: Settings,
    manifest: Annotated[
        Path, typer.Argument(metavar="FILE", help="The pack's pack.toml, or its folder.", readable=False)
    ],
) -> None:
    """Add a model pack after verifying its files by hash."""
    from faceward.standalone import manifest_json, pack_store

    added = pack_store().add(manifest).manifest
    if settings.as_json:
        emit(manifest_json(added))
    else:
        _print([(added, None)])


def _verify(
    settings: Settings,
    name: Annotated[Optional[str], typer.Argument(help="A pack.", show_default="all of them")] = None,
) -> None:
    """Hash every file of a pack, or of all, and compare with the manifest."""
    from faceward.standalone import pack_store

    store = pack_store()
    names = store.names() if name is None else (name,)
    checks = {one: store.verify(store.get(one)) for one in names}
    altered = [(one, check.file) for one, found in checks.items() for check in found if not check.intact]
    if settings.as_json and not altered:
        emit({"packs": [{"name": one, "files": [_check_json(check) for check in checks[one]]} for one in names]})
    elif not settings.as_json:
        table(
            ("pack", "file", "SHA-256", "intact"),
            [(one, check.file, check.found, check.intact) for one in names for check in checks[one]],
        )
    if altered:
        listed = ", ".join(f"{file} of {one}" for one, file in altered)
        raise IntegrityError(f"not what the manifest says: {listed}; restore the original file")


def _check_json(check: FileCheck) -> dict[str, Any]:
    return {"file": check.file, "sha256": check.sha256, "found": check.found, "intact": check.intact}


def _print(packs: list[tuple[Manifest, Acceptance | None]]) -> None:
    table(
        ("pack", "licence", "accepted", "commercial use", "features#", "calibrated on", "strictest FMR#"),
        [
            (
                manifest.identifier,
                manifest.licence,
                f"{accepted.at:%Y-%m-%d}" if accepted else None,
                manifest.commercial,
                manifest.dimension,
                manifest.calibration.data if manifest.calibration else "not calibrated: decides nothing",
                f"{manifest.calibration.strictest:.0e}" if manifest.calibration else None,
            )
            for manifest, accepted in packs
        ],
    )
