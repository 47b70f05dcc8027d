"""Subjects' rights, and the clock that keeps their terms, as methods of one open deployment: `System.rights`."""

from __future__ import annotations

from datetime import datetime

from faceward.core.names import normal_name
from faceward.core.request_results import Asked
from faceward.core.rights_results import AdverseResult, Matter, TickResult, WithdrawalResult
from faceward.core.subject_results import SubjectAccount
from faceward.operations import (
    access,
    adverse,
    agenda,
    clock,
    complaints,
    handover,
    lifting,
    recipients,
    subject_account,
    suspension,
    upkeep,
    watchlist,
    withdrawal,
)
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.handover import HandoverResult
from faceward.operations.recipients import DeletionNotice, Recipient
from faceward.policy.rights import Obligation, Outcome, RequestKind
from faceward.policy.watchlist import Particulars


class Rights:
    """What subjects may ask for and what is owed to them. Every method raises as those of `System` do."""

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk

    def tick(self) -> TickResult:
        """Do what the time asks for: erase what has ended, suspend what is overdue, name what is due."""
        return clock.tick(self._deployment, self._desk)

    def due(self) -> tuple[Obligation, ...]:
        """Return what is overdue or soon will be, the most urgent first."""
        return agenda.due_now(self._deployment)

    def complain(self, subject: str, text: str, *, reference: str | None = None) -> Matter:
        """Record a complaint (rule D1); see `operations.complaints.add`."""
        return complaints.add(self._deployment, self._desk, subject, text, reference)

    def acknowledge(self, complaint: str) -> Matter:
        """Note that a complaint was acknowledged to its subject."""
        return complaints.acknowledge(self._deployment, self._desk, complaint)

    def decide(self, complaint: str, *, upheld: bool, reason: str) -> Matter:
        """Decide a complaint; one that is upheld suspends what it is about."""
        outcome = Outcome.UPHELD if upheld else Outcome.REJECTED
        return complaints.decide(self._deployment, self._desk, complaint, outcome, reason)

    def complaints(self, *, due: bool = False) -> tuple[Matter, ...]:
        """Return complaints, oldest first: all, or those with a step that is due soon or overdue."""
        return complaints.listed(self._deployment, self._desk, due=due)

    def ask(self, subject: str, kind: RequestKind, text: str = "") -> Matter:
        """Record what a subject asks for, to be answered within a month (GDPR Art. 12(3))."""
        return complaints.ask(self._deployment, self._desk, subject, kind, text)

    def answer(self, request: str, text: str, *, rejected: bool = False) -> Matter:
        """Note how a subject's request was answered; an objection that is rejected keeps nobody out any more."""
        return complaints.answer(self._deployment, self._desk, request, text, rejected=rejected)

    def requests(self, *, due: bool = False) -> tuple[Matter, ...]:
        """Return the requests of subjects, oldest first: all, or those due soon or overdue."""
        return complaints.requests_listed(self._deployment, self._desk, due=due)

    def suspend(self, subject: str, reason: str) -> bool:
        """Suspend a subject's references; return whether they were in use before."""
        return suspension.suspend(self._deployment, self._desk, subject, reason)

    def resume(self, subject: str, reason: str) -> bool:
        """End a subject's suspension; return whether there was one."""
        return lifting.resume(self._deployment, self._desk, subject, reason)

    def withdraw(self, subject: str, purpose: str) -> WithdrawalResult:
        """Withdraw a subject's releases for a purpose (rule C2); see `operations.withdrawal`."""
        upkeep.expire(self._deployment, self._desk)
        return withdrawal.withdraw(self._deployment, self._desk, subject, normal_name(purpose))

    def adverse(
        self, subject: str, happened: tuple[str, str, datetime], contact: str = "", *, case: str = ""
    ) -> AdverseResult:
        """Write the notice of something done to a person after a match (rule D2).

        Args:
            subject: The person.
            happened: What was done, where, and when (UTC).
            contact: Who answers for it; the deployment's contact if empty.
            case: The case that it rests on, or its first digits; needed where the standard asks for reviewers (H1).
        """
        return adverse.note(self._deployment, self._desk, subject, happened, contact, case)

    def access(self, subject: str) -> dict[str, bytes]:
        """Return the files of a subject's own copy by name: a page to read, data, receipts, the chain (Art. 15)."""
        upkeep.expire(self._deployment, self._desk)
        return access.package(self._deployment, self._desk, subject)

    def account(self, subject: str) -> SubjectAccount:
        """Return what a subject is told on a page of their own; see `operations.subject_account.account`."""
        upkeep.expire(self._deployment, self._desk)
        return subject_account.account(self._deployment, self._desk, subject)

    def receipt(self, subject: str, entry: int) -> str:
        """Return the receipt of an entry that concerns a subject (C2SP tlog-proof), with what it says of them."""
        return subject_account.receipt(self._deployment, self._desk, subject, entry)

    def add_recipient(self, name: str, contact: str, *, age_key: str = "") -> Recipient:
        """Register somebody to whom a gallery may be handed under a mandate."""
        return recipients.add(self._deployment, self._desk, name, contact, age_key)

    def recipients(self) -> tuple[Recipient, ...]:
        """Return all recipients by name."""
        return recipients.listed(self._deployment)

    def export_gallery(self, gallery: str, to: str, mandate: str | None) -> HandoverResult:
        """Make a package of a gallery for a recipient, under a mandate that names them (rule S4)."""
        upkeep.expire(self._deployment, self._desk)
        return handover.export(self._deployment, self._desk, gallery, to, mandate)

    def deletion_notices(self, *, due: bool = False) -> tuple[DeletionNotice, ...]:
        """Return the notices of deletion, oldest first: all, or those that are not confirmed (rule T3)."""
        return recipients.notices(self._deployment, due=due)

    def confirm_deletion(self, notice: str, evidence: str) -> DeletionNotice:
        """Note that a recipient has deleted what a notice names."""
        return recipients.confirm(self._deployment, self._desk, notice, evidence)

    def review(self, reference: str, reason: str) -> None:
        """Record that a watchlist's reference was looked at and is to stay."""
        lifting.review(self._deployment, self._desk, reference, reason)

    def request_entry(self, particulars: Particulars) -> Asked:
        """Ask for somebody to be entered on a watchlist; another person approves it (rules E1 and E3)."""
        return watchlist.request_entry(self._deployment, self._desk, particulars)

    def entry(self, request: str) -> Particulars | None:
        """Return what a request for an entry is about, for whoever is to approve it; None if the subject was erased."""
        return watchlist.particulars_of(self._deployment, self._desk, request)
