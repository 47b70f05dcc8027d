"""Who asks, and how the deployment stands at that moment: what every rule of a standard may ask for."""

from __future__ import annotations

from faceward.audit.witnessed import Witnessed
from faceward.core.errors import IntegrityError, PolicyRefusal
from faceward.custody.protocol import CustodyStatus
from faceward.operations.deployment import Deployment
from faceward.operations.visits import guest
from faceward.operations.witness_watch import Watch, trusted
from faceward.policy.people import Person
from faceward.policy.rules import Conditions, Principal
from faceward.policy.sessions import check_session

# What stays possible while a changed standard waits for two people: their decision, what subjects may ask for, and
# the clock that keeps terms.
_ALWAYS = frozenset(
    {
        "standard.adopt",
        "request.approve",
        "show",
        "export",
        "erase",
        "release.withdraw",
        "complaint.add",
        "complaint.decide",
        "stop",
        "tick",
        "audit.show",
    }
)


def standing(deployment: Deployment, status: CustodyStatus, watch: Watch) -> tuple[Principal, Conditions]:
    """Return who asks and the deployment's conditions.

    Args:
        deployment: The deployment.
        status: What the custodian says of itself.
        watch: What is known of witnesses.
    """
    person = signed_in(deployment, status)
    principal = guest(deployment) or Principal(
        name=deployment.operator,
        signed_in=person is not None,
        roles=frozenset(role.value for role in person.roles) if person else frozenset(),
        trained=person is not None and person.is_trained(deployment.now()),
    )
    people = deployment.standard.parameters.people
    conditions = Conditions(
        jurisdiction=deployment.jurisdiction.code,
        sign_in_required=people.sign_in == "always" or len(status.roster) > 0,
        stopped=status.stopped,
        custodian_separate=status.separate or deployment.config.trial,
        log_witnessed=deployment.config.trial or witnessed(deployment, watch).good,
    )
    return principal, conditions


def witnessed(deployment: Deployment, watch: Watch) -> Witnessed:
    """Say whether as many witnesses as the standard asks for have seen the log lately (rule L3)."""
    terms = deployment.standard.parameters.log
    if not terms.witnesses:
        return Witnessed(good=True, reason="the standard asks for no witness", sightings=())
    return watch.judged(deployment.log, trusted(deployment), deployment.now(), terms.witnesses, terms.freshest)


def signed_in(deployment: Deployment, status: CustodyStatus) -> Person | None:
    """Return who signed in, if their key vouches for the session, it is in force, and the roster still names them."""
    session = deployment.session
    if session is None:
        return None
    try:
        return check_session(session.signed, status.roster, deployment.log.origin, deployment.now())
    except PolicyRefusal:
        return None


def require_pinned(deployment: Deployment, action: str, status: CustodyStatus) -> None:
    """Check that the standard and the pack's calibration are those that were adopted.

    Raises:
        PolicyRefusal: One was changed since, and nobody has adopted it (rule K2).
    """
    if action in _ALWAYS:
        return
    if status.pins is None:
        raise IntegrityError("the custodian serves no deployment; restore its state")
    if deployment.pipeline.pack.manifest.digest != deployment.config.pack_digest:
        name = deployment.config.pack
        raise PolicyRefusal(
            "K2",
            f"the model pack {name!r} is not the one that this deployment uses: it was altered, or came anew.",
            f"Restore it; or go over to it, which another person approves: 'faceward packs use {name}'.",
        )
    pack = deployment.pipeline.pack.manifest.document
    for what, pinned, present in (
        (f"standard {deployment.standard.name!r}", status.pins.standard_digest, deployment.standard.digest),
        (f"model pack {deployment.config.pack!r}", status.pins.pack_digest, pack),
    ):
        if pinned != present:
            raise PolicyRefusal(
                "K2",
                f"the {what} is not the one that was adopted (adopted {pinned[:12]}…, here {present[:12]}…).",
                "Compare them, then have two people adopt it: 'faceward standards adopt'.",
            )
