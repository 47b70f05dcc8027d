"""Mode `sealed`: AES-256-GCM under the subject's key, opened in memory to compare.

For one machine and modest risk: whoever reads the memory of a process that searches can read its features.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Protocol

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from faceward.core.canonical import JSONObject, JSONValue, canonical_json
from faceward.core.errors import IntegrityError, PackMismatch, UsageError
from faceward.protection.codec import NONCE_BYTES, SealedBlob, decode, encode, header
from faceward.protection.scheme import (
    Features,
    Hit,
    ProtectedReference,
    SubjectKey,
    check_features,
    check_search,
)
from faceward.protection.zeroise import zeroise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

MODE = "sealed"
_FLOAT = np.dtype("<f4")
# A record's length would tell long names from short ones; white space after JSON is legal.
_RECORD_BLOCK = 256


class ExactIndex(Protocol):
    """An exact index in memory, one template a subject; `faceward.gallery.index` is one."""

    def __len__(self) -> int:
        """Return the number of references."""
        ...

    def ids(self) -> frozenset[str]:
        """Return the identifiers of the references."""
        ...

    def add(self, ids: Sequence[str], subjects: Sequence[bytes], rows: Features) -> None:
        """Copy references in, shape (n, d)."""
        ...

    def remove(self, ids: Iterable[str]) -> int:
        """Remove and overwrite references."""
        ...

    def search(self, probes: Features, threshold: float, k: int) -> list[tuple[Hit, ...]]:
        """Return the best subjects of each probe."""
        ...

    def drop(self) -> None:
        """Overwrite and forget everything."""
        ...


class SealedScheme:
    """The scheme of mode `sealed`.

    Args:
        index: Makes an empty index for features of a given dimension.
    """

    def __init__(self, index: Callable[[int], ExactIndex]) -> None:
        self._index = index

    @property
    def mode(self) -> str:
        """`sealed`."""
        return MODE

    def protect(self, features: Features, opener: SubjectKey) -> bytes:
        """Seal float32 little-endian features; see `ProtectionScheme.protect`."""
        _require_kind(opener, "features")
        return seal(check_features(features).astype(_FLOAT, copy=False).tobytes(), opener)

    def renew(self, blob: bytes, old: SubjectKey, new: SubjectKey) -> bytes:
        """Seal the same features under another key and binding; see `ProtectionScheme.renew`."""
        _require_kind(old, "features")
        _require_kind(new, "features")
        return seal(unseal(blob, old), new)

    def comparator(self) -> SealedComparator:
        """Return an empty comparator."""
        return SealedComparator(self._index)


class SealedComparator:
    """Opens references into an index; see `Comparator`."""

    def __init__(self, index: Callable[[int], ExactIndex]) -> None:
        self._new_index = index
        self._index: ExactIndex | None = None
        self._dimension = 0

    def __len__(self) -> int:
        return 0 if self._index is None else len(self._index)

    def reference_ids(self) -> frozenset[str]:
        """Return which references it holds."""
        return frozenset() if self._index is None else self._index.ids()

    def add(self, references: Iterable[ProtectedReference]) -> None:
        """Open references into the index; see `Comparator.add`."""
        batch = list(references)
        if not batch:
            return
        first = unseal(batch[0].blob, batch[0].opener)
        dimension = self._dimension or len(first) // _FLOAT.itemsize
        rows = np.empty((len(batch), dimension), dtype=_FLOAT)
        try:
            for row, reference in zip(rows, batch, strict=True):
                opened = unseal(reference.blob, reference.opener)
                if len(opened) != row.nbytes:
                    raise PackMismatch(
                        f"the reference {reference.reference_id} has features of {len(opened)} bytes and not "
                        f"{row.nbytes}; enrol its subject again with the gallery's pack"
                    )
                row[:] = np.frombuffer(opened, dtype=_FLOAT)
            if self._index is None:
                self._index, self._dimension = self._new_index(dimension), dimension
            self._index.add([r.reference_id for r in batch], [r.subject for r in batch], rows)
        finally:
            zeroise(rows)

    def remove(self, reference_ids: Iterable[str]) -> int:
        """Overwrite references; see `Comparator.remove`."""
        return 0 if self._index is None else self._index.remove(reference_ids)

    def search(self, probes: Features, threshold: float, k: int) -> list[tuple[Hit, ...]]:
        """Compare exactly; see `Comparator.search`."""
        checked = check_features(probes, dimensions=2)
        check_search(threshold, k)
        if self._index is None:
            return [() for _ in checked]
        if checked.shape[1] != self._dimension:
            raise PackMismatch(
                f"the probe has {checked.shape[1]} coordinates and the references {self._dimension}; "
                "use the gallery's pack"
            )
        return self._index.search(checked, threshold, k)

    def drop(self) -> None:
        """Overwrite everything; see `Comparator.drop`."""
        if self._index is not None:
            self._index.drop()
        self._index, self._dimension = None, 0


def seal(plaintext: bytes, opener: SubjectKey) -> bytes:
    """Seal bytes under a subject's key and a random nonce (NIST SP 800-38D).

    Raises:
        IntegrityError: The binding's identifiers are malformed.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    associated = header(MODE) + opener.binding.associated_data()
    return encode(SealedBlob(MODE, nonce, AESGCM(opener.key).encrypt(nonce, plaintext, associated)))


def unseal(blob: bytes, opener: SubjectKey) -> bytes:
    """Open what `seal` wrote.

    Raises:
        IntegrityError: It was altered, or belongs to another reference, key, gallery, pack or purpose.
    """
    parts = decode(blob)
    name = opener.binding.reference_id
    if parts.mode != MODE:
        raise IntegrityError(f"the reference {name} is in mode {parts.mode}, not {MODE}; check its gallery")
    associated = header(MODE) + opener.binding.associated_data()
    try:
        return AESGCM(opener.key).decrypt(parts.nonce, parts.ciphertext, associated)
    except InvalidTag:
        raise IntegrityError(
            f"the reference {name} does not authenticate: it was altered or moved; erase it or restore it"
        ) from None


def seal_record(record: JSONObject, opener: SubjectKey) -> bytes:
    """Seal what is known about a reference, or the opening of a log commitment: canonical JSON padded to 256 bytes.

    Raises:
        UsageError: The record has no canonical form, or the binding is not for a record.
    """
    _require_kind(opener, "record", "opening")
    try:
        text = canonical_json(record)
    except (ValueError, TypeError, RecursionError) as error:
        raise UsageError(f"the record cannot be written as JSON ({error}); use text, numbers and lists") from error
    return seal(text + b" " * (-len(text) % _RECORD_BLOCK), opener)


def open_record(blob: bytes, opener: SubjectKey) -> dict[str, JSONValue]:
    """Open what `seal_record` wrote.

    Raises:
        IntegrityError: It does not authenticate or is not a JSON object.
    """
    _require_kind(opener, "record", "opening")
    try:
        record = json.loads(unseal(blob, opener))
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise IntegrityError(f"the record of {opener.binding.reference_id} is not a JSON object; erase the reference")
    return record


def _require_kind(opener: SubjectKey, *kinds: str) -> None:
    if opener.binding.kind not in kinds:
        raise UsageError(f"a binding for {opener.binding.kind} cannot hold {kinds[0]}; bind it to {kinds[0]}")
