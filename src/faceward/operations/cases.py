"""Cases: the probe with every edit, the candidates, the reviewers' answers, the finding and the action taken."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from faceward.core.canonical import JSONObject, sha256_hex
from faceward.core.errors import PolicyRefusal, UsageError
from faceward.core.names import printable
from faceward.core.results import JSONDict
from faceward.operations import dismissals, search_log
from faceward.operations.case_people import actor, require_unlocked, signed
from faceward.operations.case_reading import refusals_logged, seen
from faceward.operations.case_store import CaseStore
from faceward.operations.context import Act, Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.policy import dismissed, retention, review, review_facts, review_probe
from faceward.policy.review_model import Answer, Candidate, Case, Comparison, Outcome, Search, Version
from faceward.vision.images import decode

_SALT_BYTES = 32
_DISPLAY_PIXELS = 2_000_000


@dataclass(frozen=True, slots=True)
class CaseRequest:
    """A case to be opened from a search.

    Attributes:
        probe: The original file's bytes.
        name: Its name.
        kind: What it is stated to be; `review_probe.KINDS` are accepted.
        search: Which search it was.
        candidates: Whom the search returned, in any order and numbered anyhow.
    """

    probe: bytes
    name: str
    kind: str
    search: Search
    candidates: tuple[Candidate, ...]


def open_case(deployment: Deployment, desk: Desk, act: Act, request: CaseRequest) -> Case:
    """Open a case for a search that is under way.

    Args:
        deployment: The deployment.
        desk: Where it is authorised and recorded.
        act: The search, whose gallery tells from which pictures the candidates were enrolled.
        request: What the case is made of.

    Raises:
        PolicyRefusal: The probe is none that is compared (rule S3), or the standard refuses it.
    """
    known = [replace(c, enrolled=_enrolled(deployment, act, request.search.gallery, c)) for c in request.candidates]
    # Its entry is the act's own, so that no other case can be of it, and none has to be looked for.
    return _keep(deployment, desk, replace(request, candidates=tuple(known)))


def keep_case(deployment: Deployment, desk: Desk, request: CaseRequest) -> Case:
    """Open a case of a search that is over, without asking the gallery anything.

    Raises:
        PolicyRefusal: See `open_case`.
        UsageError: There is a case of this search.
    """
    return _keep(deployment, desk, request, of_its_own=False)


def _keep(deployment: Deployment, desk: Desk, request: CaseRequest, *, of_its_own: bool = True) -> Case:
    store, search = CaseStore(deployment), request.search
    case_id, now, who = store.new_id(), deployment.now(), actor(deployment)
    digest = sha256_hex(request.probe)
    happening = _opening(case_id, request, digest)
    with refusals_logged(desk, happening):
        review_probe.check_kind(request.kind)
    if not of_its_own and any(held.search == search.entry for held in store.held()):
        raise UsageError(f"there is a case of the search in log entry {search.entry} already; see 'case list'")
    with desk.operation("case.open", review_facts.open_context(request.kind, probe_kept=True), happening):
        purpose = deployment.purpose(search.purpose)
        if purpose is None:
            raise PolicyRefusal("P1", f"the purpose {search.purpose!r} is not registered.", "Register it first.")
        case = Case(
            id=case_id,
            opened=now,
            opener=who.name,
            expires=retention.expiry(now, purpose, None, deployment.standard, deployment.jurisdiction),
            kind=request.kind,
            search=search,
            versions=(Version(digest, None, "original", "", who.name, now, printable(request.name)),),
            candidates=_numbered(request.candidates),
        )
        store.create(case, {digest: request.probe})
    return case


def _opening(case_id: str, request: CaseRequest, digest: str) -> Happening:
    search = request.search
    details: JSONObject = {
        "case": case_id,
        "search": search.entry,
        "probe_sha256": digest,
        "probe_kind": request.kind,
        "gallery": search.gallery,
        "purpose": search.purpose,
        "search_mandate": search.mandate,
    }
    named = (candidate.subject for candidate in request.candidates if candidate.subject is not None)
    about: JSONObject = {"outcome": "is a candidate under review", "case": case_id}
    return Happening("case.open", details, dict.fromkeys(named, about))


def _numbered(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    # By reference, whose identifiers are random: the order in which a search returns them tells the score.
    ordered = sorted(candidates, key=lambda candidate: candidate.reference or "")
    return tuple(replace(candidate, number=number) for number, candidate in enumerate(ordered, 1))


def _enrolled(deployment: Deployment, act: Act, gallery: str, candidate: Candidate) -> str | None:
    """Return the digest of the picture that a candidate was enrolled from, or None where that is not known."""
    try:
        record = act.gallery(gallery).record(deployment.store.reference(candidate.reference or ""))
    except UsageError:
        # Another process erased it just now.
        return None
    source = record.get("source")
    digest = source.get("sha256") if isinstance(source, Mapping) else None
    return digest if isinstance(digest, str) else None


def answer(
    deployment: Deployment, desk: Desk, prefix: str, comparisons: tuple[Comparison, ...], *, amend: bool = False
) -> JSONDict:
    """Record a reviewer's answer, signed and final, or an amendment beside it; return what they may see now.

    The log's entry holds the answer's salted digest and its signature, and nothing of the answer itself.

    Raises:
        PolicyRefusal: See `review.answered` and `review.amended` (rules H1, H2), or the case is locked (P7).
        UsageError: It does not compare exactly the candidates.
    """
    store = CaseStore(deployment)
    held, case = store.read(prefix)
    who = actor(deployment)
    plain = Answer(who.name, deployment.now(), comparisons, amend, secrets.token_hex(_SALT_BYTES))
    step = review.amended if amend else review.answered
    subjects: dict[str, JSONObject] = {s: {"outcome": "was reviewed", "case": case.id} for s in case.subjects}
    operation = "case.amend" if amend else "case.answer"
    with refusals_logged(desk, Happening(operation, {"case": case.id}, subjects)):
        require_unlocked(deployment, case.search.mandate)
        step(case, who, plain)
        given = signed(deployment, case.id, plain)
    details: JSONObject = {
        "case": case.id,
        "answer_sha256": given.digest(case.id),
        "session_sha256": sha256_hex(given.session.encode()),
        "signature": given.signature,
    }
    facts = review_facts.amend_context(case, who) if amend else review_facts.answer_context(case, who)
    with desk.operation(operation, facts, Happening(operation, details, subjects)):
        case = store.change(held.id, lambda current: step(current, who, given))
    # What reviewers dismissed counts from here on; it waits for nobody's finding.
    dismissals.settle(deployment, desk, store.find(held.id))
    return seen(deployment, case, who)


def add_edit(deployment: Deployment, desk: Desk, prefix: str, data: bytes, version: Version) -> Case:
    """Add an edit of the probe to its chain (rule S3); its digest, author and time are filled in here.

    Raises:
        PolicyRefusal: See `review_probe.edited`.
        BadInput: The bytes are no picture.
    """
    digest = sha256_hex(data)
    decode(data, version.name, _DISPLAY_PIXELS)
    made = replace(version, sha256=digest, by=actor(deployment).name, when=deployment.now())
    details: JSONObject = {"picture_sha256": digest, "parent": made.parent, "change": made.change, "note": made.note}
    return _changed(deployment, desk, (prefix, "case.edit", details), lambda c: review_probe.edited(c, made), data)


def add_sample(deployment: Deployment, desk: Desk, prefix: str, data: bytes, number: int) -> Case:
    """Add the picture of a candidate; where it is known from which they were enrolled, only that one is taken.

    Raises:
        UsageError: See `review_probe.sampled`.
        BadInput: The bytes are no picture.
    """
    digest = sha256_hex(data)
    decode(data, f"the picture of candidate {number}", _DISPLAY_PIXELS)
    details: JSONObject = {"picture_sha256": digest, "candidate": number}
    return _changed(
        deployment, desk, (prefix, "case.sample", details), lambda c: review_probe.sampled(c, number, digest), data
    )


def _changed(
    deployment: Deployment,
    desk: Desk,
    what: tuple[str, str, JSONObject],
    step: Callable[[Case], Case],
    picture: bytes,
) -> Case:
    prefix, operation, details = what
    store = CaseStore(deployment)
    held, case = store.read(prefix)
    happening = Happening(operation, {"case": held.id, **details}, {s: {"case": held.id} for s in case.subjects})
    with refusals_logged(desk, happening):
        require_unlocked(deployment, case.search.mandate)
        step(case)
    facts = review_facts.open_context(case.kind, probe_kept=True)
    with desk.operation("case.open", facts, happening):
        return store.change(held.id, step, {sha256_hex(picture): picture})


def conclude(deployment: Deployment, desk: Desk, prefix: str, outcome: Outcome) -> JSONDict:
    """Record the finding on the list's accuracy and the action taken (rule H3); its author and time are filled in.

    An incorrect one counts against the purpose's accepted rate of false alerts (see `operations.monitoring`) and
    against the references that made the candidates (see `operations.false_alerts`).

    Raises:
        PolicyRefusal: The review is not decided (rule H1), the case is locked (P7), the standard asks for reviewers
            and who acts is none, or made the search, or it calls right what reviewers dismissed (H3).
        UsageError: A word, text or number cannot be used.
    """
    store = CaseStore(deployment)
    held, case = store.read(prefix)
    who = actor(deployment)
    made = replace(outcome, by=who.name, when=deployment.now())
    results = review.results(case)
    subjects: dict[str, JSONObject] = {
        candidate.subject: {"outcome": "was reviewed", "result": results[candidate.number].value, "case": held.id}
        for candidate in case.candidates
        if candidate.subject is not None
    }
    with refusals_logged(desk, Happening("case.outcome", {"case": held.id}, {s: {"case": held.id} for s in subjects})):
        require_unlocked(deployment, case.search.mandate)
        review.concluded(case, made)
        if deployment.standard.parameters.people.reviewers:
            review.require_author(case, who)
        dismissed.require_accuracy(case, made.accuracy)
    _check_stated(deployment, desk, case, made.false_alerts)
    details: JSONObject = {
        "case": held.id,
        "search": case.search.entry,
        "accuracy": made.accuracy,
        "false_alerts": made.false_alerts,
        "actionable": sum(result is review.Result.ACTIONABLE for result in results.values()),
    }
    facts = review_facts.decide_context(case)
    # A finding never comes before what reviewers dismissed.
    dismissals.standing(deployment, desk, held)
    with desk.operation("case.decide", facts, Happening("case.outcome", details, subjects)):
        case = store.change(held.id, lambda current: review.concluded(current, made))
    # What follows for the purpose and its references follows from the entry just written; this tells of it in the log.
    dismissals.follow(deployment, desk)
    return seen(deployment, case, who)


def _check_stated(deployment: Deployment, desk: Desk, case: Case, stated: int | None) -> None:
    """Refuse a number of false alerts that exceeds the faces for which the search returned somebody."""
    if stated is None:
        return
    search = search_log.search_of(deployment, desk.journal, case.search.entry)
    alerts = 0 if search is None else search.alerts
    if stated > alerts:
        raise UsageError(f"the search returned candidates for {alerts} faces, so {stated} false alerts cannot be")
