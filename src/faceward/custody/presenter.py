"""Showing an entry to a custodian: the proof begins where the custodian saw the log last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from faceward.audit.merkle import leaf_hash
from faceward.custody.errors import StaleProof
from faceward.custody.messages import Authority, Lease, Presentation

if TYPE_CHECKING:
    from faceward.audit.reader import LogReader
    from faceward.custody.protocol import Custody
    from faceward.policy.asking import Approval, SignedRequest
    from faceward.policy.sessions import OpenSession

T = TypeVar("T")

_TRIES = 50
"""Processes that append at once overtake each other; each time one of them is served."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a log entry is shown for.

    Attributes:
        index: Index of the entry.
        details: The encoded opening of its slot `details`.
        gallery: The gallery whose key is wanted.
        mandate: The mandate that the entry names, or None.
        approvals: What others answered to it.
        key_id: Which of the gallery's keys; empty for the one in use.
    """

    index: int
    details: bytes
    gallery: str
    mandate: SignedRequest | None = None
    approvals: tuple[Approval, ...] = ()
    key_id: str = ""


class Presenter:
    """Presents entries of one log to one custodian. Threads may share it.

    All methods raise what the custodian's of the same name raises, and IntegrityError where the log is shorter than
    what the custodian saw of it.

    Args:
        custody: The custodian.
        log: The log.
        session: Who signed in, or None.
    """

    def __init__(self, custody: Custody, log: LogReader, session: OpenSession | None = None) -> None:
        self._custody, self._log, self._session = custody, log, session
        # A wrong guess does no harm: the custodian says where the proof must begin.
        self._since = 0

    def release(self, claim: Claim) -> Lease:
        """Get a gallery's key; see `Custody.release`."""
        return self._leased(self._custody.release, claim)

    def create(self, claim: Claim) -> Lease:
        """Get a gallery's first key; see `Custody.create`."""
        return self._leased(self._custody.create, claim)

    def rotate(self, claim: Claim) -> Lease:
        """Get a gallery's next key; see `Custody.rotate`."""
        return self._leased(self._custody.rotate, claim)

    def retire(self, claim: Claim) -> None:
        """Have a gallery's old key destroyed; see `Custody.retire`."""
        self._present(self._custody.retire, claim)

    def destroy(self, claim: Claim) -> None:
        """Have every key of a gallery destroyed; see `Custody.destroy`."""
        self._present(self._custody.destroy, claim)

    def _leased(self, method: Callable[[Presentation], Lease], claim: Claim) -> Lease:
        lease = self._present(method, claim)
        self._since = lease.size
        return lease

    def _present(self, method: Callable[[Presentation], T], claim: Claim) -> T:
        for _ in range(_TRIES - 1):
            try:
                return method(self._presentation(claim))
            except StaleProof as stale:
                self._since = stale.size
        return method(self._presentation(claim))

    def _presentation(self, claim: Claim) -> Presentation:
        proof = self._log.proof(claim.index, self._since)
        session = self._session
        use = None if session is None else session.sign_use(leaf_hash(proof.leaf), claim.gallery)
        authority = Authority(None if session is None else session.signed, use, claim.mandate, claim.approvals)
        return Presentation(proof, claim.details, claim.gallery, authority, claim.key_id)
