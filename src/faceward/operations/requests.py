"""Asking for something, and deciding on what somebody else asked for (rule S2)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from datetime import timedelta

from faceward.audit.entries import Phase
from faceward.core.canonical import JSONObject
from faceward.core.errors import PolicyRefusal, UsageError
from faceward.core.request_results import Asked, RequestView
from faceward.custody.errors import Replayed
from faceward.custody.protocol import CustodyStatus
from faceward.operations import last_known, measured, signing
from faceward.operations.brought import Brought, said
from faceward.operations.case_end import delete_linked
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.evidence import note_pack
from faceward.operations.journal import Happening
from faceward.operations.request_store import CARRIED, RequestStore
from faceward.operations.request_views import WAITING, view
from faceward.policy.facts import Change, Context, person_add_context
from faceward.policy.mandates import KIND as MANDATE
from faceward.policy.people import Person, Roster
from faceward.policy.requests import (
    Approval,
    Decision,
    Request,
    SignedRequest,
    approval_message,
    check_approval,
    check_approved,
    check_request,
    new_request,
    sign_approval,
)
from faceward.policy.rules import Principal
from faceward.policy.sessions import OpenSession, check_session

__all__ = ["ACTIONS", "TERM", "Brought", "Requests", "described"]

TERM = timedelta(days=7)
"""How long a request waits for its approval, where it does not say itself when it ends."""

ACTIONS = {
    "person.add": "person.add",
    "person.remove": "person.remove",
    "standard": "standard.adopt",
    "pack": "standard.adopt",
    "restart": "restart",
}
"""What a custodian carries out, and the action that the rules know it by."""


class Requests:
    """Requests of one open deployment. Every method raises as those of `System` do.

    Args:
        deployment: The deployment.
        desk: Where acts are authorised and recorded.
    """

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk
        self.store = RequestStore(deployment)

    def roster(self, status: CustodyStatus | None = None) -> Roster:
        """Return the people, as the custodian knows them and the standard reads them.

        Args:
            status: What the custodian says of itself; it is asked if None.
        """
        trained = self._deployment.standard.parameters.people.trained
        return (status or self._deployment.custody.status()).roster.asking_training(trained)

    def ask(self, kind: str, body: JSONObject, term: timedelta = TERM) -> Asked:
        """Ask for something; it is carried out at once while the roster is being founded and no approval is needed.

        Args:
            kind: One of `policy.requests.KINDS`; a mandate is asked for with `Mandates.request`.
            body: What exactly.
            term: How long it waits.

        Raises:
            PolicyRefusal: Nobody has signed in whose request it could be (S2).
            SignatureNeeded: Their key is elsewhere, and has not signed this yet; nothing was done.
        """
        [asked] = self.ask_all({kind: body}, term)
        return asked

    def ask_all(self, bodies: Mapping[str, JSONObject], term: timedelta = TERM) -> tuple[Asked, ...]:
        """Ask for several things by kind, as `ask` does; all are signed before the first is recorded."""
        status = self._deployment.custody.status()
        founding, nobody = not status.manned, not status.roster.anybody
        free = ACTIONS if nobody else ()
        drawn = [self._drawn(kind, body, term, needed=kind not in free) for kind, body in bodies.items()]
        return tuple(self._submit(signed, at_once=founding and signed.request.kind in ACTIONS) for signed in drawn)

    def _drawn(self, kind: str, body: JSONObject, term: timedelta, *, needed: bool) -> SignedRequest:
        now = self._deployment.now()
        request = new_request(kind, body, self.requester(), self._deployment.log.origin, (now, now + term))
        return self.signed(request, Happening(f"{kind}.request", described(request)), needed=needed)

    def _submit(self, signed: SignedRequest, *, at_once: bool) -> Asked:
        kind = signed.request.kind
        if at_once:
            self._carry_out(signed, ())
            return Asked(signed.digest(), kind, "carried out")
        self._desk.journal.write(Phase.NOTE, [Happening(f"{kind}.request", described(signed.request))])
        self.store.keep(signed)
        return Asked(signed.digest(), kind, "waiting")

    def requester(self) -> str:
        """Return who asks: whoever signed in, else who claims to act."""
        session = self._deployment.session
        return self._deployment.operator if session is None else session.person

    def signed(self, request: Request, happening: Happening, *, needed: bool = True) -> SignedRequest:
        """Sign a request in the name of whoever signed in.

        Args:
            request: The request.
            happening: What a refusal is recorded as.
            needed: Whether it may not stay unsigned.

        Returns:
            The request; where the person's key is elsewhere, as it was drawn when they signed it.

        Raises:
            PolicyRefusal: Nobody has signed in, or somebody who is not in the roster (S2).
            SignatureNeeded: Their key is elsewhere, and has not signed this yet; nothing was done.
        """
        if self._deployment.session is None and not needed:
            return SignedRequest(request, "")
        signed = signing.signed_request(self.session(happening), request)
        self._recorded(happening, lambda: check_request(signed, self.roster(), request.deployment, request.created))
        return signed

    def session(self, happening: Happening) -> OpenSession:
        """Return the session of whoever signed in.

        Raises:
            PolicyRefusal: Nobody has, or it has ended (S2); recorded.
        """
        session = self._deployment.session
        if session is None:
            refusal = PolicyRefusal("S2", "nobody has signed in.", "Sign in with your own key: --as NAME --key FILE.")
            self._desk.deny(happening, refusal)
            raise refusal
        origin = self._deployment.log.origin
        self._recorded(happening, lambda: check_session(session.signed, self.roster(), origin, self._deployment.now()))
        return session

    def _recorded(self, happening: Happening, check: Callable[[], object]) -> None:
        try:
            check()
        except PolicyRefusal as refusal:
            self._desk.deny(happening, refusal)
            raise

    def message_for(self, start: str, approver: str, decision: Decision) -> bytes:
        """Return what an approver signs elsewhere, with the time as it is now.

        Raises:
            UsageError: There is no such request or person.
        """
        request = self.store.signed(self.store.digest(start)).request
        return approval_message(request, self.roster().person(approver).name, decision, self._deployment.now())

    def decide(self, start: str, decision: Decision, brought: Brought | None = None) -> RequestView:
        """Approve or refuse what somebody else asked for; what needs no more approvals is carried out.

        Args:
            start: The request's digest, or its first digits.
            decision: Approve or refuse.
            brought: A decision signed elsewhere; whoever signed in decides if None.

        Raises:
            PolicyRefusal: Who decides may not (S2), or the request has ended. The refusal is recorded.
            UsageError: There is no such request, or it was decided the other way.
            SignatureNeeded: The key of whoever signed in is elsewhere, and has not signed this yet; nothing was done.
        """
        digest = self.store.digest(start)
        signed = self.store.signed(digest)
        operation = "mandate" if signed.request.kind == MANDATE else "request"
        approver = self.requester() if brought is None else said(brought, signed, decision)[0]
        details: JSONObject = {**described(signed.request), "decision": decision.value, "approver": approver}
        happening = Happening(f"{operation}.{decision.value}", details)
        approval = self._approval(signed, decision, brought, happening)
        person = self._checked(signed, approval, happening)
        if self.store.noted(CARRIED, digest):
            raise UsageError(f"the request {digest[:12]} was carried out already; ask for the opposite")
        if decision is Decision.APPROVE and (approver, Decision.REFUSE) in self.store.decided(digest):
            raise UsageError(f"{approver!r} refused it already, which stands; ask anew")
        # Whose signature it is was proved, also where somebody else brought it.
        roles = frozenset(role.value for role in person.roles)
        principal = Principal(person.name, signed_in=True, roles=roles, trained=person.is_trained(approval.time))
        facts: Context = {"requester_is_other": person.name != signed.request.requester}
        with self._desk.operation(f"{operation}.approve", facts, happening, principal=principal):
            self.store.keep_approval(approval)
        self._follow(signed, principal)
        return self.show(digest)

    def _approval(
        self, signed: SignedRequest, decision: Decision, brought: Brought | None, happening: Happening
    ) -> Approval:
        if brought is not None:
            return _taken(brought, signed, decision)
        session, now = self.session(happening), self._deployment.now()
        elsewhere = signing.signed_decision(session, signed, decision, now)
        if elsewhere is not None:
            return _taken(elsewhere, signed, decision)
        return sign_approval(signed.request, session.person, decision, now, session)

    def _checked(self, signed: SignedRequest, approval: Approval, happening: Happening) -> Person:
        roster, origin, now = self.roster(), self._deployment.log.origin, self._deployment.now()
        try:
            check_request(signed, roster, origin, now)
            return check_approval(signed, approval, roster, origin, now)
        except PolicyRefusal as refusal:
            self._desk.deny(happening, refusal)
            raise

    def _follow(self, signed: SignedRequest, principal: Principal) -> None:
        """Do what follows from the decisions that are there; safe to repeat."""
        approvals = self.store.approvals(signed.digest())
        if signed.request.kind == MANDATE:
            refusals = [approval for approval in approvals if approval.decision is Decision.REFUSE]
            if refusals:
                self._deployment.custody.decide(signed, tuple(refusals))
                delete_linked(self._deployment, self._desk, signed.digest())
            elif self.approved(signed):
                # The custodian counts an urgent mandate as undecided until it is told (rule P7).
                self._deployment.custody.decide(signed, approvals)
        elif signed.request.kind in ACTIONS and self.approved(signed):
            self._carry_out(signed, approvals, principal)
        elif signed.request.kind in measured.KINDS and self.approved(signed):
            requester = self.roster().person(signed.request.requester)
            measured.carry_out(self._deployment, self._desk, signed, requester)
            self.store.note(CARRIED, signed.digest(), {"approvals": [a.approver for a in approvals]})

    def approved(self, signed: SignedRequest) -> bool:
        """Tell whether other people approve of a request now, and nobody refuses it."""
        return self.agreed(signed, self.store.approvals(signed.digest()), self.roster())

    def agreed(self, signed: SignedRequest, approvals: tuple[Approval, ...], roster: Roster) -> bool:
        """Tell the same of approvals and people that were looked up before."""
        try:
            check_approved(signed, approvals, roster, self._deployment.log.origin, self._deployment.now())
        except PolicyRefusal:
            return False
        return True

    def _carry_out(
        self, signed: SignedRequest, approvals: tuple[Approval, ...], principal: Principal | None = None
    ) -> None:
        request, action = signed.request, ACTIONS[signed.request.kind]
        change = Change(founding=not self._deployment.custody.status().manned, approved=bool(approvals))
        facts = change.to_context()
        if action == "person.add":
            facts = person_add_context(change, first=not self.roster().anybody)
        happening = Happening(request.kind, described(request))
        with self._desk.operation(action, facts, happening, principal=principal):
            # Kept before the custodian acts, so that what it did can be looked up after a crash.
            self.store.keep(signed)
            with contextlib.suppress(Replayed):
                self._deployment.custody.decide(signed, approvals)
            if request.kind == "pack":
                note_pack(self._deployment, str(request.body["digest"]))
            # Who was removed must not be among those who are known when the custodian is gone.
            last_known.status(self._deployment, patient=False)
            self.store.note(CARRIED, signed.digest(), {"approvals": [a.approver for a in approvals]})

    def show(self, start: str) -> RequestView:
        """Return a request with what was decided on it.

        Raises:
            UsageError: There is no such request.
        """
        signed, status = self.store.signed(self.store.digest(start)), self._deployment.custody.status()
        return view(self._deployment, self.store, signed, (status, self.roster(status)))

    def listed(self, *, waiting: bool = False) -> tuple[RequestView, ...]:
        """Return requests, oldest first: all, or those that wait for a decision."""
        status = self._deployment.custody.status()
        roster = self.roster(status)
        shown = [view(self._deployment, self.store, signed, (status, roster)) for signed in self.store.all()]
        return tuple(v for v in shown if not waiting or v.state == WAITING)


def _taken(brought: Brought, signed: SignedRequest, decision: Decision) -> Approval:
    approver, time = said(brought, signed, decision)
    return Approval(signed.digest(), approver, decision, time, brought.signature)


def described(request: Request) -> JSONObject:
    """Return what the log says of a request."""
    return {"request": request.digest(), "kind": request.kind, "requester": request.requester, "body": request.body}
