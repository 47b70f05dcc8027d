"""Which operations may have a gallery's key, and in which role (rule L2). What is not listed gets none."""

from __future__ import annotations

from dataclasses import dataclass

from faceward.core.errors import PolicyRefusal
from faceward.policy.people import Role

CREATE = "gallery.create"
ROTATE = "rotate"
DESTROY = "gallery.destroy"
EXPORT = "gallery.export"
WATCH = "watch"


@dataclass(frozen=True, slots=True)
class Duty:
    """What an operation is to the custodian.

    Attributes:
        roles: A person with one of these may do it.
        recognises: It compares faces, so that a stop ends it (rule W7).
    """

    roles: frozenset[Role]
    recognises: bool = False


_OPERATOR = Duty(frozenset({Role.OPERATOR}))
_RECOGNITION = Duty(frozenset({Role.OPERATOR}), recognises=True)
_UPKEEP = Duty(frozenset({Role.OPERATOR, Role.CUSTODIAN}))
_ABOUT_SUBJECT = Duty(frozenset({Role.OPERATOR, Role.REVIEWER, Role.AUDITOR, Role.SUBJECT}))

_DUTIES = {
    "identify": _RECOGNITION,
    "verify": _RECOGNITION,
    "redact": _RECOGNITION,
    WATCH: _RECOGNITION,
    "enrol": _OPERATOR,
    "simulate": _OPERATOR,
    EXPORT: _OPERATOR,
    "gallery.migrate": _OPERATOR,
    CREATE: _UPKEEP,
    ROTATE: _UPKEEP,
    # It cannot be undone, so it is no operator's.
    DESTROY: Duty(frozenset({Role.CUSTODIAN})),
    "subject.show": _ABOUT_SUBJECT,
    "subject.export": _ABOUT_SUBJECT,
}


def duty_of(operation: str) -> Duty:
    """Return what an operation is to the custodian.

    Raises:
        PolicyRefusal: It has no business with references (L2).
    """
    found = _DUTIES.get(operation)
    if found is None:
        raise PolicyRefusal(
            "L2", f"the operation {operation!r} gets no key of a gallery.", "Use one that is documented."
        )
    return found
