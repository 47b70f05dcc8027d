"""Where one can go in the console, by role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceward.service.callers import Caller, Kind
from faceward.service.console.i18n import N_
from faceward.service.roles import CAMERA_READERS

if TYPE_CHECKING:
    from collections.abc import Iterable

EVERYBODY = frozenset({"operator", "approver", "reviewer", "custodian", "auditor"})
_WATCHERS = frozenset({"operator", "approver", "reviewer", "auditor"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of the menu.

    Attributes:
        key: What a page calls itself in `rendering.page(..., here=KEY)`.
        text: English; translated when shown.
        path: Where it is.
        icon: Name of an icon of `macros/icons.html`.
        letter: After `g`, the letter that leads there.
        roles: Who finds it in the menu; what they may do there is decided elsewhere.
    """

    key: str
    text: str
    path: str
    icon: str
    letter: str
    roles: frozenset[str]


MENU = (
    Entry("home", N_("Home"), "/", "home", "h", EVERYBODY),
    Entry("search", N_("Search"), "/search", "search", "s", frozenset({"operator"})),
    Entry("review", N_("Review"), "/review", "review", "r", frozenset({"operator", "reviewer", "approver", "auditor"})),
    Entry("live", N_("Live wall"), "/live", "live", "w", _WATCHERS),
    Entry("alerts", N_("Alerts"), "/alerts", "alerts", "b", _WATCHERS),
    Entry("cameras", N_("Cameras"), "/cameras", "cameras", "c", frozenset(CAMERA_READERS)),
    Entry("approvals", N_("Approvals"), "/approvals", "approvals", "a", EVERYBODY),
    Entry("galleries", N_("Galleries"), "/galleries", "galleries", "l", EVERYBODY),
    Entry("subjects", N_("Subjects"), "/subjects", "subjects", "u", frozenset({"operator", "approver", "auditor"})),
    Entry("audit", N_("Audit"), "/audit", "audit", "t", frozenset({"auditor", "operator", "approver"})),
    Entry("evidence", N_("Evidence"), "/evidence", "evidence", "e", EVERYBODY),
    Entry("people", N_("People"), "/auth/people", "key", "p", frozenset({"operator", "approver"})),
    Entry("programs", N_("Programs"), "/programs", "keyboard", "k", frozenset({"operator", "approver"})),
    Entry("status", N_("Status"), "/status", "status", "i", EVERYBODY),
    Entry("me", N_("My face"), "/me", "me", "m", frozenset({"subject"})),
)


def menu(caller: Caller | None) -> tuple[Entry, ...]:
    """Return what a caller finds in the menu."""
    if caller is None or caller.kind is Kind.KEY:
        return ()
    roles = names(caller)
    return tuple(entry for entry in MENU if entry.roles & roles)


def names(caller: Caller) -> frozenset[str]:
    """Return the roles of a caller as the menu knows them; who is not in a roster yet may look everywhere."""
    if caller.kind is Kind.SUBJECT:
        return frozenset({"subject"})
    return caller.roles


def may(caller: Caller | None, roles: Iterable[str]) -> bool:
    """Tell whether a caller has one of some roles."""
    return caller is not None and bool(names(caller) & set(roles))
