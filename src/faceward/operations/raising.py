"""Raising an alert: the log's beginning, the case, the alert itself, the log's end, in this order.

A process that is killed on the way leaves no alert before its case is whole, and a whole one afterwards: the next
opening brings to its end what the log holds as begun. Where an alert cannot be kept, its case is deleted again, since
whoever raises it once more opens another. Whoever raises one holds back all others meanwhile, so that of
two cameras that see the same subject at once one comes first (rule W5).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from faceward.core.canonical import JSONObject, JSONValue, sha256_hex
from faceward.core.clock import to_rfc3339
from faceward.core.errors import UsageError
from faceward.core.watch_results import IMPOSSIBLE_TRAVEL, AlertView, WatchTerms
from faceward.operations import alert_store, impossible_travel
from faceward.operations.alert_store import RAISED, SUPPRESSED, Kept
from faceward.operations.case_store import CaseStore
from faceward.operations.case_undone import undoing
from faceward.operations.cases import CaseRequest, open_case
from faceward.operations.context import Act, Desk
from faceward.operations.deployment import Deployment
from faceward.operations.impossible_travel import Judged
from faceward.operations.journal import DETAILS, Happening
from faceward.operations.journal import Kept as Entered
from faceward.operations.recognition import coarse, subject_of
from faceward.operations.search_log import ALERT
from faceward.operations.watch_grounds import WATCH, Grounds, WatchRequest, parts
from faceward.policy import retention
from faceward.policy.cameras import Camera
from faceward.policy.review_model import Candidate, Search
from faceward.policy.travel import Spot
from faceward.protection.scheme import Hit
from faceward.vision.images import Picture, decode
from faceward.vision.pipeline import ANALYSIS_PIXELS

SUPPRESS = "watch.suppressed"
FINISHED = frozenset({ALERT, SUPPRESS})
"""Operations that `finish` brings to their end."""
KIND = "frame"
_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Sighting:
    """A track whose sample matched.

    Attributes:
        camera: Name of the camera.
        captured: When, by the stream's clock, UTC.
        crop: The face with some surroundings, PNG; the faces of others in it are hidden already.
        box: The face in the crop: x0, y0, x1, y1 as shares of its width and height, 0 to 1.
        hits: What `compare` returned.
        quality: Quality components of the sample.
    """

    camera: str
    captured: datetime
    crop: bytes = field(repr=False)
    box: tuple[float, float, float, float]
    hits: tuple[Hit, ...]
    quality: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Period:
    """The period under way, in which an alert is raised.

    Attributes:
        act: What was authorised; it opens the list.
        request: What is watched.
        rests: What it rests on now.
        terms: On which terms tracks are compared.
        expected: False alerts a day that these make of the traffic of the last hour.
    """

    act: Act
    request: WatchRequest
    rests: Grounds
    terms: WatchTerms
    expected: float


@dataclass(frozen=True, slots=True)
class Raised:
    """What came of a sighting; nothing at all where whom it was of is erased by now.

    Attributes:
        alert: The alert, or None.
        suppressed: Nobody can have got there (rule W5), which is on record.
        repeated: The same was reported just before.
    """

    alert: AlertView | None = None
    suppressed: bool = False
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class _Made:
    """An alert on its way."""

    sighting: Sighting
    camera: Camera
    picture: Picture
    hits: tuple[tuple[str, Hit], ...]


def raise_alert(deployment: Deployment, desk: Desk, period: Period, sighting: Sighting) -> Raised:
    """Put a sighting on record, so that it waits for people.

    Raises:
        PolicyRefusal: A rule refuses it by now; the refusal is logged.
        UsageError: The camera is none of this watch.
        BadInput: The crop is no picture.
        EnvironmentFailure: The log, a case or an alert cannot be written.
    """
    camera = period.rests.cameras.get(sighting.camera)
    if camera is None:
        raise UsageError(f"the camera {sighting.camera!r} is none of this watch; name it when the watch begins")
    picture = decode(sighting.crop, f"a frame of {camera.name}", ANALYSIS_PIXELS)
    with alert_store.changing(deployment):
        seen = camera.name, Spot(camera.branch, camera.position, sighting.captured)
        judged = impossible_travel.judge(
            sighting.hits, seen, alert_store.listed(deployment), partial(impossible_travel.dismissed, deployment)
        )
        named = _named(deployment, period, judged.new or tuple(hit for hit, _ in judged.impossible))
        made = _Made(sighting, camera, picture, named)
        if not named:
            return Raised(repeated=bool(judged.repeated))
        if not judged.new:
            _suppress(deployment, desk, period, made, judged)
            return Raised(suppressed=True)
        for _, earlier in judged.impossible:
            alert_store.flagged(deployment, earlier.id, IMPOSSIBLE_TRAVEL)
        return Raised(_raise(deployment, desk, period, made))


def _named(deployment: Deployment, period: Period, hits: tuple[Hit, ...]) -> tuple[tuple[str, Hit], ...]:
    """Return hits with their subjects' names, without those who were erased just now."""
    gallery = period.act.gallery(period.request.gallery)
    found = ((subject_of(deployment, gallery, hit.reference_id), hit) for hit in hits)
    return tuple((name, hit) for name, hit in found if name is not None)


