"""Who and what a custodian trusts now, and signatures checked once: all of it as of one generation of its state."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar, cast

from faceward.audit.note import Verifier
from faceward.core.errors import UsageError
from faceward.custody.terms import Terms
from faceward.policy.asking import Approval, SignedRequest
from faceward.policy.authority import Mandate, check_mandate
from faceward.policy.people import Person, Roster
from faceward.policy.requests import check_approved, check_request
from faceward.policy.sessions import SignedSession, check_session

if TYPE_CHECKING:
    from faceward.custody.state import Turn

T = TypeVar("T")

LoadTerms = Callable[[str, str], Terms]
"""Loads the terms of a standard by its name and the digest of its files."""
ROSTER = ("roster", "")
TERMS = ("terms", "")
_REMEMBERED = 512


class Trust:
    """What holds until the next change of the roster, the pins or the revocations.

    Args:
        turn: The state.
        load_terms: Loads a standard's terms by its name and digest.

    Raises:
        UsageError: The custodian serves no deployment yet.
    """

    def __init__(self, turn: Turn, load_terms: LoadTerms) -> None:
        head = turn.head
        if not head.origin:
            raise UsageError("the custodian serves no deployment yet; set one up with 'faceward init --custodian'")
        self.generation = head.generation
        self.load_terms = load_terms
        self.origin = head.origin
        self.verifier = Verifier.from_vkey(head.vkey)
        self.terms = Terms.from_json(turn.get(*TERMS))
        self.roster = roster_of(turn).asking_training(self.terms.trained)
        self._checked: OrderedDict[tuple[object, ...], object] = OrderedDict()

    def person(self, session: SignedSession, now: datetime) -> Person:
        """Return who signed in; see `check_session`. The signature is checked once."""
        # Time alone ends what was good before, since the custodian's clock never runs back.
        if now >= session.session.expires:
            return check_session(session, self.roster, self.origin, now)
        key = ("session", session)
        return self._once(key, lambda: check_session(session, self.roster, self.origin, now))

    def mandate(self, signed: SignedRequest, digest: str) -> Mandate:
        """Return the mandate that a request asks for, checked against the standard."""

        def check() -> Mandate:
            mandate = Mandate.of(signed)
            check_mandate(mandate, self.terms)
            return mandate

        return self._once(("mandate", digest), check)

    def approved(self, signed: SignedRequest, digest: str, approvals: tuple[Approval, ...], now: datetime) -> bool:
        """Return whether a request for a mandate was approved; without any answer it was not, yet.

        Raises:
            PolicyRefusal: Its requester did not sign it, or an answer is a refusal or does not count (S2).
        """
        # The day is part of the key because training ends with a day; the request's own end is the mandate's.
        key = (digest, signed.signature, approvals, now.date())

        def check() -> bool:
            if not approvals:
                check_request(signed, self.roster, self.origin, now)
                return False
            check_approved(signed, approvals, self.roster, self.origin, now)
            return True

        return self._once(key, check)

    def _once(self, key: tuple[object, ...], check: Callable[[], T]) -> T:
        found = self._checked.get(key)
        if found is None:
            found = check()
            self._checked[key] = found
            if len(self._checked) > _REMEMBERED:
                self._checked.popitem(last=False)
        return cast("T", found)


def roster_of(turn: Turn) -> Roster:
    """Return the roster that is kept."""
    kept = turn.get(*ROSTER)
    return Roster() if kept is None else Roster.from_json(kept)
