"""The secrets of subjects' links: made once, kept as digests, used once, and what a session begun with one rests on."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from faceward.core.errors import PolicyRefusal
from faceward.policy.visits import STAY, USUAL, Visit
from faceward.service.errors import Unauthenticated

if TYPE_CHECKING:
    from faceward.operations.system import System
    from faceward.service.callers import Caller
    from faceward.service.vault import Vault

PATH = "/me/link"
"""Where a link leads; its secret stands behind the number sign, which no browser sends to anybody."""

_LINK, _VISIT = "subject-link", "subject-visit"
_TOKEN = re.compile(r"fwl_[A-Za-z0-9_-]{43}")
_TOKEN_BYTES = 32
_ENDED = "this link was used, has ended, or never was; ask for another"
_OVER = "your visit has ended; ask for another link"


@dataclass(frozen=True, slots=True)
class Link:
    """A link to hand over.

    Attributes:
        subject: For whom.
        entry: Index of the log entry that says that it was made.
        until: When it ends, UTC.
        token: Its secret: `fwl_` and 256 random bits.
    """

    subject: str
    entry: int
    until: datetime
    token: str = field(repr=False)

    def address(self, origin: str) -> str:
        """Return what is handed over, for a service that browsers see under this URL."""
        return f"{origin}{PATH}#{self.token}"


def make(system: System, vault: Vault, subject: str, term: timedelta = USUAL) -> Link:
    """Make a link; the log says so.

    Args:
        system: The deployment, as an operator acts in it.
        vault: The service's store.
        subject: For whom.
        term: How long it can be used, at most seven days.

    Raises:
        PolicyRefusal: Who acts may not.
        UsageError: Nothing is held about such a subject, or the term is too long.
    """
    visit_, until = system.links.make(subject, term)
    token = "fwl_" + secrets.token_urlsafe(_TOKEN_BYTES)
    # The entry alone: who the subject is stands under the subject's own key, and an erasure takes it.
    vault.put(_LINK, _digest(token), {"entry": visit_.entry}, until)
    return Link(visit_.subject, visit_.entry, until, token)


def use(system: System, vault: Vault, token: str) -> Visit:
    """Use a link up; the log says that its subject came.

    Raises:
        Unauthenticated: It is none that can be used.
    """
    value = vault.take(_LINK, _digest(token)) if _TOKEN.fullmatch(token) else None
    if not isinstance(value, dict):
        raise Unauthenticated(_ENDED)
    try:
        found = system.links.found(int(str(value["entry"])))
        system.visited(found).links.used()
    except PolicyRefusal:
        raise Unauthenticated(_ENDED) from None
    return found


def begin(vault: Vault, caller_token: str, found: Visit, now: datetime) -> None:
    """Note on which link a session rests.

    Args:
        vault: The service's store.
        caller_token: What stands for the session; `Caller.token` is its digest.
        found: The visit.
        now: The current time, UTC.
    """
    vault.put(_VISIT, _digest(caller_token), {"entry": found.entry}, now + STAY)


def visiting(system: System, vault: Vault, caller: Caller) -> System:
    """Return the deployment as a subject acts in it, by the link that their session rests on.

    Raises:
        Unauthenticated: It counts no more.
    """
    value = vault.get(_VISIT, caller.token)
    if not isinstance(value, dict):
        raise Unauthenticated(_OVER)
    view = system.visited(Visit(caller.name, int(str(value["entry"]))))
    try:
        view.links.require()
    except PolicyRefusal:
        raise Unauthenticated(_OVER) from None
    return view


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
