"""Watching (rules W1 to W9), decided purely: how long a period is, when a sighting is new, how an alert stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from faceward.core.watch_results import AlertState
from faceward.policy.review import Actor, Result, decided, results
from faceward.policy.review_model import Case

MOST_COMPARISONS = 3
"""How often a track is compared at most. Each comparison is made at that part of what the purpose accepts of a search,
so that the whole track errs at most at the purpose's rate, however alike its comparisons are (Bonferroni)."""
PAUSE = timedelta(minutes=5)
"""For so long the same camera raises no second alert of the same subject."""
STALE = 2.0
"""Seconds after which nothing is compared unless somebody has looked whether it may be (rule W7)."""
COUNTED = 60.0
"""Seconds after which the tracks that were compared are counted in the log."""
_MARGIN = 60.0
_DAY = timedelta(days=1)


def period(lease: timedelta) -> float:
    """Return the seconds after which a period ends and another begins: well before the custodian's lease is over."""
    seconds = lease.total_seconds()
    return seconds - min(_MARGIN, seconds / 4)


def repeated(earlier: datetime, captured: datetime) -> bool:
    """Tell whether a sighting repeats an earlier one of the same subject by the same camera."""
    return abs(captured - earlier) < PAUSE


def per_day(tracks: int, over: timedelta, fpir: float) -> float:
    """Return how many false alerts a day a rate makes of traffic.

    Args:
        tracks: Tracks that were compared.
        over: In which time; above zero.
        fpir: Rate at which the track of somebody who is not on the list brings about an alert.
    """
    return fpir * tracks * (_DAY / over)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What of a case tells how its alert stands, to whomever; it names no candidate.

    Attributes:
        decided: Nothing remains to be answered.
        actionable: Reviewers made a candidate an actionable lead.
        begun: A candidate's picture was added.
        reviewers: Who has answered.
    """

    decided: bool
    actionable: bool
    begun: bool
    reviewers: frozenset[str]

    @classmethod
    def of(cls, case: Case) -> Reviewed:
        """Read it from a case."""
        return cls(
            decided=decided(case),
            actionable=Result.ACTIONABLE in results(case).values(),
            begun=any(candidate.sample is not None for candidate in case.candidates),
            reviewers=frozenset(answer.reviewer for answer in case.answers),
        )

    def state(self, actor: Actor) -> AlertState:
        """Return how the alert stands, as far as this person may know (rules H1, H2).

        Whether others have answered is hidden until the case is decided, so that what is told rests on what everybody
        sees: whether a candidate's picture was added, or their own answer.
        """
        if not self.decided:
            return "in-review" if self.begun or (actor.signed_in and actor.name in self.reviewers) else "waiting"
        return "confirmed" if self.actionable else "dismissed"


def state_of(case: Case, actor: Actor) -> AlertState:
    """Return how an alert stands by its case, as far as this person may know; see `Reviewed.state`."""
    return Reviewed.of(case).state(actor)
