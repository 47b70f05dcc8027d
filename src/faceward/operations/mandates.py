"""Mandates: asking for one, revoking it, and what one says of a use (rules P2, P7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from faceward.core.canonical import JSONObject
from faceward.core.errors import PolicyRefusal, UsageError
from faceward.core.names import printable
from faceward.core.request_results import Asked, RequestView
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.request_store import REVOCATION
from faceward.operations.request_views import WAITING
from faceward.operations.requests import Brought, Requests, described
from faceward.operations.signing import signed_statement
from faceward.policy.facts import mandate_request_context
from faceward.policy.mandates import FACTS, KIND, Mandate, Standing, Use, assess, by_others, check_mandate
from faceward.policy.people import Role
from faceward.policy.requests import Approval, Decision, SignedRequest
from faceward.policy.statements import Statement, StatementAct
from faceward.policy.tables import MANDATED, MandateRules

NOTHING: Mapping[str, bool] = MappingProxyType(dict.fromkeys(FACTS, False))
"""What is known where no mandate is named."""


@dataclass(frozen=True, slots=True)
class Named:
    """A mandate as it was named for a use.

    Attributes:
        digest: Digest of its request.
        signed: The request, signed by whoever asked.
        approvals: What others have signed of it.
        facts: What of it allows the use; see `policy.mandates.assess`.
    """

    digest: str
    signed: SignedRequest
    approvals: tuple[Approval, ...]
    facts: Mapping[str, bool]


class Mandates:
    """The mandates of one open deployment. Every method raises as those of `System` do.

    Args:
        deployment: The deployment.
        desk: Where acts are authorised and recorded.
    """

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk
        self._requests = Requests(deployment, desk)

    @property
    def limits(self) -> MandateRules:
        """What the standard says of mandates: for what, how long, how often (rules P2, P7)."""
        return self._deployment.standard.parameters.mandate

    def request(self, mandate: Mandate) -> Asked:
        """Ask for a mandate; it waits for another person's approval.

        Raises:
            UsageError: It leaves something out, or names an operator who is none, or what needs no mandate anywhere.
            PolicyRefusal: It is more than the standard allows (P2, P7), its purpose is not registered (P1), or nobody
                signed in who may ask (S2). The refusal is recorded.
            SignatureNeeded: Their key is elsewhere, and has not signed this yet; nothing was done.
        """
        deployment = self._deployment
        _check_operations(mandate)
        request = mandate.request(self._requests.requester(), deployment.log.origin, deployment.now())
        self._check_operators(mandate)
        happening = Happening("mandate.request", described(request))
        signed = self._requests.signed(request, happening)
        purpose, standard = deployment.purpose(mandate.purpose), deployment.standard
        facts = mandate_request_context(
            purpose, standard, within_limits=self._within_limits(mandate), urgent=mandate.urgent
        )
        with self._desk.operation("mandate.request", facts, happening):
            digest = self._requests.store.keep(signed)
        return Asked(digest, KIND, WAITING)

    def _within_limits(self, mandate: Mandate) -> bool:
        try:
            check_mandate(replace(mandate, urgent=False), self._deployment.standard.parameters.mandate)
        except PolicyRefusal:
            return False
        return True

    def _check_operators(self, mandate: Mandate) -> None:
        roster = self._requests.roster()
        for name in mandate.operators:
            if name not in roster or Role.OPERATOR not in roster.person(name).roles:
                raise UsageError(f"{name!r} is no operator in the roster; 'faceward person list' shows all")

    def decide(self, start: str, decision: Decision, brought: Brought | None = None) -> RequestView:
        """Approve or refuse a mandate; a refusal revokes it and deletes the cases it led to. See `Requests.decide`."""
        self._mandate(start)
        return self._requests.decide(start, decision, brought)

    def revoke(self, start: str, reason: str) -> RequestView:
        """Revoke a mandate at once: whoever asked for it, or an approver. Repeating it is safe.

        Args:
            start: Its digest, or its first digits.
            reason: Why, in a line.

        Raises:
            UsageError: There is no such mandate, or the reason is none.
            PolicyRefusal: Nobody signed in who may (S2). The refusal is recorded.
            SignatureNeeded: Their key is elsewhere, and has not signed this yet; nothing was done.
        """
        if not reason.strip():
            raise UsageError("no reason is given; say in a line why the mandate is revoked")
        signed = self._mandate(start)
        details: JSONObject = {**described(signed.request), "reason": reason}
        happening = Happening("mandate.revoke", details)
        session = self._requests.session(happening)
        digest, origin = signed.digest(), self._deployment.log.origin
        statement = Statement(StatementAct.REVOKE, digest, reason, session.person, origin, self._deployment.now())
        statement = signed_statement(session, statement.checked())
        facts = {"own": session.person == signed.request.requester}
        with self._desk.operation("mandate.revoke", facts, happening):
            self._deployment.custody.revoke(statement, signed)
            self._requests.store.note(REVOCATION, digest, {"statement": statement.to_json()})
        return self._requests.show(digest)

    def show(self, start: str) -> RequestView:
        """Return a mandate with what was decided on it and how often it was used."""
        self._mandate(start)
        return self._requests.show(start)

    def listed(self) -> tuple[RequestView, ...]:
        """Return all mandates, oldest first."""
        return tuple(shown for shown in self._requests.listed() if shown.kind == KIND)

    def presented(self, start: str) -> tuple[SignedRequest, tuple[Approval, ...]]:
        """Return a mandate and its approvals, as a custodian wants to see them.

        Raises:
            UsageError: There is no such mandate.
        """
        signed = self._mandate(start)
        return signed, self._requests.store.approvals(signed.digest())

    def assess(self, start: str | None, use: Use) -> Mapping[str, bool]:
        """Tell what of a mandate allows a use; see `policy.mandates.assess`.

        Args:
            start: Its digest, or its first digits; None where none is named.
            use: What is to be done.
        """
        return NOTHING if start is None else self.named(start, use).facts

    def named(self, start: str, use: Use, *, own: int = 0) -> Named:
        """Look up a mandate for a use: what is shown to a custodian, and what of it allows the use.

        Args:
            start: Its digest, or its first digits.
            use: What is to be done.
            own: How many of the uses so far are this very one, which goes on.

        Raises:
            UsageError: There is no such mandate.
        """
        digest = self._requests.store.digest(start)
        signed = self._of_kind(digest)
        approvals = self._requests.store.approvals(digest)
        status = self._deployment.custody.status()
        others = by_others(signed, approvals, use.operator)
        approved = self._requests.agreed(signed, others, self._requests.roster(status))
        spent = max(0, status.spent.get(digest, 0) - own)
        standing = Standing(approved, digest in status.revoked, spent)
        limit = self._deployment.standard.parameters.mandate.urgent
        facts = assess(Mandate.of(signed), use, standing, limit, signed.request.created)
        return Named(digest, signed, approvals, facts)

    def _mandate(self, start: str) -> SignedRequest:
        return self._of_kind(self._requests.store.digest(start))

    def _of_kind(self, digest: str) -> SignedRequest:
        signed = self._requests.store.signed(digest)
        if signed.request.kind != KIND:
            raise UsageError(f"{digest[:80]} is a request of the kind {signed.request.kind!r}; see 'faceward request'")
        return signed


def _check_operations(mandate: Mandate) -> None:
    """Refuse an operation that no mandate is ever asked for: it would cover nothing."""
    unknown = [name for name in mandate.operations if name not in MANDATED]
    if unknown:
        raise UsageError(f"no mandate is for {printable(unknown[0])!r}; choose among {', '.join(MANDATED)}")
