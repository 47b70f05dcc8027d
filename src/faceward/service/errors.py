"""What a service refuses before an operation begins."""

from __future__ import annotations

from collections.abc import Mapping

from faceward.core.canonical import JSONValue
from faceward.core.errors import FacewardError, SignatureNeeded


class Unauthenticated(FacewardError):
    """Nobody has signed in, or what was shown proves nobody: status 401."""


class Forbidden(FacewardError):
    """Whoever asks may not: status 403. The message says what is missing."""


class Busy(FacewardError):
    """As many wait as may: status 429.

    Attributes:
        retry_after: When to ask again, in seconds.
    """

    def __init__(self, retry_after: int, message: str = "the service is busy; ask again later") -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooLarge(FacewardError):
    """The body is larger than is read: status 413."""


class Conflict(FacewardError):
    """It contradicts what is there, for example another request under the same idempotency key: status 409."""


class Abandoned(FacewardError):
    """The client no longer waits for an answer, so nothing was begun."""


class SignatureAsked(SignatureNeeded):
    """A person has to sign before the request is sent again; see `service.signing`.

    Attributes:
        more: What the answer says beside namespace and message.
    """

    def __init__(self, needed: SignatureNeeded, more: Mapping[str, JSONValue]) -> None:
        super().__init__(needed.namespace, needed.message)
        self.more = more
