"""Blind review (rules H1 to H3): who may do what with a case, what follows, and what each may see.

Everything here is a pure function of the case, the person and what they bring. A case goes through these phases:

    in-review → decided → closed          two answers that agree on every candidate
    in-review → disputed → decided → …    two that do not: a third reviewer answers, as blind as the first two

Two choices make it blind in practice. Who has not answered sees neither scores, nor answers, nor how many there are, so
that a third reviewer does not know that he is one. And an answer that was changed after its author saw the others may
take support away but never give it.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Protocol

from faceward.core.errors import PolicyRefusal, UsageError
from faceward.policy.review_features import review_scheme
from faceward.policy.review_fields import check_text
from faceward.policy.review_model import Answer, Candidate, Case, Comparison, Finding, Outcome

REVIEWERS = 2
INCONCLUSIVE = "inconclusive"
"""The only step of the scheme for a candidate of whom there is nothing to compare the probe with."""
ACCURACIES = ("correct", "incorrect", "undetermined")


class Actor(Protocol):
    """Who acts: what the deployment knows of the person, not what they say of themselves."""

    @property
    def name(self) -> str:
        """The person's name."""
        ...

    @property
    def signed_in(self) -> bool:
        """A session signed with the person's key is open."""
        ...

    @property
    def roles(self) -> frozenset[str]:
        """Names of the person's roles."""
        ...

    @property
    def trained(self) -> bool:
        """The person's training is in force."""
        ...


class Phase(StrEnum):
    """Where a case stands."""

    IN_REVIEW = "in-review"
    DISPUTED = "disputed"
    DECIDED = "decided"
    CLOSED = "closed"


class Result(StrEnum):
    """What the review made of one candidate."""

    OPEN = "in-review"
    ACTIONABLE = "actionable-lead"
    NOT_ACTIONABLE = "not-actionable"


def phase(case: Case) -> Phase:
    """Return where a case stands."""
    if any(result is Result.OPEN for result in results(case).values()):
        return Phase.DISPUTED if len(first_answers(case)) >= REVIEWERS else Phase.IN_REVIEW
    return Phase.CLOSED if case.outcomes else Phase.DECIDED


def decided(case: Case) -> bool:
    """Tell whether nothing remains to be answered."""
    return phase(case) in {Phase.DECIDED, Phase.CLOSED}


def first_answers(case: Case) -> tuple[Answer, ...]:
    """Return the answers that were given blind, one a reviewer."""
    return tuple(answer for answer in case.answers if not answer.amendment)


def results(case: Case) -> dict[int, Result]:
    """Return the result for each candidate, by number (rule H1)."""
    return {candidate.number: _result(case, candidate) for candidate in case.candidates}


def _result(case: Case, candidate: Candidate) -> Result:
    if candidate.subject is None:
        return Result.NOT_ACTIONABLE
    blind = first_answers(case)
    supporters = {answer.reviewer for answer in blind if _supports(answer, candidate.number)}
    if len(blind) < REVIEWERS or (len(blind) == REVIEWERS and len(supporters) == 1):
        return Result.OPEN
    withdrawn = {
        answer.reviewer for answer in case.answers if answer.amendment and not _supports(answer, candidate.number)
    }
    return Result.ACTIONABLE if len(supporters - withdrawn) >= REVIEWERS else Result.NOT_ACTIONABLE


def _supports(answer: Answer, candidate: int) -> bool:
    comparison = answer.of(candidate)
    return comparison is not None and review_scheme().conclusions[comparison.conclusion].support


def has_answered(case: Case, name: str) -> bool:
    """Tell whether this person has answered."""
    return any(answer.reviewer == name for answer in case.answers)


def require_reviewer(case: Case, actor: Actor) -> None:
    """Refuse an answer of who may not give one (rule H1); the refusal says nothing of others' answers.

    Raises:
        PolicyRefusal: They are not a trained reviewer who is signed in, or had a part in the search, or have answered,
            or no answer is wanted.
    """
    refusal: tuple[str, str] | None = None
    if not actor.signed_in:
        refusal = ("an answer needs a reviewer who is signed in.", "Sign in with the key that you are known by.")
    elif "reviewer" not in actor.roles:
        refusal = (f"{actor.name!r} is no reviewer.", "Ask a person with the role reviewer.")
    elif not actor.trained:
        refusal = (f"the training of {actor.name!r} is not in force.", "Ask a reviewer whose training is.")
    elif actor.name in {case.search.operator, case.opener}:
        refusal = ("who searched or opened the case does not review it.", "Ask another reviewer.")
    elif decided(case):
        refusal = ("the review is decided.", "An answer of your own can be amended; it stays beside the amendment.")
    elif has_answered(case, actor.name):
        refusal = ("you have answered, and an answer is final.", "It can be amended when the review is decided.")
    if refusal is not None:
        raise PolicyRefusal("H1", *refusal)


def may_answer(case: Case, actor: Actor) -> bool:
    """Tell whether `answered` would take this person's answer."""
    try:
        require_reviewer(case, actor)
    except PolicyRefusal:
        return False
    return True


def answered(case: Case, actor: Actor, answer: Answer) -> Case:
    """Return the case with a reviewer's answer, which is final.

    Raises:
        PolicyRefusal: See `require_reviewer`; or features are missing (rule H2).
        UsageError: It does not compare exactly the candidates.
    """
    require_reviewer(case, actor)
    check_comparisons(case, answer.comparisons)
    return replace(case, answers=(*case.answers, replace(answer, reviewer=actor.name, amendment=False)))


