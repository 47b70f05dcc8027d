"""Releases that an erasure has ended: they enrol nobody again."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime

from faceward.core.canonical import JSONValue
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.gallery.store import StoredReference
from faceward.operations.context import Act
from faceward.operations.deployment import Deployment
from faceward.policy.consent import Release

_KIND = "ended"


def end_releases(deployment: Deployment, act: Act, subject: str, references: Sequence[StoredReference]) -> None:
    """Note, by keyed digests alone, when a subject was erased and which releases that ended.

    Call it before the erasure, since the releases are read from the records.
    """
    gone = deployment.keys.destroyed([reference.key_id for reference in references])
    ended = set(_ended(deployment, subject)[1])
    for reference in references:
        if reference.key_id not in gone:
            release = act.gallery(reference.gallery).record(reference).get("release")
            if release is not None:
                ended.add(_digest(deployment, Release.from_json(release)))
    digests: list[JSONValue] = [*sorted(ended)]
    value: dict[str, JSONValue] = {"at": to_rfc3339(deployment.now()), "releases": digests}
    deployment.keep(_KIND, deployment.pseudonym(subject).hex(), value)


def erased_at(deployment: Deployment, subject: str) -> datetime | None:
    """Return when a subject was last erased, or None."""
    return _ended(deployment, subject)[0]


def in_effect(deployment: Deployment, subject: str, releases: Sequence[Release]) -> tuple[Release, ...]:
    """Return the releases that no erasure of the subject has ended: signed since, and not used before it."""
    at, ended = _ended(deployment, subject)
    if at is None:
        return tuple(releases)
    return tuple(
        release
        for release in releases
        if not release.names_subject(subject)
        or (release.signed_on >= at.date() and _digest(deployment, release) not in ended)
    )


def _ended(deployment: Deployment, subject: str) -> tuple[datetime | None, tuple[str, ...]]:
    value = deployment.kept(_KIND, deployment.pseudonym(subject).hex())
    if not isinstance(value, dict):
        return None, ()
    digests = value["releases"]
    return from_rfc3339(str(value["at"])), tuple(str(digest) for digest in digests if isinstance(digests, list))


def _digest(deployment: Deployment, release: Release) -> str:
    key = deployment.keys.secret("pseudonyms")
    return hmac.digest(key, b"release\0" + release.digest().encode(), "sha256").hex()
