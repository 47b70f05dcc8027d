"""Signed requests and decisions as authenticated documents of gallery.db."""

from __future__ import annotations

import json
import re
from functools import lru_cache

from faceward.core.canonical import JSONObject
from faceward.core.clock import to_rfc3339
from faceward.core.errors import IntegrityError, UsageError
from faceward.operations.deployment import Deployment
from faceward.policy.requests import Approval, Decision, SignedRequest

REQUEST, APPROVAL, CARRIED, REVOCATION = "request", "approval", "carried", "revocation"
_LEAST_DIGITS, _ALL_DIGITS = 8, 64
_DIGITS = re.compile(r"[0-9a-f]{1,64}")


class RequestStore:
    """Where requests, and what was decided on them, are kept.

    Args:
        deployment: The deployment.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def keep(self, signed: SignedRequest) -> str:
        """Keep a request; return its digest."""
        digest = signed.digest()
        self._deployment.keep(REQUEST, digest, signed.to_json())
        return digest

    def keep_approval(self, approval: Approval) -> None:
        """Keep a decision in the place of an earlier one of the same approver."""
        self._deployment.keep(APPROVAL, f"{approval.request}/{approval.approver}", approval.to_json())

    def note(self, kind: str, digest: str, content: JSONObject) -> None:
        """Note that a request was carried out, or a mandate revoked."""
        self._deployment.keep(kind, digest, {"time": to_rfc3339(self._deployment.now()), **content})

    def noted(self, kind: str, digest: str) -> bool:
        """Tell whether that was noted."""
        return self._deployment.kept(kind, digest) is not None

    def digest(self, start: str) -> str:
        """Return the digest that begins with these digits.

        Raises:
            UsageError: No request's does, or several do.
        """
        start = start.strip().lower()
        if len(start) < _LEAST_DIGITS or _DIGITS.fullmatch(start) is None:
            raise UsageError(f"{start[:80]!r} is no digest; give its first {_LEAST_DIGITS} digits or more")
        if len(start) == _ALL_DIGITS and self._deployment.kept(REQUEST, start) is not None:
            return start
        found = list(self._deployment.store.documents(REQUEST, start))
        if len(found) != 1:
            problem = "no request has" if not found else "several requests have"
            raise UsageError(f"{problem} a digest that begins with {start}; 'faceward request list' shows all")
        return found[0]

    def signed(self, digest: str) -> SignedRequest:
        """Return a request by its whole digest.

        Raises:
            UsageError: There is none.
            IntegrityError: It is not the one that was kept.
        """
        content = self._deployment.kept_content(REQUEST, digest)
        if content is None:
            raise UsageError(f"no request has the digest {digest[:80]}; 'faceward request list' shows all")
        signed, found = _request(content)
        if found != digest:
            raise IntegrityError(f"the request {digest} in gallery.db is another; restore the file from a backup")
        return signed

    def approvals(self, digest: str) -> tuple[Approval, ...]:
        """Return what was decided on a request, by approver."""
        names = self._deployment.store.documents(APPROVAL, f"{digest}/")
        contents = (self._deployment.kept_content(APPROVAL, name) for name in names)
        return tuple(_approval(content) for content in contents if content is not None)

    def decided(self, digest: str) -> set[tuple[str, Decision]]:
        """Return who decided how on a request."""
        return {(approval.approver, approval.decision) for approval in self.approvals(digest)}

    def all(self) -> tuple[SignedRequest, ...]:
        """Return all requests, oldest first."""
        found = [self.signed(digest) for digest in self._deployment.store.documents(REQUEST)]
        return tuple(sorted(found, key=lambda signed: (signed.request.created, signed.request.nonce)))


# A search reads its mandate anew each time, and parsing it costs more than reading it.
@lru_cache(maxsize=256)
def _request(content: bytes) -> tuple[SignedRequest, str]:
    signed = SignedRequest.from_json(json.loads(content))
    return signed, signed.digest()


@lru_cache(maxsize=1024)
def _approval(content: bytes) -> Approval:
    return Approval.from_json(json.loads(content))