def amended(case: Case, actor: Actor, answer: Answer) -> Case:
    """Return the case with an amendment beside its author's answer. It may withdraw support and never gives it.

    Raises:
        PolicyRefusal: The author has not answered, or the review is not decided yet (rule H1).
        UsageError: It does not compare exactly the candidates.
    """
    require_amender(case, actor)
    check_comparisons(case, answer.comparisons)
    return replace(case, answers=(*case.answers, replace(answer, reviewer=actor.name, amendment=True)))


def require_amender(case: Case, actor: Actor) -> None:
    """Refuse an amendment of who has no answer, or before the decision (rule H1)."""
    if not actor.signed_in or not has_answered(case, actor.name):
        raise PolicyRefusal("H1", "only your own answer can be amended.", "Sign in as the reviewer who gave it.")
    if not decided(case):
        raise PolicyRefusal("H1", "an answer is final while others may be answering.", "Amend when it is decided.")


def check_comparisons(case: Case, comparisons: tuple[Comparison, ...]) -> None:
    """Refuse an answer that leaves out a candidate or a feature, or concludes from nothing (rules H2 and H3)."""
    scheme = review_scheme()
    there = {candidate.number: candidate for candidate in case.candidates if candidate.subject is not None}
    wanted = sorted(there)
    if sorted(comparison.candidate for comparison in comparisons) != wanted:
        numbers = ", ".join(map(str, wanted))
        raise UsageError(f"an answer compares every candidate once; this case has {numbers or 'none'}")
    for comparison in comparisons:
        where = f"candidate {comparison.candidate}"
        unknown = sorted(comparison.features.keys() - scheme.features.keys())
        if unknown:
            raise UsageError(f"{where}: there is no feature {unknown[0]!r}; 'case answer --template' lists them")
        missing = [key for key in scheme.features if key not in comparison.features]
        if missing:
            raise PolicyRefusal(
                "H2",
                f"{where}: no finding on {', '.join(missing)}.",
                "Write similar, dissimilar or indeterminate for every feature.",
            )
        if comparison.conclusion not in scheme.conclusions:
            raise UsageError(f"{where}: conclude with one of {', '.join(scheme.conclusions)}")
        seen = set(comparison.features.values()) - {Finding.INDETERMINATE}
        if not seen and comparison.conclusion != INCONCLUSIVE:
            raise PolicyRefusal(
                "H2", f"{where}: it concludes, but no feature could be compared.", f"Conclude with {INCONCLUSIVE}."
            )
        if there[comparison.candidate].sample is None and comparison.conclusion != INCONCLUSIVE:
            raise PolicyRefusal(
                "H2",
                f"{where}: it concludes, but there was no picture of them in the case to compare the probe with.",
                f"Have an operator add the picture first ('case sample'), or conclude with {INCONCLUSIVE}.",
            )
        check_text(comparison.notes, f"the notes on {where}", empty=True)


def concluded(case: Case, outcome: Outcome) -> Case:
    """Return the case with a finding on its list's accuracy and the action taken (rule H3).

    Raises:
        PolicyRefusal: The review is not decided (rule H1).
        UsageError: The accuracy is none of the words for it, or a text is empty or too long.
    """
    if not decided(case):
        raise PolicyRefusal(
            "H1", "the review is not decided, so nothing may follow from it.", "Wait for the reviewers."
        )
    if outcome.accuracy not in ACCURACIES:
        raise UsageError(f"the accuracy {outcome.accuracy!r} is unknown; write {', '.join(ACCURACIES)}")
    if outcome.false_alerts is not None and (outcome.accuracy != "incorrect" or outcome.false_alerts < 1):
        raise UsageError("a number of false alerts goes with the accuracy 'incorrect' and is 1 or more; leave it out")
    checked = replace(
        outcome,
        finding=check_text(outcome.finding, "the finding"),
        action=check_text(outcome.action, "the action taken (write 'none' where there was none)"),
    )
    return replace(case, outcomes=(*case.outcomes, checked))


def require_author(case: Case, actor: Actor) -> None:
    """Refuse a finding of who may not record one where the standard asks for reviewers (rule H3).

    Raises:
        PolicyRefusal: They are not a trained reviewer who is signed in, or it was they who searched.
    """
    refusal: tuple[str, str] | None = None
    if not actor.signed_in or "reviewer" not in actor.roles:
        refusal = ("a finding needs a reviewer who is signed in.", "Ask a person with the role reviewer.")
    elif not actor.trained:
        refusal = (f"the training of {actor.name!r} is not in force.", "Ask a reviewer whose training is.")
    elif actor.name == case.search.operator:
        refusal = ("who searched does not find whether the search was right.", "Ask a reviewer who did not search.")
    if refusal is not None:
        raise PolicyRefusal("H3", *refusal)


def forgotten(case: Case, subject: str) -> Case:
    """Return the case without anything that names an erased subject; the case itself unless it did."""
    if subject not in case.subjects:
        return case
    gone = {candidate.number for candidate in case.candidates if candidate.subject == subject}
    return replace(
        case,
        candidates=tuple(
            Candidate(candidate.number, None, None, None) if candidate.number in gone else candidate
            for candidate in case.candidates
        ),
        answers=tuple(answer.without(gone) for answer in case.answers),
    )
