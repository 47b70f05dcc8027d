"""What reviewers dismissed: faces none of whose candidates two people support (rules H3, W4, W6). Pure.

A dismissed face is a false alert from the moment of its decision, before anybody records a finding. A candidate who was
erased settles nothing: nobody can tell any more whether they were right.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from faceward.core.errors import PolicyRefusal
from faceward.policy.review import REVIEWERS, Result, decided, first_answers, results
from faceward.policy.review_model import Candidate, Case
from faceward.policy.rights import Complaint
from faceward.policy.verdicts import CORRECT

KEPT = timedelta(days=30)
"""How long a case that was dismissed is kept: as long as a complaint may take to its decision; our own number."""
NAMED = 8
"""So many first digits of a case in a complaint's text name it."""
LOOKED_AT = timedelta(days=7)
"""Within which time an alert is to be decided: as a complaint is to be acknowledged; our own number."""
MOST_WAITING = 20
"""So many alerts of a purpose may wait longer than that before nothing more is watched for it; our own number."""


def faces(case: Case) -> tuple[tuple[Candidate, ...], ...]:
    """Return the candidates of each face of the probe; those of whom no box is known are of one."""
    found: dict[tuple[float, float, float, float] | None, list[Candidate]] = {}
    for candidate in case.candidates:
        found.setdefault(candidate.face, []).append(candidate)
    return tuple(tuple(some) for some in found.values())


def dismissed(case: Case) -> tuple[tuple[Candidate, ...], ...]:
    """Return the candidates of each face that reviewers dismissed; none before the review is decided."""
    if not decided(case) or len(first_answers(case)) < REVIEWERS:
        return ()
    made = results(case)
    return tuple(
        some
        for some in faces(case)
        if all(one.subject is not None and made[one.number] is Result.NOT_ACTIONABLE for one in some)
    )


def false_alerts(case: Case) -> int:
    """Return how many faces reviewers dismissed.

    Of a case that was opened from the log it is not known which candidates are of one face: each may be of another, and
    there are never more than the search alerted.
    """
    return sum(len(some) if some[0].face is None else 1 for some in dismissed(case))


def since(case: Case) -> datetime | None:
    """Return when the review had dismissed every candidate, UTC, or None where it has not."""
    wanted = len(faces(case))
    if not wanted or len(dismissed(case)) < wanted:
        return None
    # An amendment may take support away and never gives it, so that what was dismissed stays so.
    for count, answer in enumerate(case.answers, 1):
        if len(dismissed(replace(case, answers=case.answers[:count]))) == wanted:
            return answer.when
    return None


def ends(dismissed_at: datetime | None, now: datetime, *, list_ended: bool) -> bool:
    """Tell whether nothing is left for which a case that was dismissed would be kept, save a complaint about it."""
    return dismissed_at is not None and (list_ended or now >= dismissed_at + KEPT)


def complained(case: Case, pseudonyms: Iterable[str], complaints: Iterable[tuple[Complaint, str]]) -> bool:
    """Tell whether one of these complaints is about a case: about a candidate, or it names the case.

    Args:
        case: The case.
        pseudonyms: Those of its candidates, hexadecimal.
        complaints: Open ones, each with its text.
    """
    theirs, references = {*pseudonyms}, {candidate.reference for candidate in case.candidates}
    return any(
        (one.reference in references if one.reference else one.subject in theirs) or case.id[:NAMED] in text.lower()
        for one, text in complaints
    )


def require_accuracy(case: Case, accuracy: str) -> None:
    """Refuse a finding that calls right what reviewers dismissed (rule H3).

    Raises:
        PolicyRefusal: It says `correct` of faces of which two people support no candidate.
    """
    if accuracy != CORRECT or not case.candidates:
        # A search that returned nobody was right or wrong by itself.
        return
    if Result.ACTIONABLE not in results(case).values() or dismissed(case):
        raise PolicyRefusal(
            "H3",
            "reviewers did not take a candidate of every face for a lead, so the list was not correct.",
            "Record 'incorrect', with --false-alerts where some faces were right, or 'undetermined'.",
        )
