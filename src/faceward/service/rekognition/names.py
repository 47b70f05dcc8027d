"""Names of the interface and of a deployment: subjects, references, galleries and packs."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from faceward.core.errors import UsageError
from faceward.core.names import check_name

EXTERNAL_IMAGE_ID = re.compile(r"[a-zA-Z0-9_.\-:]{1,255}")
USER_ID = re.compile(r"[a-zA-Z0-9_.\-:]{1,128}")
COLLECTION_ID = re.compile(r"[a-zA-Z0-9_.\-]{1,255}")
_UUID = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})")
# Names in other scripts, or with a space, have no place in the interface's alphabet.
_WRITTEN = "x:"
_ACCOUNT = "000000000000"


def subject_of(external: str) -> str:
    """Return the subject whom an `ExternalImageId` or a `UserId` names.

    Raises:
        UsageError: It cannot be a name.
    """
    if external.startswith(_WRITTEN):
        try:
            text = base64.urlsafe_b64decode(_padded(external.removeprefix(_WRITTEN))).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            text = external
        # Only what this wrote is read back; anything else is a name that happens to begin so.
        if _written(text) == external:
            return check_name(text, "subject")
    return check_name(external, "subject")


def external_of(subject: str, longest: int = 255) -> str | None:
    """Return a subject's name in the interface's alphabet, or None where it would be too long.

    A name that fits stands as it is, any other as `x:` and the base64url of its UTF-8.
    """
    ambiguous = subject.startswith(_WRITTEN)
    shown = subject if EXTERNAL_IMAGE_ID.fullmatch(subject) and not ambiguous else _written(subject)
    return shown if len(shown) <= longest else None


def face_id(reference: str) -> str:
    """Return a reference's identifier, 32 hexadecimal digits, in the form of a UUID."""
    return "-".join((reference[:8], reference[8:12], reference[12:16], reference[16:20], reference[20:]))


def reference_of(face: str) -> str:
    """Return the reference that a `FaceId` names.

    Raises:
        UsageError: It is none.
    """
    found = _UUID.fullmatch(face)
    if found is None:
        raise UsageError(f"{face[:64]!r} is no FaceId")
    return "".join(found.groups())


def image_id(sample: bytes) -> str:
    """Return an identifier of a picture, of its keyed digest: the same for the same picture, and here alone."""
    return face_id(sample.hex()[:32])


def model_version(pack: str) -> str:
    """Return a model pack as a number, which is all that the interface has room for; another pack has another."""
    return f"1.{int.from_bytes(hashlib.sha256(pack.encode()).digest()[:4], 'big')}"


def collection_arn(region: str, gallery: str) -> str:
    """Return a gallery's name as AWS writes resources; there are no accounts here."""
    return f"aws:rekognition:{region}:{_ACCOUNT}:collection/{gallery}"


def _written(text: str) -> str:
    return _WRITTEN + base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)
