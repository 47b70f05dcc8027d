"""The notice a subject gets at enrolment (rule E5), in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from faceward.core.errors import PolicyRefusal, UsageError
from faceward.policy.jurisdiction import Jurisdiction
from faceward.policy.parameters import Basis
from faceward.policy.purposes import Purpose

_INFORMED = "already-informed"
EXEMPTIONS = {
    _INFORMED: "the subject already has this information (GDPR Art. 13(4))",
    "disproportionate": "informing the subject takes a disproportionate effort (GDPR Art. 14(5)(b))",
    "laid-down-by-law": "a law orders it and protects the subject's interests (GDPR Art. 14(5)(c))",
    "professional-secrecy": "a duty of professional secrecy forbids the notice (GDPR Art. 14(5)(d))",
}
"""Reasons to give no notice; the log records which one was used."""

_BASES = {
    Basis.CONSENT: "you agreed to it",
    Basis.CONTRACT: "a contract with you needs it",
    Basis.LEGAL_OBLIGATION: "a law orders it",
    Basis.VITAL_INTERESTS: "it protects someone's life",
    Basis.PUBLIC_TASK: "a public task needs it",
    Basis.LEGITIMATE_INTERESTS: "the controller has a legitimate interest",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """What a notice tells.

    Attributes:
        subject: The subject's name.
        purpose: The purpose of the enrolment.
        controller: Who decides about the data; may be empty.
        contact: How to reach the controller; may be empty.
        enrolled: When the reference was stored, UTC.
        expires: When it is erased at the latest, UTC.
        signed_on: Day of the release, where there is one.
    """

    subject: str
    purpose: Purpose
    controller: str
    contact: str
    enrolled: datetime
    expires: datetime
    signed_on: date | None = None


def notice_text(notice: Notice, jurisdiction: Jurisdiction, exempt: str | None = None) -> str:
    """Write the notice, or why none is given.

    Its points are those of GDPR Art. 13 and of FTC v. Rite Aid (2024), IV.A: who, what, why, on which
    basis, for how long, with which rights.

    Args:
        notice: What to tell.
        jurisdiction: The deployment's jurisdiction.
        exempt: A key of `EXEMPTIONS` that applies, or None.

    Returns:
        Plain text in UTF-8, Markdown headings, ending in a line feed.
    """
    if exempt is not None:
        return f"No notice was given to {notice.subject} on {_day(notice.enrolled)}: {exemption(exempt)}.\n"
    purpose = notice.purpose
    who = notice.controller or "The operator of this system"
    contact = notice.contact or "the person who enrolled you"
    signed = f", in the release you signed on {notice.signed_on.isoformat()}" if notice.signed_on else ""
    errors = f"About one in {round(1 / purpose.fmr):,} comparisons with another face may be taken for a match."
    lines = [
        f"# Notice to {notice.subject}: your face was enrolled",
        "",
        f"**Who.** {who} stores a reference of your face. Contact: {contact}.",
        "**What.** Numbers computed from your picture, encrypted with a key of your own.",
        f"**Since when.** {_day(notice.enrolled)}.",
        f"**What for.** {purpose.name}. For nothing else.",
        f"**Why this is allowed.** {_sentence(_BASES[purpose.basis])}{signed}.",
        f"**Until when.** {_day(notice.expires)} at the latest. Then its key is destroyed for good.",
        f"**How sure it is.** {errors} A match alone decides nothing about you.",
        f"**Without your face.** {_otherwise(purpose, contact)}",
        "",
        "## Your rights",
        "",
        *_rights(purpose.basis, contact),
        f"- You can complain to {jurisdiction.complaints}.",
        "",
        f"Law: {jurisdiction.law}. This notice was written by software and is not legal advice.",
    ]
    return "\n".join(lines) + "\n"


def _otherwise(purpose: Purpose, contact: str) -> str:
    """Say which way there is without biometrics; promise none where none is named, save to who may refuse consent."""
    if not purpose.alternative and purpose.basis is not Basis.CONSENT:
        return f"No way without face recognition is named for this purpose. Questions: {contact}."
    way = purpose.alternative or f"ask {contact} for the way without face recognition"
    return f"{_sentence(way)}. You suffer no disadvantage if you choose that."


@dataclass(frozen=True, slots=True)
class AdverseAction:
    """Something that was done to a person after a match (rule D2).

    Attributes:
        subject: The person.
        action: What was done.
        place: Where.
        time: When, UTC.
        contact: Who answers for it, and how to reach them.
    """

    subject: str
    action: str
    place: str
    time: datetime
    contact: str


def adverse_text(adverse: AdverseAction, controller: str, days: int, jurisdiction: Jurisdiction) -> str:
    """Write the notice of an adverse action: time, place, action, contact (FTC v. Rite Aid, IV.B).

    Args:
        adverse: What was done.
        controller: Who decides about the data; may be empty.
        days: Within how many days a complaint is decided.
        jurisdiction: The deployment's jurisdiction.

    Returns:
        Plain text in UTF-8, Markdown headings, ending in a line feed.
    """
    lines = [
        f"# Notice to {adverse.subject}: face recognition was used before something was done to you",
        "",
        f"**When.** {adverse.time:%Y-%m-%d %H:%M} (UTC).",
        f"**Where.** {_sentence(adverse.place)}.",
        f"**What was done.** {_sentence(adverse.action)}.",
        f"**Who.** {controller or 'The operator of this system'} took you for somebody it had stored.",
        f"**Contact.** {adverse.contact}.",
        "",
        "## If this was wrong",
        "",
        "A match is never proof: software takes some people for others.",
        f"- You can complain: tell {adverse.contact}. You are answered within {days} days.",
        "- While your complaint is overdue, what is stored about you is not compared with anybody.",
        f"- You can see what is stored about you, and what happened with it: ask {adverse.contact}.",
        f"- You can complain to {jurisdiction.complaints}.",
        "",
        f"Law: {jurisdiction.law}. This notice was written by software and is not legal advice.",
    ]
    return "\n".join(lines) + "\n"


def deletion_text(controller: str, recipient: str, references: Sequence[str], due: datetime) -> str:
    """Write the notice to somebody who was handed references that are now erased (rule T3, GDPR Art. 19)."""
    lines = [
        f"# Notice to {recipient}: delete these references",
        "",
        f"{controller or 'The operator of this system'} handed you references that are erased here.",
        f"Delete them and every copy, and confirm it by {due:%Y-%m-%d} (UTC), with where your proof is kept.",
        "",
        *(f"- {reference}" for reference in references),
    ]
    return "\n".join(lines) + "\n"


def exemption(name: str) -> str:
    """Return the reason behind an exemption from the notice.

    Raises:
        UsageError: There is no such exemption.
    """
    if name not in EXEMPTIONS:
        raise UsageError(f"there is no exemption {name!r} from the notice; choose one of {', '.join(EXEMPTIONS)}")
    return EXEMPTIONS[name]


def because(basis: Basis) -> str:
    """Return why a basis allows an enrolment, as its subject is told; a sentence without its full stop."""
    return _sentence(_BASES[basis])


def check_exemption(name: str, *, from_subject: bool) -> None:
    """Check that an exemption from the notice applies.

    Args:
        name: A key of `EXEMPTIONS`.
        from_subject: The subject gave the pictures, as where there is a release: GDPR Art. 13 applies, whose only
            exemption is that the subject knows already. Those of Art. 14 are for data that come from elsewhere.

    Raises:
        UsageError: There is no such exemption.
        PolicyRefusal: It does not apply (rule E5).
    """
    exemption(name)
    if from_subject and name != _INFORMED:
        raise PolicyRefusal(
            "E5",
            f"the subject gives the pictures, and the exemption {name!r} is for data that come from elsewhere.",
            f"Give the notice, or name {_INFORMED!r} if the subject has it already.",
        )


def _rights(basis: Basis, contact: str) -> list[str]:
    rights = [
        f"- You can see and get a copy of what is stored about you: ask {contact}.",
        f"- You can have it erased. You then get a receipt that anyone can check: ask {contact}.",
        f"- You have the right to ask the controller to correct it or to suspend its use: ask {contact}.",
    ]
    if basis is Basis.CONSENT:
        withdraw = f"- You can withdraw your release at any time, without giving a reason: tell {contact}."
        return [withdraw, *rights]
    return [*rights, f"- You can object to the use of your face: tell {contact}."]


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d} (UTC)"


def _sentence(text: str) -> str:
    return (text[:1].upper() + text[1:]).rstrip(".")
