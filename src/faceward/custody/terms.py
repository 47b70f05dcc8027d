"""What a custodian takes from a standard when it is pinned, and goes by until two people pin another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from faceward.core.errors import IntegrityError
from faceward.policy.standard import Standard, load_standard
from faceward.policy.strict import Table
from faceward.policy.tables import SignIn

if TYPE_CHECKING:
    from faceward.core.canonical import JSONObject


@dataclass(frozen=True, slots=True)
class Terms:
    """What a standard asks of the release of keys.

    Attributes:
        required: The operations that need a mandate (rule P2).
        longest: Longest term of a mandate.
        searches: Most searches of a mandate.
        urgent: How long an urgent mandate may be used before it is approved (rule P7).
        lease: How long a released key may be used.
        sign_in: Nobody gets a key without signing in, also while the roster is empty.
        trained: Only approvers with valid training approve.
    """

    required: frozenset[str]
    longest: timedelta
    searches: int
    urgent: timedelta
    lease: timedelta
    sign_in: bool
    trained: bool

    def to_json(self) -> JSONObject:
        """Return the object that `from_json` reads."""
        return {
            "required": sorted(self.required),
            "longest": self.longest.total_seconds(),
            "searches": self.searches,
            "urgent": self.urgent.total_seconds(),
            "lease": self.lease.total_seconds(),
            "sign_in": self.sign_in,
            "trained": self.trained,
        }

    @classmethod
    def from_json(cls, value: object) -> Terms:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is something else.
        """
        table = Table(value, "the custodian's terms", IntegrityError)
        return cls(
            frozenset(table.names("required")),
            timedelta(seconds=table.number("longest")),
            int(table.number("searches")),
            timedelta(seconds=table.number("urgent")),
            timedelta(seconds=table.number("lease")),
            table.flag("sign_in"),
            table.flag("trained"),
        )


def terms_of(standard: Standard) -> Terms:
    """Return what a standard asks of the release of keys."""
    parameters = standard.parameters
    mandate, people = parameters.mandate, parameters.people
    return Terms(
        required=mandate.required,
        longest=mandate.longest,
        searches=mandate.searches,
        urgent=mandate.urgent,
        lease=parameters.custody.lease,
        sign_in=people.sign_in is SignIn.ALWAYS,
        trained=people.trained,
    )


def load_terms(name: str, digest: str) -> Terms:
    """Load the terms of a standard that is to be pinned.

    Args:
        name: Its name.
        digest: Digest of its files, 64 hexadecimal digits.

    Raises:
        UsageError: There is no such standard in this installation.
        IntegrityError: Its files are others than those of that digest.
    """
    standard = load_standard(name)
    if standard.digest != digest:
        raise IntegrityError(
            f"the standard {name!r} that is installed for the custodian is not the deployment's; "
            "install the same version of faceward for both"
        )
    return terms_of(standard)
