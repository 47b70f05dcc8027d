"""What somebody asks for, as far as rules may ask about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from faceward.policy.consent import Release
from faceward.policy.purposes import Purpose

Context = Mapping[str, bool | str | Mapping[str, bool]]


@dataclass(frozen=True, slots=True)
class Sample:
    """What is known of a picture before it is analysed.

    Attributes:
        source_kind: `file`, `stream`, `url`, `cctv` or `search`.
        source_recorded: The record names where it came from.
        was_probe: A picture with these bytes was used as a probe in this deployment.
    """

    source_kind: str
    source_recorded: bool = True
    was_probe: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """Into which kind of gallery somebody is entered, and why. The default is a gallery that is no watchlist.

    Attributes:
        watchlist: The gallery is a watchlist: people are on it without being asked.
        approved: Somebody else than the one who enrols signed for this entry (rule E1).
        evidence: The record says why the person is entered, and where the proof is kept (rule E1).
        stated_minor: Stated to be younger than the standard's `minimum_age` (rule E3). Nothing is estimated.
        stated_vulnerable: Stated to be vulnerable (rule E3).
        safeguarding: The entry serves the person's own protection.
    """

    watchlist: bool = False
    approved: bool = False
    evidence: bool = False
    stated_minor: bool = False
    stated_vulnerable: bool = False
    safeguarding: bool = False

    def to_context(self) -> Mapping[str, bool]:
        """Return it as the schema names it."""
        return {
            "watchlist": self.watchlist,
            "approved": self.approved,
            "evidence": self.evidence,
            "stated_minor": self.stated_minor,
            "stated_vulnerable": self.stated_vulnerable,
            "safeguarding": self.safeguarding,
        }


@dataclass(frozen=True, slots=True)
class Change:
    """A change of people, of rules, or the end of a stop: what others have said of it.

    Attributes:
        founding: Fewer than two approvers are registered, so that nobody could approve.
        approved: Another person signed for it (rule S2).
    """

    founding: bool
    approved: bool

    def to_context(self) -> Context:
        """Return the whole context of `person.remove`, `standard.adopt` and `restart`."""
        return {"change": {"founding": self.founding, "approved": self.approved}}


@dataclass(frozen=True, slots=True)
class Lowering:
    """A change of rates or of evidence, by which scores may come to count more than they did (rule S1).

    Attributes:
        lowers: A threshold would fall.
        evidence_in_force: An evaluation in force supports what would then hold.
        change: What others have said of it.
    """

    lowers: bool
    evidence_in_force: bool
    change: Change


@dataclass(frozen=True, slots=True)
class Enrolment:
    """An enrolment that someone asks for.

    Attributes:
        subject: The subject's name.
        purpose: The registered purpose, or None where the name is not registered.
        releases: The releases handed in.
        gallery_purpose: Name of the purpose the gallery was created for; None where it has none.
        expires: When the reference would expire, from `retention.expiry`; None where nobody computed it.
        sample: The picture.
        pack_verified: The model pack has its pinned hashes.
        entry: Whether it goes to a watchlist, and on which grounds.
        objected: The subject asked not to be found, and signed no release since (rule C2).
    """

    subject: str
    purpose: Purpose | None
    releases: tuple[Release, ...]
    gallery_purpose: str | None
    expires: datetime | None
    sample: Sample
    pack_verified: bool
    entry: Entry = Entry()
    objected: bool = False


@dataclass(frozen=True, slots=True)
class Watched:
    """With which cameras faces are to be compared as they pass, and for which list.

    Attributes:
        cameras_configured: Every camera is configured (rule W8).
        cameras_as_recorded: Every camera is as the log says that it was configured last (rule W8).
        cameras_as_mandated: None was configured or materially changed after the mandate was asked for (rule P2).
        notices_recorded: Every camera has its notice record (rule W8).
        notices_name_purpose: Every camera's notice names the purpose of the list (rule W8).
        opt_outs_named: Every camera has a zone that is blacked out, or a way around it that its notice names (rule
            W10).
        list_ends: An end of the list is on record (rule W3).
        list_in_force: That end has not come (rule W3).
        false_alerts_acceptable: False alerts are not above what the purpose accepts (rule W6).
        alerts_decided: No more than 20 alerts of the purpose wait longer than 7 days for a decision (rule W6).
    """

    cameras_configured: bool
    cameras_as_recorded: bool
    cameras_as_mandated: bool
    notices_recorded: bool
    notices_name_purpose: bool
    opt_outs_named: bool
    list_ends: bool
    list_in_force: bool
    false_alerts_acceptable: bool
    alerts_decided: bool

    def to_context(self) -> Mapping[str, bool]:
        """Return it as the schema names it."""
        return {
            "cameras_configured": self.cameras_configured,
            "cameras_as_recorded": self.cameras_as_recorded,
            "cameras_as_mandated": self.cameras_as_mandated,
            "notices_recorded": self.notices_recorded,
            "notices_name_purpose": self.notices_name_purpose,
            "opt_outs_named": self.opt_outs_named,
            "list_ends": self.list_ends,
            "list_in_force": self.list_in_force,
            "false_alerts_acceptable": self.false_alerts_acceptable,
            "alerts_decided": self.alerts_decided,
        }


UNWATCHED = Watched(**{one.name: True for one in fields(Watched)})
"""What is known where no camera is named: nothing of it stands in the way."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """A verification or identification that someone asks for.

    Attributes:
        purpose: The registered purpose, or None where the name is not registered.
        gallery_purpose: Name of the purpose the references were enrolled for; None where unknown.
        sample: The probe.
        pack_verified: The model pack has its pinned hashes.
        reference_expires: For verification, when the subject's reference expires.
        reason: For identification, why the person is to be identified.
        mandate: What `mandates.assess` says of the mandate that was named; None where none was.
        evidence: What `evidence.assess` says of the evaluations on record; None where nobody looked.
        gallery_in_force: The gallery has no end, or one that has not come (rule W3).
        watched: What is known of the camera that a verification or identification names.
    """

    purpose: Purpose | None
    gallery_purpose: str | None
    sample: Sample
    pack_verified: bool
    reference_expires: datetime | None = None
    reason: str = ""
    mandate: Mapping[str, bool] | None = None
    evidence: Mapping[str, bool] | None = None
    gallery_in_force: bool = True
    watched: Watched = UNWATCHED
