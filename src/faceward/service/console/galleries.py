"""Galleries: what each is for, its terms, enrolment, migration, and handing one over (rules C1, E1, S4, T1).

Members stand under their references alone. Their names are sealed; an operator opens those of one page at a time, which
is an entry of the log.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from faceward.core.duration import parse_duration
from faceward.core.errors import BadInput, FacewardError
from faceward.core.names import check_name, normal_name
from faceward.core.reports import EnrolmentResult
from faceward.operations.grounds import Grounds
from faceward.operations.system import System
from faceward.policy.consent import Release
from faceward.policy.parameters import Basis
from faceward.policy.release_files import MAX_BYTES, parse_releases
from faceward.service import bodies
from faceward.service.acts import perform
from faceward.service.callers import Caller
from faceward.service.console.downloads import downloaded
from faceward.service.console.i18n import N_
from faceward.service.console.paging import paged
from faceward.service.console.rendering import back, page
from faceward.service.roles import allowed, known

router = APIRouter(prefix="/galleries", include_in_schema=False)
Person = Annotated[Caller, Depends(known)]
BASES = {
    Basis.CONSENT: N_("consent"),
    Basis.CONTRACT: N_("contract"),
    Basis.LEGAL_OBLIGATION: N_("legal obligation"),
    Basis.VITAL_INTERESTS: N_("vital interests"),
    Basis.PUBLIC_TASK: N_("public task"),
    Basis.LEGITIMATE_INTERESTS: N_("legitimate interests"),
}
MODES = (N_("sealed"),)
"""How references are protected, as `GallerySeen.mode` says it."""
_HERE = "galleries"
_READ = allowed("signed-in")
_ACT = allowed("operator")
_MEMBERS = frozenset({"operator", "auditor", "approver"})


@router.get("", dependencies=[_READ])
async def listed(request: Request, caller: Person) -> Response:
    """List galleries and purposes."""
    galleries, purposes, allowed_bases = await perform(
        request, caller, lambda system: (system.overview.galleries(), system.purposes(), system.overview.bases())
    )
    shown: dict[str, Any] = {"galleries": galleries, "purposes": purposes, "bases": BASES}
    shown["accepted"] = {basis: text for basis, text in BASES.items() if basis in allowed_bases}
    return await page(request, "galleries/list.html", here=_HERE, **shown)


@router.post("/purposes", dependencies=[_ACT])
async def add_purpose(request: Request, caller: Person) -> Response:
    """Register a purpose."""
    data = await bodies.form(request)
    name, basis, way = bodies.text(data, "name"), bodies.text(data, "basis"), bodies.text(data, "alternative", "")
    fmr = _rate(bodies.text(data, "fmr"))
    try:
        term = parse_duration(bodies.text(data, "retention"))
    except ValueError as error:
        raise BadInput(str(error)) from None
    act: Callable[[System], object] = lambda system: system.add_purpose(  # noqa: E731 - one call, with its arguments
        name, basis=basis, fmr=fmr, retention=term, alternative=way
    )
    await perform(request, caller, act)
    return back("/galleries", "saved")


@router.post("/new", dependencies=[_ACT])
async def create(request: Request, caller: Person) -> Response:
    """Create a gallery."""
    data = await bodies.form(request)
    name, purpose = bodies.text(data, "name"), bodies.text(data, "purpose")
    made = await perform(request, caller, lambda system: system.collections.create(name, purpose, {}))
    return back(_address(made.name), "saved")


@router.get("/one", dependencies=[_READ])
async def one(request: Request, caller: Person) -> Response:
    """Show a gallery."""
    name = normal_name(request.query_params.get("gallery", ""))
    return await page(request, "galleries/one.html", here=_HERE, **await _shown(request, caller, name))


async def _shown(request: Request, caller: Caller, name: str) -> dict[str, Any]:
    gallery = await perform(request, caller, lambda system: system.overview.gallery(name))
    shown: dict[str, Any] = {"gallery": gallery, "bases": BASES, "members": None, "names": {}, "recipients": ()}
    shown |= {"enrolled": None, "problem": "", "migrated": None, "today": request.app.state.service.now().date()}
    shown["entry"] = request.query_params.get("entry", "")[:64]
    if caller.roles & _MEMBERS:
        members = paged(await perform(request, caller, lambda system: system.collections.ids(name)), request)
        found = await perform(request, caller, lambda system: system.collections.references(name, members.items))
        shown |= {"members": members, "rows": found}
    if "operator" in caller.roles:
        shown["recipients"] = await perform(request, caller, lambda system: system.rights.recipients())
    return shown


@router.post("/names", dependencies=[_ACT])
async def names(request: Request, caller: Person) -> Response:
    """Show the members of a page with their names; the log says that they were read."""
    name = _gallery(await bodies.form(request))
    shown = await _shown(request, caller, name)
    ids = shown["members"].items
    opened = await perform(request, caller, lambda system: system.collections.named(name, ids))
    shown["names"] = {one.reference.reference_id: one.subject for one in opened}
    return await page(request, "galleries/one.html", here=_HERE, **shown)


@router.post("/enrol", dependencies=[_ACT])
async def enrol(request: Request, caller: Person) -> Response:
    """Enrol pictures of one subject."""
    data = await bodies.form(request)
    name, subject = _gallery(data), check_name(bodies.text(data, "subject"), "subject")
    pictures = await bodies.pictures(data, "pictures")
    purpose = (await perform(request, caller, lambda system: system.overview.gallery(name))).purpose
    made: EnrolmentResult | None = None
    problem = ""
    try:
        grounds = Grounds(_released(data, subject, purpose), bodies.text(data, "entry", "") or None)
        made = await perform(
            request,
            caller,
            lambda system: system.enrol_on(grounds, pictures, subject=subject, purpose=purpose, gallery=name),
        )
    except FacewardError as error:
        if len(pictures) > 1:
            raise
        problem = str(error)
    shown = {**await _shown(request, caller, name), "enrolled": made, "problem": problem}
    rejected = made is None or made.count("rejected") == len(made.samples)
    return await page(request, "galleries/one.html", here=_HERE, status=422 if rejected else 200, **shown)


def _released(data: FormData, subject: str, purpose: str) -> tuple[Release, ...]:
    """Return the release that the form describes, if it describes one; those on file count beside it."""
    signed, until = bodies.text(data, "signed_on", ""), bodies.text(data, "until", "")
    if not signed and not until:
        return ()
    try:
        ends = datetime.combine(date.fromisoformat(until) + timedelta(days=1), time(), UTC)
        day = date.fromisoformat(signed)
    except (ValueError, OverflowError):
        raise BadInput("a release has a day on which it was signed, and a last day; fill in both") from None
    statement, evidence = bodies.text(data, "statement", ""), bodies.text(data, "evidence", "")
    return (Release(subject, purpose, day, ends, statement, evidence),)


@router.post("/releases", dependencies=[_ACT])
async def import_releases(request: Request, caller: Person) -> Response:
    """Put signed releases on file, from CSV, TOML or JSON."""
    data = await bodies.form(request)
    name, [file, *_] = _gallery(data), await bodies.pictures(data, "file")
    if len(file.data) > MAX_BYTES:
        raise BadInput(f"the file is larger than {MAX_BYTES >> 20} MiB; split it")
    releases = parse_releases(file.data, file.name)
    await perform(request, caller, lambda system: system.releases.add(releases))
    return back(_address(name), "imported")


@router.post("/migrate", dependencies=[_ACT])
async def migrate(request: Request, caller: Person) -> Response:
    """Make simulated references anew with the pack in use, and say whose pictures are needed for the others."""
    name = _gallery(await bodies.form(request))
    result = await perform(request, caller, lambda system: system.migrate(name))
    shown = {**await _shown(request, caller, name), "migrated": result}
    return await page(request, "galleries/one.html", here=_HERE, **shown)


@router.post("/export", dependencies=[_ACT])
async def export(request: Request, caller: Person) -> Response:
    """Hand a gallery over, sealed to its recipient, under a mandate that names them."""
    data = await bodies.form(request)
    name, recipient, mandate = _gallery(data), bodies.text(data, "recipient"), bodies.text(data, "mandate")
    made = await perform(request, caller, lambda system: system.rights.export_gallery(name, recipient, mandate))
    return downloaded(made.sealed, f"{name}.age", "application/octet-stream")


def _gallery(data: FormData) -> str:
    return normal_name(bodies.text(data, "gallery"))


def _rate(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadInput("a rate is a number such as 1e-4 or 0.001") from None


def _address(name: str) -> str:
    return f"/galleries/one?gallery={quote(name, safe='')}"
