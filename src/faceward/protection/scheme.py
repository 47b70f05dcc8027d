"""What a protection scheme does, whatever its mode.

A caller hands in a probe, a threshold and how many subjects it wants at most, and gets back those at or above
the threshold. No method returns features or the scores of everyone: d such scores recover a template, and the
modes to come cannot give them. `witnessed` keeps two additive shares with two parties and `encrypted` keeps
ciphertexts in batches; both fit behind `Comparator` without a change in its callers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from faceward.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from faceward.protection.codec import Binding

Features: TypeAlias = npt.NDArray[np.float32]

# A pack may shorten its features, by what it says of how common a face is, but not to less than half; float32 features
# of length one and up to some thousand coordinates stay well within 0.001 of it.
SHORTEST = 0.5
LONGEST = 1.001


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """A key and what it opens.

    Attributes:
        key: 32 bytes.
        binding: The blob's binding; its `key_id` names this key.
    """

    key: bytes = field(repr=False)
    binding: Binding


@dataclass(frozen=True, slots=True)
class ProtectedReference:
    """A reference as a comparator takes it in.

    Attributes:
        subject: Opaque pseudonym; references that share it make one template.
        blob: What `protect` returned.
        opener: The key and the binding of the blob.
    """

    subject: bytes
    blob: bytes = field(repr=False)
    opener: SubjectKey

    @property
    def reference_id(self) -> str:
        """Identifier of the reference."""
        return self.opener.binding.reference_id


@dataclass(frozen=True, slots=True)
class Hit:
    """A subject at or above the threshold.

    Attributes:
        reference_id: Of the subject's references the one that resembles the probe most.
        subject: Its pseudonym.
        score: Inner product of probe and template, -1 to 1; their cosine similarity where both are of length one.
        references: Identifiers of the references that the subject's template was made of, sorted.
    """

    reference_id: str
    subject: bytes
    score: float
    references: tuple[str, ...]


class Comparator(Protocol):
    """The references of one gallery and purpose, ready to be compared; a subject's make one template (ADR 0021)."""

    def __len__(self) -> int:
        """Return the number of references."""
        ...

    def reference_ids(self) -> frozenset[str]:
        """Return which references it holds."""
        ...

    def add(self, references: Iterable[ProtectedReference]) -> None:
        """Take references in; all or none.

        Raises:
            IntegrityError: A reference does not authenticate; the message names it.
            PackMismatch: Its features have another dimension.
            UsageError: It is already held.
        """
        ...

    def remove(self, reference_ids: Iterable[str]) -> int:
        """Forget references and overwrite what was held of them; unknown ones are passed over.

        Returns:
            How many were held.
        """
        ...

    def search(self, probes: Features, threshold: float, k: int) -> list[tuple[Hit, ...]]:
        """Compare probes with the template of every subject.

        Args:
            probes: Features, shape (m, d), float32, of length 0.5 to 1.
            threshold: Lowest score that counts, -1 to 1.
            k: Most subjects to return for a probe, at least 1.

        Returns:
            For each probe its best subjects at or above the threshold, in descending order of scores; equal scores
            in the order of the subjects' first reference identifiers.

        Raises:
            PackMismatch: The probes have another dimension.
            UsageError: A probe's length is out of range, or threshold or k is out of range.
        """
        ...

    def drop(self) -> None:
        """Overwrite everything held; the comparator is empty afterwards."""
        ...


class ProtectionScheme(Protocol):
    """Turns features into a protected reference and back into nothing but comparisons."""

    @property
    def mode(self) -> str:
        """Name of the mode: `sealed`, `witnessed` or `encrypted`."""
        ...

    def protect(self, features: Features, opener: SubjectKey) -> bytes:
        """Protect features under a subject's key.

        Args:
            features: Shape (d,), float32, of length 0.5 to 1.
            opener: The key, and what the blob is to be bound to.

        Raises:
            UsageError: The features are not finite or their length is out of range, or the binding is not for features.
        """
        ...

    def renew(self, blob: bytes, old: SubjectKey, new: SubjectKey) -> bytes:
        """Protect the same features anew (ISO/IEC 24745, renewal), so that the old key can be destroyed.

        Raises:
            IntegrityError: The blob does not open under the old key and binding.
        """
        ...

    def comparator(self) -> Comparator:
        """Return an empty comparator; the first reference sets its dimension."""
        ...


def check_features(features: Features, dimensions: int = 1) -> Features:
    """Return the features as contiguous float32, or refuse them.

    Args:
        features: Shape (d,) or, with `dimensions` 2, (m, d).
        dimensions: Number of axes wanted.

    Raises:
        UsageError: The shape is another, or a row is not finite or its length not within (0.5, 1.001].
    """
    array = np.ascontiguousarray(features, dtype=np.float32)
    if array.ndim != dimensions or array.shape[-1] == 0:
        raise UsageError(f"features of shape {array.shape} are not usable; give {dimensions} axes")
    lengths = np.sqrt(np.einsum("...d,...d->...", array, array, dtype=np.float64))
    if not np.all((lengths > SHORTEST) & (lengths <= LONGEST)):
        raise UsageError(
            "features are not of a length from 0.5 to 1; normalise them before they are compared or protected"
        )
    return array


def check_search(threshold: float, k: int) -> None:
    """Refuse a search that has no meaning.

    Raises:
        UsageError: The threshold is outside -1 to 1, or k is below 1.
    """
    if not -1.0 <= threshold <= 1.0:
        raise UsageError(f"the threshold {threshold} is not a score; give a number from -1 to 1")
    if k < 1:
        raise UsageError(f"{k} subjects cannot be asked for; give a number of at least 1")
