"""Programs in the roster (rules K2 and S2): each acts for a person who answers for it, and is never a second person.

A program's key is in the roster under a name that begins with `key `. Somebody made it, and has its secret; what the
program asks for, that person asks for. So the roster says who, and the custodian reads it there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from faceward.core.errors import PolicyRefusal, UsageError

if TYPE_CHECKING:
    from faceward.policy.people import Person

PREFIX = "key "
"""What the names of programs in the roster begin with, and nobody else's."""

ROLE = "operator"
"""The only role of a program: it neither approves nor reviews."""

MAY_ASK = frozenset({"mandate", "entry", "export"})
"""Kinds of requests that a program may make, for another than who answers for it to decide on; none about people,
rules, evidence or the stop."""

_ADMIT = (
    "Ask on the console's page Programs, or with 'faceward keys admit', for the roster to take the key on, "
    "with whoever answers for it."
)


def is_machine(name: str) -> bool:
    """Tell whether a name in the roster is a program's."""
    return name.startswith(PREFIX)


def check_fields(person: Person) -> None:
    """Check that nobody answers for a person as for a program, nor anybody for themself.

    Raises:
        UsageError: Somebody does.
    """
    if person.responsible and not person.is_machine:
        raise UsageError(f"{person.name!r} is no program's name, and nobody else answers for a person; leave it out")


def check_joining(person: Person, people: Mapping[str, Person]) -> None:
    """Check that a program may be added to the roster.

    Args:
        person: Who is to be added; of people nothing is asked here.
        people: The roster, by name.

    Raises:
        PolicyRefusal: It has another role than operator, or several keys, or nobody in the roster answers for it (S2).
    """
    if not person.is_machine:
        return
    if {role.value for role in person.roles} != {ROLE} or person.further:
        raise PolicyRefusal(
            "S2", f"{person.name!r} is a program.", f"Give it one key, and the role {ROLE} alone; people decide."
        )
    check_answered(person, people)


def check_answered(person: Person, people: Mapping[str, Person]) -> None:
    """Check that somebody in the roster answers for a program; of people nothing is asked.

    Raises:
        PolicyRefusal: Nobody does (S2).
    """
    if person.is_machine and (is_machine(person.responsible) or person.responsible not in people):
        raise PolicyRefusal("S2", f"nobody in the roster answers for the program {person.name!r}.", _ADMIT)


def check_asking(requester: Person, kind: str) -> None:
    """Check that whoever asks may ask for things of a kind.

    Raises:
        PolicyRefusal: A program asks for what people alone may (S2).
    """
    if requester.is_machine and kind not in MAY_ASK:
        raise PolicyRefusal("S2", f"{requester.name!r} is a program, which asks for no such thing.", "Ask yourself.")


def check_deciding(approver: Person, requester: Person | None) -> None:
    """Check that a program decides on nothing, and nobody on what their own program asks for.

    Raises:
        PolicyRefusal: One would (S2).
    """
    another = "Ask another person with the role approver."
    if approver.is_machine:
        raise PolicyRefusal("S2", f"{approver.name!r} is a program, and decides on nothing.", another)
    if requester is not None and requester.is_machine and requester.responsible in ("", approver.name):
        raise PolicyRefusal(
            "S2", f"{approver.name!r} answers for the program that asked for it, and cannot decide on it.", another
        )
