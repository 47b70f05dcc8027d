"""The facts a rule may ask for, computed in one place so that no caller states them by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from faceward.policy import retention
from faceward.policy.consent import Release, closest_release
from faceward.policy.jurisdiction import Jurisdiction
from faceward.policy.purposes import Purpose, basis_allowed, release_needed
from faceward.policy.standard import Standard

Context = Mapping[str, bool | str]


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
    """

    subject: str
    purpose: Purpose | None
    releases: tuple[Release, ...]
    gallery_purpose: str | None
    expires: datetime | None
    sample: Sample
    pack_verified: bool


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
    """

    purpose: Purpose | None
    gallery_purpose: str | None
    sample: Sample
    pack_verified: bool
    reference_expires: datetime | None = None
    reason: str = ""


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
        **_recognition_context(recognition, standard),
        "reference_in_force": expires is not None and now < expires,
    }


def identify_context(recognition: Recognition, standard: Standard) -> Context:
    """Return the context of the action `identify`."""
    return {
        **_recognition_context(recognition, standard),
        "reason_given": bool(recognition.reason.strip()),
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


def redact_context(
    sample: Sample, standard: Standard, *, keeps_subjects: bool = False, purpose: Purpose | None = None
) -> Context:
    """Return the context of the action `redact`."""
    return {
        **purpose_context(purpose, standard),
        "source_kind": sample.source_kind,
        "keeps_subjects": keeps_subjects,
    }


def purpose_add_context(purpose: Purpose, standard: Standard, jurisdiction: Jurisdiction) -> Context:
    """Return the context of the action `purpose.add`."""
    return {
        "purpose_basis": purpose.basis.value,
        "purpose_basis_allowed": basis_allowed(purpose.basis, standard.parameters),
        "retention_within_limit": purpose.retention <= retention.limit(standard, jurisdiction),
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
    """Return what is known of a purpose; also the whole context of the action `gallery.create`."""
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


def _recognition_context(recognition: Recognition, standard: Standard) -> Context:
    return {
        **purpose_context(recognition.purpose, standard),
        "gallery_purpose_matches": _matches(recognition.purpose, recognition.gallery_purpose),
        "source_kind": recognition.sample.source_kind,
        "pack_verified": recognition.pack_verified,
    }


def _matches(purpose: Purpose | None, gallery_purpose: str | None) -> bool:
    return purpose is not None and purpose.name == gallery_purpose
