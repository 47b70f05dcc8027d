"""What a request says, read by the rules of the interface: names, numbers within bounds, pictures in bytes."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping

from faceward.core.errors import BadInput, UsageError
from faceward.core.sources import Upload, upload
from faceward.service.rekognition import names
from faceward.service.rekognition.errors import AwsError

MAX_PICTURE = 5 * 1024 * 1024
QUALITY_FILTERS = ("NONE", "AUTO", "LOW", "MEDIUM", "HIGH")
_TAG_KEY = re.compile(r"(?!aws:)[\w \u00a0.:/=+\-@]{1,128}")
_TAG_VALUE = re.compile(r"[\w \u00a0.:/=+\-@]{0,256}")
_MOST_TAGS = 50
_INVALID = "InvalidParameterException"


class Inputs:
    """The parameters of one request.

    Args:
        given: The object that was sent.
    """

    def __init__(self, given: Mapping[str, object]) -> None:
        self._given = given

    def has(self, name: str) -> bool:
        """Tell whether a parameter was given."""
        return self._given.get(name) is not None

    def only(self, known: Collection[str]) -> None:
        """Refuse what the operation does not know, as a mistake and not as a wish that is passed over.

        Raises:
            AwsError: There is such a parameter.
        """
        unknown = sorted(name for name in self._given if name not in known)
        if unknown:
            raise AwsError(_INVALID, f"{unknown[0][:64]!r} is no parameter of this operation; leave it out")

    def text(self, name: str, pattern: re.Pattern[str]) -> str:
        """Return a text of a pattern.

        Raises:
            AwsError: It is missing, or does not fit.
        """
        value = self._given.get(name)
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            raise AwsError(_INVALID, f"{name} must be text that satisfies {pattern.pattern}")
        return value

    def collection(self) -> str:
        """Return `CollectionId`.

        Raises:
            AwsError: It is missing, or none.
        """
        return self.text("CollectionId", names.COLLECTION_ID)

    def number(self, name: str, default: float, bounds: tuple[float, float]) -> float:
        """Return a number within bounds.

        Raises:
            AwsError: It is none, or out of bounds.
        """
        value = self._given.get(name)
        if value is None:
            return default
        low, high = bounds
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise AwsError(_INVALID, f"{name} must be a number from {low:g} to {high:g}")
        return float(value)

    def whole(self, name: str, default: int, bounds: tuple[int, int]) -> int:
        """Return a whole number within bounds.

        Raises:
            AwsError: It is none, or out of bounds.
        """
        value = self.number(name, default, bounds)
        if value != int(value):
            raise AwsError(_INVALID, f"{name} must be a whole number")
        return int(value)

    def choice(self, name: str, default: str, known: Collection[str]) -> str:
        """Return one of some words.

        Raises:
            AwsError: It is none of them.
        """
        value = self._given.get(name, default)
        if not isinstance(value, str) or value not in known:
            raise AwsError(_INVALID, f"{name} must be one of {', '.join(known)}")
        return value

    def words(self, name: str, known: Collection[str]) -> tuple[str, ...]:
        """Return a list of some words, empty where it is not given.

        Raises:
            AwsError: There is another among them.
        """
        value = self._given.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) and one in known for one in value):
            raise AwsError(_INVALID, f"{name} must be a list of {', '.join(known)}")
        return tuple(value)

    def face(self, name: str = "FaceId") -> str:
        """Return the reference that a face's identifier names.

        Raises:
            AwsError: It is missing, or no identifier.
        """
        return self._reference(self._given.get(name), name)

    def faces(self, name: str, most: int) -> tuple[str, ...]:
        """Return the references that a list of faces' identifiers names, each once.

        Raises:
            AwsError: It is missing, empty, too long, or holds what is no identifier.
        """
        value = self._given.get(name)
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise AwsError(_INVALID, f"{name} must be a list of 1 to {most:,} identifiers")
        return tuple(dict.fromkeys(self._reference(one, name) for one in value))

    def tags(self) -> dict[str, str]:
        """Return `Tags`.

        Raises:
            AwsError: They are not as the interface has them.
        """
        value = self._given.get("Tags") or {}
        if not isinstance(value, dict) or len(value) > _MOST_TAGS:
            raise AwsError(_INVALID, f"Tags must be at most {_MOST_TAGS} names with values")
        for key, said in value.items():
            if _TAG_KEY.fullmatch(key) is None or not isinstance(said, str) or _TAG_VALUE.fullmatch(said) is None:
                raise AwsError(
                    _INVALID, "a tag has a name of 1 to 128 and a value of at most 256 letters, digits, _.:/=+-@"
                )
        return dict(value)

    def picture(self, name: str) -> Upload:
        """Return a picture.

        Raises:
            AwsError: It is missing, too large, or stands elsewhere (rule P5).
        """
        value = self._given.get(name)
        if not isinstance(value, dict):
            raise AwsError(_INVALID, f"{name} must hold a picture in Bytes")
        if value.get("S3Object") is not None:
            raise AwsError(
                "InvalidS3ObjectException",
                "refused by rule P5: pictures come in Bytes and are never fetched from an address. Read the object "
                "yourself, and send its bytes.",
            )
        return upload(name, _decoded(value.get("Bytes"), name))

    @staticmethod
    def _reference(value: object, name: str) -> str:
        try:
            return names.reference_of(value if isinstance(value, str) else "")
        except UsageError:
            raise AwsError(_INVALID, f"{name} must be an identifier of a face, as IndexFaces returned it") from None


def _decoded(value: object, name: str) -> bytes:
    if not isinstance(value, str) or not value:
        raise AwsError(_INVALID, f"{name} must hold a picture in Bytes")
    if len(value) > MAX_PICTURE * 4 // 3 + 4:
        raise _too_large(name)
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise BadInput(f"{name}: Bytes are not base64") from None
    if len(data) > MAX_PICTURE:
        raise _too_large(name)
    if not data:
        raise AwsError(_INVALID, f"{name} must hold a picture in Bytes")
    return data


def _too_large(name: str) -> AwsError:
    return AwsError("ImageTooLargeException", f"{name}: the picture is larger than 5 MB; send a smaller one")
