"""The facts a rule may ask for, computed in one place so that no caller states them by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from faceward.policy import retention
from faceward.policy.asked import Change, Context, Enrolment, Entry, Lowering, Recognition, Sample, Watched
from faceward.policy.consent import Release, closest_release
from faceward.policy.evidence import FACTS as EVIDENCE_FACTS
from faceward.policy.jurisdiction import Jurisdiction
from faceward.policy.mandates import FACTS
from faceward.policy.purposes import Purpose, basis_allowed, release_needed
from faceward.policy.standard import Standard

__all__ = [
    "Change",
    "Context",
    "Enrolment",
    "Entry",
    "Lowering",
    "Recognition",
    "Sample",
    "Watched",
    "admit_context",
    "detect_context",
    "enrol_context",
    "entry_context",
    "evidence_add_context",
    "evidence_context",
    "export_context",
    "identify_context",
    "mandate_context",
    "mandate_request_context",
    "measured_context",
    "pair_context",
    "person_add_context",
    "purpose_add_context",
    "purpose_change_context",
    "purpose_context",
    "redact_context",
    "release_context",
    "rights_context",
    "simulate_context",
    "verify_context",
    "watch_context",
]


def enrol_context(enrolment: Enrolment, standard: Standard, jurisdiction: Jurisdiction, now: datetime) -> Context:
    """Return the context of the action `enrol`, asked before any features are extracted."""
    purpose = enrolment.purpose
    return {
        **purpose_context(purpose, standard),
        "gallery_purpose_matches": _matches(purpose, enrolment.gallery_purpose),
        # Without a purpose nothing is known of the basis, so the stricter is assumed.
        "release_required": purpose is None or release_needed(purpose.basis, standard.parameters),
        **release_context(enrolment.releases, enrolment.subject, purpose.name if purpose else "", now),
        "source_kind": enrolment.sample.source_kind,
        "source_recorded": enrolment.sample.source_recorded,
        "sample_was_probe": enrolment.sample.was_probe,
        "subject_objected": enrolment.objected,
        "entry": enrolment.entry.to_context(),
        "retention_within_limit": enrolment.expires is not None
        and now < enrolment.expires <= now + retention.limit(standard, jurisdiction),
        "pack_verified": enrolment.pack_verified,
    }


def admit_context(
    enrolment: Enrolment,
    quality_acceptable: bool,
    standard: Standard,
    jurisdiction: Jurisdiction,
    now: datetime,
) -> Context:
    """Return the context of the action `admit`, asked before a reference is stored."""
    return {**enrol_context(enrolment, standard, jurisdiction, now), "quality_acceptable": quality_acceptable}


def verify_context(recognition: Recognition, standard: Standard, now: datetime) -> Context:
    """Return the context of the action `verify`."""
    expires = recognition.reference_expires
    return {
        **_recognition_context(recognition, standard, "verify"),
        "reference_in_force": expires is not None and now < expires,
        "gallery_in_force": recognition.gallery_in_force,
        "watch": recognition.watched.to_context(),
    }


def identify_context(recognition: Recognition, standard: Standard) -> Context:
    """Return the context of the action `identify`."""
    return {
        **_recognition_context(recognition, standard, "identify"),
        **evidence_context(recognition.evidence),
        "reason_given": bool(recognition.reason.strip()),
        "gallery_in_force": recognition.gallery_in_force,
        "watch": recognition.watched.to_context(),
    }


def watch_context(recognition: Recognition, watched: Watched, standard: Standard) -> Context:
    """Return the context of the action `watch`."""
    return {
        **_recognition_context(recognition, standard, "watch"),
        **evidence_context(recognition.evidence),
        "watch": watched.to_context(),
    }


def pair_context(sample: Sample, *, stores_nothing: bool, pack_verified: bool) -> Context:
    """Return the context of the action `verify-pair`: two pictures compared with each other only."""
    return {
        "stores_nothing": stores_nothing,
        "source_kind": sample.source_kind,
        "pack_verified": pack_verified,
    }


def detect_context(sample: Sample) -> Context:
    """Return the context of the action `detect`."""
    return {"source_kind": sample.source_kind}


def redact_context(keeping: Recognition, standard: Standard, *, keeps_subjects: bool) -> Context:
    """Return the context of the action `redact`; hiding everybody recognises nobody and needs no mandate.

    Args:
        keeping: What is recognised by; of a redaction of everybody only the pictures count.
        standard: The deployment's standard.
        keeps_subjects: Named people stay visible.
    """
    return {
        **purpose_context(keeping.purpose, standard),
        "source_kind": keeping.sample.source_kind,
        "keeps_subjects": keeps_subjects,
        **mandate_context(keeping.mandate, keeps_subjects and "redact" in standard.parameters.mandate.required),
        **evidence_context(keeping.evidence),
    }


def export_context(
    purpose: Purpose | None,
    gallery_purpose: str | None,
    standard: Standard,
    *,
    mandate: Mapping[str, bool] | None,
    recipient_named: bool,
) -> Context:
    """Return the context of the action `gallery.export`, which needs a mandate everywhere (rule S4)."""
    return {
        **purpose_context(purpose, standard),
        "gallery_purpose_matches": _matches(purpose, gallery_purpose),
        "recipient_named": recipient_named,
        **mandate_context(mandate, required=True),
    }


def mandate_context(assessment: Mapping[str, bool] | None, required: bool) -> Context:
    """Return what is known of the mandate for an action.

    Args:
        assessment: What `mandates.assess` returns, with keys `mandate_present`, `mandate_approved` and so on; None
            where no mandate was named. What it does not answer counts as no.
        required: The standard asks for a mandate for this action.
    """
    known = assessment or {}
    answers = {fact.removeprefix("mandate_"): known.get(fact) is True for fact in FACTS}
    return {"mandate": {"required": required, **answers}}


def evidence_context(assessment: Mapping[str, bool] | None) -> Context:
    """Return what is known of the evaluations on record (rule V1).

    Args:
        assessment: The facts of `evidence.assess`; None where nobody looked. What it does not answer counts as no.
    """
    known = assessment or {}
    return {"evidence": {fact: known.get(fact) is True for fact in EVIDENCE_FACTS}}


def measured_context(lowering: Lowering) -> Context:
    """Return what is known of a change that may lower a threshold (rule S1); all that `evidence.withdraw` asks for."""
    return {
        **lowering.change.to_context(),
        "lowers": lowering.lowers,
        "evidence_in_force": lowering.evidence_in_force,
    }


def purpose_change_context(purpose: Purpose | None, standard: Standard, lowering: Lowering) -> Context:
    """Return the context of the action `purpose.change`."""
    return {**purpose_context(purpose, standard), **measured_context(lowering)}


def evidence_add_context(lowering: Lowering, *, data_accepted: bool) -> Context:
    """Return the context of the action `evidence.add`; `data_accepted` is about whose pictures they are (rule V3)."""
    return {**measured_context(lowering), "data_accepted": data_accepted}


def mandate_request_context(
    purpose: Purpose | None, standard: Standard, *, within_limits: bool, urgent: bool
) -> Context:
    """Return the context of the action `mandate.request`.

    Args:
        purpose: The purpose that the mandate names, or None where it is not registered.
        standard: The deployment's standard.
        within_limits: It lasts no longer, and allows no more searches, than the standard.
        urgent: It asks to be used before it is approved (rule P7).
    """
    return {
        **purpose_context(purpose, standard),
        "within_limits": within_limits,
        "urgent": urgent,
        "urgent_permitted": bool(standard.parameters.mandate.urgent),
    }


def entry_context(entry: Entry, purpose: Purpose | None, standard: Standard) -> Context:
    """Return the context of the action `watchlist.entry`, asked when an entry is requested."""
    return {**purpose_context(purpose, standard), "entry": entry.to_context()}


def person_add_context(change: Change, *, first: bool) -> Context:
    """Return the context of the action `person.add`; `first` says that nobody is registered yet."""
    return {**change.to_context(), "first": first}


def rights_context(*, own: bool = False) -> Context:
    """Return the context of a subject's right: `show`, `export`, `erase`, `complaint.add`, `release.withdraw`.

    Args:
        own: The subject asks about himself.
    """
    return {"own": own}


def purpose_add_context(purpose: Purpose, standard: Standard, jurisdiction: Jurisdiction) -> Context:
    """Return the context of the action `purpose.add`."""
    return {
        "purpose_basis": purpose.basis.value,
        "purpose_basis_allowed": basis_allowed(purpose.basis, standard.parameters),
        "retention_within_limit": purpose.retention <= retention.limit(standard, jurisdiction),
        "alternative_named": bool(purpose.alternative),
    }


def simulate_context(
    purpose: Purpose | None,
    gallery_purpose: str | None,
    standard: Standard,
    *,
    gallery_simulated_only: bool,
) -> Context:
    """Return the context of the action `simulate`; an empty gallery holds simulated references only."""
    return {
        **purpose_context(purpose, standard),
        "gallery_purpose_matches": _matches(purpose, gallery_purpose),
        "gallery_simulated_only": gallery_simulated_only,
    }


def purpose_context(purpose: Purpose | None, standard: Standard) -> Context:
    """Return what is known of a purpose; also the whole context of `gallery.create` and `gallery.migrate`."""
    return {
        "purpose_registered": purpose is not None,
        "purpose_basis": purpose.basis.value if purpose else "none",
        "purpose_basis_allowed": purpose is not None and basis_allowed(purpose.basis, standard.parameters),
    }


def release_context(releases: tuple[Release, ...], subject: str, purpose: str, now: datetime) -> Context:
    """Return what the release that comes closest says."""
    closest = closest_release(releases, subject, purpose, now)
    return {
        "release_present": closest is not None,
        "release_names_subject": closest is not None and closest.names_subject(subject),
        "release_names_purpose": closest is not None and closest.names_purpose(purpose),
        "release_in_force": closest is not None and closest.in_force(now),
    }


def _recognition_context(recognition: Recognition, standard: Standard, action: str) -> Context:
    return {
        **purpose_context(recognition.purpose, standard),
        "gallery_purpose_matches": _matches(recognition.purpose, recognition.gallery_purpose),
        "source_kind": recognition.sample.source_kind,
        "pack_verified": recognition.pack_verified,
        **mandate_context(recognition.mandate, action in standard.parameters.mandate.required),
    }


def _matches(purpose: Purpose | None, gallery_purpose: str | None) -> bool:
    return purpose is not None and purpose.name == gallery_purpose
