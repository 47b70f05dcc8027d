"""Changes that may lower a threshold: a purpose's rates, and the evidence behind them (rules S1, V1, V3).

One that lowers none is made at once by one person. One that does waits for another person, and needs evidence in force.
While fewer than two approvers are registered nobody could approve it, and it is made at once and logged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from faceward.core.canonical import JSONObject
from faceward.core.clock import to_rfc3339
from faceward.core.errors import IntegrityError, UsageError
from faceward.operations import monitoring, purposes
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.effects import falls_from, on_purpose, on_purposes, state_of
from faceward.operations.evidence import (
    EVIDENCE,
    candidates,
    changing,
    checked,
    forget,
    of_pack,
    record,
    recorded,
    searched_fmr,
    standing,
)
from faceward.operations.evidence_checks import check
from faceward.operations.journal import Happening
from faceward.operations.thresholds import of_evaluation
from faceward.policy import facts
from faceward.policy.evaluation import Evaluation
from faceward.policy.evidence import Candidate, data_accepted
from faceward.policy.facts import Change, Context, Lowering
from faceward.policy.people import Person
from faceward.policy.purposes import Purpose
from faceward.policy.requests import SignedRequest
from faceward.policy.rules import Principal
from faceward.policy.stated_rates import measured
from faceward.policy.strict import Table

RATES = "rates"
"""The kind of request by which a purpose comes to accept looser rates or another camera class."""
WAITING = "evidence-waiting"
"""The kind of document that an evaluation is kept as while it waits for another person."""
CHANGED, ADDED, WITHDRAWN = "purpose.change", "evidence.add", "evidence.withdraw"
KINDS = (RATES, EVIDENCE)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change before anybody decided on it.

    Attributes:
        action: The action that the rules know it by.
        details: What the log says of it.
        lowers: A threshold would fall.
        problem: Why what would then hold is not supported by evidence in force, as reason and remedy; None where it is.
        context: Returns the facts for the rules.
        apply: Makes the change.
        state: What of purposes, evidence and findings the rest was concluded from, as a digest.
    """

    action: str
    details: JSONObject
    lowers: bool
    problem: tuple[str, str] | None
    context: Callable[[Lowering], Context]
    apply: Callable[[], None] = field(repr=False)
    state: str

    def asked(self, change: Change) -> tuple[Context, Happening]:
        """Return what the rules are asked of it, given what others say of it, and what the log says."""
        lowering = Lowering(self.lowers, self.problem is None, change)
        approved = change.approved or change.founding
        told = {"S1": self.problem} if self.problem and approved else {}
        return self.context(lowering), Happening(self.action, {**self.details, "lowers": self.lowers}, told=told)


def change_of_purpose(deployment: Deployment, before: Purpose, after: Purpose) -> Proposal:
    """Return the proposal to give a purpose other rates or another camera class."""
    state, pool = state_of(deployment), candidates(deployment)
    effect = on_purpose(deployment, (before, pool), (after, pool))
    found = standing(deployment, after, searched_fmr(after, 1), pool)
    return Proposal(
        CHANGED,
        {"purpose": after.name, "before": _rates(before), "after": _rates(after), **effect.details()},
        after.fmr > before.fmr or after.fpir > before.fpir or effect.lowers,
        None if found.good else (found.reason, found.remedy),
        lambda lowering: facts.purpose_change_context(after, deployment.standard, lowering),
        lambda: deployment.keep("purpose", after.name, after.to_json()),
        state,
    )


def addition(deployment: Deployment, candidate: Candidate) -> Proposal:
    """Return the proposal to put an evaluation on record.

    Raises:
        BadInput: It cannot serve; see `evidence_checks.check`.
    """
    state, pool = state_of(deployment), candidates(deployment)
    new = replace(candidate, since=deployment.now())
    check(deployment, new, pool)
    effect = on_purposes(deployment, pool, (*pool, new))
    # Evidence that no purpose relies on today waits for one that will; by then nobody would be asked.
    low = new.own and falls_from(deployment, of_pack(deployment), of_evaluation(new.evaluation), 1.0)
    accepted = data_accepted(new.evaluation)

    def apply() -> None:
        kept = record(deployment, new)
        for purpose in purposes.listed(deployment):
            chosen = standing(deployment, purpose).chosen
            if chosen is not None and chosen.digest == kept.digest:
                monitoring.restart(deployment, purpose.name, kept.date)

    return Proposal(
        ADDED,
        {**key_facts(new), **effect.details()},
        low or effect.lowers,
        effect.problem,
        lambda lowering: facts.evidence_add_context(lowering, data_accepted=accepted),
        apply,
        state,
    )


def withdrawal(deployment: Deployment, candidate: Candidate, reason: str) -> Proposal:
    """Return the proposal to take an evaluation off the record."""
    state, pool = state_of(deployment), candidates(deployment)
    effect = on_purposes(deployment, pool, tuple(one for one in pool if one.digest != candidate.digest))
    return Proposal(
        WITHDRAWN,
        {"evaluation": candidate.digest, "reason": reason, **effect.details()},
        effect.lowers,
        effect.problem,
        facts.measured_context,
        lambda: forget(deployment, candidate),
        state,
    )


