"""Model packs on this machine, and the keys of programs."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from faceward import standalone
from faceward.operations.system import System
from faceward.service.acts import perform
from faceward.service.roles import allowed
from faceward.service.v1.doing import Limit, Offset, answered, done, listed, objects, path, shown
from faceward.service.v1.given import Given, Shown, Who, described, json_of

router = APIRouter(tags=["packs"])


class NewKey(Given):
    """What a program's key is for."""

    name: str | None = Field(None, description="What to call it; drawn if left out.")
    purposes: tuple[str, ...] = Field((), max_length=100, description="The only purposes that it may name; else all.")
    galleries: tuple[str, ...] = Field((), max_length=100, description="The only galleries that it may name; else all.")
    days: int | None = Field(None, ge=1, le=1826, description="How long it lasts; without end if left out.")


class CalibrationShown(Shown):
    """What a pack's thresholds rest on."""

    data: str
    mated: int
    nonmated: int
    default_fmr: float
    strictest_fmr: float
    measured_to: float


class PackShown(Shown):
    """A model pack."""

    name: str
    identifier: str
    licence: str
    commercial: bool
    source: str
    training_data: str
    accepted: dict[str, Any] | None
    dimension: int
    detector: str | None
    calibration: CalibrationShown | None


class PacksShown(Shown):
    """The model packs on this machine."""

    packs: list[PackShown]


class LeftOutShown(Shown):
    """How many references of a gallery are of other packs."""

    gallery: str
    left_out: int


class PackChangeShown(Shown):
    """A deployment's change to another pack."""

    pack: str
    identifier: str
    state: Literal["in use", "waiting"]
    request: str | None
    galleries: list[LeftOutShown]


class KeyShown(Shown):
    """A program's key: nothing of its secrets."""

    access_key_id: str
    name: str
    purposes: list[str] | None
    galleries: list[str] | None
    created: str
    expires: str | None
    revoked: str | None
    state: str
    admitted: bool | None


class KeysShown(Shown):
    """Keys of programs."""

    keys: list[KeyShown]


class CreatedKeyShown(Shown):
    """A key that was just made. The secret is shown here and never again."""

    name: str
    access_key_id: str
    secret_access_key: str
    purposes: list[str] | None
    galleries: list[str] | None
    created: str
    expires: str | None


@router.get("/packs", response_model=PacksShown, dependencies=[allowed("signed-in", "key")])
async def list_packs(request: Request, caller: Who) -> Response:
    """List the model packs with their licences."""

    def act(_: System) -> dict[str, object]:
        store = standalone.pack_store()
        found = [store.get(name) for name in store.names()]
        return {"packs": [standalone.manifest_json(pack.manifest, store.acceptance(pack)) for pack in found]}

    return await shown(request, caller, act)


@router.post(
    "/packs/{name:name}/use",
    status_code=202,
    response_model=PackChangeShown,
    dependencies=[allowed("operator", "approver", "custodian")],
)
async def use_pack(request: Request, caller: Who, name: str) -> Response:
    """Ask for another model pack, or change to it where that was approved; the service is then to be started anew."""
    return await done(request, caller, lambda system: system.use_pack(standalone.pipeline(name)).to_json(), status=202)


@router.get(
    "/keys", response_model=KeysShown, tags=["keys"], dependencies=[allowed("operator", "custodian", "auditor")]
)
async def list_keys(request: Request, caller: Who, limit: Limit = 100, offset: Offset = 0) -> Response:
    """List the keys of programs."""
    return await listed(request, caller, ("keys", limit, offset), lambda system: objects(system.api_keys.listed()))


@router.post(
    "/keys",
    status_code=201,
    response_model=CreatedKeyShown,
    tags=["keys"],
    openapi_extra=described(NewKey),
    dependencies=[allowed("operator", "custodian")],
)
async def create_key(request: Request, caller: Who, given: Annotated[NewKey, json_of(NewKey)]) -> Response:
    """Make a program's key. Its secret is in this answer alone, which is kept for no idempotency key (rule K2)."""
    term = None if given.days is None else timedelta(days=given.days)
    made = await perform(
        request,
        caller,
        lambda system: system.api_keys.create(
            given.name, purposes=given.purposes, galleries=given.galleries, term=term
        ).to_json(),
    )
    return answered(made, 201, {"Location": path("keys", str(made["name"]))})


@router.delete(
    "/keys/{name:name}", response_model=KeyShown, tags=["keys"], dependencies=[allowed("operator", "custodian")]
)
async def revoke_key(request: Request, caller: Who, name: str) -> Response:
    """Take a program's key away, at once in every process."""
    return await done(request, caller, lambda system: system.api_keys.revoke(name).to_json())
