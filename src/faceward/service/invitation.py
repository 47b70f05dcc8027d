"""Whom a one-time link is for; see `service.first_start`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.errors import UsageError
from faceward.core.names import check_name
from faceward.policy.people import parse_roles

FOUNDER_ROLES = ("operator", "approver", "reviewer", "auditor")
"""What the first person may do. Under rules that ask for several people they cannot do it alone."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whom a link is for.

    Attributes:
        name: Their name; empty on the first link, whose visitor names themself.
        roles: What they are to be allowed.
        trained: Day until which their training is valid, as `2027-12-31`, or empty.
        by: Who invites them; empty on the first link.
        replaces: For somebody who is registered: whether the passkey takes the place of their keys, or joins them.
    """

    name: str = ""
    roles: tuple[str, ...] = FOUNDER_ROLES
    trained: str = ""
    by: str = ""
    replaces: bool = False

    @property
    def founds(self) -> bool:
        """Whether it is the first link."""
        return not self.name

    def to_json(self) -> JSONObject:
        """Return an object that `of` reads back equal."""
        return {
            "name": self.name,
            "roles": list(self.roles),
            "trained": self.trained,
            "by": self.by,
            "replaces": self.replaces,
        }

    @classmethod
    def of(cls, value: JSONValue) -> Invitation:
        """Read what `to_json` wrote."""
        kept = value if isinstance(value, dict) else {}
        roles = kept.get("roles")
        named = tuple(str(one) for one in roles) if isinstance(roles, list) else ()
        texts = (str(kept.get("name", "")), named, str(kept.get("trained", "")), str(kept.get("by", "")))
        return cls(*texts, replaces=kept.get("replaces") is True)

    def checked(self) -> Invitation:
        """Return it, with the name as the roster would write it.

        Raises:
            UsageError: The name cannot be one, a role is unknown, or the day is none.
        """
        parse_roles(self.roles)
        day_of(self.trained)
        return replace(self, name=check_name(self.name, "person"))


def day_of(text: str) -> date | None:
    """Return a day, or None for no text.

    Raises:
        UsageError: It is none.
    """
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text[:40]!r} is no day; write it as 2027-12-31") from None