def make(deployment: Deployment, desk: Desk, proposal: Proposal) -> int | None:
    """Make a change that needs nobody else: return the entry, or None where another person has to approve of it first.

    Raises:
        PolicyRefusal: A rule refuses it whoever approves of it; the refusal is logged.
        UsageError: What it was concluded from has changed since.
    """
    with changing(deployment):
        if state_of(deployment) != proposal.state:
            raise UsageError("purposes or evidence were changed meanwhile; look at them and ask again")
        manned = deployment.custody.status().manned
        context, happening = proposal.asked(Change(founding=not manned, approved=proposal.lowers and manned))
        if proposal.lowers and manned:
            # Everything that another person's word does not change is asked now, before anybody is bothered.
            desk.authorise(proposal.action, context, happening)
            return None
        with desk.operation(proposal.action, context, happening) as act:
            proposal.apply()
        return act.entry


def carry_out(deployment: Deployment, desk: Desk, signed: SignedRequest, requester: Person) -> None:
    """Make a change that another person approved of, in the name of who asked for it.

    Raises:
        PolicyRefusal: A rule refuses it as things now are (S1, K2); the refusal is logged.
        UsageError: What was to be changed is not as it was when it was asked for.
        IntegrityError: The evaluation that was asked for is not the one that was kept.
    """
    request = signed.request
    table = Table(request.body, "the request", IntegrityError)
    roles = frozenset(role.value for role in requester.roles)
    # The requester's signature shows whose act it is; the approver's, that there are two.
    who = Principal(requester.name, signed_in=True, roles=roles, trained=requester.is_trained(deployment.now()))
    with changing(deployment):
        proposal = (_asked_change if request.kind == RATES else _asked_evidence)(deployment, table)
        proposal = replace(proposal, details={**proposal.details, "request": request.digest()})
        context, happening = proposal.asked(Change(founding=False, approved=True))
        with desk.operation(proposal.action, context, happening, principal=who):
            proposal.apply()


def body_of_change(before: Purpose, after: Purpose) -> JSONObject:
    """Return what a request of the kind `rates` says."""
    return {"purpose": after.name, "before": _rates(before), "after": _rates(after)}


def body_of_evidence(candidate: Candidate, *, add: bool, reason: str = "") -> JSONObject:
    """Return what a request of the kind `evidence` says."""
    return {"act": "add" if add else "withdraw", "reason": reason, **key_facts(candidate)}


def _asked_change(deployment: Deployment, table: Table) -> Proposal:
    table.only(("purpose", "before", "after"))
    name = table.text("purpose")
    before = deployment.purpose(name)
    if before is None or _rates(before) != table.value("before"):
        raise UsageError(f"the purpose {name!r} is not as it was when this was asked for; ask anew")
    new = table.table("after")
    after = replace(before, fmr=new.number("fmr"), fpir=new.number("fpir"), camera_class=new.text("camera_class"))
    return change_of_purpose(deployment, before, after)


def _asked_evidence(deployment: Deployment, table: Table) -> Proposal:
    digest, act = table.text("evaluation"), table.text("act")
    if act == "withdraw":
        return withdrawal(deployment, on_record(deployment, digest), table.text("reason"))
    content = deployment.kept_content(WAITING, digest)
    if content is None:
        raise IntegrityError(f"the evaluation {digest[:12]} that waits is not in gallery.db; ask anew")
    return addition(deployment, checked(content, digest))


def on_record(deployment: Deployment, start: str) -> Candidate:
    """Return the evaluation on record whose digest begins with these digits.

    Raises:
        UsageError: None has, or several have.
    """
    found = [one for one in recorded(deployment) if start and one.digest.startswith(start.strip().lower())]
    if len(found) != 1:
        problem = "no evaluation on record has" if not found else "several evaluations on record have"
        raise UsageError(f"{problem} a digest that begins with {start[:80]!r}; 'faceward evidence list' shows all")
    return found[0]


def key_facts(candidate: Candidate) -> JSONObject:
    """Return what the log and a request say of an evaluation; its digest commits to the rest."""
    evaluation: Evaluation = candidate.evaluation
    return {
        "evaluation": candidate.digest,
        "pack": evaluation.pack,
        "data": {"name": evaluation.data.name, "digest": evaluation.data.digest, "basis": evaluation.data.basis.value},
        "subjects": evaluation.data.subjects,
        "camera_class": evaluation.data.camera_class,
        "own": evaluation.data.own,
        "protocol": {"name": evaluation.protocol, "digest": evaluation.protocol_digest},
        "thresholds": [[point.fmr.estimate, point.threshold] for point in measured(evaluation.points)],
        "made": to_rfc3339(evaluation.made),
    }


def _rates(purpose: Purpose) -> Mapping[str, float | str]:
    return {"fmr": purpose.fmr, "fpir": purpose.fpir, "camera_class": purpose.camera_class}
