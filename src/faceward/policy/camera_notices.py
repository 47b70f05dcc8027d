"""The notice record of a camera (rule W8): data, outputs, purposes, deletion, and how people are told of it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from faceward.core.canonical import JSONObject, canonical_json, sha256_hex
from faceward.core.errors import BadInput, IntegrityError, UsageError
from faceward.core.names import check_name, normal_name
from faceward.policy.strict import Table, parse_toml

MOST_TEXT, MOST_PURPOSES, MAX_BYTES = 1000, 32, 64 * 1024
_TEXTS = ("data", "outputs", "deletion", "contact", "sign")
_KEYS = (*_TEXTS, "purposes", "alternative")


@dataclass(frozen=True, slots=True)
class NoticeRecord:
    """What people before a camera are told. Every text is one line of at most 1,000 characters.

    Attributes:
        data: Which data the camera takes.
        outputs: What comes of them, and who gets it.
        purposes: Names of the purposes that it serves.
        deletion: When what is taken is deleted.
        contact: Whom to turn to.
        sign: Where and how people are told.
        alternative: The lane or way around the camera; empty where there is none.
    """

    data: str
    outputs: str
    purposes: tuple[str, ...]
    deletion: str
    contact: str
    sign: str
    alternative: str = ""

    def names(self, purpose: str) -> bool:
        """Tell whether a purpose is among those that people are told of."""
        return normal_name(purpose) in self.purposes

    def digest(self) -> str:
        """Return the SHA-256 of its canonical JSON, 64 hexadecimal digits."""
        return sha256_hex(canonical_json(self.to_json()))

    def to_json(self) -> JSONObject:
        """Return an object that `from_json` reads back equal."""
        return {
            "data": self.data,
            "outputs": self.outputs,
            "purposes": list(self.purposes),
            "deletion": self.deletion,
            "contact": self.contact,
            "sign": self.sign,
            "alternative": self.alternative,
        }

    @classmethod
    def from_json(cls, value: object) -> NoticeRecord:
        """Read what `to_json` wrote.

        Raises:
            IntegrityError: It is not such an object.
        """
        return _read(Table(value, "stored notice", IntegrityError))


def parse_notice(data: bytes, where: str) -> NoticeRecord:
    """Read a notice record that somebody wrote.

    Args:
        data: TOML in UTF-8 with the keys `data`, `outputs`, `purposes` (a list of names), `deletion`, `contact`, `sign`
            and, where there is one, `alternative`.
        where: Names the file in messages.

    Raises:
        BadInput: A key is missing, unknown, empty, too long or of another type.
    """
    if len(data) > MAX_BYTES:
        raise BadInput(f"{where}: larger than {MAX_BYTES // 1024} KiB; a notice record is a few lines")
    return check_notice(parse_toml(data, where, BadInput), where)


def check_notice(value: object, where: str) -> NoticeRecord:
    """Return a notice record that came as an object, such as from a form; see `parse_notice`.

    Raises:
        BadInput: A key is missing, unknown, empty, too long or of another type.
    """
    return _read(Table(value, where, BadInput))


def _read(table: Table) -> NoticeRecord:
    table.only(_KEYS)
    texts = {key: _line(table, key) for key in _TEXTS}
    purposes = table.names("purposes")
    if not 1 <= len(purposes) <= MOST_PURPOSES:
        raise table.error(f"'purposes' must name 1 to {MOST_PURPOSES} purposes, as they are registered")
    try:
        named = tuple(dict.fromkeys(check_name(one, "purpose") for one in purposes))
    except UsageError as error:
        raise table.error(str(error)) from None
    alternative = _line(table, "alternative", least=0) if table.has("alternative") else ""
    return NoticeRecord(**texts, purposes=named, alternative=alternative)


def _line(table: Table, key: str, least: int = 1) -> str:
    # A text over several lines of the file is one line on a sign and in a view.
    text = " ".join(unicodedata.normalize("NFC", table.text(key)).split())
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text):
        raise table.error(f"{key!r} holds control characters; remove them")
    if not least <= len(text) <= MOST_TEXT:
        raise table.error(f"{key!r} must say something, in at most {MOST_TEXT} characters")
    return text
