"""One error root. Every child carries its exit code and, in its message, what to do."""

from __future__ import annotations

import json


class FacewardError(Exception):
    """Something the user can act on.

    The message is one line: what is wrong and what to do. `exit_code` is what the command line returns.
    """

    exit_code = 1


class EnvironmentFailure(FacewardError):
    """The machine could not do it: full disk, no permission, a busy database, a missing library."""


class UsageError(FacewardError):
    """The call itself is wrong: an unknown name, a missing or contradictory option."""

    exit_code = 2


class PolicyRefusal(FacewardError):
    """A rule of the deployment's standard refuses the operation.

    Attributes:
        rule: Identifier of the rule, for example `C1`.
        remedy: What would make the operation lawful under the standard.
    """

    exit_code = 3

    def __init__(self, rule: str, reason: str, remedy: str) -> None:
        super().__init__(f"refused by rule {rule}: {reason} {remedy}")
        self.rule = rule
        self.reason = reason
        self.remedy = remedy


class BadInput(FacewardError):
    """What was handed in cannot be used: not an image, no face, an unreadable release."""

    exit_code = 4


class NoFace(BadInput):
    """The picture holds no face that can be used."""


class SeveralFaces(BadInput):
    """One face was wanted and the picture holds more."""


class QualityTooLow(BadInput):
    """The sample is below the standard's quality floor (rule E2). There is no override."""


class WrongSecret(BadInput):
    """The passphrase or identity does not open the master key."""


class IntegrityError(FacewardError):
    """Stored data are not what they claim to be: altered, from a newer version, or with a wrong hash."""

    exit_code = 5


class PackMismatch(IntegrityError):
    """Features or references of different model packs were brought together."""


class SignatureNeeded(FacewardError):
    """A person has to sign with a key that this process does not hold, such as a passkey. Nothing was done.

    The act is repeated with the signature; see `policy.sessions.OpenSession.with_signatures`.

    Attributes:
        namespace: What the signature is for, for example `faceward-request`.
        message: What is to be signed, in canonical JSON; for a request or a statement it is the thing itself.
    """

    def __init__(self, namespace: str, message: bytes) -> None:
        super().__init__("this needs a signature with your own key; sign what is shown, and repeat it")
        self.namespace = namespace
        self.message = message

    @property
    def prepared(self) -> dict[str, object]:
        """What is to be signed, as the object that it is, to be shown to whoever signs."""
        shown: dict[str, object] = json.loads(self.message)
        return shown