def _raise(deployment: Deployment, desk: Desk, period: Period, made: _Made) -> AlertView:
    about = {name: _about(hit) for name, hit in made.hits}
    details = _details(deployment, period, made)
    happening = Happening(ALERT, details, about, parts(desk, period.request, period.rests))
    deployment.remember_probe(made.picture)
    with desk.operation(WATCH, period.rests.context, happening, period.rests.named.held) as act:
        with undoing(deployment, desk, act.entry, about):
            case = open_case(deployment, desk, period.act, _case(deployment, period, made, act.entry))
            pseudonyms = [hit.subject.hex() for _, hit in made.hits]
            kept = _kept(details, act.entry, RAISED, pseudonyms, case=case.id)
            alert_store.put(deployment, kept)
        _report(act, details, about, case.id)
    return alert_store.shown(kept, "waiting")


def _suppress(deployment: Deployment, desk: Desk, period: Period, made: _Made, judged: Judged) -> None:
    """Record a sighting that is no alert: its subject was seen elsewhere. Both are flagged, no picture is kept."""
    others: list[JSONValue] = [*sorted({earlier.id for _, earlier in judged.impossible})]
    details = {**_details(deployment, period, made), "others": others}
    about: dict[str, JSONObject] = {name: {"outcome": "suppressed: impossible travel"} for name, _ in made.hits}
    happening = Happening(SUPPRESS, details, about)
    with desk.operation(WATCH, period.rests.context, happening, period.rests.named.held) as act:
        _put_suppressed(deployment, act.entry, details, [hit.subject.hex() for _, hit in made.hits])
        act.outcome["suppressed"] = details["alert"]


def _put_suppressed(deployment: Deployment, entry: int, details: JSONObject, pseudonyms: list[str]) -> None:
    alert_store.put(deployment, _kept(details, entry, SUPPRESSED, pseudonyms, flags=(IMPOSSIBLE_TRAVEL,)))
    others = details["others"]
    for other in others if isinstance(others, list) else ():
        alert_store.flagged(deployment, str(other), IMPOSSIBLE_TRAVEL)


