"""What was done to a person after a match is written down for them: time, place, action, contact (rule D2)."""

from __future__ import annotations

from datetime import datetime

from faceward.core.canonical import JSONObject
from faceward.core.clock import to_rfc3339
from faceward.core.errors import UsageError
from faceward.core.names import check_name
from faceward.core.rights_results import AdverseResult
from faceward.operations.case_reading import leads
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.suspension import terms
from faceward.policy.notices import AdverseAction, adverse_text
from faceward.policy.rights import check_text


def note(
    deployment: Deployment,
    desk: Desk,
    subject: str,
    happened: tuple[str, str, datetime],
    contact: str = "",
    case: str = "",
) -> AdverseResult:
    """Write the notice of an adverse action; nothing here takes one.

    Args:
        deployment: The deployment.
        desk: Where it is recorded.
        subject: The person; also somebody who is not enrolled, since mistakes happen to them.
        happened: What was done, where, and when (UTC).
        contact: Who answers for it; the deployment's contact if empty.
        case: The case that it rests on, or its first digits; needed where the standard asks for reviewers.

    Raises:
        UsageError: A part is missing, the time lies in the future, or there is no such case.
        PolicyRefusal: The standard asks for reviewers, and they made nobody in the case an actionable lead (rule H1).
    """
    subject, (action, place, time) = check_name(subject, "subject"), happened
    if time > deployment.now():
        raise UsageError("the time of the action lies in the future; give when it was, in UTC")
    adverse = AdverseAction(
        subject=subject,
        action=check_text(action, "action"),
        place=check_text(place, "place"),
        time=time,
        contact=check_text(contact or deployment.config.contact, "contact"),
    )
    about: JSONObject = {
        "action": adverse.action,
        "place": adverse.place,
        "time": to_rfc3339(time),
        "contact": adverse.contact,
    }
    reviewed = deployment.standard.parameters.people.reviewers > 0
    identifier, lead = leads(deployment, case) if case else ("", False)
    facts = {"case_actionable": lead or not reviewed, "notice_complete": True}
    details: JSONObject = {"case": identifier} if case else {}
    with desk.operation("adverse.note", facts, Happening("adverse.note", details, {subject: about})) as act:
        days = terms(deployment).decide.days
        text = adverse_text(adverse, deployment.config.controller, days, deployment.jurisdiction)
        act.outcome["notice"] = "written"
    return AdverseResult(subject, act.entry, text)
