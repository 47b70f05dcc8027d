"""Galleries: what there is, handing one to a recipient, and making references anew."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from faceward.operations.system import System
from faceward.service.roles import allowed
from faceward.service.v1 import scope
from faceward.service.v1.doing import Limit, Offset, done, file, listed
from faceward.service.v1.given import Files, Form, Given, Shown, Who, described, form_of, json_of
from faceward.service.v1.recognition import Nothing

router = APIRouter(tags=["galleries"])

_SAMPLES = Files("image", 0, 64, "Pictures that were enrolled, byte by byte.")


class Handover(Given):
    """To whom a gallery goes, and by which mandate."""

    recipient: str = Field(min_length=1)
    mandate: str | None = Field(None, description="Digest of the mandate that names them, or its first digits.")


class GalleryShown(Shown):
    """A gallery."""

    gallery: str
    purpose: str | None
    references: int
    left_out: int
    simulated: int
    mode: str
    pack: str
    ends: str | None = Field(None, description="When it is destroyed (rule W3); null where it has no end.")


class GalleriesShown(Shown):
    """Galleries by name."""

    galleries: list[GalleryShown]


class NotMigratedShown(Shown):
    """A reference that stays as it is."""

    subject: str
    reference: str
    picture: str
    reason: str


class MigrationShown(Shown):
    """What became of a gallery's references."""

    gallery: str
    pack: str
    migrated: int
    superseded: int
    simulated: int
    ask_again: list[NotMigratedShown]


def galleries_of(system: System) -> list[dict[str, Any]]:
    """Return the galleries as the deployment's state tells of them."""
    found: Any = system.status()["galleries"]
    return [dict(row) for row in found]


@router.get("/galleries", response_model=GalleriesShown, dependencies=[allowed("signed-in", "key")])
async def list_galleries(request: Request, caller: Who, limit: Limit = 100, offset: Offset = 0) -> Response:
    """List the galleries; for a limited key, those that it is for."""
    return await listed(
        request,
        caller,
        ("galleries", limit, offset),
        lambda system: scope.rows(caller, galleries_of(system)),
    )


@router.post(
    "/galleries/{gallery:name}/handovers",
    response_class=Response,
    responses={200: {"description": "The package, sealed to the recipient.", "content": {"application/age": {}}}},
    openapi_extra=described(Handover),
    dependencies=[allowed("operator", "key")],
)
async def hand_over(
    request: Request, caller: Who, gallery: str, given: Annotated[Handover, json_of(Handover)]
) -> Response:
    """Hand a gallery to a recipient, sealed to their key; only under a mandate that names them (rule S4)."""
    scope.whole(caller)

    def act(system: System) -> tuple[bytes, str, dict[str, object]]:
        made = system.rights.export_gallery(gallery, given.recipient, given.mandate)
        return made.sealed, "application/age", dict(made.to_json())

    return await file(request, caller, act, "gallery.age")


@router.post(
    "/galleries/{gallery:name}/migrations",
    response_model=MigrationShown,
    openapi_extra=described(Nothing, _SAMPLES),
    dependencies=[allowed("operator", "key")],
)
async def migrate_gallery(
    request: Request, caller: Who, gallery: str, given: Annotated[Form[Nothing], form_of(Nothing, _SAMPLES)]
) -> Response:
    """Make a gallery's references anew with the pack in use, from the very pictures that were enrolled."""
    scope.whole(caller)

    def act(system: System) -> dict[str, object]:
        with tempfile.TemporaryDirectory(prefix="faceward-") as folder:
            for number, picture in enumerate(given.files["image"]):
                (Path(folder) / f"{number}{Path(picture.name).suffix or '.png'}").write_bytes(picture.data)
            return dict(system.migrate(gallery, folder).to_json())

    return await done(request, caller, act)
