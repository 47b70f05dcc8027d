"""The data types of SSH (RFC 4251 §5) and the armour of OpenSSH, read strictly and within bounds."""

from __future__ import annotations

import base64
import binascii
import re

from faceward.core.errors import PolicyRefusal

_COUNT = 4
_ARMOUR = re.compile(r"-----BEGIN SSH SIGNATURE-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END SSH SIGNATURE-----")
_LINE = 70
MAX_ARMOUR = 8192
"""Most characters of a signature: those of keys in files have less than 600, those of browsers less than 2000."""


class BadSignature(PolicyRefusal):
    """A signature does not show that a person agreed (rule S2)."""

    @classmethod
    def because(cls, reason: str, remedy: str = "Let the person sign again.") -> BadSignature:
        """Return the refusal of a signature."""
        return cls("S2", reason, remedy)


class Reader:
    """Reads a byte string field by field.

    Args:
        data: The bytes.
        what: What they are, for the message.
    """

    def __init__(self, data: bytes, what: str) -> None:
        self._data, self._place, self._what = data, 0, what

    def take(self, count: int) -> bytes:
        """Return the next bytes.

        Raises:
            BadSignature: There are fewer.
        """
        if count > len(self._data) - self._place:
            raise BadSignature.because(f"{self._what} is cut short.", "Get the whole of it.")
        taken = self._data[self._place : self._place + count]
        self._place += count
        return taken

    def number(self) -> int:
        """Return a `uint32`."""
        return int.from_bytes(self.take(_COUNT), "big")

    def string(self) -> bytes:
        """Return a `string`."""
        return self.take(self.number())

    def text(self) -> str:
        """Return a `string` in ASCII.

        Raises:
            BadSignature: It holds other characters.
        """
        found = self.string()
        if not found.isascii():
            raise BadSignature.because(f"{self._what} is damaged.", "Get an unaltered copy.")
        return found.decode("ascii")

    def end(self) -> None:
        """Check that nothing follows.

        Raises:
            BadSignature: Something does.
        """
        if self._place != len(self._data):
            raise BadSignature.because(f"{self._what} has more bytes than belong to it.", "Get an unaltered copy.")


def string(data: bytes | str) -> bytes:
    """Write a `string`."""
    raw = data.encode() if isinstance(data, str) else data
    return len(raw).to_bytes(_COUNT, "big") + raw


def decode_base64(text: str, what: str) -> bytes:
    """Decode standard Base 64 in its only canonical spelling (RFC 4648 §4).

    Raises:
        BadSignature: It is something else.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise BadSignature.because(f"{what} is not Base 64.", "Get an unaltered copy.") from None
    if base64.b64encode(data).decode("ascii") != text:
        raise BadSignature.because(f"{what} is not in canonical Base 64.", "Get an unaltered copy.")
    return data


def armoured(blob: bytes) -> str:
    """Write a signature as `ssh-keygen -Y sign` does (PROTOCOL.sshsig, "Armored format")."""
    text = base64.b64encode(blob).decode("ascii")
    lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])


def unarmoured(text: str) -> bytes:
    """Return the blob of an armoured signature.

    Raises:
        BadSignature: It is larger than a signature can be, or not one.
    """
    if len(text) > MAX_ARMOUR:
        raise BadSignature.because("the signature is far too large.", "Give the file that 'ssh-keygen -Y sign' wrote.")
    found = _ARMOUR.fullmatch(text.strip())
    if found is None:
        raise BadSignature.because("this is no SSH signature.", "Give the file that 'ssh-keygen -Y sign' wrote.")
    return decode_base64("".join(found[1].split()), "the signature")
