"""Reading cases: each time logged, and never more than the person may see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from faceward.core.canonical import JSONValue
from faceward.core.errors import PolicyRefusal
from faceward.core.results import JSONDict
from faceward.operations.case_people import actor, check_answer, locked, require_unlocked
from faceward.operations.case_store import CaseStore, Held
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.policy import review_facts
from faceward.policy.review import Result, require_author, results
from faceward.policy.review_model import Case
from faceward.policy.review_view import answers_seen, require_reader, view
from faceward.policy.rules import Principal


def seen(deployment: Deployment, case: Case, who: Principal) -> JSONDict:
    """Return what a person may see of a case, with whether each answer's signature is its reviewer's.

    Raises:
        IntegrityError: An answer is not signed by its reviewer's session.
    """
    checked = {answer.signature: check_answer(deployment, case.id, answer) for answer in case.answers}
    shown_now = view(case, who)
    answers = [{**answer, "checked": checked[str(answer["signature"])]} for answer in answers_seen(case, who)]
    return {**shown_now, "answers": answers, "finding_wanted": _finding_wanted(deployment, case, who, shown_now)}


def _finding_wanted(deployment: Deployment, case: Case, who: Principal, told: Mapping[str, JSONValue]) -> bool:
    """Tell whether the case waits for a finding that this person may record (rule H3)."""
    if told["finding_wanted"] is not True:
        return False
    if not deployment.standard.parameters.people.reviewers:
        return True
    try:
        require_author(case, who)
    except PolicyRefusal:
        return False
    return True


def shown(deployment: Deployment, desk: Desk, prefix: str) -> JSONDict:
    """Return what the person who acts may see of a case; it is logged.

    Raises:
        UsageError: There is no such case.
        PolicyRefusal: The case is locked (rule P7), or the person has no business with it (rule H1).
    """
    _, case, who = reading(deployment, desk, prefix, "case.show")
    return seen(deployment, case, who)


def reading(deployment: Deployment, desk: Desk, prefix: str, operation: str) -> tuple[Held, Case, Principal]:
    """Open a case for reading, which is logged; the caller shows no more of it than `review_view.view`."""
    held, case = CaseStore(deployment).read(prefix)
    who = actor(deployment)
    happening = Happening(operation, {"case": case.id}, {subject: {"case": case.id} for subject in case.subjects})
    with refusals_logged(desk, happening):
        require_unlocked(deployment, case.search.mandate)
        require_reader(who)
    with desk.operation("case.show", review_facts.show_context(), happening):
        return held, case, who


def picture_digests(case: Case) -> list[str]:
    """Return the digests of a case's pictures: the versions of the probe, then the candidates' samples."""
    samples = (candidate.sample for candidate in case.candidates)
    return [version.sha256 for version in case.versions] + [digest for digest in samples if digest is not None]


@contextmanager
def refusals_logged(desk: Desk, happening: Happening) -> Iterator[None]:
    """Log a refusal that comes before the standard's rules are asked, then raise it."""
    try:
        yield
    except PolicyRefusal as refusal:
        desk.deny(happening, refusal)
        raise


def listed(deployment: Deployment) -> list[JSONDict]:
    """Return every case in a line: what stands in no view that a person may not have.

    Raises:
        PolicyRefusal: The person has no business with cases (rule H1).
    """
    who, rows = actor(deployment), list[JSONDict]()
    require_reader(who)
    store = CaseStore(deployment)
    for held in store.held():
        _, case = store.read(held.id)
        told = view(case, who)
        names = ("case", "phase", "opened", "expires", "may_answer", "finding_wanted")
        row: JSONDict = {name: told[name] for name in names}
        row["finding_wanted"] = _finding_wanted(deployment, case, who, told)
        row |= {"gallery": case.search.gallery, "purpose": case.search.purpose, "candidates": len(case.candidates)}
        rows.append(row)
    return rows


def leads(deployment: Deployment, prefix: str) -> tuple[str, bool]:
    """Return a case's identifier, and whether reviewers made somebody in it an actionable lead (rule H1).

    A case that is locked leads to nobody (rule P7).

    Raises:
        UsageError: There is no such case.
    """
    held, case = CaseStore(deployment).read(prefix)
    found = Result.ACTIONABLE in results(case).values()
    return held.id, found and not locked(deployment, held.mandate)