def _details(deployment: Deployment, period: Period, made: _Made) -> JSONObject:
    """Return what the log says of a sighting as it is announced: all that its end and the alert are made of."""
    request, terms, camera, purpose = period.request, period.terms, made.camera, period.rests.purpose
    now = deployment.now()
    if purpose is None:
        raise AssertionError("rule P1 refuses an unregistered purpose")
    expires = retention.expiry(now, purpose, None, deployment.standard, deployment.jurisdiction)
    return {
        "alert": secrets.token_hex(_ID_BYTES),
        "period": period.act.entry,
        "purpose": request.purpose,
        "gallery": request.gallery,
        "camera": camera.name,
        "branch": camera.branch,
        "position": None if camera.position is None else list(camera.position),
        "captured": to_rfc3339(made.sighting.captured),
        "reason": period.rests.reason,
        "probe_sha256": sha256_hex(made.sighting.crop),
        "probe_pixels": deployment.sample_digest(made.picture).hex(),
        "probe_kind": KIND,
        "quality": {name: round(float(value), 4) for name, value in sorted(made.sighting.quality.items())},
        "references": period.rests.compared.references,
        "subjects": period.rests.compared.subjects,
        "left_out": period.rests.compared.left_out,
        "operating_point": terms.threshold,
        "fpir": terms.fpir,
        "expected": period.expected,
        "matches": len(made.hits),
        "expires": to_rfc3339(expires),
    }


def _about(hit: Hit) -> JSONObject:
    return {"outcome": "candidate", "reference": hit.reference_id, "references": list(hit.references)}


def _case(deployment: Deployment, period: Period, made: _Made, entry: int) -> CaseRequest:
    request, named, sighting = period.request, period.rests.named, made.sighting
    search = Search(
        entry=entry,
        operator=deployment.operator,
        gallery=request.gallery,
        purpose=request.purpose,
        mandate=named.held.digest if named.held else "",
        reason=period.rests.reason,
    )
    candidates = tuple(
        Candidate(number, name, hit.reference_id, coarse(hit.score), sighting.box)
        for number, (name, hit) in enumerate(made.hits, 1)
    )
    name = f"{made.camera.name} {to_rfc3339(sighting.captured)}.png"
    return CaseRequest(sighting.crop, name, KIND, search, candidates)


def _report(act: Act, details: JSONObject, about: dict[str, JSONObject], case: str) -> None:
    """Say in the closing entry what a search would say: one face, which is an alert."""
    carried = ("references", "subjects", "left_out", "operating_point", "fpir", "alert")
    act.outcome.update({name: details[name] for name in carried})
    act.outcome.update({"faces": 1, "unknown": 0, "rejected": 0, "case": case})
    act.subjects.update(about)


def _kept(
    details: JSONObject, entry: int, state: str, pseudonyms: list[str], *, case: str = "", flags: tuple[str, ...] = ()
) -> Kept:
    """Return an alert as it is kept, from what its first entry says."""
    carried = ("camera", "branch", "position", "captured", "gallery", "purpose", "fpir", "expected", "matches")
    value: JSONObject = {
        **{name: details[name] for name in (*carried, "expires")},
        "id": details["alert"],
        "state": state,
        "entry": entry,
        "case": case,
        "subjects": [*pseudonyms],
        "flags": [*flags],
    }
    return Kept.from_json(value)


def finish(deployment: Deployment, desk: Desk, index: int) -> bool:
    """Bring an alert to its end that a killed process left; return False where it came to nothing.

    Args:
        deployment: The deployment.
        desk: Where it is recorded.
        index: Index of the log entry that announced it, whose process is known to be gone.
    """
    entry = deployment.log.entry(index)
    opened = {slot: opening.details for slot, opening in desk.journal.opened(index, entry).items()}
    details = opened.pop(DETAILS)
    # Who was erased since cannot be told any more, and their pseudonym must not come back.
    about = {str(one["subject"]): _without_place(one) for one in opened.values() if "subject" in one}
    pseudonyms = [deployment.pseudonym(subject).hex() for subject in about]
    act = desk.act(Entered(index, {}))
    with alert_store.changing(deployment):
        if entry.operation == SUPPRESS:
            _put_suppressed(deployment, index, details, pseudonyms)
            act.outcome["suppressed"] = details["alert"]
        else:
            case = next((held.id for held in CaseStore(deployment).held() if held.search == index), None)
            if case is None:
                return False
            alert_store.put(deployment, _kept(details, index, RAISED, pseudonyms, case=case))
            _report(act, details, about, case)
        desk.close(entry.operation, act)
    return True


def _without_place(about: JSONObject) -> JSONObject:
    return {name: about[name] for name in ("outcome", "reference", "references") if name in about}
