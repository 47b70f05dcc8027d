"""One call: who makes it, what it asks for, and what goes back beside the answer."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from faceward.core.names import normal_name
from faceward.operations.collections import Collections, KeptGallery
from faceward.operations.identification import MAX_CANDIDATES, SearchRequest
from faceward.operations.system import System
from faceward.service.callers import Caller
from faceward.service.rekognition import names
from faceward.service.rekognition.errors import AwsError
from faceward.service.rekognition.inputs import Inputs

MANDATE, REASON, CAMERA = "x-faceward-mandate", "x-faceward-reason", "x-faceward-camera"
"""Headers of a request: the mandate's digest or its first digits, why, and the camera that the picture is of."""

PURPOSE = "x-faceward-purpose"
"""Header of a comparison of two pictures: what it is for, where the key is for several purposes."""

NOTE = "x-faceward-note"
"""Header of an answer: what was asked for and is not honoured, or what else whoever asked should know."""

Answer = dict[str, object]
_TAG_BYTES, _LONGEST_PLACE, _LONG = 16, 160, b"#"
_TOKEN = re.compile(r"[A-Za-z0-9_=\-]{1,255}")


@dataclass(frozen=True, slots=True)
class Call:
    """A call of an operation.

    Attributes:
        system: The deployment, as the caller acts in it.
        caller: Who.
        inputs: The parameters.
        headers: The request's headers of this program's own, by lower-case name.
        region: The region that the signature names.
        told: Headers of the answer.
    """

    system: System
    caller: Caller
    inputs: Inputs
    headers: dict[str, str]
    region: str
    told: dict[str, str] = field(default_factory=dict)

    @property
    def collections(self) -> Collections:
        """The deployment's galleries."""
        return self.system.collections

    @property
    def version(self) -> str:
        """The model pack as a number."""
        return names.model_version(self.collections.pack)

    def gallery(self) -> KeptGallery:
        """Return the gallery that `CollectionId` names, if the key is for it and for its purpose.

        Raises:
            AwsError: The parameter is missing.
            Forbidden: The key is for other galleries or purposes.
            UsageError: There is no such gallery.
        """
        name = self.inputs.collection()
        self.caller.require_gallery(name)
        found = self.collections.get(name)
        self.caller.require_purpose(found.purpose)
        return found

    def search(self, gallery: KeptGallery, most: int) -> SearchRequest:
        """Return a search of a gallery for one face: reason, mandate and camera from headers, else from its tags.

        Where neither gives a reason, the key's standing purpose is the reason.
        """
        standing = f"standing purpose {gallery.purpose!r} of {self.caller.name!r}"
        reason = self.headers.get(REASON) or gallery.tags.get("reason") or standing
        return SearchRequest(
            gallery=gallery.name,
            purpose=gallery.purpose,
            reason=normal_name(reason),
            top=min(most, MAX_CANDIDATES),
            mandate=self.headers.get(MANDATE) or gallery.tags.get("mandate") or None,
            camera=self.headers.get(CAMERA) or None,
            largest=True,
        )

    def note(self, text: str) -> None:
        """Tell something in the answer's header."""
        self.told[NOTE] = f"{self.told[NOTE]}; {text}" if NOTE in self.told else text

    def page(self, kind: str, items: Sequence[str], most: int) -> tuple[Sequence[str], str | None]:
        """Return a stretch of sorted identifiers after `NextToken`, and the token that leads on, or None.

        The token holds the last identifier, so that what is deleted in between moves nothing.

        Raises:
            AwsError: The token is none of this listing.
        """
        after = self._after(kind, items)
        rest = [one for one in items if after is None or one > after]
        shown = rest[:most]
        return shown, self._token(kind, shown[-1]) if len(rest) > len(shown) and shown else None

    def _after(self, kind: str, items: Sequence[str]) -> str | None:
        if not self.inputs.has("NextToken"):
            return None
        try:
            raw = base64.urlsafe_b64decode(self.inputs.text("NextToken", _TOKEN).encode("ascii"))
        except (AwsError, binascii.Error, ValueError):
            raw = b""
        tag, last = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
        if hmac.compare_digest(tag, self._tag(kind, last)):
            found = next((one for one in items if _place(one) == last), None)
            if last[:1] != _LONG:
                return last.decode()
            if found is not None:
                return found
        raise AwsError("InvalidPaginationTokenException", "NextToken is not one of this listing; begin anew")

    def _token(self, kind: str, last: str) -> str:
        place = _place(last)
        return base64.urlsafe_b64encode(self._tag(kind, place) + place).decode("ascii")

    def _tag(self, kind: str, place: bytes) -> bytes:
        key = self.system.service_secret()
        return hmac.digest(key, b"rekognition-page\0" + kind.encode() + b"\0" + place, "sha256")[:_TAG_BYTES]


def _place(item: str) -> bytes:
    # A token has at most 255 characters, and so may a name.
    text = item.encode()
    return text if len(text) <= _LONGEST_PLACE else _LONG + hashlib.sha256(text).digest()
