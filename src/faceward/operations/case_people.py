"""Who acts on a case, as the roster knows them, and whether the mandate behind a case still stands (rule P7)."""

from __future__ import annotations

import json
from dataclasses import replace

from faceward.core.canonical import canonical_json
from faceward.core.errors import IntegrityError, PolicyRefusal, UsageError
from faceward.operations.case_store import CASE_KEYS
from faceward.operations.deployment import Deployment
from faceward.operations.request_store import RequestStore
from faceward.policy.authority import Mandate
from faceward.policy.requests import Approval, SignedRequest, check_approved
from faceward.policy.review_model import Answer
from faceward.policy.rules import Principal
from faceward.policy.sessions import SESSION_NAMESPACE, SignedSession, check_session, check_use


def actor(deployment: Deployment) -> Principal:
    """Return who acts: a person of the roster whose key signed the session, or a name that nobody vouches for."""
    if deployment.session is None:
        return Principal(deployment.operator)
    now, roster = deployment.now(), deployment.custody.status().roster
    try:
        person = check_session(deployment.session.signed, roster, deployment.log.origin, now)
    except PolicyRefusal:
        # A session that has ended or was forged vouches for nobody; what needs one is refused, and that is logged.
        return Principal(deployment.operator)
    return Principal(person.name, True, frozenset(role.value for role in person.roles), person.is_trained(now))


def signed(deployment: Deployment, case_id: str, answer: Answer) -> Answer:
    """Return an answer with the signature of the reviewer's session over its digest.

    Raises:
        PolicyRefusal: Nobody has signed in (rule H1).
    """
    session = deployment.session
    if session is None:
        raise PolicyRefusal("H1", "an answer is signed by its reviewer.", "Sign in with the key that you are known by.")
    # The name of a gallery that cannot exist keeps this signature apart from those that open galleries.
    signature = session.sign_use(bytes.fromhex(answer.digest(case_id)), signing_place(case_id))
    return replace(answer, session=canonical_json(session.signed.to_json()).decode(), signature=signature.hex())


def check_answer(deployment: Deployment, case_id: str, answer: Answer) -> bool:
    """Check who signed an answer, whoever put it into the case.

    Returns:
        Whether its session was signed with the key that the roster knows of its reviewer. It was not where the reviewer
        has left or has another key now, or where somebody forged the session; which of them, the log tells.

    Raises:
        IntegrityError: The session is not its reviewer's, was not open then, or did not sign this answer.
    """
    try:
        signed_session = SignedSession.from_json(json.loads(answer.session))
        session = signed_session.session
        digest, signature = bytes.fromhex(answer.digest(case_id)), bytes.fromhex(answer.signature)
        check_use(session, digest, signing_place(case_id), signature)
    except (ValueError, PolicyRefusal, IntegrityError):
        raise _not_signed(case_id, answer) from None
    fits = session.person == answer.reviewer and session.deployment == deployment.log.origin
    if not fits or not session.created <= answer.when < session.expires:
        raise _not_signed(case_id, answer)
    person = deployment.custody.status().roster.people.get(session.person)
    try:
        if person is not None:
            person.check_signature(SESSION_NAMESPACE, session.message(), signed_session.signature)
    except PolicyRefusal:
        return False
    return person is not None


def _not_signed(case_id: str, answer: Answer) -> IntegrityError:
    return IntegrityError(
        f"an answer in the case {case_id[:8]} is not signed by {answer.reviewer!r}; restore gallery.db from a backup"
    )


def signing_place(case_id: str) -> str:
    """Return what stands for the gallery in the signature of an answer; see `policy.sessions.check_use`."""
    return f"{CASE_KEYS}/{case_id}"


def locked(deployment: Deployment, mandate_digest: str) -> bool:
    """Tell whether a case is locked: its urgent mandate was not approved within the standard's limit (rule P7).

    A case without a mandate is not; one whose mandate cannot be found is.
    """
    if not mandate_digest:
        return False
    store = RequestStore(deployment)
    try:
        request = store.signed(mandate_digest)
    except UsageError:
        return True
    limit = deployment.standard.parameters.mandate.urgent
    now = deployment.now()
    # Any other mandate was approved before the search, or there would have been none.
    if not Mandate.of(request).urgent or now < request.request.created + limit:
        return False
    return not _approved(deployment, request, store.approvals(mandate_digest))


def _approved(deployment: Deployment, request: SignedRequest, approvals: tuple[Approval, ...]) -> bool:
    roster, origin = deployment.custody.status().roster, deployment.log.origin
    # What was approved in time stays approved: the request's own term is for approving it, not for reading a case.
    moment = max((approval.time for approval in approvals), default=request.request.created)
    try:
        check_approved(request, approvals, roster, origin, min(deployment.now(), moment))
    except PolicyRefusal:
        return False
    return True


def require_unlocked(deployment: Deployment, mandate_digest: str) -> None:
    """Refuse to show or answer a locked case.

    Raises:
        PolicyRefusal: See `locked` (rule P7).
    """
    if locked(deployment, mandate_digest):
        raise PolicyRefusal(
            "P7",
            "the mandate of this case was not approved in time, so the case is locked.",
            "Have it approved, or refused, which deletes the case.",
        )
