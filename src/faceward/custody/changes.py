"""What people change of a custodian's state: roster, pins, stop and restart, revocations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from faceward.core.errors import PolicyRefusal, UsageError
from faceward.custody.errors import Replayed
from faceward.custody.protocol import Pins
from faceward.custody.standing import ROSTER, TERMS, Trust, roster_of
from faceward.custody.terms import Terms
from faceward.custody.timing import moment_of, ticks
from faceward.custody.uses import decided, time_of
from faceward.policy.asking import Approval, Decision, Request, SignedRequest
from faceward.policy.people import Person, Role, Roster
from faceward.policy.requests import (
    REQUEST_NAMESPACE,
    SKEW,
    check_approval,
    check_approved,
    check_founding,
    check_request,
)
from faceward.policy.statements import Statement, StatementAct, check_statement
from faceward.policy.strict import Table

if TYPE_CHECKING:
    from faceward.custody.state import Turn

DECIDED = "decided"
REVOKED = "revoked"
STOPPED = "stopped"
MANDATE = "mandate"
RESTART = "restart"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that counts, what it is judged by, and when."""

    request: Request
    trust: Trust
    now: datetime


def pins_of(turn: Turn) -> Pins:
    """Return what is pinned."""
    head = turn.head
    return Pins(head.origin, head.vkey, head.standard, head.standard_digest, head.pack_digest)


def pin(turn: Turn, pins: Pins, terms: Terms, now: datetime) -> None:
    """Pin a deployment for the first time."""
    turn.put(*TERMS, terms.to_json())
    turn.head = replace(
        turn.head,
        origin=pins.origin,
        vkey=pins.vkey,
        standard=pins.standard,
        standard_digest=pins.standard_digest,
        pack_digest=pins.pack_digest,
        clock=ticks(now),
        generation=turn.head.generation + 1,
    )


def check_same(held: Pins, asked: Pins) -> None:
    """Check that a deployment is the one that is held.

    Raises:
        PolicyRefusal: It is another (L2), or its standard or pack is (S2).
    """
    if (held.origin, held.vkey) != (asked.origin, asked.vkey):
        raise PolicyRefusal(
            "L2", "this custodian holds the keys of another deployment.", "Set up a custodian for each deployment."
        )
    if held != asked:
        raise PolicyRefusal(
            "S2",
            "the standard or the model pack is not the one that is pinned.",
            "Let one person ask for the change and another approve of it.",
        )


def decide(turn: Turn, asked: tuple[SignedRequest, tuple[Approval, ...]], trust: Trust, now: datetime) -> None:
    """Carry out a request, once.

    Raises:
        PolicyRefusal: It is not approved as it must be (S2).
        Replayed: It was carried out before.
        UsageError: It is of a kind that is not a custodian's to carry out, or its body is wrong.
    """
    signed, approvals = asked
    request = signed.request
    digest = request.digest()
    if request.kind == MANDATE:
        _decided(turn, asked, trust, now)
        return
    if request.kind not in _CHANGES:
        raise UsageError(f"a custodian does not carry out requests of the kind {request.kind!r}; nothing was done")
    if turn.get(DECIDED, digest) is not None:
        raise Replayed("S2", "the request was carried out before.", "Ask anew.")
    if turn.head.manned:
        check_approved(signed, approvals, trust.roster, trust.origin, now)
    else:
        check_founding(signed, trust.roster, trust.origin, now)
    _CHANGES[request.kind](turn, _Asked(request, trust, now))
    turn.put(DECIDED, digest, {"time": ticks(now)})
    _changed(turn)


def _decided(turn: Turn, asked: tuple[SignedRequest, tuple[Approval, ...]], trust: Trust, now: datetime) -> None:
    """Revoke a mandate that an approver refused; either way an urgent one is no longer undecided (rule P7)."""
    signed, answers = asked
    check_request(signed, trust.roster, trust.origin, now)
    refusals = [answer for answer in answers if answer.decision is Decision.REFUSE]
    if refusals:
        check_approval(signed, refusals[0], trust.roster, trust.origin, now)
        _revoke(turn, signed.request.digest(), now)
    else:
        check_approved(signed, answers, trust.roster, trust.origin, now)
    decided(turn, signed.request.digest())


