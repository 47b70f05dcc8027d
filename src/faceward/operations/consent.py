"""Which releases are in effect: those that neither an erasure nor a withdrawal has ended.

A release is noted by its keyed digest when it carries an enrolment, so that ending it needs no sealed record: what a
subject has a right to must not wait for whoever holds a gallery's key.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime

from faceward.core.canonical import JSONValue
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.operations.deployment import Deployment
from faceward.policy.consent import Release
from faceward.policy.purposes import release_needed

_ENDED = "ended"
_RELEASED = "released"
_WITHDRAWN = "withdrawn"
ON_FILE = "release-on-file"
"""Kind of the documents that `operations.releases` keeps; ending a release ends those too."""


def note_release(deployment: Deployment, subject: str, release: Release) -> None:
    """Note that a release is about to carry an enrolment; call it before the reference is stored."""
    kind, name = _kind(_RELEASED, deployment, subject), _digest(deployment, release)
    if deployment.kept(kind, name) is None:
        deployment.keep(kind, name, {"purpose": release.purpose})


def end_releases(deployment: Deployment, subject: str) -> None:
    """Note, by keyed digests alone, when a subject was erased and which releases that ended; before the erasure."""
    noted = _noted(deployment, subject)
    ended = {*_ended(deployment, subject)[1], *noted}
    digests: list[JSONValue] = [*sorted(ended)]
    value: dict[str, JSONValue] = {"at": to_rfc3339(deployment.now()), "releases": digests}
    deployment.keep(_ENDED, deployment.pseudonym(subject).hex(), value)
    for digest in noted:
        deployment.store.delete_document(_kind(_RELEASED, deployment, subject), digest)
    _forget_on_file(deployment, subject)


def end_purpose(deployment: Deployment, subject: str, purpose: str, at: datetime) -> None:
    """Note that a subject has withdrawn the releases for a purpose: those used, and those signed before."""
    used = {digest for digest, named in _noted(deployment, subject).items() if named == purpose}
    _, before = _withdrawn(deployment, subject, purpose)
    digests: list[JSONValue] = [*sorted({*before, *used})]
    value: dict[str, JSONValue] = {"at": to_rfc3339(at), "releases": digests}
    deployment.keep(_kind(_WITHDRAWN, deployment, subject), purpose, value)
    _forget_on_file(deployment, subject, purpose)


def _forget_on_file(deployment: Deployment, subject: str, purpose: str | None = None) -> None:
    kind = _kind(ON_FILE, deployment, subject)
    for digest, value in deployment.kept_all(kind).items():
        if purpose is None or (isinstance(value, dict) and value["purpose"] == purpose):
            deployment.store.delete_document(kind, digest)


def ended_by(deployment: Deployment, subject: str, purpose: str) -> str | None:
    """Say in a few words what ended a subject's releases for a purpose last, or None."""
    erased, withdrawn = _ended(deployment, subject)[0], _withdrawn(deployment, subject, purpose)[0]
    if withdrawn is not None and (erased is None or withdrawn >= erased):
        return f"withdrawal of {withdrawn:%Y-%m-%d}"
    return None if erased is None else f"erasure of {erased:%Y-%m-%d}"


def in_effect(deployment: Deployment, subject: str, releases: Sequence[Release]) -> tuple[Release, ...]:
    """Return the releases that neither an erasure nor a withdrawal has ended: signed since, and not used before it."""
    return tuple(
        release
        for release in releases
        if not release.names_subject(subject) or not _is_ended(deployment, subject, release)
    )


def _is_ended(deployment: Deployment, subject: str, release: Release) -> bool:
    digest = _digest(deployment, release)
    return any(
        at is not None and (release.signed_on < at.date() or digest in digests)
        for at, digests in (_ended(deployment, subject), _withdrawn(deployment, subject, release.purpose))
    )


def _ended(deployment: Deployment, subject: str) -> tuple[datetime | None, tuple[str, ...]]:
    return _moment_and_digests(deployment.kept(_ENDED, deployment.pseudonym(subject).hex()))


def _withdrawn(deployment: Deployment, subject: str, purpose: str) -> tuple[datetime | None, tuple[str, ...]]:
    return _moment_and_digests(deployment.kept(_kind(_WITHDRAWN, deployment, subject), purpose))


def _moment_and_digests(value: JSONValue) -> tuple[datetime | None, tuple[str, ...]]:
    if not isinstance(value, dict):
        return None, ()
    digests = value["releases"]
    return from_rfc3339(str(value["at"])), tuple(str(digest) for digest in digests if isinstance(digests, list))


def _noted(deployment: Deployment, subject: str) -> dict[str, str]:
    """Return the purpose of each release that carried an enrolment of the subject, by digest."""
    kind = _kind(_RELEASED, deployment, subject)
    notes = {digest: deployment.kept(kind, digest) for digest in deployment.store.documents(kind)}
    return {digest: str(note["purpose"]) for digest, note in notes.items() if isinstance(note, dict)}


def needs_release(deployment: Deployment, purpose: str) -> bool:
    """Tell whether a registered purpose needs a release under the standard or the law of the place."""
    known = deployment.purpose(purpose)
    if known is None:
        return False
    return deployment.jurisdiction.release_required or release_needed(known.basis, deployment.standard.parameters)


def _kind(kind: str, deployment: Deployment, subject: str) -> str:
    # A kind for each subject, so that what concerns one is found without reading what concerns all.
    return f"{kind}/{deployment.pseudonym(subject).hex()}"


def _digest(deployment: Deployment, release: Release) -> str:
    key = deployment.lasting_secret("pseudonyms")
    return hmac.digest(key, b"release\0" + release.digest().encode(), "sha256").hex()
