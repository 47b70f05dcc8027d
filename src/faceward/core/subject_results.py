"""A subject's account as a page shows it: frozen."""

from __future__ import annotations

from dataclasses import dataclass

from faceward.core.reports import SubjectView
from faceward.core.rights_results import Matter


@dataclass(frozen=True, slots=True)
class SearchSeen:
    """A search of a gallery of which the subject was a member.

    Attributes:
        entry: Index of the log entry that began it.
        time: When, RFC 3339.
        gallery: The gallery.
    """

    entry: int
    time: str
    gallery: str


@dataclass(frozen=True, slots=True)
class SubjectAccount:
    """All that a subject is told on a page.

    Attributes:
        view: What is held, and the log entries about them, the oldest first.
        searches: The latest searches that compared them, the oldest first; see `operations.chains.MAX_SEARCHES`.
        matters: Their complaints and requests.
        suspended: References that are compared with nobody at present.
        released: Purposes that rest on a release, which can be withdrawn.
        acknowledge: Days within which a complaint is acknowledged.
        decide: Days within which it is decided.
        controller: Who runs the deployment; may be empty.
        contact: Where to ask; may be empty.
        complaints_to: The authority to complain to.
    """

    view: SubjectView
    searches: tuple[SearchSeen, ...]
    matters: tuple[Matter, ...]
    suspended: tuple[str, ...]
    released: tuple[str, ...]
    acknowledge: int
    decide: int
    controller: str
    contact: str
    complaints_to: str
