"""What one person may see of a case (rules H1 and H2); a pure function, and the only way out of a case."""

from __future__ import annotations

from faceward.core.canonical import JSONValue
from faceward.core.clock import to_rfc3339
from faceward.core.errors import PolicyRefusal
from faceward.policy.review import REVIEWERS, Actor, Phase, decided, first_answers, may_answer, phase, results
from faceward.policy.review_model import Case, candidate_json, version_json

LEAD_ONLY = "LEAD ONLY — investigative lead, not evidence of identity; no action may rest on it alone"
READERS = frozenset({"operator", "reviewer", "approver", "auditor"})


def sees_everything(case: Case, actor: Actor) -> bool:
    """Tell whether a person may see scores and others' answers.

    Everybody who may read the case, once it is decided. Before that, a signed-in reviewer who has answered, when two
    have: nothing that they see can change what they have said.
    """
    if decided(case):
        return True
    blind = first_answers(case)
    return actor.signed_in and len(blind) >= REVIEWERS and any(answer.reviewer == actor.name for answer in blind)


def require_reader(actor: Actor) -> None:
    """Refuse who has no business with cases.

    Raises:
        PolicyRefusal: A person who is signed in has none of the roles that read cases (rule H1).
    """
    if actor.signed_in and not actor.roles & READERS:
        raise PolicyRefusal("H1", f"{actor.name!r} has no role that reads cases.", "Ask an operator or auditor.")


def candidates_seen(case: Case, actor: Actor) -> list[dict[str, JSONValue]]:
    """Return the candidates as a person may see them: with score and result, or with null for both."""
    open_to, outcome = sees_everything(case, actor), results(case)
    hidden: dict[str, JSONValue] = {"score": None, "result": None}
    return [
        {**candidate_json(one), **({"result": outcome[one.number].value} if open_to else hidden)}
        for one in case.candidates
    ]


def answers_seen(case: Case, actor: Actor) -> list[dict[str, JSONValue]]:
    """Return the answers that a person may see: their own, or all."""
    open_to = sees_everything(case, actor)
    return [answer.to_json() for answer in case.answers if open_to or _own(answer.reviewer, actor)]


def view(case: Case, actor: Actor) -> dict[str, JSONValue]:
    """Return what a person may see of a case.

    Keys are always the same; what is hidden is null or left out of its list. Candidates stand in an order that has
    nothing to do with their scores.

    Raises:
        PolicyRefusal: See `require_reader`.
    """
    require_reader(actor)
    open_to = sees_everything(case, actor)
    stands = phase(case)
    # A reviewer who knew of a dispute would know that two before him differ.
    told = Phase.IN_REVIEW if stands is Phase.DISPUTED and not open_to else stands
    return {
        "case": case.id,
        "notice": LEAD_ONLY,
        "phase": told.value,
        "blind": not open_to,
        "may_answer": may_answer(case, actor),
        "finding_wanted": stands is Phase.DECIDED,
        "opened": to_rfc3339(case.opened),
        "opener": case.opener,
        "expires": to_rfc3339(case.expires),
        "kind": case.kind,
        "search": case.search.to_json(),
        "probe": [version_json(version) for version in case.versions],
        "candidates": candidates_seen(case, actor),
        "answers": answers_seen(case, actor),
        "outcomes": [outcome.to_json() for outcome in case.outcomes],
    }


def _own(reviewer: str, actor: Actor) -> bool:
    return actor.signed_in and reviewer == actor.name