def revoke(turn: Turn, statement: Statement, mandate: SignedRequest | None, trust: Trust, now: datetime) -> None:
    """Revoke a mandate.

    Raises:
        PolicyRefusal: Who says so is neither an approver nor its requester, or did not sign it (S2).
    """
    person = _said(statement, StatementAct.REVOKE, trust, now)
    if Role.APPROVER not in person.roles:
        if mandate is None or mandate.digest() != statement.about or mandate.request.requester != person.name:
            raise PolicyRefusal(
                "S2", f"{person.name!r} is neither an approver nor who asked for the mandate.", "Ask an approver."
            )
        person.check_signature(REQUEST_NAMESPACE, mandate.request.message(), mandate.signature)
    _revoke(turn, statement.about, now)


def stop(turn: Turn, statement: Statement | None, roster: Roster, now: datetime) -> None:
    """Stop recognition (rule W7). It needs no standard, so that nothing that is missing can prevent it.

    Raises:
        PolicyRefusal: It is unsigned though somebody is in the roster, or signed by nobody in it (S2).
        Replayed: It was said before, and recognition was restarted since.
    """
    head = turn.head
    if statement is None:
        if len(roster):
            raise PolicyRefusal("S2", "the stop is not signed.", "Let anybody in the roster sign it.")
    else:
        if statement.act is not StatementAct.STOP:
            raise UsageError("the statement is not a stop; sign one")
        check_statement(statement, roster, head.origin, now)
        # Known by its digest and not by its time: a wrong clock must not keep anybody from stopping.
        if not head.stopped and turn.get(STOPPED, statement.digest()) is not None:
            raise Replayed("S2", "this stop was said before, and recognition was restarted since.", "Sign another.")
        turn.put(STOPPED, statement.digest(), {"time": ticks(now)})
    turn.head = replace(head, stopped=True)


def _said(statement: Statement, act: StatementAct, trust: Trust, now: datetime) -> Person:
    if statement.act is not act:
        raise UsageError(f"the statement is not to {act.value}; sign the one that is meant")
    return check_statement(statement, trust.roster, trust.origin, now)


def _revoke(turn: Turn, digest: str, now: datetime) -> None:
    if turn.get(REVOKED, digest) is None:
        turn.put(REVOKED, digest, {"time": ticks(now)})
        _changed(turn)


def _changed(turn: Turn) -> None:
    turn.head = replace(turn.head, generation=turn.head.generation + 1)


def _add_person(turn: Turn, asked: _Asked) -> None:
    _set_roster(turn, roster_of(turn).with_person(Person.from_json(asked.request.body)))


def _remove_person(turn: Turn, asked: _Asked) -> None:
    table = Table(asked.request.body, "the request", UsageError)
    table.only(("name",))
    _set_roster(turn, roster_of(turn).without(table.text("name")))


def _set_roster(turn: Turn, roster: Roster) -> None:
    turn.put(*ROSTER, roster.to_json())
    turn.head = replace(turn.head, manned=turn.head.manned or roster.complete)


def _change_standard(turn: Turn, asked: _Asked) -> None:
    table = Table(asked.request.body, "the request", UsageError)
    table.only(("name", "digest"))
    name, digest = table.text("name"), table.text("digest")
    turn.put(*TERMS, asked.trust.load_terms(name, digest).to_json())
    turn.head = replace(turn.head, standard=name, standard_digest=digest)


def _change_pack(turn: Turn, asked: _Asked) -> None:
    table = Table(asked.request.body, "the request", UsageError)
    table.only(("name", "digest"))
    turn.head = replace(turn.head, pack_digest=table.text("digest"))


def _restart(turn: Turn, asked: _Asked) -> None:
    """Let recognition begin again, by the clock as it is now: two people vouch for it."""
    if asked.request.body:
        raise UsageError("a request to restart says nothing more; ask for it with an empty body")
    # Two people who knew of no stop did not agree to end it. A stop that lies ahead was made by a clock that was wrong.
    stops = (moment_of(time_of(row)) for row in turn.all(STOPPED).values())
    if any(asked.request.created + SKEW < stop <= asked.now for stop in stops):
        raise PolicyRefusal("W7", "the restart was asked for before the stop.", "Ask anew: 'faceward restart'.")
    # What was presented before stays used, whatever the clock shows from now on.
    turn.head = replace(turn.head, stopped=False, clock=ticks(asked.now), floor=turn.head.size)


_CHANGES = {
    "person.add": _add_person,
    "person.remove": _remove_person,
    "standard": _change_standard,
    "pack": _change_pack,
    RESTART: _restart,
}
