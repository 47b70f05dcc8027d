"""Releases put on file before anybody is enrolled under them, so that a program can enrol by the subject's name alone.

Each lies sealed under its subject's own key, which an erasure destroys; what leads to it is a keyed digest of the name.
A withdrawal forgets those of its purpose. What is on file is still judged at each enrolment, as any release is (C1).
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from faceward.core.canonical import JSONObject, JSONValue
from faceward.core.clock import from_rfc3339, to_rfc3339
from faceward.core.errors import IntegrityError, UsageError
from faceward.core.names import check_name
from faceward.core.results import JSONDict
from faceward.operations.consent import ON_FILE
from faceward.operations.context import Desk
from faceward.operations.deployment import Deployment
from faceward.operations.journal import Happening
from faceward.operations.subject_keys import SubjectLogKey
from faceward.policy.consent import Release
from faceward.protection.codec import Binding
from faceward.protection.scheme import SubjectKey
from faceward.protection.sealed import open_record, seal_record

# One entry names so many subjects, each in a slot of their own.
_BATCH = 200
_ID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What came of putting releases on file.

    Attributes:
        added: How many were put on file.
        known: How many were there already.
        passed: How many had ended, and were left out.
    """

    added: int
    known: int
    passed: int

    def to_json(self) -> JSONDict:
        """Return the object of `faceward release import --json`."""
        return {"added": self.added, "known": self.known, "passed": self.passed}


class Releases:
    """The releases on file of one open deployment. Every method raises as those of `System` do.

    Args:
        deployment: The deployment.
        desk: Where acts are authorised and recorded.
    """

    def __init__(self, deployment: Deployment, desk: Desk) -> None:
        self._deployment, self._desk = deployment, desk

    def add(self, releases: Iterable[Release]) -> ImportResult:
        """Put releases on file; repeat an interrupted call to resume it.

        Raises:
            UsageError: A release is for a purpose that is not registered.
            PolicyRefusal: Whoever acts may not (K2); the refusal is logged.
        """
        given, now = list(releases), self._deployment.now()
        for purpose in sorted({release.purpose for release in given}):
            if self._deployment.purpose(purpose) is None:
                raise UsageError(f"no purpose {purpose!r} is registered; list them with 'purpose list'")
        lasting = list({release.digest(): release for release in given if release.until > now}.values())
        new = [release for release in lasting if self._kept(release) is None]
        for start in range(0, len(new), _BATCH):
            self._add(new[start : start + _BATCH])
        return ImportResult(len(new), len(lasting) - len(new), sum(release.until <= now for release in given))

    def of(self, subject: str) -> tuple[Release, ...]:
        """Return a subject's releases on file that have not ended; those a withdrawal ended are not among them.

        Raises:
            UsageError: The name cannot be one.
            IntegrityError: What is on file was altered.
        """
        name, now = check_name(subject, "subject"), self._deployment.now()
        kind, owner = _kind(self._deployment, name), self._desk.journal.keys.found(name)
        found = []
        for digest, value in self._deployment.kept_all(kind).items():
            if not isinstance(value, dict) or from_rfc3339(str(value["until"])) <= now:
                self._deployment.store.delete_document(kind, digest)
            elif owner is not None and value["key"] == owner.key_id:
                found.append(_opened(owner, digest, str(value["sealed"])))
        return tuple(found)

    def _add(self, releases: Sequence[Release]) -> None:
        about: dict[str, JSONObject] = {}
        for release in releases:
            digests = about.setdefault(release.subject, {"releases": []})["releases"]
            if isinstance(digests, list):
                digests.append(release.digest())
        happening = Happening("release.add", {"releases": len(releases)}, about)
        with self._desk.operation("release.add", {}, happening):
            for release in releases:
                owner = self._desk.journal.keys.drawn(release.subject)
                digest = _digest(self._deployment, release)
                sealed = seal_record(release.to_json(), _opener(owner, digest))
                value: dict[str, JSONValue] = {
                    "purpose": release.purpose,
                    "until": to_rfc3339(release.until),
                    "key": owner.key_id,
                    "sealed": base64.b64encode(sealed).decode("ascii"),
                }
                self._deployment.keep(_kind(self._deployment, release.subject), digest, value)

    def _kept(self, release: Release) -> JSONValue:
        return self._deployment.kept(_kind(self._deployment, release.subject), _digest(self._deployment, release))


def _opened(owner: SubjectLogKey, digest: str, sealed: str) -> Release:
    try:
        blob = base64.b64decode(sealed, validate=True)
    except ValueError:
        raise IntegrityError("a release on file is damaged; restore gallery.db from a backup") from None
    return Release.from_json(open_record(blob, _opener(owner, digest)))


def _opener(owner: SubjectLogKey, digest: str) -> SubjectKey:
    # Bound to its place, so that one cannot be moved to another subject.
    return SubjectKey(owner.key, Binding("record", digest[:_ID_DIGITS], owner.key_id, "", "", ON_FILE))


def _kind(deployment: Deployment, subject: str) -> str:
    return f"{ON_FILE}/{deployment.pseudonym(subject).hex()}"


def _digest(deployment: Deployment, release: Release) -> str:
    key = deployment.lasting_secret("pseudonyms")
    return hmac.digest(key, b"on-file\0" + release.digest().encode(), "sha256").hex()
