"""What a case of review is made of: frozen, without any decision. `review_codec` reads it back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum

from faceward.core.canonical import JSONObject, JSONValue, canonical_json, sha256_hex
from faceward.core.clock import to_rfc3339

VERSION = 1


class Finding(StrEnum):
    """What a reviewer found of one feature."""

    SIMILAR = "similar"
    DISSIMILAR = "dissimilar"
    INDETERMINATE = "indeterminate"
    """Not visible, or not clear enough to say."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A subject whom the search returned.

    Attributes:
        number: Its place in the list of the search, from 1.
        subject: The subject's name; None once it was erased.
        reference: Identifier of the reference; None once it was erased.
        score: Of the search, -1 to 1; None where it was not kept.
        face: Box of the face in the upright probe: x0, y0, x1, y1 as shares of its width and height, 0 to 1; or None.
        enrolled: SHA-256 of the picture that the reference came from, 64 hexadecimal digits; None where not known.
        sample: SHA-256 of the subject's picture that was added to the case, or None.
    """

    number: int
    subject: str | None
    reference: str | None
    score: float | None
    face: tuple[float, float, float, float] | None = None
    enrolled: str | None = None
    sample: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """The original probe or an edit of it (rule S3).

    Attributes:
        sha256: Digest of the file's bytes, 64 hexadecimal digits.
        parent: What it was made from, or None for the original.
        change: What was done: a name of `review.EDITS`, or `original`.
        note: More of it in words; may be empty.
        by: Who added it.
        when: When, UTC.
        name: Name of the file.
    """

    sha256: str
    parent: str | None
    change: str
    note: str
    by: str
    when: datetime
    name: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A reviewer's comparison of the probe with one candidate.

    Attributes:
        candidate: The candidate's number.
        features: For every feature of the scheme, what was found.
        conclusion: Key of a step of the scheme.
        notes: In the reviewer's words; may be empty.
    """

    candidate: int
    features: Mapping[str, Finding]
    conclusion: str
    notes: str

    def to_json(self) -> JSONObject:
        """Return the comparison."""
        return {
            "candidate": self.candidate,
            "features": {key: finding.value for key, finding in self.features.items()},
            "conclusion": self.conclusion,
            "notes": self.notes,
        }

    def digest(self, salt: str) -> str:
        """Return what stands for it in an answer's digest, also after it was erased; 64 hexadecimal digits."""
        return sha256_hex(canonical_json({"comparison": self.to_json(), "salt": salt}))


