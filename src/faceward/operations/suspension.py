"""Whose references are not compared for the time being: by an overdue complaint, by a decision, or by hand (rule D1).

Asked each time references are used, so that a missed deadline counts from its moment on, whether or not a clock runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from faceward.core.canonical import JSONValue
from faceward.core.clock import to_rfc3339
from faceward.core.errors import PolicyRefusal, UsageError
from faceward.core.names import check_name
from faceward.gallery.store import StoredReference
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.policy.facts import Context, rights_context
from faceward.policy.rights import Complaint, Terms, check_text
from faceward.protection.scheme import Hit

OPEN_COMPLAINT = "complaint"
_HOLD = "hold"
BY_HAND = "hand"
FALSE_ALERTS = "false-alerts"
"""The cause of a suspension: a reference brought about two false alerts (rule W4)."""
RESUME = "subject.resume"


@dataclass(frozen=True, slots=True)
class Suspended:
    """What is suspended at a moment.

    Attributes:
        subjects: Pseudonyms, 32 bytes each, of subjects all of whose references are suspended.
        references: Identifiers of single references; the others of the same subject are in use.
    """

    subjects: frozenset[bytes] = frozenset()
    references: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.subjects) + len(self.references)

    def covers(self, subject: bytes, reference: str) -> bool:
        """Tell whether a reference of a subject is suspended."""
        return subject in self.subjects or reference in self.references

    def without(self, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """Return the hits that count; single references that are suspended take no part in a search at all."""
        return tuple(hit for hit in hits if hit.subject not in self.subjects)


def require_in_use(
    deployment: Deployment, desk: Desk, happening: Happening, references: Iterable[StoredReference]
) -> None:
    """Refuse to compare with these references where one of them is suspended; the refusal is logged.

    Raises:
        PolicyRefusal: One is suspended (rule D1).
    """
    out = suspended(deployment, deployment.now())
    if any(out.covers(one.subject, one.reference_id) for one in references):
        refusal = PolicyRefusal(
            "D1",
            "the subject's references are suspended, by an overdue complaint, a decision, false alerts or by hand.",
            "Decide the complaint ('faceward complaint list'), or end it with 'faceward subject resume'.",
        )
        desk.deny(happening, refusal)
        raise refusal


def suspended(deployment: Deployment, now: datetime) -> Suspended:
    """Return what is suspended now; two short reads where nobody has complained.

    Raises:
        IntegrityError: A complaint or a suspension was altered.
    """
    limits = terms(deployment)
    late = [complaint for complaint in open_complaints(deployment) if complaint.overdue(now, limits)]
    holds = deployment.kept_all(_HOLD)
    subjects = {bytes.fromhex(one.subject) for one in late if not one.reference}
    references = {one.reference for one in late if one.reference}
    subjects |= {bytes.fromhex(name) for name in holds if _is_subject(name)}
    return Suspended(frozenset(subjects), frozenset(references | {name for name in holds if not _is_subject(name)}))


def terms(deployment: Deployment) -> Terms:
    """Return how long the standard gives for each step."""
    rules = deployment.standard.parameters.rights
    return Terms(acknowledge=rules.acknowledge, decide=rules.decide)


def own(deployment: Deployment, subject: str) -> Context:
    """Return the facts about a subject's right: whether they ask for themselves."""
    return rights_context(own=deployment.is_own(subject))


def open_complaints(deployment: Deployment) -> tuple[Complaint, ...]:
    """Return the complaints that are not decided."""
    return tuple(Complaint.from_json(value) for value in deployment.kept_all(OPEN_COMPLAINT).values())


def hold(deployment: Deployment, target: str, cause: str) -> bool:
    """Suspend a subject (by pseudonym) or a reference; return whether it was not suspended before.

    Args:
        deployment: The deployment.
        target: A pseudonym of 64 hexadecimal digits, or a reference's identifier.
        cause: `hand`, `review`, `false-alerts`, or the identifier of a complaint.
    """
    causes = _causes(deployment, target)
    if cause in causes:
        return False
    _keep(deployment, target, [*causes, cause])
    return not causes


def is_held(deployment: Deployment, target: str, cause: str) -> bool:
    """Tell whether a subject or a reference is suspended for a cause."""
    return cause in _causes(deployment, target)


def is_suspended(deployment: Deployment, target: str) -> bool:
    """Tell whether a subject or a reference is suspended for any cause; see `hold` for what names it."""
    return bool(_causes(deployment, target))


def release_hold(deployment: Deployment, target: str, cause: str | None = None) -> bool:
    """End a suspension, or what one cause contributes to it; return whether it is over."""
    causes = _causes(deployment, target)
    left = [] if cause is None else [one for one in causes if one != cause]
    if left:
        _keep(deployment, target, left)
    elif causes:
        deployment.store.delete_document(_HOLD, target)
    return bool(causes) and not left


def _keep(deployment: Deployment, target: str, causes: Sequence[str]) -> None:
    listed: list[JSONValue] = [*causes]
    deployment.keep(_HOLD, target, {"since": to_rfc3339(deployment.now()), "causes": listed})


def _causes(deployment: Deployment, target: str) -> list[str]:
    value = deployment.kept(_HOLD, target)
    causes = value["causes"] if isinstance(value, dict) else []
    return [str(cause) for cause in causes] if isinstance(causes, list) else []


def _is_subject(name: str) -> bool:
    # A pseudonym is a digest of 32 bytes, a reference's identifier has 16.
    return len(name) == 64


def suspend(deployment: Deployment, desk: Desk, subject: str, reason: str) -> bool:
    """Suspend a subject's references by hand; return whether they were in use before.

    Raises:
        UsageError: Nothing is held about such a subject, or no reason is given.
    """
    happening = _by_hand(deployment, desk, "subject.suspend", (subject, reason))
    with desk.operation("complaint.decide", {}, happening) as act:
        new = hold(deployment, _target(deployment, happening), BY_HAND)
        act.outcome["suspended"] = new
    return new


def resume(deployment: Deployment, desk: Desk, subject: str, reason: str) -> bool:
    """End a subject's suspension by hand; return whether there was one.

    An overdue complaint goes on suspending until it is acknowledged or decided.

    Raises:
        UsageError: Nothing is held about such a subject, or no reason is given.
    """
    happening = _by_hand(deployment, desk, RESUME, (subject, reason))
    with desk.operation("complaint.decide", {}, happening) as act:
        mine = deployment.store.by_subject(bytes.fromhex(_target(deployment, happening)))
        targets = [_target(deployment, happening), *(reference.reference_id for reference in mine)]
        ended = [release_hold(deployment, target) for target in targets]
        act.outcome["resumed"] = any(ended)
    return any(ended)


def _by_hand(deployment: Deployment, desk: Desk, operation: str, given: tuple[str, str]) -> Happening:
    subject, reason = check_name(given[0], "subject"), check_text(given[1], "reason")
    happening = Happening(operation, {}, {subject: {"reason": reason}})
    held = deployment.store.by_subject(deployment.pseudonym(subject))
    if not held and desk.journal.subject_key_id(subject) is None:
        desk.unknown(Happening(operation, {}, {subject: {}}))
        raise UsageError(f"nothing is held about {subject!r}; check the name")
    return happening


def _target(deployment: Deployment, happening: Happening) -> str:
    [subject] = happening.subjects
    return deployment.pseudonym(subject).hex()
