"""What shows an entry to somebody who keeps watch of the log: the entry, and how the log grew since they looked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EntryProof:
    """An entry with its two proofs, all from one snapshot of the log.

    Attributes:
        leaf: The entry's leaf data, verbatim.
        index: Index of the entry, from 0.
        inclusion: Inclusion proof under the checkpoint, 32 bytes each (RFC 9162 §2.1.3).
        checkpoint: The log's current signed checkpoint, verbatim.
        since: The size that the consistency proof begins at.
        consistency: Consistency proof from there to the checkpoint, 32 bytes each (RFC 9162 §2.1.4).
    """

    leaf: bytes
    index: int
    inclusion: tuple[bytes, ...]
    checkpoint: str
    since: int
    consistency: tuple[bytes, ...]
