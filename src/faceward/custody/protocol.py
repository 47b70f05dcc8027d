"""What a custodian offers, wherever it runs: in this process, or behind a socket as another user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from faceward.custody.messages import Lease, Presentation
from faceward.policy.asking import Approval, SignedRequest
from faceward.policy.people import Roster
from faceward.policy.statements import Statement


@dataclass(frozen=True, slots=True)
class Pins:
    """The deployment that a custodian holds the keys of, as both must know it.

    Attributes:
        origin: Identity of its log.
        vkey: The log's public key.
        standard: Name of its standard.
        standard_digest: Digest of the standard's files, 64 hexadecimal digits.
        pack_digest: Digest of the model pack.
    """

    origin: str
    vkey: str
    standard: str
    standard_digest: str
    pack_digest: str


@dataclass(frozen=True, slots=True)
class CustodyStatus:
    """What a custodian says of itself. No key is in it.

    Attributes:
        pins: What it is pinned to, or None before it is founded.
        size: Number of entries of the log when it was seen last.
        root: Root hash over them, 32 bytes.
        roster: The people, as it knows them.
        manned: The roster was complete once: every change needs a second person.
        stopped: Recognition is stopped.
        revoked: Digests of the mandates that were revoked; the latest, if there are very many.
        spent: By digest of the mandate, how many searches were made under it; of those used last, likewise.
        separate: It runs as a process of its own.
    """

    pins: Pins | None
    size: int
    root: bytes
    roster: Roster
    manned: bool
    stopped: bool
    revoked: frozenset[str]
    spent: Mapping[str, int]
    separate: bool


class Custody(Protocol):
    """Holds the keys of galleries, and gives one out for a log entry alone (rule L2).

    All methods raise PolicyRefusal with a rule where something is not allowed, IntegrityError where a log, a
    signature or the state is not what it claims to be, StaleProof (an IntegrityError) where the proof must be built
    again, and EnvironmentFailure where the machine fails or the custodian does not answer.
    """

    def found(self, pins: Pins) -> None:
        """Take on a deployment, once. Repeating it with the same pins changes nothing.

        Raises:
            PolicyRefusal: It serves another deployment (L2), or other pins, which change by request only (S2).
        """
        ...

    def release(self, presentation: Presentation) -> Lease:
        """Give out a gallery's key for the operation that the entry announces; counted before it is given."""
        ...

    def create(self, presentation: Presentation) -> Lease:
        """Draw a gallery's key for an entry `gallery.create`; one that has a key keeps it."""
        ...

    def rotate(self, presentation: Presentation) -> Lease:
        """Draw a gallery's next key, beside the one in use, for an entry `rotate`.

        The one in use is named by the presentation's `key_id` and got by `release` with the same entry; after the
        rewrap, `retire` ends it. A rotation that was interrupted before is taken up: the key drawn then is returned.
        """
        ...

    def retire(self, presentation: Presentation) -> None:
        """Destroy a gallery's keys but the one named by `key_id`, for the entry that `rotate` was called with last.

        The entry may be older than what other methods accept, because a rewrap takes its time.
        """
        ...

    def destroy(self, presentation: Presentation) -> None:
        """Destroy every key of a gallery, for an entry `gallery.destroy`."""
        ...

    def decide(self, signed: SignedRequest, approvals: tuple[Approval, ...]) -> None:
        """Carry out an approved request, once: person.add, person.remove, standard, pack or restart.

        Before the roster is complete they need no approval. A mandate that an approver refused is revoked.

        Raises:
            Replayed: It was carried out before.
        """
        ...

    def revoke(self, statement: Statement, mandate: SignedRequest | None = None) -> None:
        """Revoke a mandate: by any approver, or by its requester, who shows the mandate. Repeating it does nothing."""
        ...

    def stop(self, statement: Statement | None = None) -> None:
        """Stop recognition at once: by anybody in the roster; unsigned while that is empty. Repeating does nothing."""
        ...

    def status(self) -> CustodyStatus:
        """Say what it knows."""
        ...

    def close(self) -> None:
        """End it, or the connection to it."""
        ...
