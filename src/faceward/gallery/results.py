"""What goes into a gallery and what its operations report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from faceward.core.canonical import JSONObject
    from faceward.protection.scheme import Features


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One reference to be.

    Attributes:
        subject: 32-byte keyed digest of the subject's name.
        purpose: Name of the purpose.
        features: Shape (d,), float32, of length 0.5 to 1.
        record: Subject's name, basis, source, evidence, quality: sealed with the reference.
        sample: 32-byte keyed digest of the sample.
        expires: From when on it is no longer compared, UTC.
    """

    subject: bytes
    purpose: str
    features: Features = field(repr=False)
    record: JSONObject = field(repr=False)
    sample: bytes = field(repr=False)
    expires: datetime


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased.

    Attributes:
        reference_ids: The references.
        key_ids: The keys that were destroyed with them.
    """

    reference_ids: tuple[str, ...]
    key_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recovery:
    """What an interrupted process had left.

    Attributes:
        orphan_keys: Keys destroyed whose references were never stored.
        keyless_references: References deleted whose keys had been destroyed.
        busy: Another process is enrolling or erasing, so nothing was touched.
    """

    orphan_keys: int
    keyless_references: int
    busy: bool = False
