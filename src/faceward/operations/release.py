"""Opening a gallery for a recorded operation: the entry is presented to the custodian, who lends the key (rule L2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from faceward.custody.presenter import Claim
from faceward.gallery.search import Gallery
from faceward.operations.deployment import Deployment
from faceward.operations.journal import DETAILS, Kept
from faceward.policy.requests import Approval, SignedRequest


@dataclass(frozen=True, slots=True)
class HeldMandate:
    """The mandate that an operation rests on.

    Attributes:
        digest: Digest of its request.
        signed: The request, signed by whoever asked.
        approvals: What others have signed of it.
    """

    digest: str
    signed: SignedRequest
    approvals: tuple[Approval, ...]


class Releaser:
    """Holds what the custodian lends for as long as an operation lasts."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    @contextmanager
    def opened(self, kept: Kept, gallery: str, mandate: HeldMandate | None = None) -> Iterator[Gallery]:
        """Open a gallery for the operation that an entry has announced.

        Args:
            kept: The entry with the openings of its details, which name the gallery.
            gallery: Name of the gallery.
            mandate: The mandate, where there is one.

        Raises:
            PolicyRefusal: The custodian refuses: no fresh entry (L2), no mandate (P2), nobody signed in (S2), stopped
                (W7).
            IntegrityError: The log is not the one that the custodian has seen.
            EnvironmentFailure: The custodian does not answer.
        """
        deployment = self._deployment
        lease = deployment.presenter.release(self._claim(kept, gallery, mandate))
        deployment.keys.grants.give(gallery, lease.key_id, lease.key)
        deployment.terms.extend(gallery, lease.seconds)
        try:
            yield deployment.gallery(gallery)
        finally:
            deployment.keys.grants.take_back(gallery, lease.key_id)

    def create(self, kept: Kept, gallery: str, purpose: str) -> None:
        """Create a gallery whose key the custodian draws; see `opened` for what is raised."""
        lease = self._deployment.presenter.create(self._claim(kept, gallery))
        self._deployment.create_gallery(gallery, purpose, lease.key_id)

    def rotate(self, kept: Kept, gallery: str) -> int:
        """Have the custodian draw another key for a gallery and rewrap its subjects' keys; return how many."""
        presenter, keys = self._deployment.presenter, self._deployment.keys
        with self.opened(kept, gallery):
            lease = presenter.rotate(self._claim(kept, gallery))
            # A crash before the old key is retired leaves two keys, of which the key store names the one in use.
            count = keys.rotate_gallery(gallery, (lease.key_id, lease.key))
        presenter.retire(self._claim(kept, gallery))
        return count

    def _claim(self, kept: Kept, gallery: str, mandate: HeldMandate | None = None) -> Claim:
        return Claim(
            index=kept.index,
            details=kept.openings[DETAILS].encode(),
            gallery=gallery,
            mandate=mandate.signed if mandate else None,
            approvals=mandate.approvals if mandate else (),
            key_id=self._deployment.keys.custodied(gallery) or "",
        )