@dataclass(frozen=True, slots=True)
class Answer:
    """What one reviewer answered; final.

    Attributes:
        reviewer: Who.
        when: When, UTC.
        comparisons: One for each candidate that was there.
        amendment: It was given after the decision and stands beside the first, which remains.
        salt: 64 random hexadecimal digits, so that the digest in the log tells nothing of the answer.
        session: The signed session, as JSON.
        signature: The session's signature over the answer's digest, hexadecimal.
        erased: Digests of comparisons with candidates who were erased since, by which the signature can be checked.
    """

    reviewer: str
    when: datetime
    comparisons: tuple[Comparison, ...]
    amendment: bool
    salt: str
    session: str = ""
    signature: str = ""
    erased: tuple[str, ...] = ()

    def digest(self, case: str) -> str:
        """Return the SHA-256 that the reviewer's session signs and the log names, 64 hexadecimal digits."""
        signed: JSONObject = {
            "amendment": self.amendment,
            "case": case,
            "comparisons": sorted([*(c.digest(self.salt) for c in self.comparisons), *self.erased]),
            "reviewer": self.reviewer,
            "salt": self.salt,
            "time": to_rfc3339(self.when),
            "version": VERSION,
        }
        return sha256_hex(canonical_json(signed))

    def of(self, candidate: int) -> Comparison | None:
        """Return the comparison with a candidate, or None where it was erased."""
        return next((found for found in self.comparisons if found.candidate == candidate), None)

    def without(self, candidates: Collection[int]) -> Answer:
        """Return the answer without its comparisons with these candidates."""
        gone = [comparison for comparison in self.comparisons if comparison.candidate in candidates]
        return replace(
            self,
            comparisons=tuple(comparison for comparison in self.comparisons if comparison not in gone),
            erased=(*self.erased, *(comparison.digest(self.salt) for comparison in gone)),
        )

    def to_json(self) -> dict[str, JSONValue]:
        """Return the answer as a case shows it to those who may see it."""
        return {
            "reviewer": self.reviewer,
            "when": to_rfc3339(self.when),
            "amendment": self.amendment,
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
            "salt": self.salt,
            "session": self.session,
            "signature": self.signature,
            "erased": list(self.erased),
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """The finding on the candidate list's accuracy, and the action taken (rule H3).

    Attributes:
        by: Who recorded it.
        when: When, UTC.
        accuracy: `correct`, `incorrect` or `undetermined`.
        finding: What was found out, in words.
        action: What was done, in words.
        false_alerts: Of how many faces no candidate is whom it shows; None: of all, where it is `incorrect`.
    """

    by: str
    when: datetime
    accuracy: str
    finding: str
    action: str
    false_alerts: int | None = None

    def to_json(self) -> JSONObject:
        """Return the outcome."""
        return {**asdict(self), "when": to_rfc3339(self.when)}


@dataclass(frozen=True, slots=True)
class Search:
    """The search that a case came from.

    Attributes:
        entry: Index of the log entry that announced it.
        operator: Who searched.
        gallery: Where.
        purpose: What for.
        mandate: Digest of the mandate's request, 64 hexadecimal digits; empty where none was asked for.
        reason: Why, as recorded.
    """

    entry: int
    operator: str
    gallery: str
    purpose: str
    mandate: str
    reason: str

    def to_json(self) -> JSONObject:
        """Return the search."""
        return {
            "entry": self.entry,
            "operator": self.operator,
            "gallery": self.gallery,
            "purpose": self.purpose,
            "mandate": self.mandate,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Case:
    """A case of review.

    Attributes:
        id: 32 hexadecimal digits, random.
        opened: When, UTC.
        opener: Who opened it.
        expires: From when on it is deleted, UTC.
        kind: What the probe was stated to be: `photograph` or `frame`.
        search: Where it came from.
        versions: The original probe first, then its edits in the order they were added.
        candidates: Whom the search returned.
        answers: In the order they were given.
        outcomes: In the order they were recorded; the last one counts.
    """

    id: str
    opened: datetime
    opener: str
    expires: datetime
    kind: str
    search: Search
    versions: tuple[Version, ...]
    candidates: tuple[Candidate, ...]
    answers: tuple[Answer, ...] = ()
    outcomes: tuple[Outcome, ...] = ()

    @property
    def subjects(self) -> tuple[str, ...]:
        """Names of the candidates who were not erased."""
        return tuple(dict.fromkeys(found.subject for found in self.candidates if found.subject is not None))

    def to_json(self) -> JSONObject:
        """Return everything, to be sealed."""
        return {
            "version": VERSION,
            "id": self.id,
            "opened": to_rfc3339(self.opened),
            "opener": self.opener,
            "expires": to_rfc3339(self.expires),
            "kind": self.kind,
            "search": self.search.to_json(),
            "versions": [version_json(version) for version in self.versions],
            "candidates": [candidate_json(candidate) for candidate in self.candidates],
            "answers": [answer.to_json() for answer in self.answers],
            "outcomes": [outcome.to_json() for outcome in self.outcomes],
        }


def version_json(version: Version) -> JSONObject:
    """Return a version of the probe as a case shows it."""
    return {
        "sha256": version.sha256,
        "parent": version.parent,
        "change": version.change,
        "note": version.note,
        "by": version.by,
        "when": to_rfc3339(version.when),
        "name": version.name,
    }


def candidate_json(candidate: Candidate) -> dict[str, JSONValue]:
    """Return a candidate with its score."""
    return {
        "number": candidate.number,
        "subject": candidate.subject,
        "reference": candidate.reference,
        "score": candidate.score,
        "face": None if candidate.face is None else list(candidate.face),
        "enrolled": candidate.enrolled,
        "sample": candidate.sample,
    }
